"""
From scan lines to rows of the depth log: mask, measure, predict.

The pipeline is a fold over whole slices, so a row depends on the lines alone:
not on how they were cut into segments, on the mode, or on a restart in between.
It knows neither files nor the store.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.defaults import TILES_PER_SLICE
from downcore.lanes import TileLane, WindowLane
from downcore.ports import MaskedSlice, Predictor, ScanLines
from downcore.strata.core_view import view_of
from downcore.strata.depth import LineScale
from downcore.strata.depthlog import Estimate, SliceRow
from downcore.strata.flat_field import FlatField
from downcore.strata.mask.masker import MASK_HALO_UM, SectionMasker
from downcore.strata.section import SectionBuffer, SliceLines
from downcore.strata.segment import Segment
from downcore.strata.slices import CoreSlice, measure_slice
from downcore.strata.tiles import cut_tiles

OnMasked = Callable[[SliceLines, NDArray[np.uint8]], None]
"""Called with the lines of each slice and their mask, from the section's top on."""


@dataclass(frozen=True, slots=True)
class SliceRules:
    """How slices are predicted."""

    tiles_per_slice: int = TILES_PER_SLICE
    """Most tiles predicted across one slice; 1 or more."""
    allow_low_resolution: bool = False
    """Predict even from scans far below the resolution of the training; the rows say so."""


def slice_stop(
    scale: LineScale, first_line: int, n_lines: int, *, is_complete: bool = True
) -> int | None:
    """
    Return the line after the slice that holds ``first_line``.

    ``None`` where ``n_lines`` do not hold the whole slice; the last slice of a complete scan
    may be short.
    """
    stop = scale.first_line_of_slice(scale.slice_of_line(first_line) + 1)
    if first_line >= n_lines or (stop > n_lines and not is_complete):
        return None
    return min(stop, n_lines)


def segments_by_slice(
    lines: ScanLines, n_lines: int, *, first_line: int = 0, is_complete: bool = True
) -> Iterator[Segment]:
    """
    Read a scan slice by slice.

    Parameters
    ----------
    lines : ScanLines
        The opened scan.
    n_lines : int
        Lines that can be trusted.
    first_line : int, default 0
        Line to begin with.
    is_complete : bool, default True
        Whether ``n_lines`` are all, so that the last slice may be short.
    """
    while (
        stop := slice_stop(lines.scale, first_line, n_lines, is_complete=is_complete)
    ) is not None:
        yield lines.read(first_line, stop - first_line)
        first_line = stop


def masked_slices(lines: ScanLines, n_lines: int) -> Iterator[MaskedSlice]:
    """Yield the slices of a complete scan with their masks, from the section's top on."""
    buffer = SectionBuffer(lines.scale, halo_um=MASK_HALO_UM)
    masker = SectionMasker(lines.scale)
    for segment in segments_by_slice(lines, n_lines):
        for released in buffer.push(segment):
            yield released, masker.mask(released)
    for released in buffer.finish():
        yield released, masker.mask(released)


@dataclass(slots=True, eq=False)
class _PendingSlice:
    core_slice: CoreSlice
    estimates: list[tuple[Estimate, ...] | None]
    """
    For each predictor; ``None`` until it has answered, and none at all where they are stored.
    """


