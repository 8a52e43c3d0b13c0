"""Trees on the profile: a forest with some boosting, for every property and its sd."""

import importlib
import math
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downcore.learning.packed_trees import PackedTrees, packed, packed_forest, summed

Values = NDArray[np.float64]

DEPTH = 6
"""Tests on the path to a leaf."""

N_FOREST = 120
"""Trees of the forest of a property."""

N_BOOSTED = 100
"""Boosted trees of a property."""

N_SPREAD = 60
"""Trees of the forest of a property's log sd."""

N_MEAN = N_FOREST + N_BOOSTED

FOREST_SHARE = 0.7
"""Share of the forest in the mean; the forest was the better half on sections of ODP 887A."""

_MIN_ERROR = 0.05
"""Smallest error, in spreads, that the sd learns from."""


def fit_mean(x: Values, y: Values, *, seed: int) -> list[PackedTrees]:
    """Return trees whose leaves add up to the mean of forest and boosting, for ``y`` (n,)."""
    known = np.isfinite(y)
    ensemble = _ensemble()
    with _one_thread():
        forest = ensemble.ExtraTreesRegressor(
            N_FOREST,
            max_depth=DEPTH,
            min_samples_leaf=12,
            max_features=0.3,
            random_state=seed,
        ).fit(x[known], y[known])
        boosted = ensemble.HistGradientBoostingRegressor(
            learning_rate=0.05,
            max_iter=N_BOOSTED,
            max_depth=4,
            max_leaf_nodes=15,
            min_samples_leaf=24,
            l2_regularization=5.0,
            max_features=0.3,
            early_stopping=False,
            random_state=seed,
        ).fit(x[known], y[known])
    return [
        _scaled(packed_forest(forest, DEPTH), FOREST_SHARE),
        _scaled(packed(boosted, DEPTH), 1.0 - FOREST_SHARE),
    ]


def fit_log_sd(x: Values, error: Values, *, seed: int) -> list[PackedTrees]:
    """
    Return trees for the log of the sd of errors of slices that the means had not learnt from.

    Shifted so that the errors in units of the sd have a mean square of 1.
    """
    known = np.isfinite(error)
    log_error = np.log(np.maximum(np.abs(error[known]), _MIN_ERROR))
    ensemble = _ensemble()
    with _one_thread():
        forest = ensemble.ExtraTreesRegressor(
            N_SPREAD,
            max_depth=4,
            min_samples_leaf=40,
            max_features=0.5,
            random_state=seed,
        ).fit(x[known], log_error)
    ratio = error[known] / np.exp(forest.predict(x[known]))
    shift = 0.5 * math.log(float((ratio**2).mean()) + 1e-12)
    trees = packed_forest(forest, DEPTH)
    return [PackedTrees(trees.feature, trees.threshold, trees.leaf, shift)]


@dataclass(frozen=True, slots=True, eq=False)
class GrownTrees:
    """Trees of every property."""

    means: list[list[PackedTrees]]
    spreads: list[list[PackedTrees]]
    """Of the log of the sd of each property."""


def grow(x: Values, target: Values, group: NDArray[np.int64], *, seed: int) -> GrownTrees:
    """
    Return trees for every property; the sd learns from groups that the means did not see.

    Parameters
    ----------
    x : ndarray, shape (n, k)
        Features of slices.
    target : ndarray, shape (n, n_properties)
        Scaled; NaN where nothing may be learnt.
    group : ndarray, shape (n,)
        Number of what is held out together, a section or a core.
    seed : int
        Same seed, same trees.
    """
    unseen = _left_out(x, target, group, seed)
    means = [fit_mean(x, y, seed=seed) for y in target.T]
    spreads = [fit_log_sd(x, error, seed=seed) for error in (unseen - target).T]
    return GrownTrees(means, spreads)


def _left_out(
    x: Values, target: Values, group: NDArray[np.int64], seed: int, n_folds: int = 4
) -> Values:
    """Return predictions of every slice by trees of other sections or cores, scaled."""
    numbers = np.unique(group)
    out = np.full(target.shape, np.nan)
    for fold in range(min(n_folds, len(numbers))):
        away = np.isin(group, numbers[fold::n_folds])
        for k, y in enumerate(target.T):
            out[away, k] = summed(fit_mean(x[~away], y[~away], seed=seed), x[away])
    return out


def _scaled(trees: PackedTrees, share: float) -> PackedTrees:
    leaf = (trees.leaf * np.float32(share)).astype(np.float32)
    return PackedTrees(trees.feature, trees.threshold, leaf, trees.baseline * share)


def _ensemble() -> Any:
    """Return scikit-learn's ensembles, imported late: a device runs what was learnt without it."""
    return importlib.import_module("sklearn.ensemble")


def _one_thread() -> AbstractContextManager[object]:
    """Return a block in which trees are grown by one thread, so that they are the same again."""
    limits: AbstractContextManager[object] = importlib.import_module(
        "threadpoolctl"
    ).threadpool_limits(1, user_api="openmp")
    return limits
