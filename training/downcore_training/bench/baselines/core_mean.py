"""The mean of the core's own log: an oracle for the differences between cores only."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore_training.bench.baselines._baseline import Baseline, mean_of_cores
from downcore_training.bench.core import BenchCore


@dataclass(frozen=True, slots=True)
class _Oracle:
    def predict(self, core: BenchCore) -> NDArray[np.float64]:
        mean = mean_of_cores([core])
        return np.broadcast_to(mean, (len(core), mean.size)).copy()


def _fit(_cores: Sequence[BenchCore], _seed: int) -> _Oracle:
    return _Oracle()


BASELINE = Baseline(
    "core-mean", "mean of the core's own log (oracle)", 10, _fit, needs_core_labels=True
)
