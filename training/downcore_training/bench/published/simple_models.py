"""Models that are fitted in seconds: mean, depth, colour by ridge, and trees on windows."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from downcore.learning.packed_trees import summed
from downcore.learning.trees import fit_mean
from downcore_training.bench.baselines import Baseline, baselines
from downcore_training.bench.published.slice_table import SliceTable
from downcore_training.windows.boosted_profile import PROFILE_WINDOW, batches
from downcore_training.windows.profile import N_FEATURES, WindowProfile
from downcore_training.windows.window_set import WindowSet

Values = NDArray[np.float64]

MIN_FOR_TREES = 40
"""Fewest training slices of a property for trees."""


@dataclass(frozen=True, slots=True)
class SimpleModel:
    """A model of the table that needs no budget."""

    name: str
    title: str
    predict: Callable[[Values, int], Values]
    """
    Of targets (n, 3), NaN outside the training slices, and a seed: predictions (n, 3) of every
    slice; NaN where there is none.
    """


def simple_models(table: SliceTable) -> list[SimpleModel]:
    """Return the models of a table, the simplest first; the profile of its windows is made here."""
    known = {baseline.name: baseline for baseline in baselines()}
    found = [
        SimpleModel(name, known[name].title, _by_baseline(table, known[name]))
        for name in ("train-mean", "depth-only", "ridge-lab")
    ]
    features = _features(table)

    def by_trees(targets: Values, seed: int) -> Values:
        return _by_trees(features, targets, seed)

    title = "trees on colour and texture of the slice and 5 cm either side"
    return [*found, SimpleModel("boosted-profile", title, by_trees)]


def _by_baseline(table: SliceTable, baseline: Baseline) -> Callable[[Values, int], Values]:
    unseen = table.cores_with(np.full(table.labels.shape, np.nan))

    def predict(targets: Values, seed: int) -> Values:
        fitted = baseline.fit(table.cores_with(targets), seed)
        return np.concatenate([fitted.predict(core) for core in unseen])

    return predict


def _features(table: SliceTable) -> Values:
    """Return the features of every slice, shape (n, k); section by section, to spare memory."""
    found = []
    profile = WindowProfile(PROFILE_WINDOW)
    with torch.no_grad():
        for section in table.sections:
            windows = WindowSet([section], PROFILE_WINDOW)
            rows = torch.cat([profile(part) for part in batches(windows)])
            found.append(rows.reshape(-1, N_FEATURES)[: len(section)].double().numpy())
    return np.concatenate(found)


def _by_trees(features: Values, targets: Values, seed: int) -> Values:
    predicted = np.full(targets.shape, np.nan)
    for i, target in enumerate(targets.T):
        known = np.isfinite(target)
        if known.sum() >= MIN_FOR_TREES:
            trees = fit_mean(features[known], target[known], seed=seed)
            predicted[:, i] = summed(trees, features)
    return predicted
