"""Kernels that lay out pixels in cells for the graph of SLIC and turn its choices into clusters."""

import numpy as np
from numpy.typing import NDArray

from downcore.strata.kernels import compiled


@compiled
def widen(
    tiles: NDArray[np.int16],
    place: NDArray[np.float32],
    *,
    rows: tuple[int, int],
    early: NDArray[np.float32],
    across: NDArray[np.float32],
    planes: NDArray[np.float32],
) -> None:
    """
    Write rows of cells as floating-point numbers.

    Parameters
    ----------
    tiles : ndarray of int16, shape (n_rows, n_columns, 4, n_px)
        Colour and mask.
    place : ndarray of float32, shape (2, n_px)
        Line and column within the cell of each pixel.
    rows : tuple of int
        First row of cells, and one past the last.
    early : ndarray, shape (n_cells, 6, n_early)
        Where to write colour, place and 1 of the pixels that choose early, 0 without sediment.
    across : ndarray, shape (n_cells, n_early, 6)
        Where to write the same, transposed.
    planes : ndarray, shape (3, n_cells, n_px)
        Where to write the colour of all pixels.
    """
    n_columns, n_early = tiles.shape[1], early.shape[2]
    for r in range(rows[0], rows[1]):
        for c in range(n_columns):
            cell, tile = r * n_columns + c, tiles[r, c]
            for k in range(3):
                for p in range(tile.shape[1]):
                    planes[k, cell, p] = np.float32(tile[k, p])
            for k in range(3):
                for p in range(n_early):
                    early[cell, k, p] = np.float32(tile[k, p] * tile[3, p])
            for p in range(n_early):
                early[cell, 3, p] = place[0, p] * np.float32(tile[3, p])
                early[cell, 4, p] = place[1, p] * np.float32(tile[3, p])
                early[cell, 5, p] = np.float32(tile[3, p])
            for p in range(n_early):
                for k in range(6):
                    across[cell, p, k] = early[cell, k, p]


@compiled
def write_chosen(
    tiles: NDArray[np.int16],
    chosen: NDArray[np.uint8],
    *,
    edges: NDArray[np.int64],
    order: NDArray[np.int64],
    rows: tuple[int, int, int],
    clusters: NDArray[np.int32],
) -> None:
    """
    Write the number of each pixel's cluster; 0 without sediment.

    Parameters
    ----------
    tiles : ndarray of int16, shape (n_rows, n_columns, 4, n_px)
        Colour and mask.
    chosen : ndarray of uint8, shape (n_cells, n_px)
        Which of the nine clusters around each pixel chose.
    edges : ndarray, shape (n_columns + 1,)
        Where columns of cells begin and end.
    order : ndarray, shape (cell_px,)
        Which line of a cell comes first, second and so on.
    rows : tuple of int
        First row of cells, one past the last, and the number of the window's first cluster.
    clusters : ndarray of int32, shape (n_lines, n_across)
        Where to write.
    """
    first_row, stop_row, first_number = rows
    cell_px, n_columns = order.size, tiles.shape[1]
    wide = tiles.shape[3] // cell_px
    numbers = np.zeros(9, np.int32)
    for r in range(first_row, stop_row):
        for c in range(n_columns):
            for k in range(9):
                numbers[k] = first_number + (r + k // 3 - 1) * n_columns + c + k % 3 - 1
            for i in range(cell_px):
                y = r * cell_px + order[i]
                if y < clusters.shape[0]:
                    own = clusters[y, edges[c] : edges[c + 1]]
                    which = chosen[r * n_columns + c, i * wide : (i + 1) * wide]
                    is_sediment = tiles[r, c, 3, i * wide : (i + 1) * wide]
                    for j in range(own.size):
                        own[j] = numbers[which[j]] * np.int32(is_sediment[j])
