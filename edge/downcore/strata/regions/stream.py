"""
Regions of a section, window by window as its lines and superpixels arrive.

Windows lie at fixed lines of the section, :data:`~downcore.strata.regions.window.REGION_WINDOW_UM`
apart. A window's regions are a function of its own lines and superpixels, whatever way these were
cut on arrival; their numbers are of those above too, since a region that is alike on both sides of
the line between two windows goes on. No more than a window and a few lines above it is held.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from downcore.strata.depth import LineScale
from downcore.strata.errors import SectionError, SegmentGapError
from downcore.strata.regions.window import (
    NO_REGION,
    REGION_WINDOW_UM,
    RegionRefiner,
    RegionWindow,
)
from downcore.strata.segment import Pixels, Segment

if TYPE_CHECKING:
    # At run time this would load the compiler of kernels, which a refiner may do without.
    from downcore.strata.regions._continuing import Strip
    from downcore.strata.superpixels.stream import LabelRows

_Rows = TypeVar("_Rows", Pixels, NDArray[np.int32])

_MAX_REGIONS = 2**31 - 1


@dataclass(frozen=True, slots=True, eq=False)
class RegionRows:
    """The regions of consecutive scan lines: those of one window."""

    first_line: int
    """Scan line of ``labels[0]``, counted from the section's top; the start of a slice."""
    labels: NDArray[np.int32]
    """
    Shape (n_lines, n_across): the region of each pixel, from 1 in the order in which regions
    begin in the section; :data:`~downcore.strata.regions.window.NO_REGION` where there is no
    sediment.
    """
    lines: NDArray[np.uint8]
    """The lines themselves, 8 bit, shape (n_lines, n_across, 3)."""


