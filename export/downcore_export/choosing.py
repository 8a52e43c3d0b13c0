"""Which of the quantised graphs a bundle gets, if any."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downcore_export.conversion import as_read, as_written, convert
from downcore_export.parity import Parity, compare, corrected, outputs_of
from downcore_export.quantisation import QUANTISERS
from downcore_export.source import Source
from downcore_training.datasets import CoreSets, TileSet
from downcore_training.progress import Report

CALIBRATION_TILES = 240
"""Tiles of training cores that set the ranges of 8 bit."""

NOT_QUANTISED = "none"
"""Name of the method where weights of 16 bit are written."""


@dataclass(frozen=True, slots=True, eq=False)
class Files:
    """A graph as a bundle keeps it."""

    xml: bytes
    weights: bytes

    @property
    def graph(self) -> Any:
        """The graph, read back, so that what is judged is what is shipped."""
        return as_read(self.xml, self.weights)


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """The graph of a bundle, and how it compares on the test cores."""

    method: str
    """Name of the quantiser, or :data:`NOT_QUANTISED`."""
    precision: str
    """As in the manifest."""
    files: Files
    parity: Parity
    reference: Files
    """The unquantised graph."""
    n_calibration_tiles: int


def choose(source: Source, sets: CoreSets, *, quantisers: Iterable[str], report: Report) -> Chosen:
    """
    Quantise in every way, keep the nearest on validation cores, judge it on test cores.

    Where it moves values too far, weights of 16 bit take its place.

    Parameters
    ----------
    source : Source
        The checkpoint.
    sets : CoreSets
        Training cores to calibrate on, validation cores to choose on, test cores to judge on.
    quantisers : iterable of str
        Names of :data:`downcore_export.quantisation.QUANTISERS`; none gives 16 bit.
    report : Report
        Hears of the progress.
    """
    graph = convert(source.module)
    reference = Files(*as_written(graph, is_half=False))
    method, best = _nearest(source, sets, reference, list(quantisers), report)
    report.at(0.7, "judging on the test cores")
    tiles = all_pixels(sets.test)
    ideal = outputs_of(reference.graph, tiles)
    if best is not None:
        parity = compare(outputs_of(best.graph, tiles), ideal, sets.test, source.scaling)
        report.note(f"{method} on test cores: {told(parity)}")
        if parity.is_good_enough:
            used = len(_calibration_tiles(sets.training))
            return Chosen(method, "int8", best, parity, reference, used)
        report.note("too far from the trained network: weights of 16 bit are written instead")
    half = Files(*as_written(graph, is_half=True))
    parity = compare(outputs_of(half.graph, tiles), ideal, sets.test, source.scaling)
    return Chosen(NOT_QUANTISED, "f16", half, parity, reference, 0)


def all_pixels(tiles: TileSet) -> NDArray[np.uint8]:
    """Return every tile of ``tiles``, in order."""
    return tiles.pixels(np.arange(len(tiles)))


def told(parity: Parity) -> str:
    """Return the deviation in words."""
    moved = ", ".join(f"{n} {x:.3f}" for n, x in parity.p95_deviation.items())
    lost = ", ".join(f"{n} {x:+.4f}" for n, x in parity.r2_loss.items())
    return f"p95 deviation {moved} sd; R2 lost {lost}"


def _nearest(
    source: Source, sets: CoreSets, reference: Files, quantisers: list[str], report: Report
) -> tuple[str, Files | None]:
    calibration = _calibration_tiles(sets.training)
    unseen = all_pixels(sets.validation)
    ideal_calibration = outputs_of(reference.graph, calibration)
    ideal = outputs_of(reference.graph, unseen)
    found: list[tuple[float, str, Files]] = []
    for i, name in enumerate(quantisers):
        report.at(0.1 + 0.6 * i / len(quantisers), f"quantising with {name}")
        raw = QUANTISERS[name](source.module, calibration)
        graph = corrected(raw, outputs_of(raw, calibration), ideal_calibration)
        files = Files(*as_written(graph, is_half=False))
        parity = compare(outputs_of(files.graph, unseen), ideal, sets.validation, source.scaling)
        report.note(f"{name} on validation cores: {told(parity)}")
        found.append((parity.distance, name, files))
    if not found:
        return NOT_QUANTISED, None
    _, name, files = min(found, key=lambda one: one[:2])
    return name, files


def _calibration_tiles(training: TileSet) -> NDArray[np.uint8]:
    count = min(CALIBRATION_TILES, len(training))
    return training.pixels(np.linspace(0, len(training) - 1, count).round().astype(np.int64))
