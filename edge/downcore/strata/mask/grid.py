"""The coarse grid on which the mask is decided: a slice and its halo at about 20 cells per cm."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from downcore.strata.colour import lab_of_counts
from downcore.strata.section import SliceLines
from downcore.strata.segment import Pixels

CELLS_PER_CM = 20.0
"""Target number of cells per centimetre; a coarser scan is used as it is."""

_SAMPLES_PER_CELL = 2
_MIN_PX_TO_SAMPLE = 4
"""From this many pixels a side, a cell is the mean of 2 x 2 of its pixels instead of all."""

_CELLS_OF_A_VECTOR = 16
"""Most cells that a processor converts to L*a*b* at once, or a multiple of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Colour of a slice and its halo, cell by cell."""

    lab: NDArray[np.float32]
    """CIE L*a*b*, shape (n_rows, n_columns, 3); rows run down the core."""
    above: int
    """Rows of halo before the slice's own."""
    n_rows: int
    """Rows of the slice itself; the last may hang over its end."""
    step_px: int
    """Side of a cell in pixels of the scan."""
    cells_per_cm: float
    stretched: NDArray[np.float32] | None = None
    """``lab`` as :func:`stretched` gives it, where that is known already; same shape."""


class SectionGrids:
    """
    The grids of one section, slice by slice.

    A slice has most of its window in common with the one above, so rows of cells that begin at the
    same scan line are taken over from there. Rows depend on their own lines alone.

    Parameters
    ----------
    px_per_cm : float
        Scale of the scan.
    """

    def __init__(self, px_per_cm: float) -> None:
        self._px_per_cm = px_per_cm
        self._step = max(1, round(px_per_cm / CELLS_PER_CM))
        self._first_line = 0
        """Scan line at which the first of the rows begins that are kept."""
        self._lab = np.empty((0, 0, 3), np.float32)
        self._stretched = self._lab

    def grid_of(self, lines: SliceLines) -> Grid:
        """
        Return the grid of the next slice.

        Rows are counted from the slice's own first line, so that they depend on nothing
        but the lines of the window.
        """
        step = self._step
        above = lines.above // step
        own = -(-lines.n_lines // step)
        first = lines.above - above * step
        below = (lines.window.shape[0] - lines.above - own * step) // step
        n_rows = above + own + max(below, 0)
        part = lines.window[first : first + n_rows * step]
        first_line = lines.first_line - above * step
        known = self._rows_from(first_line, -(-part.shape[1] // step))
        n_known = len(known[0])
        lab = lab_of_counts(_shrunk(part[n_known * step :], n_rows - n_known, step))
        together = np.concatenate([known[0], lab]), np.concatenate([known[1], stretched(lab)])
        # A row that hangs over the end of the window is another one once the lines below it came,
        # and the last cells of a window are rounded otherwise, being no whole vector.
        n_last = -(-_CELLS_OF_A_VECTOR // lab.shape[1])
        n_kept = max(min(part.shape[0] // step, n_rows - n_last), 0)
        self._first_line = first_line
        self._lab, self._stretched = together[0][:n_kept], together[1][:n_kept]
        return Grid(together[0], above, own, step, self._px_per_cm / step, together[1])

    def _rows_from(
        self, first_line: int, n_columns: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the rows known from a scan line on, in both forms, if one begins there."""
        apart = first_line - self._first_line
        is_known = apart >= 0 and apart % self._step == 0 and self._lab.shape[1] == n_columns
        # OpenCV samples at multiples of this number, which rounding makes uneven for some steps.
        is_known &= 1.0 / (_SAMPLES_PER_CELL / self._step) == self._step / _SAMPLES_PER_CELL
        if not is_known:
            none = np.empty((0, n_columns, 3), np.float32)
            return none, none
        first = apart // self._step
        n_rows = max(len(self._lab) - first, 0)
        # As many as end with a whole vector, so that the rest is rounded as it is in one piece.
        whole = _CELLS_OF_A_VECTOR // math.gcd(_CELLS_OF_A_VECTOR, n_columns)
        kept = slice(first, first + n_rows // whole * whole)
        return self._lab[kept], self._stretched[kept]


def grid_of(lines: SliceLines, px_per_cm: float) -> Grid:
    """Return the coarse grid of a slice by itself."""
    return SectionGrids(px_per_cm).grid_of(lines)


def stretched(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return L* about -1 to 1; a* and b* stretched, since they distinguish tray from mud."""
    scaled = lab * np.array([1 / 30, 1 / 10, 1 / 10], np.float32)
    scaled[..., 0] -= 1.5
    scaled[..., 1:] = np.arcsinh(scaled[..., 1:])
    return scaled


def labels_of_cells(
    cells: NDArray[np.uint8], step_px: int, shape: tuple[int, int]
) -> NDArray[np.uint8]:
    """Return a label for each pixel of a slice of ``shape`` from those of its cells."""
    if step_px == 1:
        return cells[: shape[0], : shape[1]]
    lines = np.repeat(cells, step_px, axis=1)[:, : shape[1]]
    full = np.empty((len(lines), step_px, lines.shape[1]), np.uint8)
    full[:] = lines[:, None]
    return full.reshape(-1, lines.shape[1])[: shape[0]]


def _shrunk(part: Pixels, n_rows: int, step: int) -> Pixels:
    """Return ``part`` at one pixel per cell; incomplete last cells are filled by repetition."""
    n_columns = -(-part.shape[1] // step)
    below, beside = n_rows * step - part.shape[0], n_columns * step - part.shape[1]
    if below or beside:
        part = cv2.copyMakeBorder(  # type: ignore[assignment] # OpenCV's types are wider
            part, 0, below, 0, beside, cv2.BORDER_REPLICATE
        )
    if step == 1:
        return part
    if step >= _MIN_PX_TO_SAMPLE:
        size = (n_columns * _SAMPLES_PER_CELL, n_rows * _SAMPLES_PER_CELL)
        part = cv2.resize(part, size, interpolation=cv2.INTER_NEAREST)  # type: ignore[assignment] # as above
    return cv2.resize(part, (n_columns, n_rows), interpolation=cv2.INTER_AREA)  # type: ignore[return-value] # as above
