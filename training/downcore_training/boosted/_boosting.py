"""
Trees that predict slices, fitted to readings of wide sensors.

A narrow sensor's label is the slice's own. A wide sensor's label is a mean over the slice's
neighbours: trees fitted to it as if it were the slice's own would be smoothed, and smoothed again
when they are compared with a logger. After half of the trees, the rest can therefore be fitted in
rounds to the remaining residual of the reading: the gradient of its squared error, which is
gradient boosting with the sensor inside the loss.

Source: Friedman (2001), Greedy function approximation: a gradient boosting machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from downcore.strata.footprint import FOOTPRINTS
from downcore_training.boosted._reading import Reading
from downcore_training.boosted.trees import DEPTH, N_LEAVES
from downcore_training.datasets import TileSet
from downcore_training.fitting.scaling import TargetScaling

_WIDE_CM = 1.0
"""Sd of a footprint from which neighbours count, cm."""
_MIN_TILES = 40
"""Tiles of a leaf at least."""
_SHRINKAGE = 5.0
"""Of leaves towards 0, as so many tiles without an error."""

Ensemble = tuple[HistGradientBoostingRegressor, ...]
"""Models whose sum is the prediction."""


@dataclass(frozen=True, slots=True)
class Boosting:
    """Settings of the boosting."""

    n_trees: int = 300
    """Of each property."""
    n_rounds: int = 0
    """
    Fits that share the second half of the trees where the sensor is wide; 0 takes its label
    as the slice's own, which did no worse on generated cores.
    """
    learning_rate: float = 0.05
    seed: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Lessons:
    """Training data of the trees."""

    features: NDArray[np.float32]
    """Shape (n_tiles, k)."""
    tiles: TileSet
    wanted: NDArray[np.float64]
    """Scaled reading about each tile's slice, shape (n_tiles, 3); NaN where there is none."""


def fit_trees(
    features: NDArray[np.float32],
    target: NDArray[np.float64],
    *,
    n_trees: int,
    how: Boosting,
) -> HistGradientBoostingRegressor:
    """Return trees fitted to ``target`` (n,) of ``features`` (n, k); NaN targets are left out."""
    known = np.isfinite(target)
    if not known.any():
        # A property that nobody logged is not an output of the bundle; its trees say 0.
        known, target = np.ones(target.shape, np.bool_), np.zeros(target.shape)
    model = HistGradientBoostingRegressor(
        learning_rate=how.learning_rate,
        max_iter=n_trees,
        max_depth=DEPTH,
        max_leaf_nodes=N_LEAVES,
        min_samples_leaf=_MIN_TILES,
        l2_regularization=_SHRINKAGE,
        early_stopping=False,  # pyright: ignore[reportArgumentType] - its default is "auto"
        random_state=how.seed,
    )
    # On a busy machine threads wait for one another far longer than they work.
    with threadpool_limits(1, user_api="openmp"):
        return model.fit(features[known], target[known])


def fit_means(lessons: Lessons, scaling: TargetScaling, *, how: Boosting) -> tuple[Ensemble, ...]:
    """Return the trees of every property's mean, in scaled space."""
    found = []
    for i, footprint in enumerate(FOOTPRINTS):
        if footprint.sd_cm > _WIDE_CM and how.n_rounds > 0:
            found.append(_fit_wide(lessons, i, scaling, how=how))
        else:
            wanted = lessons.wanted[:, i]
            found.append((fit_trees(lessons.features, wanted, n_trees=how.n_trees, how=how),))
    return tuple(found)


def predicted(models: Sequence[Ensemble], features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the sums of all ``models``, shape (n, n_models)."""
    with threadpool_limits(1, user_api="openmp"):
        sums = [np.sum([m.predict(features) for m in ensemble], axis=0) for ensemble in models]
    return np.stack(sums, axis=1)


def slice_means(tiles: TileSet, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the means of values of tiles (n_tiles,) over each slice, shape (n_slices,)."""
    means: NDArray[np.float64] = np.bincount(tiles.group, values) / np.bincount(tiles.group)
    return means


def _fit_wide(lessons: Lessons, i: int, scaling: TargetScaling, *, how: Boosting) -> Ensemble:
    """Return the trees of property ``i``, whose sensor sees several slices."""
    features, tiles = lessons.features, lessons.tiles
    reading = Reading(tiles, FOOTPRINTS[i])
    # The sensor averages plain values, so its reading is computed outside scaled space.
    centre, spread = scaling.centre[i], scaling.spread[i]
    label = centre + spread * lessons.wanted[tiles.one_tile_a_slice(), i]
    per_round = how.n_trees // (2 * how.n_rounds)
    first = how.n_trees - per_round * how.n_rounds
    models = [fit_trees(features, lessons.wanted[:, i], n_trees=first, how=how)]
    fitted = predicted([(models[0],)], features)[:, 0]
    for _ in range(how.n_rounds):
        values = centre + spread * slice_means(tiles, fitted)
        owed = reading.owed(values, label - reading.of(values)) / spread
        models.append(fit_trees(features, owed[tiles.group], n_trees=per_round, how=how))
        fitted = fitted + predicted([(models[-1],)], features)[:, 0]
    return tuple(models)
