"""Errors of a baseline on held-out slices, and the intervals from them."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.conformal import COVERAGE, MANY_CORES, fit_by_core, half_width
from downcore.strata.properties import PROPERTIES
from downcore_training.bench.baselines import Baseline, Fitted, mean_of_cores
from downcore_training.bench.core import BenchCore
from downcore_training.bench.predictions import Judged
from downcore_training.bench.protocols import Masks
from downcore_training.evaluation.inner_folds import inner_folds

Values = NDArray[np.float64]

N_GROUPS = 3
"""Groups of training cores held out in turn, where there are so many that no core need be cut."""


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """A fitted baseline with the mean and sd of its labels, by property."""

    baseline: Baseline
    fitted: Fitted
    mean: Values
    """Mean training label, shape (3,); NaN where nobody logged it."""
    spread: Values
    """Sd of the training labels, shape (3,)."""

    def predict(self, core: BenchCore) -> Values:
        """Return its predictions for a core, shape (n, 3), given without its labels."""
        shown = core if self.baseline.needs_core_labels else without_labels(core)
        return self.fitted.predict(shown)

    def sd(self, predicted: Values, i: int) -> Values | None:
        """
        Return the sd of predictions (n,) of property ``i``; ``None`` where all are equal.

        For a baseline that extrapolates, the sd grows with the distance from the training mean,
        since in a new core colour may relate to the property differently.
        """
        if not self.baseline.extrapolates:
            return None
        least = max(float(self.spread[i]), 1e-9)
        return np.where(np.isfinite(predicted), np.hypot(least, predicted - self.mean[i]), least)


def learn(baseline: Baseline, cores: Sequence[BenchCore], training: Masks, *, seed: int) -> Learned:
    """Return the baseline fitted to the training slices; their cores show no other label."""
    lessons = [
        dataclasses.replace(_hidden(core), labels=np.where(mask[:, None], core.labels, np.nan))
        for core, mask in zip(cores, training, strict=True)
        if mask.any()
    ]
    labels = np.concatenate([core.labels for core in lessons])
    mean = mean_of_cores(lessons)
    apart = np.where(np.isfinite(labels), labels - mean, 0.0)
    count = np.maximum(np.isfinite(labels).sum(axis=0), 1)
    spread = np.sqrt((apart**2).sum(axis=0) / count)
    return Learned(baseline, baseline.fit(lessons, seed), mean, spread)


def without_labels(core: BenchCore) -> BenchCore:
    """Return ``core`` as a model may see it: no label, nothing of what is visible."""
    return dataclasses.replace(_hidden(core), labels=np.full(core.labels.shape, np.nan))


def only(core: BenchCore, properties: NDArray[np.bool_]) -> BenchCore:
    """Return ``core`` with labels of some properties alone."""
    return dataclasses.replace(core, labels=np.where(properties, core.labels, np.nan))


def judged_in_turn(
    baseline: Baseline,
    cores: Sequence[BenchCore],
    training: Masks,
    *,
    for_site: str,
    seed: int,
) -> tuple[Judged | None, ...]:
    """
    Return errors inside the training cores that represent those on a core of ``for_site``.

    Parameters
    ----------
    baseline : Baseline
    cores : sequence of BenchCore
    training : tuple of ndarray
        Slices that may be learned from; no other is looked at.
    for_site : str
        Site of the held-out core.
    seed : int

    Returns
    -------
    tuple
        By property; ``None`` where too little was logged.
    """
    found: list[Judged | None] = []
    for i in range(len(PROPERTIES)):
        mine = _logged(cores, training, i)
        n_cores = sum(bool(mask.any()) for mask in mine)
        if n_cores == 0:
            found.append(None)
            continue
        chosen = np.arange(len(PROPERTIES)) == i
        turns = _groups(mine) if n_cores > MANY_CORES else _turns(cores, mine, for_site)
        shown = [only(core, chosen) for core in cores]
        found.append(_judged(baseline, shown, turns, i=i, seed=seed, by_core=n_cores > MANY_CORES))
    return tuple(found)


def depends_on_site(cores: Sequence[BenchCore], training: Masks) -> bool:
    """Return whether the result of :func:`judged_in_turn` depends on ``for_site``."""
    counts = [
        sum(bool(mask.any()) for mask in _logged(cores, training, i))
        for i in range(len(PROPERTIES))
    ]
    return any(0 < n <= MANY_CORES for n in counts)


def judged_on(
    learned: Learned, cores: Sequence[BenchCore], validation: Masks
) -> tuple[Judged | None, ...]:
    """Return the errors on slices that were set aside inside the training cores, by property."""
    found: list[Judged | None] = []
    for i in range(len(PROPERTIES)):
        parts = _errors_on(learned, cores, validation, i)
        found.append(_joined(parts, [k for k, _, _ in parts]))
    return tuple(found)


def half_of(judged: Judged | None, sd: Values | None, n: int, *, is_by_core: bool) -> Values:
    """
    Return the half widths of ``n`` slices, NaN where nothing was judged.

    With ``is_by_core`` they are for a core outside the training data; otherwise slices count as
    independent, as in the published protocol.
    """
    if judged is None:
        return np.full(n, np.nan)
    if not is_by_core:
        score = np.abs(judged.error) / (1.0 if judged.sd is None else judged.sd)
        level = min(COVERAGE * (1.0 + 1.0 / score.size), 1.0)
        factor = float(np.quantile(score, level, method="higher"))
        return factor * (np.ones(n) if sd is None else sd)
    table = fit_by_core(judged.error, judged.sd, judged.fold)
    return np.broadcast_to(half_width(table, sd), (n,))


def _hidden(core: BenchCore) -> BenchCore:
    return dataclasses.replace(core, visible=None, ranks=None, further=())


_Turn = tuple[Masks, Masks]
"""Training slices and test slices of an inner fold."""


def _logged(cores: Sequence[BenchCore], training: Masks, i: int) -> Masks:
    return tuple(
        mask & np.isfinite(core.labels[:, i]) & core.has_colour
        for core, mask in zip(cores, training, strict=True)
    )


def _groups(mine: Masks) -> list[_Turn]:
    numbers = [k for k, mask in enumerate(mine) if mask.any()]
    group = {k: i % N_GROUPS for i, k in enumerate(numbers)}
    return [
        (
            tuple(mask & (group.get(k) != g) for k, mask in enumerate(mine)),
            tuple(mask & (group.get(k) == g) for k, mask in enumerate(mine)),
        )
        for g in range(N_GROUPS)
    ]


def _turns(cores: Sequence[BenchCore], mine: Masks, for_site: str) -> list[_Turn]:
    sites = sorted({core.site for core in cores})
    number = np.concatenate([np.full(int(m.sum()), k) for k, m in enumerate(mine)])
    site = np.array([sites.index(core.site) for core in cores])[number]
    folds = inner_folds(number, site, for_site=sites.index(for_site))
    return [(_spread(fold.training, mine), _spread(fold.judged, mine)) for fold in folds]


def _spread(chosen: NDArray[np.bool_], mine: Masks) -> Masks:
    """Return a choice among the labelled slices of all cores as masks of the cores."""
    ends = np.cumsum([mask.sum() for mask in mine])[:-1]
    out = []
    for mask, part in zip(mine, np.split(chosen, ends), strict=True):
        full = np.zeros(mask.shape, np.bool_)
        full[mask] = part
        out.append(full)
    return tuple(out)


def _judged(
    baseline: Baseline,
    cores: Sequence[BenchCore],
    turns: Sequence[_Turn],
    *,
    i: int,
    seed: int,
    by_core: bool,
) -> Judged | None:
    parts: list[_Part] = []
    folds: list[int] = []
    for number, (training, judged) in enumerate(turns):
        if any(mask.any() for mask in training):
            learned = learn(baseline, cores, training, seed=seed)
            found = _errors_on(learned, cores, judged, i)
            parts += found
            folds += [k if by_core else number for k, _, _ in found]
    return _joined(parts, folds)


_Part = tuple[int, Values, Values | None]
"""Number of a core, errors on some of its slices, and their sd."""


def _errors_on(learned: Learned, cores: Sequence[BenchCore], masks: Masks, i: int) -> list[_Part]:
    found: list[_Part] = []
    for k, (core, mask) in enumerate(zip(cores, masks, strict=True)):
        if not mask.any():
            continue
        predicted = learned.predict(core)[:, i]
        error = predicted - core.labels[:, i]
        known = mask & np.isfinite(error) & core.has_colour
        if known.any():
            sd = learned.sd(predicted, i)
            found.append((k, error[known], None if sd is None else sd[known]))
    return found


def _joined(parts: Sequence[_Part], folds: Sequence[int]) -> Judged | None:
    if sum(error.size for _, error, _ in parts) < 2:  # noqa: PLR2004 - one error has no spread
        return None
    sizes = [error.size for _, error, _ in parts]
    sds = [sd for _, _, sd in parts if sd is not None]
    return Judged(
        np.concatenate([error for _, error, _ in parts]),
        np.concatenate(sds) if sds else None,
        np.repeat(np.array(folds, np.int64), sizes),
        np.repeat(np.array([k for k, _, _ in parts], np.int64), sizes),
    )
