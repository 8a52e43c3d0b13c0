"""
The streaming mask: classifies each pixel of a slice as sediment or something else.

A small network classifies the cells of a coarse grid by their colour, texture, line, column and
position. A state of a few numbers carries what was seen further up the section, so the mask of a
slice depends on the lines down to a halo below it and never on how they were cut into segments.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from downcore.strata.depth import LineScale
from downcore.strata.mask.classes import MaskClass
from downcore.strata.mask.edges import (
    UNKNOWN_EDGES,
    Edges,
    edges_after,
    inside_edges,
    lean_of_edges,
)
from downcore.strata.mask.features import features_of
from downcore.strata.mask.grid import Grid, SectionGrids, grid_of, labels_of_cells
from downcore.strata.mask.network import scores_of
from downcore.strata.section import SliceLines

MASK_HALO_UM = 20_000
"""Length of core above and below a slice that its mask uses; for ``SectionBuffer(halo_um=...)``."""

_SMOOTHING_FROM_CELLS_PER_CM = 8.0
"""Below this scale a crack or a tag is one cell wide, so neighbours give no information on it."""


_BLOWN_OUT_L = 97.0
"""L* from which a cell cannot be sediment, whatever surrounds it."""

_BLOWN_OUT_LEAN = -2.0
"""Log odds that such a cell is sediment, at most."""

_SURROUNDINGS = (MaskClass.TRAY, MaskClass.OUTSIDE)
"""Classes that occur around a core and never inside it."""

_INSIDE_FROM_CM = 0.2
"""Distance inside the tracked edges from which a cell is certainly inside the core."""

_LINE_IS_OUTSIDE = 0.5
"""Share of a line's cells from which the line is before, after or between the parts of a core."""

_SLICE_IS_OUTSIDE = 0.2
"""Share of such lines above which a slice contains an end of the core."""


@dataclass(frozen=True, slots=True)
class MaskState:
    """State carried from the slices above; sufficient to continue after a restart."""

    edges: Edges = UNKNOWN_EDGES


def mask_slice(
    state: MaskState, lines: SliceLines, px_per_cm: float
) -> tuple[NDArray[np.uint8], MaskState]:
    """
    Classify every pixel of a slice.

    Parameters
    ----------
    state : MaskState
        From the slice above; ``MaskState()`` for the first.
    lines : SliceLines
        The slice, with a halo of :data:`MASK_HALO_UM` where the section has it.
    px_per_cm : float
        Scale of the scan, the same along and across.

    Returns
    -------
    classes : ndarray of uint8, shape (n_lines, n_across)
        Values of :class:`MaskClass`.
    state : MaskState
        For the slice below.
    """
    return _mask_of(state, grid_of(lines, px_per_cm), lines)


class SectionMasker:
    """
    The mask of one section, slice by slice, in order.

    Parameters
    ----------
    scale : LineScale
        Lines per centimetre.
    state : MaskState, optional
        State to continue from; the start of a section by default.
    """

    def __init__(self, scale: LineScale, state: MaskState | None = None) -> None:
        self._grids = SectionGrids(float(scale.px_per_cm))
        self.state = state or MaskState()

    def mask(self, lines: SliceLines) -> NDArray[np.uint8]:
        """Return the classes of the next slice's pixels, shape (n_lines, n_across)."""
        classes, self.state = _mask_of(self.state, self._grids.grid_of(lines), lines)
        return classes


def _mask_of(
    state: MaskState, grid: Grid, lines: SliceLines
) -> tuple[NDArray[np.uint8], MaskState]:
    n_rows, n_columns = grid.n_rows, grid.lab.shape[1]
    # A class after the other: sums over the last axis would be of seven numbers at a time.
    scores = np.ascontiguousarray(scores_of(features_of(grid)).T)
    scores = scores.reshape(len(MaskClass), n_rows, n_columns)
    others = scores[1:]
    lean = scores[MaskClass.SEDIMENT] - _log_sum(others)
    lean = lean + lean_of_edges(state.edges, n_columns)
    own = grid.lab[grid.above : grid.above + n_rows]
    lean[own[..., 0] >= _BLOWN_OUT_L] = _BLOWN_OUT_LEAN
    if grid.cells_per_cm >= _SMOOTHING_FROM_CELLS_PER_CM:
        lean = np.asarray(cv2.blur(lean, (3, 3), borderType=cv2.BORDER_REPLICATE), np.float32)
    is_sediment = lean > 0.0
    cells = np.where(is_sediment, np.uint8(0), others.argmax(axis=0).astype(np.uint8) + np.uint8(1))
    within = inside_edges(state.edges, n_columns, _INSIDE_FROM_CM * grid.cells_per_cm)
    if within.any():
        is_sediment = _mend_inside(cells, within, scores, own[..., 0])
    after = MaskState(edges=edges_after(state.edges, is_sediment))
    return labels_of_cells(cells, grid.step_px, (lines.n_lines, lines.window.shape[1])), after


def _mend_inside(
    cells: NDArray[np.uint8],
    within: NDArray[np.bool_],
    scores: NDArray[np.float32],
    light: NDArray[np.float32],
) -> NDArray[np.bool_]:
    """
    Replace around-the-core classes found inside a core by the likeliest other class.

    Tray and outside reach into a core only over its whole width, where it ends or has
    a gap; a patch of them within the edges is mud that looks like them.

    Returns
    -------
    ndarray of bool, shape (n_rows, n_columns)
        Which cells are sediment afterwards; ``cells`` is changed in place.
    """
    around = (cells == MaskClass.TRAY) | (cells == MaskClass.OUTSIDE)
    across = (around | (cells == MaskClass.TAG)).mean(axis=1) > _LINE_IS_OUTSIDE
    if across.mean() <= _SLICE_IS_OUTSIDE:
        rows, columns = np.nonzero(around & within & ~across[:, None])
        left = scores[:, rows, columns]
        left[_SURROUNDINGS, :] = -np.inf
        left[MaskClass.SEDIMENT, light[rows, columns] >= _BLOWN_OUT_L] = -np.inf
        cells[rows, columns] = left.argmax(axis=0)
    return np.asarray(cells == MaskClass.SEDIMENT)


def _log_sum(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the logarithm of the sum of exponentials over the first axis."""
    highest = scores.max(axis=0)
    total = np.exp(scores - highest).sum(axis=0)
    return np.asarray(highest + np.log(total), np.float32)