class SectionPipeline:
    """
    Turn the scan lines of one section into rows, in order.

    Parameters
    ----------
    scale : LineScale
        Lines per centimetre of the scan.
    predictors : sequence of Predictor
        Bundles that run; each gives its own estimates. Nobody else may use them
        between a ``push`` and the ``drain`` or ``finish`` that follows it.
    rules : SliceRules
        How slices are predicted.
    done_slices : sequence of int, optional
        For each predictor, slices from the top whose estimates are already stored; none by
        default. A slice that every predictor has done is masked again, so that the state
        is what it was, but not returned; one that some have done is returned with the
        estimates of the others.
    on_masked : callable, optional
        Called with every slice, done or not, once it is masked.
    """

    def __init__(
        self,
        scale: LineScale,
        predictors: Sequence[Predictor],
        rules: SliceRules,
        *,
        done_slices: Sequence[int] = (),
        on_masked: OnMasked | None = None,
    ) -> None:
        self._scale = scale
        self._rules = rules
        self._done_slices = tuple(done_slices) or (0,) * len(predictors)
        self._buffer = SectionBuffer(scale, halo_um=MASK_HALO_UM)
        self._masker = SectionMasker(scale)
        self._flat_field = FlatField()
        self._on_masked = on_masked
        self._lanes = tuple(
            self._lane_of(predictor, n_done)
            for predictor, n_done in zip(predictors, self._done_slices, strict=True)
        )
        self._tile_lanes = [lane for lane in self._lanes if isinstance(lane, TileLane)]
        self._window_lanes = [lane for lane in self._lanes if isinstance(lane, WindowLane)]
        self._pending: deque[_PendingSlice] = deque()

    @property
    def next_line(self) -> int:
        """The scan line that must come next."""
        return self._buffer.next_line

    def mask(self, segment: Segment) -> list[MaskedSlice]:
        """
        Add consecutive lines and return the slices they complete, with their masks.

        One other thread may do this, segment after segment, while slices that were masked before
        are predicted; it must have returned before the section is finished.

        Raises
        ------
        SegmentGapError, SectionError
            As :class:`SectionBuffer` does.
        """
        return [(lines, self._masker.mask(lines)) for lines in self._buffer.push(segment)]

    def predict(self, slices: Sequence[MaskedSlice]) -> list[SliceRow]:
        """Begin to predict masked slices, in order; return the rows that are ready by now."""
        for lines, classes in slices:
            self._predict_slice(lines, classes)
        return self._ready_rows(wait=False)

    def push(self, segment: Segment) -> list[SliceRow]:
        """
        Mask and predict consecutive lines; return the rows that are ready, without waiting.

        Raises
        ------
        SegmentGapError, SectionError
            As :class:`SectionBuffer` does.
        """
        return self.predict(self.mask(segment))

    def drain(self) -> list[SliceRow]:
        """
        Return the rows that the lines so far allow, in order, once all of them are predicted.

        Where a bundle has a window, the last slices wait for those below them.
        """
        return self._ready_rows(wait=True)

    def finish(self) -> list[SliceRow]:
        """Return every row that is left; the last slice may be short."""
        for lines in self._buffer.finish():
            self._predict_slice(lines, self._masker.mask(lines))
        for lane in self._window_lanes:
            lane.finish()
        return self.drain()

    def _lane_of(self, predictor: Predictor, n_done: int) -> TileLane | WindowLane:
        px_per_cm, window = float(self._scale.px_per_cm), predictor.manifest.window
        is_allowed = self._rules.allow_low_resolution
        if window is None:
            return TileLane(predictor, px_per_cm, n_done=n_done, allow_low_resolution=is_allowed)
        return WindowLane(
            predictor, window, px_per_cm, n_done=n_done, allow_low_resolution=is_allowed
        )

    def _predict_slice(self, lines: SliceLines, classes: NDArray[np.uint8]) -> None:
        core_slice = None
        if lines.index >= min(self._done_slices, default=0):
            core_slice = self._measured(lines, classes)
            self._predict_tiles(lines, classes, core_slice)
        self._predict_windows(lines, classes, core_slice)
        if self._on_masked is not None:
            # Last, so that what it does is done while the networks are at work.
            self._on_masked(lines, classes)

    def _measured(self, lines: SliceLines, classes: NDArray[np.uint8]) -> CoreSlice:
        """Measure a slice that somebody has still to predict, and let it wait for that."""
        core_slice = measure_slice(
            lines.lines,
            classes,
            scale=self._scale,
            index=lines.index,
            first_line=lines.first_line,
        )
        estimates: list[tuple[Estimate, ...] | None] = [
            () if lines.index < n_done else None for n_done in self._done_slices
        ]
        self._pending.append(_PendingSlice(core_slice, estimates))
        return core_slice

    def _predict_tiles(
        self, lines: SliceLines, classes: NDArray[np.uint8], core_slice: CoreSlice
    ) -> None:
        if not self._tile_lanes:
            return
        px_per_cm, max_tiles = float(self._scale.px_per_cm), self._rules.tiles_per_slice
        tiles = cut_tiles(lines.lines, classes, px_per_cm, max_tiles=max_tiles)
        for lane in self._tile_lanes:
            lane.add(core_slice, tiles)

    def _predict_windows(
        self, lines: SliceLines, classes: NDArray[np.uint8], core_slice: CoreSlice | None
    ) -> None:
        if not self._window_lanes:
            return
        # Of a slice that is done as well, for those below it.
        seen = view_of(lines.lines, classes, float(self._scale.px_per_cm))
        view, lighting = self._flat_field.correct(seen)
        for lane in self._window_lanes:
            lane.add(view, lighting, core_slice)

    def _ready_rows(self, *, wait: bool) -> list[SliceRow]:
        for which, lane in enumerate(self._lanes):
            for index, estimates in lane.collect(wait=wait):
                first = self._pending[0].core_slice.index
                self._pending[index - first].estimates[which] = estimates
        rows: list[SliceRow] = []
        while self._pending and None not in self._pending[0].estimates:
            rows.append(_row_of(self._pending.popleft()))
        return rows


def _row_of(pending: _PendingSlice) -> SliceRow:
    found = (estimates for estimates in pending.estimates if estimates is not None)
    return SliceRow(pending.core_slice, tuple(itertools.chain.from_iterable(found)))
