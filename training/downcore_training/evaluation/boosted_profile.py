"""Boosted trees on the colour profile of a core and its context: a baseline for networks."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits


@dataclass(frozen=True, slots=True)
class _Growth:
    """Settings of the trees' growth."""

    learning_rate: float
    n_trees: int
    n_leaves: int
    min_slices: int
    """Of a leaf."""
    shrinkage: float
    share_of_features: float
    """Share of the features that a split may use."""


_MANY_CORES = 10
"""Fewest cores for trees that are not restricted against overfitting single cores."""

_MANY = _Growth(0.05, 200, 15, 20, 5.0, 1.0)

_CAREFUL = _Growth(0.02, 150, 4, 60, 20.0, 0.3)
"""
For few cores. The best of seven settings by mean R2 on generated cores: five pairs of one site
each, fitted to one core and scored on the other; no real core was used.
"""


@dataclass(frozen=True, slots=True, eq=False)
class _Trees:
    """The trees of one property."""

    model: HistGradientBoostingRegressor
    columns: NDArray[np.bool_]
    """Features that any of its training slices has."""


class BoostedProfile:
    """
    Gradient boosting for each property on features of slices.

    Parameters
    ----------
    seed : int, default 0
        Same seed, same trees.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._models: list[_Trees | None] = []

    def fit(
        self, x: NDArray[np.float64], labels: NDArray[np.float64], groups: NDArray[np.int64]
    ) -> Self:
        """
        Fit to slices; those without a label are left out, property by property.

        Parameters
        ----------
        x : ndarray, shape (n, k)
            Features; NaN where unknown.
        labels : ndarray, shape (n, n_properties)
            NaN where there is none.
        groups : ndarray, shape (n,)
            Core of each slice. Every core weighs the same, whatever its length.

        Returns
        -------
        BoostedProfile
            Itself.
        """
        self._models = [self._fitted(x, column, groups) for column in labels.T]
        return self

    def predict(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """
        Return predictions, shape (n, n_properties); NaN for a property without label or feature.

        Raises
        ------
        ValueError
            If nothing was fitted yet.
        """
        if not self._models:
            raise ValueError("expected fit before predict, got neither")
        none = np.full(len(x), np.nan)
        with threadpool_limits(1, user_api="openmp"):
            predictions = [
                none if model is None or not len(x) else model.model.predict(x[:, model.columns])
                for model in self._models
            ]
        return np.stack(predictions, axis=1)

    def _fitted(
        self, x: NDArray[np.float64], label: NDArray[np.float64], groups: NDArray[np.int64]
    ) -> _Trees | None:
        known = np.isfinite(label)
        # A feature that no slice has cannot be binned; a folder may lack texture.
        columns = np.asarray(np.isfinite(x[known]).any(axis=0), np.bool_)
        if not columns.any():
            return None
        _, core, count = np.unique(groups[known], return_inverse=True, return_counts=True)
        growth = _CAREFUL if len(count) < _MANY_CORES else _MANY
        model = HistGradientBoostingRegressor(
            learning_rate=growth.learning_rate,
            max_iter=growth.n_trees,
            max_leaf_nodes=growth.n_leaves,
            min_samples_leaf=growth.min_slices,
            l2_regularization=growth.shrinkage,
            max_features=growth.share_of_features,
            early_stopping=False,  # pyright: ignore[reportArgumentType] - its default is "auto"
            random_state=self._seed,
        )
        weights = known.sum() / (len(count) * count[core])
        # On a busy machine threads wait for one another much longer than they compute.
        with threadpool_limits(1, user_api="openmp"):
            model.fit(x[known][:, columns], label[known], sample_weight=weights)
        return _Trees(model, columns)
