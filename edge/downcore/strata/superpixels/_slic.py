"""The iterations of SLIC over the rows of cells of one window after another."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from downcore.strata.superpixels import _clusters
from downcore.strata.superpixels._grid import Grid
from downcore.strata.superpixels.planes import LAB_STEPS, Planes
from downcore.strata.superpixels.settings import SuperpixelSettings

RowWork: TypeAlias = Callable[[int, int], object]
"""Work on rows of cells, from the first to one before the second."""

Each: TypeAlias = Callable[[RowWork, int], None]
"""
Given work and a number of rows, has it done for every row exactly once, in as many calls as it
likes, at once or in turn, and returns when all are done.
"""


def in_turn(work: RowWork, n_rows: int) -> None:
    """Do the work for all rows in one call."""
    work(0, n_rows)


@dataclass(frozen=True, slots=True, eq=False)
class _Window:
    """The pixels and clusters of some rows of cells, and the work on them."""

    grid: Grid
    planes: Planes
    n_lines: int
    tiles: _clusters.Tiles
    centres: _clusters.Centres
    sums: _clusters.Sums
    clusters: NDArray[np.int32]
    first_number: int
    place: NDArray[np.float32]
    early: NDArray[np.float32]
    weight: float

    def begin(self, row: int, stop: int) -> None:
        _clusters.begin(
            self.planes,
            self.n_lines,
            edges=self.grid.edges,
            order=self.grid.order,
            place=self.place,
            tiles=self.tiles,
            centres=self.centres,
            rows=(row, stop, self.early.shape[1]),
            shift=self.grid.shift,
        )

    def give(self, row: int, stop: int) -> None:
        _clusters.give(
            self.tiles,
            self.early,
            edges=self.grid.edges,
            centres=self.centres,
            sums=self.sums,
            rows=(row, stop, self.grid.cell_px),
            weight=self.weight,
        )

    def move(self) -> None:
        grid = self.grid
        _clusters.move(self.sums, grid.edges, grid.cell_px, grid.shift, self.centres)

    def choose(self, row: int, stop: int) -> None:
        _clusters.write_clusters(
            self.tiles,
            self.place,
            edges=self.grid.edges,
            order=self.grid.order,
            centres=self.centres,
            clusters=self.clusters,
            rows=(row, stop, self.first_number),
            weight=self.weight,
        )


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
    each : callable
        Calls work on rows of cells.
    """

    def __init__(self, settings: SuperpixelSettings, grid: Grid, each: Each) -> None:
        self._grid = grid
        self._each = each
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
        window = self._window(planes, n_lines)
        n_rows = window.tiles.shape[0]
        self._each(window.begin, n_rows)
        for centres_above, sums_above in zip(self._centres_above, self._sums_above, strict=False):
            _carry(centres_above, window.centres, n_rows_on)
            self._each(window.give, n_rows)
            _carry(sums_above, window.sums, n_rows_on)
            window.move()
        _carry(self._centres_above[-1], window.centres, n_rows_on)
        self._each(window.choose, n_rows)
        self._first_number += n_rows_on * self._grid.n_columns
        return window.clusters

    def _window(self, planes: Planes, n_lines: int) -> _Window:
        grid = self._grid
        n_rows = -(-n_lines // grid.cell_px)
        return _Window(
            grid=grid,
            planes=planes,
            n_lines=n_lines,
            tiles=self._tiles[:n_rows],
            centres=np.zeros((n_rows + 2, grid.n_columns + 2, 6), np.float32),
            sums=np.zeros((n_rows + 2, grid.n_columns + 2, 9, 6), np.int32),
            clusters=self._clusters[:n_lines],
            first_number=self._first_number,
            place=self._place,
            early=self._early,
            weight=self._weight,
        )


_Rows = TypeVar("_Rows", NDArray[np.float32], NDArray[np.int32])


def _carry(above: _Rows, rows: _Rows, n_rows_on: int) -> None:
    """Put what was carried above the window's rows, and carry the row above the next window."""
    rows[0] = above
    above[...] = rows[n_rows_on]
