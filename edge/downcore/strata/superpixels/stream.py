"""
Superpixels of a section, stretch by stretch as its lines arrive.

Stretches lie at fixed lines of the section. A stretch is labelled from its own lines, a halo
below it and what is remembered from above it, so labels are the same however the lines were
cut on arrival, and memory does not grow with the section.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.depth import LineScale
from downcore.strata.errors import SectionError, SegmentGapError
from downcore.strata.segment import Pixels, Segment
from downcore.strata.superpixels._parts import GivenOut, PartRules, label_window
from downcore.strata.superpixels.clustering import KERNELS, ClusteringBackend
from downcore.strata.superpixels.grid import Grid
from downcore.strata.superpixels.planes import fill_planes
from downcore.strata.superpixels.settings import SuperpixelSettings


@dataclass(frozen=True, slots=True, eq=False)
class LabelRows:
    """The superpixels of consecutive scan lines."""

    first_line: int
    """Scan line of ``labels[0]``, counted from the section's top."""
    labels: NDArray[np.int32]
    """
    Shape (n_lines, n_across): the superpixel of each pixel, from 1 in the order in which they
    begin, unique over the section; 0 where there is no sediment.
    """


class SuperpixelStream:
    """
    Cut the sediment of one section into superpixels.

    Parameters
    ----------
    settings : SuperpixelSettings
        How.
    scale : LineScale
        Lines per centimetre, the same along and across.
    n_across : int
        Pixels of a scan line.
    backend : ClusteringBackend, optional
        Lets pixels choose their clusters; compiled kernels unless given.

    Raises
    ------
    ValueError
        If there is no pixel across, or cells become too large at this scale.
    """

    def __init__(
        self,
        settings: SuperpixelSettings,
        scale: LineScale,
        n_across: int,
        *,
        backend: ClusteringBackend = KERNELS,
    ) -> None:
        self._grid = Grid.of(settings, scale, n_across)
        self._clustering = backend.clustering(settings, self._grid)
        self._stretch = settings.stretch_lines(scale)
        self._least_px = settings.smallest_area_px(scale)
        self._halo = settings.halo_lines(scale)
        # One row of cells is kept above what is still to be labelled.
        n_kept = self._grid.cell_px + self._stretch + self._halo
        self._planes = np.zeros((4, n_kept, n_across), np.int16)
        self._n_above = 0
        self._n_held = 0
        self._first_held = 0
        self._given = GivenOut.nothing(n_across)
        self._next_label = 1
        self._is_finished = False

    @property
    def next_line(self) -> int:
        """The scan line that must come next."""
        return self._first_held + self._n_held

    def push(self, segment: Segment, classes: NDArray[np.uint8]) -> list[LabelRows]:
        """
        Add consecutive lines with their mask and return the stretches they complete, in order.

        Parameters
        ----------
        segment : Segment
            Lines, from :attr:`next_line` on.
        classes : ndarray of uint8, shape (n_lines, n_across)
            Their mask, values of :class:`~downcore.strata.mask.classes.MaskClass`.

        Raises
        ------
        SegmentGapError
            If the segment does not start at ``next_line``.
        SectionError
            If its width differs from the section's, or the section was finished.
        ValueError
            If the mask is not of the size of the lines.
        """
        if self._is_finished:
            raise SectionError("expected no more lines after the end of the section")
        if segment.first_line != self.next_line:
            raise SegmentGapError(self.next_line, segment.first_line)
        n_lines, n_across = segment.lines.shape[:2]
        if n_across != self._grid.n_across:
            raise SectionError(
                f"expected lines of {self._grid.n_across} px, got {n_across} px "
                f"at line {self.next_line}"
            )
        if classes.shape != (n_lines, n_across):
            raise ValueError(
                f"expected a mask of the size of the lines, {(n_lines, n_across)}, "
                f"got {classes.shape}"
            )
        done: list[LabelRows] = []
        taken = 0
        while taken < n_lines:
            n_wanted = self._n_above + self._stretch + self._halo
            stop = min(taken + n_wanted - self._n_held, n_lines)
            self._take(segment.lines[taken:stop], classes[taken:stop])
            taken = stop
            if self._n_held == n_wanted:
                done.append(self._give_out(self._stretch, is_last=False))
        return done

    def finish(self) -> list[LabelRows]:
        """Return what is left as the last stretch; nothing where nothing is left."""
        if self._is_finished:
            return []
        self._is_finished = True
        n_left = self._n_held - self._n_above
        return [self._give_out(n_left, is_last=True)] if n_left else []

    def _take(self, lines: Pixels, classes: NDArray[np.uint8]) -> None:
        fill_planes(lines, classes, self._planes, self._n_held)
        self._n_held += len(lines)

    def _give_out(self, n_lines: int, *, is_last: bool) -> LabelRows:
        held, above = self._planes, self._n_above
        done = above + n_lines
        n_above_next = min(self._grid.cell_px, done)
        n_on = 0 if is_last else done - n_above_next
        clusters = self._clustering.clusters(held, self._n_held, n_on // self._grid.cell_px)
        # The last line given out is looked at again, for what goes on below it.
        first = max(above - 1, 0)
        rules = PartRules(
            first_held=first,
            n_lines=done - first,
            is_last=is_last,
            least_px=self._least_px,
            look_lines=self._halo,
            next_label=self._next_label,
        )
        labels, self._given, self._next_label = label_window(
            clusters[first:], held, before=self._given, rules=rules
        )
        rows = LabelRows(self._first_held + above, labels)
        self._first_held += n_on
        self._n_above = done - n_on
        self._n_held -= n_on
        self._planes[:, : self._n_held] = held[:, n_on : n_on + self._n_held].copy()
        return rows
