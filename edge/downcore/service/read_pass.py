"""One reading of a scan's lines from its top: predict, compose, and return what to commit."""

import contextlib
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from downcore.composing import SectionComposer
from downcore.composing.section_regions import Submit, submit_at_once
from downcore.pipeline import segments_by_slice, slice_stop
from downcore.ports import MaskedSlice, ScanLines, SlicePipeline
from downcore.service.composition_setup import measured_estimates
from downcore.service.measured_series import pipeline_of
from downcore.service.read_ahead import ahead
from downcore.service.slice_profiler import SliceProfiler
from downcore.service.station import Station
from downcore.sources.inbox.digests import PrefixDigest
from downcore.sources.turns import Turns
from downcore.store import Reader
from downcore.strata.composed import ComposedSlice
from downcore.strata.depthlog import Estimate, SliceRow
from downcore.strata.section import SliceLines
from downcore.strata.segment import Segment
from downcore.strata.slice_profile import SliceProfile


@dataclass(frozen=True, slots=True)
class CommitBatch:
    """Rows that are ready to be committed, with the cursor that goes with them."""

    rows: tuple[SliceRow, ...]
    n_lines_done: int
    """Scan lines up to the end of the last row."""
    prefix_digest: str
    """Digest of those lines, as they were read for the rows."""
    profiles: tuple[SliceProfile, ...] = ()
    """Colour profiles of the slices of the rows."""

    @property
    def n_slices(self) -> int:
        """Slices of the scan from its top to the end of the last row."""
        return self.rows[-1].core_slice.index + 1


@dataclass(frozen=True, slots=True)
class _Masked:
    """What came of one segment."""

    n_lines: int
    """Scan lines from the top to its end."""
    prefix_digest: str
    """Digest of these."""
    slices: list[MaskedSlice]
    """Slices that it completed."""


class ReadPass:
    """
    One reading of the lines of a scan; made by :func:`begin_read_pass`.

    Lines are read once, in order. Where anything goes wrong, the pass is given up and another
    one begins at the top, which knows how much is stored.

    Parameters
    ----------
    lines : ScanLines
        The opened scan.
    pipeline : SlicePipeline
        A new one.
    signature : str
        The files as they were when the pass began.
    composer : SectionComposer or None
        A new one that the pipeline calls with every slice.
    stored : mapping, optional
        Estimates of the slices that some predictors have done and others have not, by slice: the
        rows of the pipeline hold those of the others only.
    profiler : SliceProfiler, optional
        A new one that the pipeline calls with every slice.
    submit_reading : callable, optional
        Begins a call in the one thread that reads and masks lines, or makes it at once.
    """

    def __init__(
        self,
        lines: ScanLines,
        pipeline: SlicePipeline,
        signature: str,
        composer: SectionComposer | None,
        *,
        stored: Mapping[int, tuple[Estimate, ...]] | None = None,
        profiler: SliceProfiler | None = None,
        submit_reading: Submit = submit_at_once,
    ) -> None:
        self.signature = signature
        self._composer = composer
        self._profiler = profiler
        self._stored = dict(stored or {})
        self._lines = lines
        self._pipeline = pipeline
        self._submit_reading = submit_reading
        self._prefix = PrefixDigest()
        self._prefix_at: dict[int, str] = {}

    def advance(
        self, n_lines: int, *, is_complete: bool, max_slices: int
    ) -> tuple[CommitBatch | None, bool]:
        """
        Go on by whole slices.

        Parameters
        ----------
        n_lines : int
            Lines that can be trusted by now.
        is_complete : bool
            Whether these are all, so that the last slice may be short.
        max_slices : int
            Most slices to read.

        Returns
        -------
        CommitBatch or None
            Rows that became ready; ``None`` where there are none.
        bool
            Whether nothing readable is left.
        """
        rows: list[SliceRow] = []
        first = self._pipeline.next_line
        segments = segments_by_slice(
            self._lines, n_lines, first_line=first, is_complete=is_complete
        )
        some = self._masked(itertools.islice(segments, max_slices))
        with contextlib.closing(ahead(some, self._submit_reading)) as ready:
            for masked in ready:
                self._prefix_at[masked.n_lines] = masked.prefix_digest
                rows += self._pipeline.predict(masked.slices)
        rows += self._pipeline.drain()
        next_line = self._pipeline.next_line
        stop = slice_stop(self._lines.scale, next_line, n_lines, is_complete=is_complete)
        return self._batch(rows), stop is None

    def finish(self) -> CommitBatch | None:
        """Return the rows that waited for the end of the scan; ``None`` where there are none."""
        return self._batch(self._pipeline.finish())

    def composed(self) -> list[ComposedSlice]:
        """Return the compositions that became ready with the rows returned so far."""
        return [] if self._composer is None else self._composer.ready()

    def finish_composing(self) -> list[ComposedSlice]:
        """Return the compositions that waited for the end of the scan."""
        return [] if self._composer is None else self._composer.finish()

    def has_read_the_same(self, open_again: Callable[[], ScanLines]) -> Turns[bool]:
        """Return whether a finished scan, opened anew, has the lines that were read, in turns."""
        with contextlib.closing(open_again()) as lines:
            n_lines, is_complete = lines.refresh(is_still=True, is_closed=True)
            if not is_complete or n_lines != self._prefix.n_lines:
                return False
            now = yield from PrefixDigest.replay(lines, n_lines)
            return now.hexdigest() == self._prefix.hexdigest()

    def _masked(self, segments: Iterator[Segment]) -> Iterator[_Masked]:
        for segment in segments:
            self._prefix.add(segment)
            slices = self._pipeline.mask(segment)
            yield _Masked(self._prefix.n_lines, self._prefix.hexdigest(), slices)

    def _batch(self, rows: list[SliceRow]) -> CommitBatch | None:
        if not rows:
            return None
        if self._composer is not None:
            self._composer.add_rows(self._whole(row) for row in rows)
        last = rows[-1].core_slice
        n_lines_done = last.first_line + last.n_lines
        digest = self._prefix_at[n_lines_done]
        self._prefix_at = {n: d for n, d in self._prefix_at.items() if n > n_lines_done}
        profiles = () if self._profiler is None else self._profiler.of_rows(rows)
        return CommitBatch(tuple(rows), n_lines_done, digest, profiles)

    def _whole(self, row: SliceRow) -> SliceRow:
        """Return a row with the estimates that were stored before beside its own."""
        stored = self._stored.pop(row.core_slice.index, ())
        own = {one.bundle_id for one in row.estimates}
        before = tuple(one for one in stored if one.bundle_id not in own)
        return replace(row, estimates=(*before, *row.estimates))


