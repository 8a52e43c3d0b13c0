"""Trees on the profile: a forest with some boosting, for every property and its sd."""

import math

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from downcore_training.boosted.trees import PackedTrees, packed, packed_forest

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
    with threadpool_limits(1, user_api="openmp"):
        forest = ExtraTreesRegressor(
            N_FOREST,
            max_depth=DEPTH,
            min_samples_leaf=12,
            max_features=0.3,
            random_state=seed,
        ).fit(x[known], y[known])
        boosted = HistGradientBoostingRegressor(
            learning_rate=0.05,
            max_iter=N_BOOSTED,
            max_depth=4,
            max_leaf_nodes=15,
            min_samples_leaf=24,
            l2_regularization=5.0,
            max_features=0.3,
            early_stopping=False,  # pyright: ignore[reportArgumentType] - its default is "auto"
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
    with threadpool_limits(1, user_api="openmp"):
        forest = ExtraTreesRegressor(
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


def _scaled(trees: PackedTrees, share: float) -> PackedTrees:
    leaf = (trees.leaf * np.float32(share)).astype(np.float32)
    return PackedTrees(trees.feature, trees.threshold, leaf, trees.baseline * share)
