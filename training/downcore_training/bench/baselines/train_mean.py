"""The mean of the training slices, for every slice."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore_training.bench.baselines._baseline import Baseline, mean_of_cores
from downcore_training.bench.core import BenchCore


@dataclass(frozen=True, slots=True, eq=False)
class _Mean:
    mean: NDArray[np.float64]

    def predict(self, core: BenchCore) -> NDArray[np.float64]:
        return np.broadcast_to(self.mean, (len(core), self.mean.size)).copy()


def _fit(cores: Sequence[BenchCore], _: int) -> _Mean:
    return _Mean(mean_of_cores(cores))


BASELINE = Baseline("train-mean", "mean of the training slices", 0, _fit)
