"""Memory layout of a window of cells for the graph of SLIC."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from downcore.strata.superpixels.grid import Grid

N_AROUND = 9
"""Number of clusters a pixel chooses from, in row order."""

N_TERMS = 6
"""Of a centre or a sum: L*, a*, b*, line, column, and presence or count."""

LAST = np.eye(N_TERMS, dtype=np.float32)[-1]
"""Shape (6,): 1 in the last term, 0 in the others."""


@dataclass(frozen=True, slots=True, eq=False)
class GraphShape:
    """The shape a graph is built for; all windows of a section share it."""

    grid: Grid
    n_rows: int
    """Rows of cells of a window."""
    iterations: int
    """Iterations in which pixels choose, the last one included."""
    weight: float
    """Squared steps of colour that count as much as one squared pixel."""

    @property
    def n_cells(self) -> int:
        """Cells of a window."""
        return self.n_rows * self.grid.n_columns

    @property
    def n_early(self) -> int:
        """Pixels of a cell that choose in all iterations but the last."""
        return self.grid.n_early * self.grid.widest_px

    @property
    def n_px(self) -> int:
        """Pixels of a cell."""
        return self.grid.cell_px * self.grid.widest_px


@dataclass(frozen=True, slots=True, eq=False)
class Around:
    """
    The nine cells around each, and how far they are; the same for every iteration.

    Cells are counted from the first of the row above the window; one that is none comes last.
    Single numbers are gathered, since the processor vectorises that.
    """

    cells: NDArray[np.int32]
    """Which cells, shape (n_cells, 9, 1)."""
    terms: NDArray[np.int32]
    """Shape (n_cells, 9, 6): where the terms of each stand, all cells of a term together."""
    lengths: NDArray[np.float32]
    """Shape (n_cells, 9, 2): lines and columns from the cell to each."""
    given: NDArray[np.int32]
    """Shape (9, 6, n_cells): where what each of the nine gives to the cell's cluster stands."""
    axis: int = 2
    """The axis of terms in all but ``given``."""

    @property
    def last(self) -> NDArray[np.float32]:
        """1 in the last term, 0 in the others, along the axis of terms."""
        shape = [N_TERMS if i == self.axis else 1 for i in range(3)]
        last: NDArray[np.float32] = LAST.reshape(shape)
        return last

    def by_term(self) -> "Around":
        """Return the same with all cells of a term adjacent, as the last iteration reads them."""
        return Around(
            cells=_cells_last(self.cells),
            terms=_cells_last(self.terms),
            lengths=_cells_last(self.lengths),
            given=self.given,
            axis=1,
        )


_Number = TypeVar("_Number", np.int32, np.float32)


def _cells_last(values: NDArray[_Number]) -> NDArray[_Number]:
    return np.ascontiguousarray(np.moveaxis(values, 0, 2))


def around(shape: GraphShape) -> Around:
    """Return what lies around each cell of a window."""
    edges, n_columns, n_rows = shape.grid.edges, shape.grid.n_columns, shape.n_rows
    k, term = np.arange(N_AROUND), np.arange(N_TERMS)
    below, right = k // 3 - 1, k % 3 - 1
    r = np.arange(n_rows).repeat(n_columns)[:, None] + below
    c = np.tile(np.arange(n_columns), n_rows)[:, None]
    is_there = (r < n_rows) & (c + right >= 0) & (c + right < n_columns)
    none = (n_rows + 1) * n_columns
    cells = np.where(is_there, (r + 1) * n_columns + c + right, none)
    lines = np.broadcast_to(below * shape.grid.cell_px, cells.shape)
    across = edges[np.clip(c + right, 0, n_columns - 1)] - edges[c]
    lengths = np.stack([lines, across], axis=2) * is_there[:, :, None]
    # The cell below contributes to its neighbour above, and so on.
    given = (N_AROUND * cells + N_AROUND - 1 - k)[:, :, None] * N_TERMS + term
    return Around(
        cells=cells[:, :, None].astype(np.int32),
        terms=((none + 1) * term + cells[:, :, None]).astype(np.int32),
        lengths=lengths.astype(np.float32),
        given=_cells_last(given.astype(np.int32)),
    )
