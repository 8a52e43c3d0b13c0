"""
The clusters of SLIC: where their centres are, and which pixels choose which.

Every cell of a grid begins one cluster. A pixel chooses among the clusters of its own cell
and the eight around it. What a cell's pixels give to each of the nine is summed apart and in
whole numbers, so neither the order in which cells are visited nor the number of threads that
visit them can show in the result.

Source: Achanta et al. (2012), SLIC superpixels compared to state-of-the-art superpixel
methods, doi:10.1109/TPAMI.2012.120.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from downcore.strata.kernels import compiled, inlined

Tiles: TypeAlias = NDArray[np.int16]
"""Shape (n_rows, n_columns, 4, n_px): the planes of each cell, its pixels one after another."""

Centres: TypeAlias = NDArray[np.float32]
"""
Shape (n_rows + 2, n_columns + 2, 6): L*, a*, b* in steps, line and column within the own cell,
and 1 where there is a cluster. A border without clusters lies around.
"""

Sums: TypeAlias = NDArray[np.int32]
"""
Shape (n_rows + 2, n_columns + 2, 9, 6): for each cell and each of the nine clusters around it,
sums over the pixels that chose it: L*, a*, b*, line and column within the giving cell, count.
"""

NONE = 9
"""What a pixel without sediment chooses; 0 to 8 are the clusters around, row by row."""


@compiled
def begin(
    planes: NDArray[np.int16],
    n_lines: int,
    *,
    edges: NDArray[np.int64],
    order: NDArray[np.int64],
    place: NDArray[np.float32],
    tiles: Tiles,
    centres: Centres,
    rows: tuple[int, int, int],
    shift: float,
) -> None:
    """
    Copy pixels cell by cell, and begin a cluster in every cell that has sediment.

    Parameters
    ----------
    planes : ndarray, shape (4, n, n_across)
        Colour and mask.
    n_lines : int
        How many of their lines are there; they may end within the last row of cells.
    edges : ndarray, shape (n_columns + 1,)
        Where columns of cells begin and end.
    order : ndarray, shape (cell_px,)
        Which line of a cell comes first, second and so on.
    place : ndarray of float32, shape (2, n_px)
        Line and column within the cell of each pixel of a tile.
    tiles, centres : ndarray
        Where to write; what lies beyond the strip becomes no sediment.
    rows : tuple of int
        First row of cells, one past the last, and how many pixels of a tile choose early.
    shift : float
        Lines from the mean of the early ones to the cell's middle.
    """
    # Unsigned throughout: a signed index is tested for being below 0 at every pixel.
    wide = np.uint64(tiles.shape[3] // order.size)
    for r in range(np.uint64(rows[0]), np.uint64(rows[1])):
        for i in range(np.uint64(order.size)):
            y = r * np.uint64(order.size) + np.uint64(order[i])
            is_there = y < np.uint64(n_lines)
            for c in range(np.uint64(tiles.shape[1])):
                first = i * wide
                left, right = np.uint64(edges[c]), np.uint64(edges[c + np.uint64(1)])
                for j in range(right - left if is_there else np.uint64(0)):
                    tiles[r, c, 0, first + j] = planes[0, y, left + j]
                    tiles[r, c, 1, first + j] = planes[1, y, left + j]
                    tiles[r, c, 2, first + j] = planes[2, y, left + j]
                    tiles[r, c, 3, first + j] = planes[3, y, left + j]
                for j in range(right - left if is_there else np.uint64(0), wide):
                    tiles[r, c, 3, first + j] = 0
        for c in range(tiles.shape[1]):
            centre = centres[r + np.uint64(1), c + 1]
            if _begin_cell(tiles[r, c], place, rows[2], centre):
                centre[3] += shift
            else:
                _begin_cell(tiles[r, c], place, tiles.shape[3], centre)


@inlined
def _begin_cell(
    tile: NDArray[np.int16], place: NDArray[np.float32], n: int, centre: NDArray[np.float32]
) -> bool:
    """Put a cluster at the mean of the first ``n`` pixels; return whether any is sediment."""
    lightness = a = b = y = x = count = np.int32(0)
    for p in range(n):
        own = np.int32(tile[3, p])
        lightness += own * np.int32(tile[0, p])
        a += own * np.int32(tile[1, p])
        b += own * np.int32(tile[2, p])
        y += own * np.int32(place[0, p])
        x += own * np.int32(place[1, p])
        count += own
    if count == 0:
        return False
    centre[0], centre[1], centre[2] = lightness / count, a / count, b / count
    centre[3], centre[4], centre[5] = y / count, x / count, 1.0
    return True


@inlined
def _write_forms(
    centres: Centres,
    edges: NDArray[np.int64],
    at: tuple[int, int, int],
    weight: float,
    forms: NDArray[np.float32],
) -> None:
    """Write the distance of a cell's pixel to each of nine clusters as a linear form."""
    r, c, cell_px = at
    two = np.float32(2.0)
    for k in range(9):
        below, right = k // 3 - 1, k % 3 - 1
        centre = centres[r + below, c + right]
        if centre[5] == np.float32(0.0):
            forms[k, :5] = np.float32(0.0)
            forms[k, 5] = np.float32(1e30)
            continue
        y = centre[3] + np.float32(below * cell_px)
        x = centre[4] + np.float32(edges[c - 1 + right] - edges[c - 1])
        forms[k, 0] = -two * centre[0]
        forms[k, 1] = -two * centre[1]
        forms[k, 2] = -two * centre[2]
        forms[k, 3] = -two * weight * y
        forms[k, 4] = -two * weight * x
        colour = centre[0] * centre[0] + centre[1] * centre[1] + centre[2] * centre[2]
        forms[k, 5] = colour + weight * (y * y + x * x)


