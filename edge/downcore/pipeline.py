"""
From scan lines to rows of the depth log: mask, measure, tile, predict.

The pipeline is a fold over whole slices, so a row depends on the lines alone:
not on how they were cut into segments, on the mode, or on a restart in between.
It knows neither files nor the store.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from downcore.defaults import TILES_PER_SLICE
from downcore.ports import Predictor, ScanLines, TilePrediction
from downcore.strata.depth import LineScale
from downcore.strata.depthlog import Estimate, SliceRow
from downcore.strata.estimates import (
    NoValue,
    estimates_of,
    forced_reason,
    reason_to_abstain,
    without_value,
)
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


def masked_slices(lines: ScanLines, n_lines: int) -> Iterator[tuple[SliceLines, NDArray[np.uint8]]]:
    """Yield the slices of a complete scan with their masks, from the section's top on."""
    buffer = SectionBuffer(lines.scale, halo_um=MASK_HALO_UM)
    masker = SectionMasker(lines.scale)
    for segment in segments_by_slice(lines, n_lines):
        for released in buffer.push(segment):
            yield released, masker.mask(released)
    for released in buffer.finish():
        yield released, masker.mask(released)


class _Stored:
    """Stands for the answer of a predictor whose estimates of the slice are in the store."""


@dataclass(slots=True, eq=False)
class _PendingSlice:
    core_slice: CoreSlice
    sediment_fraction: NDArray[np.float32]
    answers: list[TilePrediction | NoValue | _Stored | None] = field(default_factory=list)
    """One for each predictor; ``None`` until it has answered."""


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
        self._predictors = tuple(predictors)
        self._rules = rules
        self._done_slices = tuple(done_slices) or (0,) * len(self._predictors)
        self._buffer = SectionBuffer(scale, halo_um=MASK_HALO_UM)
        self._masker = SectionMasker(scale)
        self._on_masked = on_masked
        self._pending: deque[_PendingSlice] = deque()

    @property
    def next_line(self) -> int:
        """The scan line that must come next."""
        return self._buffer.next_line

    def push(self, segment: Segment) -> list[SliceRow]:
        """
        Add consecutive lines and return the rows that are ready, without waiting for the rest.

        Raises
        ------
        SegmentGapError, SectionError
            As :class:`SectionBuffer` does.
        """
        for lines in self._buffer.push(segment):
            self._mask_and_predict(lines)
        return self._ready_rows(wait=False)

    def drain(self) -> list[SliceRow]:
        """Return the rows of every slice that was released, in order, once all are predicted."""
        return self._ready_rows(wait=True)

    def finish(self) -> list[SliceRow]:
        """Return every row that is left; the last slice may be short."""
        for lines in self._buffer.finish():
            self._mask_and_predict(lines)
        return self.drain()

    def _mask_and_predict(self, lines: SliceLines) -> None:
        classes = self._masker.mask(lines)
        if lines.index >= min(self._done_slices, default=0):
            self._predict(lines, classes)
        if self._on_masked is not None:
            # Last, so that what it does is done while the networks are at work.
            self._on_masked(lines, classes)

    def _predict(self, lines: SliceLines, classes: NDArray[np.uint8]) -> None:
        px_per_cm = float(self._scale.px_per_cm)
        core_slice = measure_slice(
            lines.lines,
            classes,
            scale=self._scale,
            index=lines.index,
            first_line=lines.first_line,
        )
        tiles = cut_tiles(lines.lines, classes, px_per_cm, max_tiles=self._rules.tiles_per_slice)
        pending = _PendingSlice(core_slice, tiles.sediment_fraction)
        for predictor, n_done in zip(self._predictors, self._done_slices, strict=True):
            if lines.index < n_done:
                pending.answers.append(_Stored())
                continue
            why = reason_to_abstain(
                predictor.manifest,
                n_tiles=len(tiles.pixels),
                valid_fraction=core_slice.valid_fraction,
                source_px_per_cm=px_per_cm,
                allow_low_resolution=self._rules.allow_low_resolution,
            )
            pending.answers.append(why)
            if why is None:
                predictor.submit((pending, len(pending.answers) - 1), tiles.pixels)
        self._pending.append(pending)

    def _ready_rows(self, *, wait: bool) -> list[SliceRow]:
        for predictor in self._predictors:
            for (pending, which), answer in predictor.collect(wait=wait):
                pending.answers[which] = answer
        rows: list[SliceRow] = []
        while self._pending and None not in self._pending[0].answers:
            rows.append(self._row(self._pending.popleft()))
        return rows

    def _row(self, pending: _PendingSlice) -> SliceRow:
        estimates: list[Estimate] = []
        for predictor, answer in zip(self._predictors, pending.answers, strict=True):
            if isinstance(answer, NoValue):
                estimates += without_value(predictor.manifest, answer)
            elif isinstance(answer, TilePrediction):
                estimates += estimates_of(
                    answer,
                    pending.sediment_fraction,
                    predictor.manifest,
                    beware=forced_reason(predictor.manifest, float(self._scale.px_per_cm)),
                )
        return SliceRow(pending.core_slice, tuple(estimates))
