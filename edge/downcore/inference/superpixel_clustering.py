"""Superpixels through OpenVINO: runs the graph of :mod:`.superpixel_graph` window by window."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from downcore.inference.openvino_runtime import compile_for
from downcore.inference.superpixel_graph import slic_graph
from downcore.inference.superpixel_kernels import widen, write_chosen
from downcore.inference.superpixel_layout import N_TERMS, GraphShape
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
            widen(
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
        write_chosen(
            tiles,
            tensors["chosen"][0],
            edges=grid.edges,
            order=grid.order,
            rows=(0, n_rows, self._first_number),
            clusters=clusters,
        )
        self._first_number += n_rows_on * grid.n_columns
        return clusters
