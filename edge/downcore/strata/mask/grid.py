"""The coarse grid on which the mask is decided: a slice and its halo at about 20 cells per cm."""

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


def grid_of(lines: SliceLines, px_per_cm: float) -> Grid:
    """
    Return the coarse grid of a slice.

    Rows are counted from the slice's own first line, so that they depend on nothing
    but the lines of the window.
    """
    step = max(1, round(px_per_cm / CELLS_PER_CM))
    above = lines.above // step
    own = -(-lines.n_lines // step)
    first = lines.above - above * step
    below = (lines.window.shape[0] - lines.above - own * step) // step
    n_rows = above + own + max(below, 0)
    part = lines.window[first : first + n_rows * step]
    return Grid(
        lab=lab_of_counts(_shrunk(part, n_rows, step)),
        above=above,
        n_rows=own,
        step_px=step,
        cells_per_cm=px_per_cm / step,
    )


def labels_of_cells(
    cells: NDArray[np.uint8], step_px: int, shape: tuple[int, int]
) -> NDArray[np.uint8]:
    """Return a label for each pixel of a slice of ``shape`` from those of its cells."""
    if step_px == 1:
        return cells[: shape[0], : shape[1]]
    size = (cells.shape[1] * step_px, cells.shape[0] * step_px)
    full = cv2.resize(cells, size, interpolation=cv2.INTER_NEAREST)
    return np.ascontiguousarray(full[: shape[0], : shape[1]], np.uint8)


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
