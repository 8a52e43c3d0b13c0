"""Superpixels through OpenVINO: runs the graph of :mod:`.superpixel_graph` window by window."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from downcore.inference.openvino_runtime import compile_for
from downcore.inference.superpixel_graph import N_TERMS, GraphShape, slic_graph
from downcore.strata.kernels import compiled
from downcore.strata.superpixels.clustering import WindowClustering
from downcore.strata.superpixels.clusters import begin
from downcore.strata.superpixels.grid import Grid
from downcore.strata.superpixels.planes import LAB_STEPS, Planes
from downcore.strata.superpixels.settings import SuperpixelSettings

_MAX_EARLY_PX = 2**24 // (108 * LAB_STEPS)
"""
Most pixels whose sums of colours are exact whole numbers in 32-bit floating point; no sRGB colour
has an L*, a* or b* beyond 108.
"""

_MAX_KEPT = 4
"""Compiled graphs kept in memory; sections of one scanner have few widths."""


class GraphBackend:
    """
    SLIC as an OpenVINO graph; give it to a stream as ``backend``.

    A graph is compiled for the width and the settings of a section when its stream is made,
    which takes some 2 s at 1,400 pixels, and kept for the next sections of the same. Labels are
    those of the kernels but for a few pixels in a hundred thousand.
    """

    def __init__(self) -> None:
        self._compiled: dict[tuple[int, SuperpixelSettings, int], Any] = {}

    def clustering(self, settings: SuperpixelSettings, grid: Grid) -> WindowClustering:
        """
        Return the clustering of one section, before its first window.

        Raises
        ------
        ValueError
            If so many pixels of a cell choose early that their sums would not be exact.
        """
        shape = GraphShape(
            grid=grid,
            n_rows=1 + settings.stretch_cells + settings.halo_cells,
            iterations=settings.iterations,
            weight=(settings.compactness * LAB_STEPS / grid.cell_px) ** 2,
        )
        if shape.n_early > _MAX_EARLY_PX and settings.iterations > 1:
            raise ValueError(
                f"expected cells of which at most {_MAX_EARLY_PX} px choose early, got "
                f"{shape.n_early} px of cells of {grid.cell_px} px: take smaller cells, a larger "
                "row_step, or the kernels of the processor"
            )
        key = (grid.n_across, settings, grid.cell_px)
        compiled = self._compiled.get(key)
        if compiled is None:
            # Always 32 bit: with 16 the error of the superpixels doubles.
            compiled = compile_for(slic_graph(shape))
            self._compiled[key] = compiled
            for oldest in list(self._compiled)[:-_MAX_KEPT]:
                self._compiled.pop(oldest, None)
        return _Clustering(shape, compiled.create_infer_request())


class _Clustering:
    """One section's windows, one after another."""

    def __init__(self, shape: GraphShape, request: Any) -> None:
        grid = shape.grid
        self._shape = shape
        self._request = request
        self._first_number = 1
        self._place = grid.place()
        self._tiles = np.zeros((shape.n_rows, grid.n_columns, 4, shape.n_px), np.int16)
        self._clusters = np.zeros((shape.n_rows * grid.cell_px, grid.n_across), np.int32)
        # The request is kept, since its memory is written and read through these views.
        ports = [*request.model_inputs, *request.model_outputs]
        self._tensors = {port.get_any_name(): request.get_tensor(port).data for port in ports}
        for port in request.model_inputs:
            self._tensors[port.get_any_name()][...] = 0

    def clusters(self, planes: Planes, n_lines: int, n_rows_on: int) -> NDArray[np.int32]:
        """Return the number of each pixel's cluster, as :class:`WindowClustering` says."""
        grid, tensors = self._shape.grid, self._tensors
        n_rows = -(-n_lines // grid.cell_px)
        n_cells = n_rows * grid.n_columns
        tiles, clusters = self._tiles[:n_rows], self._clusters[:n_lines]
        centres = np.zeros((n_rows + 2, grid.n_columns + 2, N_TERMS), np.float32)
        for row in range(n_rows):
            # One row at a time, so that it is still in the cache for the second write.
            begin(
                planes,
                n_lines,
                edges=grid.edges,
                order=grid.order,
                place=self._place,
                tiles=tiles,
                centres=centres,
                rows=(row, row + 1, self._shape.n_early),
                shift=grid.shift,
            )
            _widen(
                tiles,
                self._place,
                rows=(row, row + 1),
                early=tensors["early"],
                across=tensors["early_across"],
                planes=tensors["planes"],
            )
        tensors["centres"][:, :n_cells] = centres[1:-1, 1:-1].reshape(n_cells, N_TERMS).T
        # Missing rows of a short window are filled as rows without sediment.
        tensors["centres"][:, n_cells:] = 0.0
        tensors["early"][n_cells:] = 0.0
        tensors["early_across"][n_cells:] = 0.0
        tensors["passed_on"][...] = n_rows_on * grid.n_columns + np.arange(grid.n_columns)
        self._request.infer()
        for what in ("centres", "sums")[: min(self._shape.iterations, 2)]:
            tensors[f"{what}_above"][...] = tensors[f"{what}_passed_on"]
        _write_chosen(
            tiles,
            tensors["chosen"][0],
            edges=grid.edges,
            order=grid.order,
            rows=(0, n_rows, self._first_number),
            clusters=clusters,
        )
        self._first_number += n_rows_on * grid.n_columns
        return clusters


@compiled
def _widen(
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
def _write_chosen(
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
