"""Baselines of a network: the mean of the training cores, ridge and boosting on colour."""

import numpy as np
from numpy.typing import NDArray

from downcore.strata.colour_profile import with_context
from downcore_training.datasets import TileSet
from downcore_training.evaluation.boosted_profile import BoostedProfile

_PENALTY = 1.0
"""Of the ridge, on standardised features, against the sum of squares of all tiles."""


def training_mean(training: TileSet, test: TileSet) -> NDArray[np.float64]:
    """Return the mean label of the training tiles for every test tile; NaN where there is none."""
    known = np.isfinite(training.labels)
    sums = np.where(known, training.labels, 0.0).sum(axis=0)
    mean = np.divide(sums, known.sum(axis=0), out=np.full(sums.shape, np.nan), where=known.any(0))
    return np.broadcast_to(mean, (len(test), mean.size)).copy()


def ridge_on_colour(training: TileSet, test: TileSet) -> NDArray[np.float64]:
    """
    Return predictions of ridge regression on mean and sd of L*, a*, b* for every test tile.

    Returns
    -------
    ndarray, shape (n_tiles, 3)
        In the property's unit, log10 for ``ms``; NaN for a property that no training core has.
    """
    centre, spread = training.colour.mean(axis=0), training.colour.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    seen = (training.colour - centre) / spread
    asked = (test.colour - centre) / spread
    out = np.full((len(test), training.labels.shape[1]), np.nan)
    for i in range(out.shape[1]):
        known = np.isfinite(training.labels[:, i])
        if not known.any():
            continue
        x, y = seen[known], training.labels[known, i]
        offset = x.mean(axis=0)
        gram = (x - offset).T @ (x - offset) + _PENALTY * np.eye(x.shape[1])
        weights = np.linalg.solve(gram, (x - offset).T @ (y - y.mean()))
        out[:, i] = y.mean() + (asked - offset) @ weights
    return out


def boosted_on_colour(training: TileSet, test: TileSet) -> NDArray[np.float64]:
    """
    Return predictions of boosted trees on colour of slice and neighbours for test tiles.

    Returns
    -------
    ndarray, shape (n_tiles, 3)
        In the property's unit, log10 for ``ms``; alike for all tiles of a slice. NaN for a
        property that no training core has.
    """
    first = training.one_tile_a_slice()
    model = BoostedProfile().fit(
        _in_context(training), training.labels[first], training.core[first]
    )
    return model.predict(_in_context(test))[test.group]


def _in_context(tiles: TileSet) -> NDArray[np.float64]:
    """Return the features of every slice that has a tile, in order."""
    found: list[NDArray[np.float64]] = []
    for core in tiles.cores:
        there, number = np.unique(core.slice_index, return_inverse=True)
        colour = np.full((len(core.labels), core.colour.shape[1]), np.nan)
        counts = np.bincount(number)[:, None]
        sums = [np.bincount(number, column) for column in core.colour.T]
        colour[there] = np.stack(sums, axis=1) / counts
        found.append(with_context(colour, core.runs)[there])
    return np.concatenate(found)
