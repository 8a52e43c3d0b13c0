"""The bundle folder, written whole or not at all."""

import dataclasses
import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downcore import __version__
from downcore.inference.loading import physical_values
from downcore.learning.familiarity import FALSE_ABSTAIN_SHARE
from downcore.strata.bundle import (
    INPUT_NAME,
    NOVELTY_NAME,
    OUTPUT_NAMES,
    Manifest,
    Quantisation,
    manifest_text,
    parse_manifest,
)
from downcore.strata.errors import SettingsError
from downcore.strata.properties import PROPERTIES
from downcore_export.answers import spread_over
from downcore_export.avx2 import golden_deviation_on_avx2
from downcore_export.bench_rows import BenchFile
from downcore_export.card import card_text
from downcore_export.onnx_file import WrittenOnnx, onnx_file
from downcore_export.quantisation import QUANTISERS
from downcore_export.quantiser_selection import Chosen, Files, choose
from downcore_export.source import Source, data_sha256, flat_figures
from downcore_training.datasets import CoreSets
from downcore_training.evaluation.intervals import Interval, coverage
from downcore_training.progress import Report

GOLDEN_TILES = 8
"""Tiles of test cores that a device computes before it starts."""

GOLDEN_TOLERANCE = 0.05
"""
Largest deviation of the golden test, in spreads: enough for rounding, too little for other values.
"""

BF16_GOLDEN_TOLERANCE = 0.25
"""The same of a graph computed in bfloat16 where it can be, in 32 bit where it cannot."""

REFERENCE_FOLDER = "reference-f32"
"""Folder inside the bundle for the unquantised graph, where it is asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """Summary of what was written."""

    folder: Path
    manifest: Manifest
    n_bytes: int
    """Of everything that a device reads."""


def write_bundle(
    source: Source,
    sets: CoreSets,
    out: Path,
    *,
    report: Report,
    with_fp32: bool = False,
    quantisers: Iterable[str] = tuple(QUANTISERS),
    bench: Sequence[BenchFile] = (),
) -> Written:
    """
    Export ``source`` to the new folder ``out``.

    Parameters
    ----------
    source : Source
        The checkpoint.
    sets : CoreSets
        Cores of its recipe.
    out : Path
        Must not exist, or be empty.
    report : Report
        Hears of the progress.
    with_fp32 : bool, default False
        Keep the unquantised graph in the folder as well; devices never open it.
    quantisers : iterable of str
        Names of those to try; none writes weights of 16 bit.
    bench : sequence of BenchFile
        Figures of the network that the card shows beside the export's own.

    Raises
    ------
    SettingsError
        If ``out`` has something in it.
    BundleError
        If no precision stays near enough the trained network.
    """
    refuse_filled(out)
    chosen = choose(source, sets, quantisers=quantisers, report=report)
    golden = _golden_arrays(chosen, sets)
    report.at(0.9, "writing the network as ONNX")
    named = (golden[INPUT_NAME], np.stack([golden[name] for name in OUTPUT_NAMES]))
    onnx = onnx_file(source, sets, chosen, named)
    manifest = _manifest(source, sets, chosen, onnx)
    files = {
        "model.xml": chosen.files.xml,
        "model.bin": chosen.files.weights,
        "golden.npz": golden_file(golden, manifest),
        "recipe.toml": source.recipe.encode(),
    }
    report.at(0.95, "running the golden test without 8-bit dot products")
    on_avx2 = golden_deviation_on_avx2(
        chosen.files.xml,
        chosen.files.weights,
        files["golden.npz"],
        novelty_threshold=chosen.limit.threshold,
    )
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    text = manifest_text(
        dataclasses.replace(manifest, files=digests, golden_deviation_without_vnni=on_avx2)
    )
    manifest = parse_manifest(text)
    n_bytes = sum(map(len, files.values())) + len(text)
    card = card_text(manifest, source.recipe, bench)
    rest = {"manifest.json": text.encode(), "model.onnx": onnx.content, "card.md": card.encode()}
    place(out, {**files, **rest}, chosen.reference if with_fp32 else None)
    report.at(1.0, "done")
    return Written(out, manifest, n_bytes)


def refuse_filled(out: Path) -> None:
    """
    Raise if ``out`` cannot become a bundle.

    Raises
    ------
    SettingsError
        If it is a file, or a folder with something in it.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SettingsError(f"expected a new or empty folder for the bundle, got {out}")


