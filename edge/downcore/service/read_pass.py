"""One passage through a scan's lines, from its top: read, predict, and say what may be kept."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from downcore.composing import SectionComposer
from downcore.pipeline import SectionPipeline
from downcore.ports import ScanLines
from downcore.service.corrections import CalibratedPipeline
from downcore.sources.inbox.digests import PrefixDigest
from downcore.sources.readers.input_file import InputFile
from downcore.sources.turns import Turns
from downcore.strata.composed import ComposedSlice
from downcore.strata.depthlog import SliceRow
from downcore.strata.errors import SegmentError

TAIL_BYTES = 4096


@dataclass(frozen=True, slots=True)
class CommitBatch:
    """Rows that are ready to be kept, with the cursor that goes with them."""

    rows: tuple[SliceRow, ...]
    n_lines_done: int
    """Scan lines up to the end of the last row."""
    prefix_digest: str
    """Digest of those lines, as they were read for the rows."""

    @property
    def n_slices(self) -> int:
        """Slices of the scan from its top to the end of the last row."""
        return self.rows[-1].core_slice.index + 1


class ReadPass:
    """
    One passage through the lines of a scan.

    Lines are read once, in order. Where anything goes wrong on the way, the passage is
    given up and another one begins at the top, told how much is kept.

    Parameters
    ----------
    lines : ScanLines
        The opened scan.
    pipeline : SectionPipeline or CalibratedPipeline
        A new one.
    signature : str
        The files as they were when the passage began.
    composer : SectionComposer, optional
        A new one that the pipeline tells of every slice.
    """

    def __init__(
        self,
        lines: ScanLines,
        pipeline: SectionPipeline | CalibratedPipeline,
        signature: str,
        composer: SectionComposer | None = None,
    ) -> None:
        self.signature = signature
        self._composer = composer
        self._lines = lines
        self._pipeline = pipeline
        self._prefix = PrefixDigest()
        self._prefix_at: dict[int, str] = {}

    def advance(
        self, n_lines: int, *, is_complete: bool, n_slices: int
    ) -> tuple[CommitBatch | None, bool]:
        """
        Go on by whole slices.

        Parameters
        ----------
        n_lines : int
            Lines that can be trusted by now.
        is_complete : bool
            Whether these are all, so that a last slice may be short.
        n_slices : int
            Most slices to read.

        Returns
        -------
        Kept or None
            Rows that became ready; ``None`` where there are none.
        bool
            Whether nothing readable is left.
        """
        rows: list[SliceRow] = []
        for _ in range(n_slices):
            stop = self._next_stop(n_lines, is_complete=is_complete)
            if stop is None:
                break
            first = self._pipeline.next_line
            segment = self._lines.read(first, stop - first)
            self._prefix.add(segment)
            self._prefix_at[stop] = self._prefix.hexdigest()
            rows += self._pipeline.push(segment)
        rows += self._pipeline.drain()
        return self._kept(rows), self._next_stop(n_lines, is_complete=is_complete) is None

    def finish(self) -> CommitBatch | None:
        """Return the rows that waited for the end of the scan; ``None`` where there are none."""
        return self._kept(self._pipeline.finish())

    def composed(self) -> list[ComposedSlice]:
        """Return the compositions that became ready with the rows given out so far."""
        return [] if self._composer is None else self._composer.ready()

    def finish_composing(self) -> list[ComposedSlice]:
        """Return the compositions that waited for the end of the scan."""
        return [] if self._composer is None else self._composer.finish()

    def read_the_same(self, open_again: Callable[[], ScanLines]) -> Turns[bool]:
        """Return whether a finished scan, opened anew, has the lines that were read, in turns."""
        with contextlib.closing(open_again()) as lines:
            n_lines, is_complete = lines.refresh(is_still=True)
            if not is_complete or n_lines != self._prefix.n_lines:
                return False
            now = yield from PrefixDigest.replay(lines, n_lines)
            return now.hexdigest() == self._prefix.hexdigest()

    def _next_stop(self, n_lines: int, *, is_complete: bool) -> int | None:
        """Return up to which line to read next; ``None`` where no whole slice is there."""
        first = self._pipeline.next_line
        scale = self._lines.scale
        end = scale.first_line_of_slice(scale.slice_of_line(first) + 1)
        if min(end, n_lines) <= first or (end > n_lines and not is_complete):
            return None
        return min(end, n_lines)

    def _kept(self, rows: list[SliceRow]) -> CommitBatch | None:
        if not rows:
            return None
        if self._composer is not None:
            self._composer.add_rows(rows)
        last = rows[-1].core_slice
        n_lines_done = last.first_line + last.n_lines
        digest = self._prefix_at[n_lines_done]
        self._prefix_at = {n: d for n, d in self._prefix_at.items() if n > n_lines_done}
        return CommitBatch(tuple(rows), n_lines_done, digest)


def is_tail_blank(path: Path) -> bool:
    """Return whether a file's last 4 KiB hold nothing but zeros; False for an empty one."""
    try:
        with InputFile(path) as file:
            tail = file.read_at(max(file.size() - TAIL_BYTES, 0), TAIL_BYTES)
    except SegmentError:
        return False
    return bool(tail) and not any(tail)
