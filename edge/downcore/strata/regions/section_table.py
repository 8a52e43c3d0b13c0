"""
Every region of a section with its shape, its outline and the slices that it lies in.

Windows come one by one. A region that goes on below a window is one region here: its sums and its
hull are those of all its pixels, as if the section were one picture.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from downcore.strata.depth import SLICE_UM, LineScale
from downcore.strata.regions.moments import shapes_of_sums, sums_of_regions
from downcore.strata.regions.region_shape import RegionShapes
from downcore.strata.regions.stream import RegionRows
from downcore.strata.superpixels.runs import runs_of

_N_SUMS = 12
_FIRST_OF_BORDERS = 9
"""Columns of sums from this one on count sides and corners of pixels, which two windows share."""


@dataclass(frozen=True, slots=True, eq=False)
class RegionTable:
    """The regions of a section, one entry each in every field, in ascending order of labels."""

    shapes: RegionShapes
    """With ``line`` counted from the section's top."""
    top_line: NDArray[np.int64]
    """First scan line of each."""
    bottom_line: NDArray[np.int64]
    """The line after its last."""
    length_um: NDArray[np.float64]
    """Greatest distance between two points of it, with its pixels as squares."""
    solidity: NDArray[np.float64]
    """Area as a share of that of its convex hull, above 0 to 1."""
    in_slices: NDArray[np.int64]
    """
    Shape (m, 3): place of a region in the table, a slice in which it lies, and its pixels there;
    by slice, then by region.
    """

    def __len__(self) -> int:
        """Return how many regions there are."""
        return len(self.shapes)


class RegionTableBuilder:
    """
    Gather the regions of one section.

    Parameters
    ----------
    scale : LineScale
        Lines per centimetre, the same along and across.
    """

    def __init__(self, scale: LineScale) -> None:
        self._scale = scale
        self._sums = np.zeros((0, _N_SUMS), np.int64)
        # The line from which a region's own lines count: small numbers keep their squares exact.
        self._origin = np.zeros(0, np.int64)
        self._top = np.zeros(0, np.int64)
        self._bottom = np.zeros(0, np.int64)
        self._hulls: list[NDArray[np.int32]] = []
        self._in_slices: list[NDArray[np.int64]] = [np.zeros((0, 3), np.int64)]
        self._above: tuple[NDArray[np.int32], NDArray[np.uint8]] | None = None

    def add(self, rows: RegionRows) -> None:
        """Add the next window."""
        if not rows.labels.any():
            self._above = None
            return
        n_new = int(rows.labels.max()) - len(self._sums)
        if n_new > 0:
            self._make_room(n_new, rows.first_line)
        label, sums = sums_of_regions(rows.labels, rows.lines)
        self._add_sums(label, sums, rows.first_line)
        self._mend(rows)
        self._add_runs(rows)
        self._above = (rows.labels[-1:].copy(), rows.lines[-1:].copy())

    def table(self) -> RegionTable:
        """Return the regions of what was added."""
        label = np.arange(1, len(self._sums) + 1, dtype=np.int32)
        shapes = shapes_of_sums(label, self._sums, self._scale)
        shapes.line[:] += self._origin
        pitch_um = float(SLICE_UM / self._scale.px_per_cm)
        hull_px = np.array([cv2.contourArea(hull) for hull in self._hulls], np.float64)
        length_px = np.array([_longest(hull) for hull in self._hulls], np.float64)
        return RegionTable(
            shapes=shapes,
            top_line=self._top.copy(),
            bottom_line=self._bottom.copy(),
            length_um=length_px * pitch_um,
            solidity=self._sums[:, 0] / np.maximum(hull_px, 1.0),
            in_slices=np.concatenate(self._in_slices),
        )

    def _make_room(self, n_new: int, first_line: int) -> None:
        more = np.full(n_new, first_line, np.int64)
        self._sums = np.concatenate([self._sums, np.zeros((n_new, _N_SUMS), np.int64)])
        self._origin = np.concatenate([self._origin, more])
        self._top = np.concatenate([self._top, np.full(n_new, -1, np.int64)])
        self._bottom = np.concatenate([self._bottom, more])
        self._hulls += [np.zeros((0, 2), np.int32)] * n_new

    def _add_sums(self, label: NDArray[np.int32], sums: NDArray[np.int64], first: int) -> None:
        at = label - 1
        down = first - self._origin[at]
        moved = sums.copy()
        pixels, line, column = sums[:, 0], sums[:, 1], sums[:, 2]
        moved[:, 1] += down * pixels
        moved[:, 3] += 2 * down * line + down**2 * pixels
        moved[:, 5] += down * column
        self._sums[at] += moved

    def _mend(self, rows: RegionRows) -> None:
        """
        Count the sides at which the window meets the one above it.

        Each window counted them as the end of the picture. Both lines together hold them as they
        are, and each line alone holds what was counted instead.
        """
        if self._above is None:
            return
        labels, lines = self._above
        both = (
            np.concatenate([labels, rows.labels[:1]]),
            np.concatenate([lines, rows.lines[:1]]),
        )
        for (numbers, pixels), sign in ((both, 1), (self._above, -1)):
            self._add_borders(numbers, pixels, sign)
        self._add_borders(rows.labels[:1], rows.lines[:1], -1)

    def _add_borders(self, labels: NDArray[np.int32], lines: NDArray[np.uint8], sign: int) -> None:
        label, sums = sums_of_regions(labels, lines)
        self._sums[label - 1, _FIRST_OF_BORDERS:] += sign * sums[:, _FIRST_OF_BORDERS:]

    def _add_runs(self, rows: RegionRows) -> None:
        """Take from where to where each region reaches, and how much of it lies in which slice."""
        start, stop, first_of_line = runs_of(rows.labels)
        line = np.repeat(np.arange(len(rows.labels)), np.diff(first_of_line))
        region = rows.labels[line, start] - 1
        line += rows.first_line
        slices = [self._scale.slice_of_line(y) for y in range(line.min(), line.max() + 1)]
        self._in_slices.append(
            _pixels_by(np.array(slices)[line - line.min()], region, stop - start)
        )
        order = np.argsort(region, kind="stable")
        present, begin = np.unique(region[order], return_index=True)
        # Corners of the pixels at both ends of each run, across and down.
        sides = [np.stack([x, y], axis=1) for x in (start, stop) for y in (line, line + 1)]
        corners = np.stack(sides, axis=1).astype(np.int32)
        for one, runs in zip(present.tolist(), np.split(order, begin[1:]), strict=True):
            points = np.concatenate([self._hulls[one], corners[runs].reshape(-1, 2)])
            self._hulls[one] = np.asarray(cv2.convexHull(points), np.int32).reshape(-1, 2)
            if self._top[one] < 0:
                self._top[one] = line[runs[0]]
            self._bottom[one] = line[runs[-1]] + 1


def _pixels_by(
    index: NDArray[np.int64], region: NDArray[np.int32], length: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Return slice by slice the regions in it and their pixels, as in ``in_slices``."""
    key, pair = np.unique(index.astype(np.int64) << 32 | region, return_inverse=True)
    pixels = np.bincount(pair, length).astype(np.int64)
    return np.stack([key & 0xFFFF_FFFF, key >> 32, pixels], axis=1)


def _longest(hull: NDArray[np.int32]) -> float:
    """Return the greatest distance between two corners of a hull."""
    apart = hull[:, None, :].astype(np.float64) - hull[None, :, :]
    return float(np.sqrt((apart**2).sum(axis=2).max()))
