"""A parabola in depth: what depth alone predicts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore_training.bench.baselines._baseline import Baseline
from downcore_training.bench.core import BenchCore

_DEGREE = 2


@dataclass(frozen=True, slots=True, eq=False)
class _Parabola:
    coefficients: NDArray[np.float64]
    """Shape (3, degree + 1); NaN for a property nobody logged."""
    deepest_cm: float

    def predict(self, core: BenchCore) -> NDArray[np.float64]:
        # Below the deepest training slice the curve is constant, since it has no data there.
        powers = _powers(np.minimum(core.depth_cm, self.deepest_cm) / self.deepest_cm)
        return np.asarray(powers @ self.coefficients.T)


def _fit(cores: Sequence[BenchCore], _: int) -> _Parabola:
    depth = np.concatenate([core.depth_cm for core in cores])
    labels = np.concatenate([core.labels for core in cores])
    deepest = max(float(depth.max()), 1.0)
    powers = _powers(depth / deepest)
    found = np.full((labels.shape[1], _DEGREE + 1), np.nan)
    for row, label in zip(found, labels.T, strict=True):
        known = np.isfinite(label)
        if known.any():
            row[:] = np.linalg.lstsq(powers[known], label[known], rcond=None)[0]
    return _Parabola(found, deepest)


def _powers(share: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([share**k for k in range(_DEGREE + 1)], axis=1)


BASELINE = Baseline("depth-only", "parabola in depth", 1, _fit)
