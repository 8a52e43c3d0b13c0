"""Gradient boosting on colour and texture, with the slices above and below."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.colour_profile import with_context
from downcore_training.bench.baselines._baseline import Baseline, pooled
from downcore_training.bench.core import BenchCore
from downcore_training.evaluation.boosted_profile import BoostedProfile


@dataclass(frozen=True, slots=True, eq=False)
class _Boosted:
    model: BoostedProfile

    def predict(self, core: BenchCore) -> NDArray[np.float64]:
        predicted = np.full(core.labels.shape, np.nan)
        # Trees predict even from NaN; without a colour there is no prediction.
        seen = core.has_colour
        if seen.any():
            predicted[seen] = self.model.predict(with_context(core.profile, core.run)[seen])
        return predicted


def _fit(cores: Sequence[BenchCore], seed: int) -> _Boosted:
    _, labels, number = pooled(cores)
    seen = np.concatenate([core.has_colour for core in cores])
    features = np.concatenate([with_context(core.profile, core.run) for core in cores])
    return _Boosted(BoostedProfile(seed).fit(features[seen], labels[seen], number[seen]))


BASELINE = Baseline("boosted-profile", "gradient boosting on colour, texture and context", 3, _fit)
