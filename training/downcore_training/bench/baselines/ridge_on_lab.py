"""Ridge regression on the mean L*, a* and b* of the slice."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore_training.bench.baselines._baseline import Baseline, pooled
from downcore_training.bench.core import BenchCore

_PENALTY = 1.0
"""On standardised colours, against the sum of squares of all slices."""


@dataclass(frozen=True, slots=True, eq=False)
class _Ridge:
    centre: NDArray[np.float64]
    spread: NDArray[np.float64]
    weights: NDArray[np.float64]
    """Shape (3, 4), the offset first; NaN for a property nobody logged."""

    def predict(self, core: BenchCore) -> NDArray[np.float64]:
        x = (core.profile[:, :3] - self.centre) / self.spread
        return np.asarray(self.weights[:, 0] + x @ self.weights[:, 1:].T)


def _fit(cores: Sequence[BenchCore], _: int) -> _Ridge:
    profile, labels, _number = pooled(cores)
    lab = profile[:, :3]
    seen = np.isfinite(lab).all(axis=1)
    weights = np.full((labels.shape[1], 4), np.nan)
    if not seen.any():
        return _Ridge(np.zeros(3), np.ones(3), weights)
    centre, spread = lab[seen].mean(axis=0), lab[seen].std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    x = (lab - centre) / spread
    for row, label in zip(weights, labels.T, strict=True):
        known = np.isfinite(label) & seen
        if known.any():
            offset, mean = x[known].mean(axis=0), label[known].mean()
            apart = x[known] - offset
            gram = apart.T @ apart + _PENALTY * np.eye(3)
            row[1:] = np.linalg.solve(gram, apart.T @ (label[known] - mean))
            row[0] = mean - offset @ row[1:]
    return _Ridge(centre, spread, weights)


BASELINE = Baseline("ridge-lab", "ridge on L*a*b*", 2, _fit, extrapolates=True)
