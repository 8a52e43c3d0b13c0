"""The only stateful part of a section: takes scan lines and releases slices."""

from dataclasses import dataclass
from typing import cast

import numpy as np

from downcore.strata.depth import LineScale
from downcore.strata.errors import SectionError, SegmentGapError
from downcore.strata.segment import Pixels, Segment


@dataclass(frozen=True, slots=True, eq=False)
class SliceLines:
    """The scan lines of one centimetre, with the lines around it that later stages asked for."""

    index: int
    """Which centimetre, counted from the section's top."""

    first_line: int
    """Scan line at which the slice starts."""

    window: Pixels
    """Lines of the slice and its halo, shape (above + n + below, n_across, 3)."""

    above: int
    """Halo lines before the slice; fewer than asked for at the section's top."""

    n_lines: int
    """Lines that belong to the slice; at least 1."""

    @property
    def lines(self) -> Pixels:
        """The slice's own lines, shape (n_lines, n_across, 3)."""
        return self.window[self.above : self.above + self.n_lines]


class SectionBuffer:
    """
    Collect the scan lines of one section and release them slice by slice.

    Holds about two slices and their halos. Does no I/O and reads no
    clock, so the slices depend on the lines alone, never on how they were cut
    into segments.

    Parameters
    ----------
    scale : LineScale
        Lines per centimetre.
    halo_um : int, default 0
        How much core above and below a slice is handed on with it. A slice is
        released once its own lines and the halo below it are there, or at the end.
    """

    def __init__(self, scale: LineScale, *, halo_um: int = 0) -> None:
        self.scale = scale
        self._halo = scale.lines_in(halo_um)
        self._room = 2 * (2 * self._halo + scale.first_line_of_slice(1))
        """Lines of memory that are taken together, about twice a slice and its halo."""
        self._held: Pixels | None = None
        self._first_held = 0
        """Scan line in the first place of what is held."""
        self._next_line = 0
        self._next_slice = 0
        self._is_finished = False

    @property
    def next_line(self) -> int:
        """The scan line that must come next."""
        return self._next_line

    def push(self, segment: Segment) -> list[SliceLines]:
        """
        Add consecutive lines and return the slices they complete, in order.

        Raises
        ------
        SegmentGapError
            If the segment does not start at ``next_line``.
        SectionError
            If its width or bit depth differs from the lines before, or the section was finished.
        """
        if self._is_finished:
            raise SectionError("expected no more lines after the end of the section")
        if segment.first_line != self._next_line:
            raise SegmentGapError(self._next_line, segment.first_line)
        before = self._held
        if before is not None and (
            before.shape[1:] != segment.lines.shape[1:] or before.dtype != segment.lines.dtype
        ):
            raise SectionError(
                f"expected lines of {before.shape[1]} px, {before.dtype}; got "
                f"{segment.lines.shape[1]} px, {segment.lines.dtype} at line {self._next_line}"
            )
        done: list[SliceLines] = []
        taken = 0
        while taken < len(segment.lines):
            taken += self._take(segment.lines[taken:])
            done += self._release(self._next_line - self._halo)
        return done

    def finish(self) -> list[SliceLines]:
        """Return the remaining lines as the last slices; the last one and its halo may be short."""
        self._is_finished = True
        done = self._release(self._next_line)
        if self.scale.first_line_of_slice(self._next_slice) < self._next_line:
            done.append(self._cut(self._next_line))
        self._held = None
        return done

    def _release(self, complete_to: int) -> list[SliceLines]:
        done: list[SliceLines] = []
        while (end := self.scale.first_line_of_slice(self._next_slice + 1)) <= complete_to:
            done.append(self._cut(end))
        return done

    def _cut(self, end: int) -> SliceLines:
        first = self.scale.first_line_of_slice(self._next_slice)
        start = max(first - self._halo, 0)
        stop = min(end + self._halo, self._next_line)
        held = cast("Pixels", self._held)
        self._next_slice += 1
        return SliceLines(
            index=self._next_slice - 1,
            first_line=first,
            window=held[start - self._first_held : stop - self._first_held],
            above=first - start,
            n_lines=end - first,
        )

    def _take(self, lines: Pixels) -> int:
        """Hold as many of ``lines`` as there is room for, at least one, and return their number."""
        if self._held is None or self._next_line - self._first_held == len(self._held):
            self._take_memory(lines)
        held = cast("Pixels", self._held)
        place = self._next_line - self._first_held
        n_taken = min(len(lines), len(held) - place)
        held[place : place + n_taken] = lines[:n_taken]
        self._next_line += n_taken
        return n_taken

    def _take_memory(self, lines: Pixels) -> None:
        """
        Go on in new memory, with what slices to come still need.

        Windows that were released are views of the old memory, so nothing is written there again.
        """
        keep_from = max(self.scale.first_line_of_slice(self._next_slice) - self._halo, 0)
        before = self._held
        held = cast("Pixels", np.empty((self._room, *lines.shape[1:]), lines.dtype))
        if before is not None:
            held[: self._next_line - keep_from] = before[keep_from - self._first_held :]
        self._held, self._first_held = held, keep_from
