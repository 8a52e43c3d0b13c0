"""The iterations of SLIC over the rows of cells of one window after another."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from downcore.strata.superpixels import clusters as kernels
from downcore.strata.superpixels.grid import Grid
from downcore.strata.superpixels.planes import LAB_STEPS, Planes
from downcore.strata.superpixels.settings import SuperpixelSettings


class Clustering:
    """
    Let the pixels of one window after another choose their clusters.

    A window begins some rows of cells above the lines that are still to be labelled, so that
    their clusters are seen with what has arrived since. Of the row above that is remembered, for
    each iteration, where its clusters were and what it gave to the row below.

    Parameters
    ----------
    settings : SuperpixelSettings
        How.
    grid : Grid
        Where the cells lie.
    """

    def __init__(self, settings: SuperpixelSettings, grid: Grid) -> None:
        self._grid = grid
        self._weight = (settings.compactness * LAB_STEPS / grid.cell_px) ** 2
        self._place = grid.place()
        self._early = np.ascontiguousarray(self._place[:, : grid.n_early * grid.widest_px])
        n_columns, n_times = grid.n_columns + 2, settings.iterations
        self._centres_above = np.zeros((n_times, n_columns, 6), np.float32)
        self._sums_above = np.zeros((n_times - 1, n_columns, 9, 6), np.int32)
        self._first_number = 1
        # Taken once: memory that is new to the process costs more than what is done to it here.
        n_rows = 1 + settings.stretch_cells + settings.halo_cells
        self._tiles = np.empty((n_rows, grid.n_columns, 4, self._place.shape[1]), np.int16)
        self._clusters = np.empty((n_rows * grid.cell_px, grid.n_across), np.int32)

    def clusters(self, planes: Planes, n_lines: int, n_rows_on: int) -> NDArray[np.int32]:
        """Return the number of each pixel's cluster; see ``WindowClustering.clusters``."""
        grid = self._grid
        n_rows = -(-n_lines // grid.cell_px)
        tiles, clusters = self._tiles[:n_rows], self._clusters[:n_lines]
        centres = np.zeros((n_rows + 2, grid.n_columns + 2, 6), np.float32)
        sums = np.zeros((n_rows + 2, grid.n_columns + 2, 9, 6), np.int32)
        kernels.begin(
            planes,
            n_lines,
            edges=grid.edges,
            order=grid.order,
            place=self._place,
            tiles=tiles,
            centres=centres,
            rows=(0, n_rows, self._early.shape[1]),
            shift=grid.shift,
        )
        for centres_above, sums_above in zip(self._centres_above, self._sums_above, strict=False):
            _carry(centres_above, centres, n_rows_on)
            kernels.give(
                tiles,
                self._early,
                edges=grid.edges,
                centres=centres,
                sums=sums,
                rows=(0, n_rows, grid.cell_px),
                weight=self._weight,
            )
            _carry(sums_above, sums, n_rows_on)
            kernels.move(sums, grid.edges, grid.cell_px, grid.shift, centres)
        _carry(self._centres_above[-1], centres, n_rows_on)
        kernels.write_clusters(
            tiles,
            self._place,
            edges=grid.edges,
            order=grid.order,
            centres=centres,
            clusters=clusters,
            rows=(0, n_rows, self._first_number),
            weight=self._weight,
        )
        self._first_number += n_rows_on * grid.n_columns
        return clusters


_Rows = TypeVar("_Rows", NDArray[np.float32], NDArray[np.int32])


def _carry(above: _Rows, rows: _Rows, n_rows_on: int) -> None:
    """Put what was carried above the window's rows, and carry the row above the next window."""
    rows[0] = above
    above[...] = rows[n_rows_on]
