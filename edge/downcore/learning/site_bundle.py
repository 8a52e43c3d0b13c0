"""The bundle of a learned site: graph, manifest, golden test and card, written whole."""

import dataclasses
import hashlib
import io
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from downcore import __version__
from downcore.inference.loading import load_bundle, physical_values
from downcore.inference.openvino_runtime import compile_for
from downcore.inference.tree_graph import FamiliarArrays, TreeArrays, tree_graph, written
from downcore.learning.interval_fit import FALSE_ABSTAIN_SHARE
from downcore.learning.packed_trees import PackedTrees, paths_of
from downcore.learning.site_figures import PropertyFigures, novelty_limit
from downcore.learning.site_fit import HeldOutSlices, SiteModel, interval_of
from downcore.learning.site_sections import SiteSlices
from downcore.learning.trees import DEPTH
from downcore.strata.bundle import (
    INPUT_NAME,
    NOVELTY_NAME,
    OUTPUT_NAMES,
    Manifest,
    OutputScaling,
    Quantisation,
    manifest_text,
    parse_manifest,
)
from downcore.strata.properties import PROPERTIES
from downcore.strata.widening import Widening
from downcore.strata.windows import Window

GOLDEN_TOLERANCE = 0.05
"""Largest deviation of the golden test, spreads."""

_WINDOW = Window(above_cm=5, rows_cm=4, below_cm=5)
_N_GOLDEN = 2


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """All that a bundle is made of."""

    slices: SiteSlices
    held_out: HeldOutSlices
    model: SiteModel
    figures: list[PropertyFigures]
    names: tuple[str, ...]
    """Of the sections."""
    px_per_cm: tuple[float, float]
    """Coarsest and finest scan."""
    needs_white_board: bool
    """Whether every section had one."""
    created_utc: str


