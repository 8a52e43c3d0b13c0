"""Gradient boosting on colour and texture, with the slices above and below."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore_training.bench.baselines._baseline import Baseline, pooled
from downcore_training.bench.core import BenchCore
from downcore_training.profile import BoostedProfile, with_context


@dataclass(frozen=True, slots=True, eq=False)
class _Trees:
    """The trees of one property."""

    model: BoostedProfile
    columns: NDArray[np.bool_]
    """Features that any of its training slices has; a folder may lack texture."""


@dataclass(frozen=True, slots=True, eq=False)
class _Boosted:
    trees: tuple[_Trees | None, ...]
    """By property; ``None`` where nobody logged it."""

    def predict(self, core: BenchCore) -> NDArray[np.float64]:
        features = with_context(core.profile, core.run)
        said = np.full(core.labels.shape, np.nan)
        # Trees answer whatever they are asked; without a colour there is nothing to answer from.
        seen = core.has_colour
        for i, one in enumerate(self.trees):
            if one is not None and seen.any():
                said[seen, i] = one.model.predict(features[seen][:, one.columns])[:, 0]
        return said


def _fit(cores: Sequence[BenchCore], seed: int) -> _Boosted:
    _, labels, number = pooled(cores)
    features = np.concatenate([with_context(core.profile, core.run) for core in cores])
    seen = np.concatenate([core.has_colour for core in cores])
    return _Boosted(
        tuple(
            _grown(features[mine], column[mine], number[mine], seed)
            for column in labels.T
            for mine in (np.isfinite(column) & seen,)
        )
    )


def _grown(
    features: NDArray[np.float64], label: NDArray[np.float64], core: NDArray[np.int64], seed: int
) -> _Trees | None:
    if not label.size:
        return None
    columns = np.asarray(np.isfinite(features).any(axis=0))
    model = BoostedProfile(seed).fit(features[:, columns], label[:, None], core)
    return _Trees(model, columns)


BASELINE = Baseline("boosted-profile", "gradient boosting on colour, texture and context", 3, _fit)