class RegionStream:
    """
    Join the superpixels of one section to regions.

    Windows are worked out one by one, so that memory does not grow with the section and rows do
    not depend on how it arrived. A region that goes on below a window keeps its number there.
    Rows that were returned are final: of two regions that meet only in a window further down,
    the one that touches more of it goes on and the other ends where that window begins.

    Parameters
    ----------
    refiner : RegionRefiner
        How; called once a window, in order.
    scale : LineScale
        Lines per centimetre, the same along and across.
    n_across : int
        Pixels of a scan line.

    Raises
    ------
    ValueError
        If there is no pixel across.
    """

    def __init__(self, refiner: RegionRefiner, scale: LineScale, n_across: int) -> None:
        if n_across < 1:
            raise ValueError(f"expected 1 or more pixels across, got {n_across}")
        self._refiner = refiner
        self._scale = scale
        self._n_across = n_across
        self._lines: deque[Pixels] = deque()
        self._labels: deque[NDArray[np.int32]] = deque()
        self._n_lines = 0
        self._n_labels = 0
        self._first_line = 0
        self._n_windows = 0
        self._n_regions = 0
        self._above: Strip | None = None
        self._is_finished = False

    @property
    def next_line(self) -> int:
        """The scan line that must come next."""
        return self._n_lines

    def push(self, segment: Segment, rows: "Sequence[LabelRows]") -> list[RegionRows]:
        """
        Add consecutive lines, and the superpixels that came of these or earlier ones.

        Parameters
        ----------
        segment : Segment
            Lines, from :attr:`next_line` on. They are kept as they are, so they must not change.
        rows : sequence of LabelRows
            Superpixels that follow on those pushed before; they lag behind the lines.

        Returns
        -------
        list of RegionRows
            The windows that are complete with this, in order.

        Raises
        ------
        SegmentGapError
            If lines or superpixels do not follow on what was pushed before.
        SectionError
            If a width differs from the section's, superpixels are ahead of their lines, there
            are more regions than 32 bits can number, or the section was finished.
        ValueError
            If the refiner's answer is not of one region for each pixel of sediment.
        """
        if self._is_finished:
            raise SectionError("expected no more lines after the end of the section")
        if segment.first_line != self._n_lines:
            raise SegmentGapError(self._n_lines, segment.first_line)
        self._check_width("lines", segment.lines.shape[1], segment.first_line)
        if len(segment.lines):
            self._lines.append(segment.lines)
            self._n_lines += len(segment.lines)
        return self._add(rows)

    def finish(self, rows: "Sequence[LabelRows]") -> list[RegionRows]:
        """
        Add the last superpixels and return what is left, the last window shorter than others.

        Raises
        ------
        SectionError
            If lines are left that have no superpixels; else as :meth:`push`.
        """
        if self._is_finished:
            return []
        done = self._add(rows)
        if self._n_labels != self._n_lines:
            raise SectionError(
                f"expected superpixels of all {self._n_lines} lines at the section's end, "
                f"got those of {self._n_labels}"
            )
        self._is_finished = True
        if self._first_line < self._n_lines:
            done.append(self._give_out(self._n_lines))
        return done

    def _check_width(self, what: str, n_across: int, line: int) -> None:
        if n_across != self._n_across:
            raise SectionError(
                f"expected {what} of {self._n_across} px, got {n_across} px at line {line}"
            )

    def _add(self, rows: "Sequence[LabelRows]") -> list[RegionRows]:
        done: list[RegionRows] = []
        for one in rows:
            if one.first_line != self._n_labels:
                raise SegmentGapError(self._n_labels, one.first_line)
            self._check_width("superpixels", one.labels.shape[1], one.first_line)
            if self._n_labels + len(one.labels) > self._n_lines:
                raise SectionError(
                    f"expected superpixels of the {self._n_lines} lines that came, got them up "
                    f"to line {self._n_labels + len(one.labels)}: push the lines first"
                )
            if len(one.labels):
                self._labels.append(one.labels)
                self._n_labels += len(one.labels)
            while (stop := self._window_stop()) <= self._n_labels:
                done.append(self._give_out(stop))
        return done

    def _window_stop(self) -> int:
        """Return the line after the window that is being filled."""
        return self._scale.lines_in((self._n_windows + 1) * REGION_WINDOW_UM)

    def _give_out(self, stop: int) -> RegionRows:
        n_lines = stop - self._first_line
        parts = [_in_8_bits(part) for part in _taken(self._lines, n_lines)]
        window = RegionWindow(
            first_line=self._first_line,
            lines=np.concatenate(parts),
            superpixels=np.concatenate(_taken(self._labels, n_lines)),
            scale=self._scale,
        )
        own = self._checked(self._refiner.refine(window), window)
        labels = self._numbered(window, own)
        self._first_line = stop
        self._n_windows += 1
        return RegionRows(window.first_line, labels, np.asarray(window.lines, np.uint8))

    def _numbered(self, window: RegionWindow, own: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return a window's regions with the section's numbers."""
        # The kernels are loaded by now, with those that cut the superpixels.
        from downcore.strata.regions._continuing import (  # noqa: PLC0415 - see above
            Strip,
            band_lines,
            continued,
        )
        from downcore.strata.regions._sums import renumbered  # noqa: PLC0415 - see above

        n = band_lines(self._scale)
        lines = np.asarray(window.lines, np.uint8)
        numbers = np.zeros(int(own.max()) + 1, np.int32)
        if self._above is not None:
            numbers = continued(self._above, Strip(lines[:n], window.superpixels[:n], own[:n]), own)
        new = np.flatnonzero(numbers[1:] == 0) + 1
        if self._n_regions + new.size > _MAX_REGIONS:
            raise SectionError(
                f"expected at most {_MAX_REGIONS} regions in a section, got {new.size} more than "
                f"{self._n_regions} at line {window.first_line + len(own)}"
            )
        numbers[new] = self._n_regions + 1 + np.arange(new.size)
        self._n_regions += new.size
        labels = renumbered(np.require(own, np.int32, ("C", "W")), numbers)
        # Copies: what is held of a window must not keep all of it.
        ends = (lines[-n:].copy(), window.superpixels[-n:].copy(), labels[-n:].copy())
        self._above = Strip(*ends)
        return labels

    def _checked(self, labels: NDArray[np.int32], window: RegionWindow) -> NDArray[np.int32]:
        of = f"regions of refiner {self._refiner.name!r} from line {window.first_line} on"
        if labels.shape != window.superpixels.shape or labels.dtype != np.int32:
            raise ValueError(
                f"expected {of} as int32 of shape {window.superpixels.shape}, "
                f"got {labels.dtype} of shape {labels.shape}"
            )
        n_wrong = int(np.count_nonzero((labels > NO_REGION) != (window.superpixels > NO_REGION)))
        if n_wrong:
            raise ValueError(
                f"expected {of} above 0 where there is a superpixel and 0 elsewhere, "
                f"got {n_wrong} pixels that are not so"
            )
        return labels


def _in_8_bits(lines: Pixels) -> NDArray[np.uint8]:
    if lines.dtype == np.uint8:
        return lines.astype(np.uint8, copy=False)
    # 65,535 is 255 times 257, so this rounds to the nearest.
    return ((lines.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _taken(held: deque[_Rows], n_lines: int) -> list[_Rows]:
    """Take the first lines off what is held; no copy is made."""
    taken: list[_Rows] = []
    while n_lines:
        part = held.popleft()
        taken.append(part[:n_lines])
        if len(part) > n_lines:
            held.appendleft(part[n_lines:])
        n_lines -= len(taken[-1])
    return taken