def begin_read_pass(
    station: Station,
    lines: ScanLines,
    signature: str,
    scan_id: str,
    *,
    done_slices: tuple[int, ...],
    n_composed: int,
) -> ReadPass:
    """
    Return a pass that has nothing read yet.

    Parameters
    ----------
    station : Station
        With what is predicted and composed.
    lines : ScanLines
        The opened scan.
    signature : str
        The files as they are.
    scan_id : str
        Which scan it is in the store.
    done_slices : tuple of int
        For each predictor, slices from the top whose estimates are stored; empty for a new scan.
    n_composed : int
        Slices from the top whose composition is stored.
    """
    composer = None
    beside: dict[int, tuple[Estimate, ...]] = {}
    if station.composition_config is not None:
        composer = SectionComposer(
            station.composition_config,
            lines.scale,
            measured=measured_estimates(station.measured),
            n_done=n_composed,
            threads=station.region_threads,
        )
        # Composition looks at what every predictor says; what is stored is not returned again.
        if n_stored := max(done_slices, default=0):
            with Reader.open(station.store.path) as reader:
                rows = [one.row for one in itertools.islice(reader.scan_log(scan_id), n_stored)]
            composer.add_rows(rows[: min(done_slices)])
            beside = {row.core_slice.index: row.estimates for row in rows[min(done_slices) :]}
    profiler = SliceProfiler(float(lines.scale.px_per_cm))

    def on_masked(slice_lines: SliceLines, classes: NDArray[np.uint8]) -> None:
        profiler.add_lines(slice_lines, classes)
        if composer is not None:
            composer.add_lines(slice_lines, classes)

    pipeline = pipeline_of(station, lines.scale, done_slices, on_masked)
    return ReadPass(
        lines,
        pipeline,
        signature,
        composer,
        stored=beside,
        profiler=profiler,
        submit_reading=station.submit_reading,
    )
