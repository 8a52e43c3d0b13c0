"""The sediment's left and right edge, tracked from slice to slice."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_MEMORY = 0.8
"""Weight of an edge's earlier position from one centimetre to the next."""

_MIN_FILL = 0.5
"""Share of a column's cells, and of the core's columns, that must be sediment to move the edges."""

_MARGIN = 0.02
"""Share of the scan's width beyond the tracked edge in which sediment is not penalised."""

_LEAN_BEYOND = 1.5
"""Log odds against sediment well beyond a trusted edge."""

_MIN_TRUST = 0.5
"""Confidence from which the edges are used; reached after about four consistent slices."""


@dataclass(frozen=True, slots=True)
class Edges:
    """The tracked edges of the sediment, as shares of the scan's width."""

    left: float
    """0 to 1."""
    right: float
    """0 to 1; at or above ``left``."""
    trust: float
    """Confidence: 0 where no edge was seen yet, rising towards 1 as slices agree."""


UNKNOWN_EDGES = Edges(left=0.0, right=1.0, trust=0.0)


def edges_after(edges: Edges, is_sediment: NDArray[np.bool_]) -> Edges:
    """
    Return the edges updated by a slice.

    Parameters
    ----------
    edges : Edges
        Before the slice.
    is_sediment : ndarray of bool, shape (n_rows, n_columns)
        Its cells. A slice with little sediment moves no edge.
    """
    n_columns = is_sediment.shape[1]
    columns = np.flatnonzero(is_sediment.mean(axis=0) >= _MIN_FILL)
    if columns.size < max(1.0, _MIN_FILL * (edges.right - edges.left) * n_columns):
        return edges
    left, right = float(columns[0]) / n_columns, float(columns[-1] + 1) / n_columns
    memory = _MEMORY * edges.trust
    return Edges(
        left=memory * edges.left + (1.0 - memory) * left,
        right=memory * edges.right + (1.0 - memory) * right,
        trust=1.0 - _MEMORY * (1.0 - edges.trust),
    )


def lean_of_edges(edges: Edges, n_columns: int) -> NDArray[np.float32]:
    """Return the log odds for sediment, at most 0, of each column of cells from its position."""
    middle = (np.arange(n_columns, dtype=np.float32) + np.float32(0.5)) / np.float32(n_columns)
    beyond = np.maximum(edges.left - middle, middle - edges.right) / _MARGIN - 1.0
    return np.asarray(-_LEAN_BEYOND * edges.trust * np.clip(beyond, 0.0, 1.0), np.float32)


def inside_edges(edges: Edges, n_columns: int, margin_cells: float) -> NDArray[np.bool_]:
    """Return which columns are inside the core by a margin; none while confidence is low."""
    if edges.trust < _MIN_TRUST:
        return np.zeros(n_columns, np.bool_)
    middle = np.arange(n_columns) + 0.5
    depth = np.minimum(middle - edges.left * n_columns, edges.right * n_columns - middle)
    return np.asarray(depth > margin_cells, np.bool_)