def _manifest(source: Source, sets: CoreSets, chosen: Chosen, onnx: WrittenOnnx) -> Manifest:
    """Return the manifest, but for the digests and the id."""
    parity = chosen.parity
    interval_of = {
        output.property: Interval(output.interval_factor, output.interval_floor)
        for output in source.outputs
    }
    shares = coverage(parity.values, [interval_of.get(prop.name) for prop in PROPERTIES])
    covered = {
        prop.name: float(share)
        for prop, share in zip(PROPERTIES, shares, strict=True)
        if prop.name in interval_of
    }
    as_shipped = {
        "test_as_shipped": parity.scores,
        "interval_coverage_as_shipped": {"test": covered},
        "abstained_as_shipped": {"test": chosen.limit.test_share},
        "run": {key: value for key, value in source.run.items() if isinstance(value, (int, float))},
    }
    is_bf16 = chosen.precision == "bf16"
    return Manifest(
        network=source.network,
        title=source.title,
        created_utc=now_utc(),
        precision=chosen.precision,
        files={},
        outputs=source.outputs,
        trained_px_per_cm=source.trained_px_per_cm,
        golden_tolerance=BF16_GOLDEN_TOLERANCE if is_bf16 else GOLDEN_TOLERANCE,
        training_data=source.training_data,
        bundle_id="",
        quantisation=Quantisation(
            method=chosen.method,
            n_calibration_tiles=chosen.n_calibration_tiles,
            n_checked_tiles=parity.n_tiles,
            r2_loss=parity.r2_loss,
            p95_deviation=parity.p95_deviation,
            reference_sha256=hashlib.sha256(chosen.reference.weights).hexdigest(),
        ),
        metrics=flat_figures({**source.metrics, **as_shipped}),
        code_version=__version__,
        recipe_sha256=source.recipe_sha256,
        novelty_threshold=chosen.limit.threshold,
        false_abstain_share=FALSE_ABSTAIN_SHARE,
        n_novelty_tiles=chosen.limit.n_tiles,
        data_sha256=data_sha256(sets),
        extra_files={"model.onnx": onnx.sha256},
        onnx=onnx.record,
    )


def now_utc() -> str:
    """Return the time of a bundle; that of SOURCE_DATE_EPOCH where it is set."""
    # The convention of reproducible builds, for identical bytes.
    fixed = os.environ.get("SOURCE_DATE_EPOCH")
    now = datetime.fromtimestamp(int(fixed), UTC) if fixed else datetime.now(UTC)
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def _golden_arrays(chosen: Chosen, sets: CoreSets) -> dict[str, NDArray[Any]]:
    tiles = spread_over(sets.test, GOLDEN_TILES)[:]
    answers = chosen.compiled.answers(tiles)
    values = dict(zip(OUTPUT_NAMES, answers.outputs, strict=True))
    return {INPUT_NAME: tiles, **values, NOVELTY_NAME: answers.last}


def golden_file(arrays: dict[str, NDArray[Any]], manifest: Manifest) -> bytes:
    """Return ``golden.npz`` with the golden inputs, outputs and the values that they give."""
    outputs = np.stack([arrays[name] for name in OUTPUT_NAMES])
    physical = physical_values(outputs, arrays[NOVELTY_NAME], manifest)
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **arrays, **physical)
    return content.getvalue()


def place(out: Path, files: dict[str, bytes], reference: Files | None) -> None:
    """Write beside ``out`` and rename, so that a bundle is never incomplete."""
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        for name, content in files.items():
            (beside / name).write_bytes(content)
        if reference is not None:
            (beside / REFERENCE_FOLDER).mkdir()
            (beside / REFERENCE_FOLDER / "model.xml").write_bytes(reference.xml)
            (beside / REFERENCE_FOLDER / "model.bin").write_bytes(reference.weights)
        beside.chmod(0o755)
        beside.replace(out)
    except OSError:
        shutil.rmtree(beside, ignore_errors=True)
        raise