def write_site_bundle(learned: Learned, out: Path) -> Manifest:
    """
    Write the bundle to the new folder ``out``, whole or not at all.

    Raises
    ------
    BundleError
        If what was written does not load.
    OSError
        If it cannot be written.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        graph = tree_graph(_tree_arrays(learned.model), _familiar_arrays(learned.model))
        xml, weights = written(graph, beside)
        recipe = _recipe(learned)
        manifest = _manifest(learned, weights, recipe)
        files = {
            "model.xml": xml,
            "model.bin": weights,
            "golden.npz": _golden(graph, manifest),
            "recipe.toml": recipe,
        }
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        text = manifest_text(dataclasses.replace(manifest, files=digests))
        for name, content in files.items():
            (beside / name).write_bytes(content)
        (beside / "manifest.json").write_text(text, encoding="utf-8")
        manifest = parse_manifest(text)
        (beside / "card.md").write_text(card(manifest, learned), encoding="utf-8")
        load_bundle(beside)
        beside.chmod(0o755)
        beside.replace(out)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return manifest


def card(manifest: Manifest, learned: Learned) -> str:
    """Return the model card, Markdown."""
    lines = [
        f"# {manifest.title}",
        "",
        f"Bundle `{manifest.bundle_id}`, learned on the device. {manifest.training_data}.",
        "",
        "**Holds for this site only. Check against logged values before you rely on any value.**",
        "",
        "Each section was predicted by trees that had learned from others; coverage is of the 90 %",
        "interval, by the widths that the other sections give.",
        "",
        (
            "| property | R2 | mean | line in depth | what ran | MAE | coverage | worst section | "
            "slices | sections |"
        ),
        "|" + "---|" * 10,
    ]
    lines += [
        f"| {one.property} | {one.r2:.2f} | {one.r2_mean:.2f} | {one.r2_line:.2f} | "
        f"{'-' if np.isnan(one.r2_running) else f'{one.r2_running:.2f}'} | {one.mae:.3g} | "
        f"{one.coverage:.2f} | {one.worst_section_coverage:.2f} | {one.n_slices} | "
        f"{one.n_sections} |"
        for one in learned.figures
    ]
    lines += [
        "",
        (
            f"A row gets no value above a novelty of {manifest.novelty_threshold:.3g}, which "
            f"{100 * FALSE_ABSTAIN_SHARE:g} % of the held-out slices exceed. No limits of colour "
            "are kept. The golden test is of generated windows, since no image is read again."
        ),
        "",
        "Sections: " + ", ".join(learned.names) + ".",
    ]
    return "\n".join(lines) + "\n"


def _manifest(learned: Learned, weights: bytes, recipe: bytes) -> Manifest:
    """Return the manifest, but for the digests and the id."""
    everything = np.ones(len(learned.slices.section), np.bool_)
    outputs, at_limit, begins_at = [], {}, 0.0
    for k, place in enumerate(learned.model.properties):
        interval = interval_of(learned.slices, learned.held_out, k, place, everything)
        prop = PROPERTIES[place]
        outputs.append(
            OutputScaling(
                property=prop.name,
                unit=prop.unit,
                is_log10=prop.is_log_scaled,
                centre=float(learned.model.centre[k]),
                spread=float(learned.model.spread[k]),
                interval_factor=float(interval.table.factor),
                interval_floor=float(interval.table.floor),
            )
        )
        at_limit[prop.name], begins_at = interval.at_limit, interval.begins_at
    names = [output.property for output in outputs]
    return Manifest(
        network="boosted-profile",
        title="Learned on this device: boosted profile",
        created_utc=learned.created_utc,
        precision="f32",
        files={},
        outputs=tuple(outputs),
        trained_px_per_cm=learned.px_per_cm,
        golden_tolerance=GOLDEN_TOLERANCE,
        training_data=f"Learned on this device from {len(learned.names)} logged sections",
        bundle_id="",
        quantisation=Quantisation(
            method="none",
            n_calibration_tiles=0,
            n_checked_tiles=len(learned.slices.section),
            r2_loss=dict.fromkeys(names, 0.0),
            p95_deviation=dict.fromkeys(names, 0.0),
            reference_sha256=hashlib.sha256(weights).hexdigest(),
        ),
        metrics={"held out by section": _metrics(learned.figures)},
        code_version=__version__,
        recipe_sha256=hashlib.sha256(recipe).hexdigest(),
        novelty_threshold=novelty_limit(learned.held_out),
        false_abstain_share=FALSE_ABSTAIN_SHARE,
        n_novelty_tiles=learned.model.familiar.n_tiles,
        data_sha256={"training": _data_sha256(learned.slices)},
        window=dataclasses.replace(_WINDOW, needs_white_board=learned.needs_white_board),
        widening=Widening(begins_at, at_limit),
    )


def _metrics(figures: list[PropertyFigures]) -> dict[str, float]:
    keys = ("r2", "rmse", "mae", "bias", "coverage", "worst_section_coverage")
    found = {f"{one.property}.{key}": float(getattr(one, key)) for one in figures for key in keys}
    found |= {f"{one.property}.n": float(one.n_slices) for one in figures}
    return found | {f"{one.property}.n_sections": float(one.n_sections) for one in figures}


def _recipe(learned: Learned) -> bytes:
    plain = (name.replace("\\", "").replace('"', "") for name in learned.names)
    quoted = ", ".join(f'"{name}"' for name in plain)
    return f'# Learned by downcore learn\nkind = "learned"\nsections = [{quoted}]\n'.encode()


def _data_sha256(slices: SiteSlices) -> str:
    digest = hashlib.sha256()
    for array in (slices.features, slices.labels):
        digest.update(np.ascontiguousarray(array).astype("<f8").tobytes())
    return digest.hexdigest()


def _golden(graph: object, manifest: Manifest) -> bytes:
    """Return the golden test: windows of generated mud, and what the graph says of them."""
    random = np.random.default_rng(1)
    lines, across, channels = manifest.input_shape
    shape = (_N_GOLDEN, lines, across, channels)
    drawn = random.normal((110.0, 105.0, 95.0, 255.0), (15.0, 15.0, 15.0, 0.0), shape)
    windows: NDArray[np.uint8] = np.clip(drawn, 0, 255).astype(np.uint8)
    got = compile_for(graph)([windows])
    n_rows = _N_GOLDEN * manifest.rows_per_input
    outputs = np.stack([np.asarray(got[i]).reshape(n_rows, -1) for i in range(len(OUTPUT_NAMES))])
    novelty = np.asarray(got[len(OUTPUT_NAMES)]).reshape(n_rows)
    physical = physical_values(outputs, novelty, manifest)
    arrays = dict(zip(OUTPUT_NAMES, outputs, strict=True))
    content = io.BytesIO()
    np.savez_compressed(
        content,
        allow_pickle=False,
        **{INPUT_NAME: windows, **arrays, NOVELTY_NAME: novelty},
        **physical,
    )
    return content.getvalue()


def _tree_arrays(model: SiteModel) -> TreeArrays:
    sums: list[list[PackedTrees]] = [*model.grown.means, *model.grown.spreads]
    flat = [trees for ensemble in sums for trees in ensemble]
    return TreeArrays(
        feature=np.concatenate([trees.feature for trees in flat]),
        threshold=np.concatenate([trees.threshold for trees in flat]),
        leaf=np.concatenate([trees.leaf for trees in flat]),
        n_trees=tuple(sum(len(trees.leaf) for trees in ensemble) for ensemble in sums),
        baseline=np.array([sum(t.baseline for t in ensemble) for ensemble in sums], np.float32),
        paths=paths_of(DEPTH),
    )


def _familiar_arrays(model: SiteModel) -> FamiliarArrays:
    familiar = model.familiar
    return FamiliarArrays(
        feature_centre=model.feature_centre.astype(np.float32),
        feature_spread=model.feature_spread.astype(np.float32),
        centre=familiar.centre,
        directions=familiar.directions,
        weights=familiar.weights,
        rest_weight=familiar.rest_weight,
    )
