"""The bundle folder of a predictor with context, written whole or not at all."""

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downcore import __version__
from downcore.strata.bundle import (
    INPUT_NAME,
    NOVELTY_NAME,
    OUTPUT_NAMES,
    Manifest,
    Quantisation,
    manifest_text,
    parse_manifest,
)
from downcore_export.avx2 import golden_deviation_on_avx2
from downcore_export.bundling import (
    BF16_GOLDEN_TOLERANCE,
    GOLDEN_TOLERANCE,
    Written,
    golden_file,
    now_utc,
    place,
    refuse_filled,
)
from downcore_export.card import card_text
from downcore_export.source import flat_figures
from downcore_export.windows.choosing import (
    ChosenWindow,
    choose_window,
    rows_of,
    spread_over_rows,
)
from downcore_export.windows.source import (
    WindowSource,
    sections_for,
    window_source,
)
from downcore_training.progress import Report
from downcore_training.windows.colour_limits import colour_limits_of
from downcore_training.windows.window_set import WindowSet

GOLDEN_WINDOWS = 4
"""Windows that a device computes before it starts."""


def write_window_bundle(
    content: dict[str, Any], data: Path | None, out: Path, *, report: Report
) -> Written:
    """
    Export the checkpoint ``content`` to the new folder ``out``.

    Parameters
    ----------
    content : dict
        Of a finished checkpoint of a predictor with context.
    data : Path or None
        Folder of the cores that it learned from.
    out : Path
        Must not exist, or be empty.
    report : Report
        Hears of the progress.

    Raises
    ------
    SettingsError
        If ``out`` has something in it, or the cores are not those it learned from.
    BundleError
        If no precision stays near enough the trained network.
    """
    refuse_filled(out)
    source = window_source(content)
    sections = sections_for(source, data, report=report)
    windows = WindowSet(sections, source.window)
    chosen = choose_window(source, windows, report=report)
    golden = _golden(chosen, windows)
    manifest = dataclasses.replace(
        _manifest(source, chosen), colour_limits=colour_limits_of(windows)
    )
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
        novelty_threshold=source.novelty_limit,
    )
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    text = manifest_text(
        dataclasses.replace(manifest, files=digests, golden_deviation_without_vnni=on_avx2)
    )
    manifest = parse_manifest(text)
    card = card_text(manifest, source.recipe)
    place(out, {**files, "manifest.json": text.encode(), "card.md": card.encode()}, None)
    report.at(1.0, "done")
    return Written(out, manifest, sum(map(len, files.values())) + len(text))


def _golden(chosen: ChosenWindow, windows: WindowSet) -> dict[str, NDArray[Any]]:
    pixels = windows.pixels(np.array(spread_over_rows(windows, GOLDEN_WINDOWS), np.int64))
    rows = rows_of(chosen.compiled, pixels)
    values = dict(zip(OUTPUT_NAMES, rows.outputs, strict=True))
    return {INPUT_NAME: pixels, **values, NOVELTY_NAME: rows.last}


def _manifest(source: WindowSource, chosen: ChosenWindow) -> Manifest:
    """Return the manifest, but for the digests and the id."""
    as_shipped = {"abstained_as_shipped": {"training": chosen.abstained}, "run": source.run}
    return Manifest(
        network=source.network,
        title=source.title,
        created_utc=now_utc(),
        precision=chosen.precision,
        files={},
        outputs=source.outputs,
        trained_px_per_cm=source.trained_px_per_cm,
        golden_tolerance=BF16_GOLDEN_TOLERANCE if chosen.precision == "bf16" else GOLDEN_TOLERANCE,
        training_data=source.training_data,
        bundle_id="",
        quantisation=Quantisation(
            method=chosen.method,
            n_calibration_tiles=chosen.n_calibrated,
            n_checked_tiles=chosen.n_checked,
            r2_loss=chosen.moved.r2_loss,
            p95_deviation=chosen.moved.p95_deviation,
            reference_sha256=hashlib.sha256(chosen.reference.weights).hexdigest(),
        ),
        metrics=flat_figures({**source.metrics, **as_shipped}),
        code_version=__version__,
        recipe_sha256=hashlib.sha256(source.recipe.encode()).hexdigest(),
        novelty_threshold=source.novelty_limit,
        false_abstain_share=source.false_abstain_share,
        n_novelty_tiles=chosen.n_familiar,
        data_sha256={"training": source.sections_sha256},
        window=source.window,
        widening=source.widening,
    )
