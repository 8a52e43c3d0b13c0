"""
The tiles of a step: groups within one reading of a sensor.

A wide sensor's reading is represented by three slices of the same stretch of core, the label's own
and one on either side, by Gauss-Hermite quadrature: with its weights a mean over them has the
variance of the sensor's footprint.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.errors import SettingsError
from downcore.strata.footprint import FOOTPRINTS, Footprint
from downcore_training.datasets import TileSet

_NARROW_CM = 1.0
"""A sensor with at most this sd measures little but the slice itself."""


@dataclass(frozen=True, slots=True)
class Quadrature:
    """Slices that represent a footprint, the label's own first."""

    offsets: tuple[int, ...]
    """Slices from the label's, the first 0."""
    weights: tuple[float, ...]
    """Sum 1, all above 0."""


ALONE = Quadrature((0,), (1.0,))
"""Each tile by itself."""


def wide_footprints() -> tuple[Footprint, ...]:
    """Return the footprints that reach well past a slice."""
    return tuple(footprint for footprint in FOOTPRINTS if footprint.sd_cm > _NARROW_CM)


def quadrature_of(footprint: Footprint) -> Quadrature:
    """
    Return three slices whose weighted mean has the footprint's variance.

    The distance is the Gauss-Hermite one, the root of 3 standard deviations, to the nearest
    slice; the weights correct for the rounding. A slice's own width is part of the variance.
    """
    weights = footprint.weights()
    at = np.arange(weights.size) - weights.size // 2
    variance = float((weights * at**2).sum())
    reach = max(1, round(math.sqrt(3 * variance)))
    beside = variance / (2 * reach**2)
    return Quadrature((0, -reach, reach), (1 - 2 * beside, beside, beside))


@dataclass(frozen=True, slots=True, eq=False)
class TileGroups:
    """The tiles of one step."""

    tiles: NDArray[np.int64]
    """Index of each tile, shape (n_groups, k); the first of a row is of the label's slice."""
    weights: NDArray[np.float64]
    """Share of each tile in the group's mean, same shape; the sum of each row is 1."""


class GroupedTiles:
    """
    All groups of a set of tiles, in the order of a run.

    In each epoch every slice is the label of one group, and the tiles of a slice take turns. A
    group never leaves its stretch of core: where a neighbour is missing, another tile of the
    label's slice replaces it, and the weights of the present slices are scaled to sum to 1.

    Parameters
    ----------
    tiles : TileSet
        What is trained on.
    quadrature : Quadrature
        Slices of a group.
    seed : int
        Decides the order.
    """

    def __init__(self, tiles: TileSet, quadrature: Quadrature, seed: int) -> None:
        self._quadrature, self._seed = quadrature, seed
        self._first = tiles.one_tile_a_slice()
        self._count = np.bincount(tiles.group)
        self._core = tiles.core[self._first]
        self._neighbour = _neighbours(tiles, self._first, quadrature.offsets)
        # Index of the first tile a slice uses.
        self._turn = np.random.default_rng([seed, 0]).integers(0, 1 << 30, self._first.size)

    def batches(self, n_groups: int, first_step: int) -> Iterator[TileGroups]:
        """
        Yield the groups of every step from ``first_step`` on, without end.

        The groups of a batch are of different cores, as far as there are enough. The
        remainder of an epoch is dropped.

        Raises
        ------
        SettingsError
            If there are fewer slices than ``n_groups``.
        """
        if self._first.size < n_groups:
            raise SettingsError(
                f"expected at least {n_groups} slices for a batch, got {self._first.size}"
            )
        per_epoch = self._first.size // n_groups
        step = first_step
        while True:
            epoch = step // per_epoch
            order = self._order(epoch)
            for i in range(step % per_epoch, per_epoch):
                yield self.groups(order[i * n_groups : (i + 1) * n_groups], epoch)
                step += 1

    def groups(self, slices: NDArray[np.int64], epoch: int) -> TileGroups:
        """Return the groups of ``slices``, numbers of slices over all cores, in an epoch."""
        there = self._neighbour[slices] >= 0
        chosen = np.where(there, self._neighbour[slices], slices[:, None])
        # Tiles of a slice take turns, so that all are used equally.
        role = np.arange(chosen.shape[1]) + epoch * chosen.shape[1]
        tiles = self._first[chosen] + (self._turn[chosen] + role) % self._count[chosen]
        shares = np.where(there, np.array(self._quadrature.weights), 0.0)
        # Replacements share the weight of their slice.
        own = np.where(there, 0.0, 1.0)
        own[:, 0] = 1.0
        shares = np.where(own > 0, shares[:, :1] * own / own.sum(axis=1, keepdims=True), shares)
        return TileGroups(tiles, shares / shares.sum(axis=1, keepdims=True))

    def _order(self, epoch: int) -> NDArray[np.int64]:
        """Return all slices, ordered so that neighbours in the order are of different cores."""
        rng = np.random.default_rng([self._seed, 1, epoch])
        shuffled = rng.permutation(self._first.size)
        core = self._core[shuffled]
        by_core = np.argsort(core, kind="stable")
        starts = np.searchsorted(core[by_core], core[by_core])
        deal = np.empty(core.size, np.int64)
        deal[by_core] = np.arange(core.size) - starts
        return shuffled[np.lexsort((rng.random(core.size), deal))]


def _neighbours(
    tiles: TileSet, first: NDArray[np.int64], offsets: tuple[int, ...]
) -> NDArray[np.int64]:
    """Return the slices at ``offsets`` of every slice, shape (n_slices, k); -1 for none."""
    out = np.full((first.size, len(offsets)), -1, np.int64)
    for number, core in enumerate(tiles.cores):
        index = np.unique(core.slice_index)
        mine = np.flatnonzero(tiles.core[first] == number)
        place = np.full(len(core.labels), -1, np.int64)
        place[index] = mine
        for k, offset in enumerate(offsets):
            other = index + offset
            inside = (other >= 0) & (other < place.size)
            other = np.where(inside, other, index)
            same = inside & (core.runs[other] == core.runs[index])
            out[mine, k] = np.where(same, place[other], -1)
    return out