@inlined
def _choose(
    tile: NDArray[np.int16],
    place: NDArray[np.float32],
    forms: NDArray[np.float32],
    slot: NDArray[np.int32],
) -> None:
    """Write which of nine clusters is nearest to each pixel; the first of equals."""
    for p in range(slot.size):
        lightness = np.float32(tile[0, p])
        a, b = np.float32(tile[1, p]), np.float32(tile[2, p])
        y, x = place[0, p], place[1, p]
        least = np.float32(2e30)
        chosen = np.int32(NONE)
        for k in range(9):
            colour = forms[k, 0] * lightness + forms[k, 1] * a + forms[k, 2] * b
            distance = forms[k, 5] + colour + forms[k, 3] * y + forms[k, 4] * x
            is_nearer = distance < least
            least = distance if is_nearer else least
            chosen = np.int32(k) if is_nearer else chosen
        slot[p] = chosen if tile[3, p] != 0 else np.int32(NONE)


@inlined
def _add_up(
    tile: NDArray[np.int16],
    place: NDArray[np.float32],
    slot: NDArray[np.int32],
    sums: NDArray[np.int32],
    work: NDArray[np.int32],
) -> None:
    """
    Write what the pixels of a cell give to each of nine clusters.

    Pixels beside one another mostly choose the same, so each run of them is summed by itself.
    ``work`` has room for nine clusters and for pixels that choose none, shape (10, 6).
    """
    work[:] = np.int32(0)
    p, one, n = np.uint64(0), np.uint64(1), np.uint64(slot.size)
    # Lines begin where the column is 0. Unsigned, as in :func:`begin`.
    while p < n:
        first, chosen = p, slot[p]
        lightness = a = b = np.int32(0)
        while True:
            lightness += np.int32(tile[0, p])
            a += np.int32(tile[1, p])
            b += np.int32(tile[2, p])
            p += one
            if p == n or slot[p] != chosen or place[1, p] == np.float32(0.0):
                break
        length = np.int32(p - first)
        own = work[np.uint64(chosen)]
        own[0] += lightness
        own[1] += a
        own[2] += b
        own[3] += length * np.int32(place[0, first])
        own[4] += length * np.int32(place[1, first]) + length * (length - np.int32(1)) // 2
        own[5] += length
    for k in range(9):
        for j in range(6):
            sums[k, j] = work[k, j]


