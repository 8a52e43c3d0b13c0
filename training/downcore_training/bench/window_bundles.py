"""Bundles with a window: the values the device would write for the slices of a core."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.lanes import NO_WHITE_BOARD, unlike_in_colour
from downcore.ports import Predictor
from downcore.strata.bundle import Manifest
from downcore.strata.core_view import SliceView, view_of
from downcore.strata.depth import LineScale
from downcore.strata.depthlog import Estimate
from downcore.strata.estimates import (
    NoValue,
    TilePrediction,
    estimates_of,
    reason_to_abstain,
    without_value,
)
from downcore.strata.flat_field import FlatField, Lighting
from downcore.strata.slices import measure_slice
from downcore.strata.windows import MIN_SEDIMENT_CM2, Window, cut_window
from downcore_training.bench.core import BenchCore


@dataclass(frozen=True, slots=True, eq=False)
class SeenSlice:
    """One slice as the device sees it."""

    place: int
    """Number of the slice in its core."""
    view: SliceView
    """With the flat field corrected."""
    lighting: Lighting
    valid_fraction: float
    """Share of the core's own pixels that are sediment, 0 to 1."""


@dataclass(frozen=True, slots=True, eq=False)
class RowAnswer:
    """What a bundle says of one slice."""

    place: int
    """Number of the slice in its core."""
    estimates: tuple[Estimate, ...]
    """As on the device."""
    mean: NDArray[np.float64] | None
    """Means, in the manifest's order, whatever the rules say; ``None`` without enough sediment."""


def seen_sections(core: BenchCore) -> Iterator[list[SeenSlice]]:
    """
    Yield the sections of a core that has an image, from its top down.

    A section ends where the core's stretch does, or where a slice has no image.
    """
    if core.image is None or core.px_per_cm is None:
        return
    scale = LineScale.of(round(max(core.px_per_cm, 1.0), 6))
    section: list[SeenSlice] = []
    flat, last_run = FlatField(), -1
    for i in range(len(core)):
        cut = core.image.lines_and_classes(i)
        if section and (cut is None or core.run[i] != last_run):
            yield section
            section, flat = [], FlatField()
        if cut is None:
            continue
        last_run = int(core.run[i])
        view, lighting = flat.correct(view_of(*cut, core.px_per_cm))
        measured = measure_slice(*cut, scale, index=0, first_line=0)
        section.append(SeenSlice(i, view, lighting, measured.valid_fraction))
    if section:
        yield section


def answer_section(
    predictor: Predictor, section: Sequence[SeenSlice], px_per_cm: float
) -> list[RowAnswer]:
    """
    Return what a bundle says of every slice of a section, in order.

    Windows lie on the device's grid, and the rules for a value are the device's.

    Parameters
    ----------
    predictor : Predictor
        Of a bundle with a window; everything submitted to it has been collected.
    section : sequence of SeenSlice
        From its top.
    px_per_cm : float
        Scale of the scan.
    """
    window = predictor.manifest.window
    if window is None:
        raise ValueError(f"expected a bundle with a window, got {predictor.manifest.title}")
    for first in range(0, len(section), window.rows_cm):
        pixels = _pixels(section, first, window)
        predictor.submit((first, unlike_in_colour(predictor.manifest, pixels)), pixels[None])
    found: list[RowAnswer] = []
    for (first, unlike), prediction in predictor.collect(wait=True):
        rows = section[first : first + window.rows_cm]
        found += [
            _answer(predictor.manifest, one, prediction.row(r), px_per_cm, unlike)
            for r, one in enumerate(rows)
        ]
    return found


def _pixels(section: Sequence[SeenSlice], first: int, window: Window) -> NDArray[np.uint8]:
    top = first - window.above_cm
    rows = range(top, top + window.n_cm)
    return cut_window([section[i].view if 0 <= i < len(section) else None for i in rows], window)


def _answer(
    manifest: Manifest,
    one: SeenSlice,
    prediction: TilePrediction,
    px_per_cm: float,
    unlike: NoValue | None,
) -> RowAnswer:
    has_sediment = one.view.sediment_cm2 >= MIN_SEDIMENT_CM2
    why = reason_to_abstain(
        manifest,
        n_tiles=1 if has_sediment else 0,
        valid_fraction=one.valid_fraction,
        source_px_per_cm=px_per_cm,
    )
    why = why or _without_board(manifest.window, one.lighting) or unlike
    said = (
        estimates_of(prediction, np.ones(1), manifest)
        if why is None
        else without_value(manifest, why)
    )
    return RowAnswer(one.place, said, prediction.mean[0] if has_sediment else None)


def _without_board(window: Window | None, lighting: Lighting) -> NoValue | None:
    is_missing = window is not None and window.needs_white_board and lighting.board_counts is None
    return NO_WHITE_BOARD if is_missing else None