@compiled
def give(
    tiles: Tiles,
    place: NDArray[np.float32],
    *,
    edges: NDArray[np.int64],
    centres: Centres,
    sums: Sums,
    rows: tuple[int, int, int],
    weight: float,
) -> None:
    """
    Let the first pixels of each cell choose, and sum what they give to whom.

    Parameters
    ----------
    tiles, edges : ndarray
        As :func:`fill_tiles` has them.
    place : ndarray of float32, shape (2, n)
        Line and column within the cell of the ``n`` pixels of a tile that choose.
    centres, sums : ndarray
        Clusters, and where the sums go.
    rows : tuple of int
        First row of cells, one past the last, and the pitch of the grid in pixels.
    weight : float
        Squared steps of colour that count as much as one squared pixel.
    """
    n = place.shape[1]
    forms = np.empty((9, 6), np.float32)
    slot = np.empty(n, np.int32)
    work = np.empty((NONE + 1, 6), np.int32)
    for r in range(rows[0], rows[1]):
        for c in range(tiles.shape[1]):
            # Without sediment no cluster began here, and nothing is given.
            if centres[r + 1, c + 1, 5] == np.float32(0.0):
                continue
            _write_forms(centres, edges, (r + 1, c + 1, rows[2]), weight, forms)
            _choose(tiles[r, c], place, forms, slot)
            _add_up(tiles[r, c], place, slot, sums[r + 1, c + 1], work)


@compiled
def move(
    sums: Sums, edges: NDArray[np.int64], cell_px: int, shift: float, centres: Centres
) -> None:
    """
    Put every cluster where its pixels are; one that has none stays where it is.

    ``shift`` is that of :func:`begin`: early lines stand for the lines around them too.
    """
    for r in range(1, centres.shape[0] - 1):
        for c in range(1, centres.shape[1] - 1):
            total = np.zeros(6, np.int64)
            for k in range(9):
                below, right = k // 3 - 1, k % 3 - 1
                # The cell below gives to its neighbour above, and so on.
                given = sums[r + below, c + right, 8 - k]
                n = given[5]
                if n == 0:
                    continue
                for j in range(6):
                    total[j] += given[j]
                total[3] += np.int64(n) * below * cell_px
                total[4] += np.int64(n) * (edges[c - 1 + right] - edges[c - 1])
            if total[5] > 0:
                for j in range(5):
                    centres[r, c, j] = np.float32(total[j] / total[5])
                centres[r, c, 3] += shift


@compiled
def write_clusters(
    tiles: Tiles,
    place: NDArray[np.float32],
    *,
    edges: NDArray[np.int64],
    order: NDArray[np.int64],
    centres: Centres,
    clusters: NDArray[np.int32],
    rows: tuple[int, int, int],
    weight: float,
) -> None:
    """Let every pixel choose, and write the number of its cluster; 0 without sediment."""
    first_row, stop_row, first_number = rows
    cell_px, n_columns = order.size, tiles.shape[1]
    wide = tiles.shape[3] // cell_px
    forms = np.empty((9, 6), np.float32)
    slot = np.empty(tiles.shape[3], np.int32)
    numbers = np.zeros(NONE + 1, np.int32)
    for r in range(first_row, stop_row):
        for c in range(n_columns):
            if centres[r + 1, c + 1, 5] == np.float32(0.0):
                slot[:] = np.int32(NONE)
            else:
                _write_forms(centres, edges, (r + 1, c + 1, cell_px), weight, forms)
                _choose(tiles[r, c], place, forms, slot)
            for k in range(9):
                numbers[k] = first_number + (r + k // 3 - 1) * n_columns + c + k % 3 - 1
            for i in range(cell_px):
                y = r * cell_px + order[i]
                if y < clusters.shape[0]:
                    own = clusters[y, edges[c] : edges[c + 1]]
                    chosen = slot[i * wide : (i + 1) * wide]
                    for j in range(own.size):
                        own[j] = numbers[np.uint32(chosen[j])]
