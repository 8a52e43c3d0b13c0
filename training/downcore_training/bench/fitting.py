"""Baselines under the protocols: fit, predict, intervals from an inner round of the same kind."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.properties import PROPERTIES
from downcore_training.bench.baselines import Baseline, Fitted
from downcore_training.bench.baselines._baseline import mean_of_cores
from downcore_training.bench.core import BenchCore
from downcore_training.bench.predictions import CoreAnswers, Prediction
from downcore_training.bench.protocols import Fold, Masks, Protocol
from downcore_training.bench.widths import half_widths

Values = NDArray[np.float64]
Tick = Callable[[], None]

_LOWEST, _HIGHEST = (
    np.array(
        [math.log10(x) if one.is_log_scaled else x for one, x in zip(PROPERTIES, ends, strict=True)]
    )
    for ends in ([one.lowest for one in PROPERTIES], [one.highest for one in PROPERTIES])
)

N_INNER = 3
"""Most groups of training cores that are held out in turn for the intervals."""

OWN = "own"
"""What the slices themselves are called among what is shown of them."""

N_BLOCKS = 3
"""Groups of stretches that take the place of cores where there is only one."""


@dataclass(frozen=True, slots=True)
class Round:
    """How a protocol is gone through."""

    seed: int
    with_intervals: bool = True
    tick: Tick = lambda: None
    """Called after every fold."""


def run_baseline(
    baseline: Baseline,
    cores: Sequence[BenchCore],
    protocol: Protocol,
    *,
    how: Round,
    crops: Mapping[str, Sequence[BenchCore]] | None = None,
) -> dict[str, Prediction]:
    """
    Return what a baseline says of every test slice of a protocol.

    A fitted baseline is given a test core without its labels, so that it cannot look.

    Parameters
    ----------
    baseline : Baseline
    cores : sequence of BenchCore
    protocol : Protocol
    how : Round
    crops : mapping, optional
        For each control, what is shown of the test cores in place of themselves.

    Returns
    -------
    dict
        The prediction as :data:`OWN`, and one for each of ``crops``; empty where the cores allow no
        fold.
    """
    shown = {OWN: cores, **(crops or {})}
    folds = protocol.folds(cores, how.seed)
    if not folds:
        return {}
    answers = {name: [_nothing_said(core) for core in cores] for name in shown}
    for fold in folds:
        tested = _tested(cores, fold.test)
        mine = [_only(core, tested) for core in cores]
        lessons = _lessons(mine, fold.training)
        fitted = baseline.fit(lessons, how.seed)
        width = np.full(len(PROPERTIES), np.nan)
        if how.with_intervals:
            width = _widths(baseline, mine, fold, seed=how.seed, fitted=fitted)
        mean = mean_of_cores(lessons)
        for name, views in shown.items():
            for k, mask in enumerate(fold.test):
                if mask.any():
                    known = np.isfinite(cores[k].labels) & views[k].has_colour[:, None]
                    said = _ask(baseline, fitted, views[k])
                    _fill(answers[name][k], mask, said, width=width, mean=mean, known=known)
        how.tick()
    return {
        name: Prediction(
            baseline.name,
            baseline.title,
            protocol.name,
            baseline.simplicity,
            is_candidate=not baseline.needs_core_labels,
            cores=tuple(found),
            n_folds=len(folds),
        )
        for name, found in answers.items()
    }


def _nothing_said(core: BenchCore) -> CoreAnswers:
    said, lower, upper, mean = (np.full(core.labels.shape, np.nan) for _ in range(4))
    return CoreAnswers(said, lower, upper, np.zeros(core.labels.shape, bool), mean)


def _fill(
    answers: CoreAnswers,
    mask: NDArray[np.bool_],
    said: Values,
    *,
    width: Values,
    mean: Values,
    known: NDArray[np.bool_],
) -> None:
    answers.said[mask] = said[mask]
    # An interval ends where credible values do, as on the device.
    answers.lower[mask] = np.clip(said[mask] - width, _LOWEST, _HIGHEST)
    answers.upper[mask] = np.clip(said[mask] + width, _LOWEST, _HIGHEST)
    answers.training_mean[mask] = mean
    answers.asked[mask] = known[mask] & np.isfinite(mean)


def _tested(cores: Sequence[BenchCore], test: Masks) -> NDArray[np.bool_]:
    """Return which properties any test slice has, shape (3,); nothing else need be learned."""
    found = np.zeros(len(PROPERTIES), bool)
    for core, mask in zip(cores, test, strict=True):
        found |= np.isfinite(core.labels[mask]).any(axis=0)
    return found


def without_labels(core: BenchCore) -> BenchCore:
    """Return ``core`` as a model may see it: no label, nothing of what is visible."""
    return dataclasses.replace(
        core, labels=np.full(core.labels.shape, np.nan), visible=None, ranks=None
    )


def _ask(baseline: Baseline, fitted: Fitted, core: BenchCore) -> Values:
    return fitted.predict(core if baseline.needs_core_labels else without_labels(core))


def _lessons(cores: Sequence[BenchCore], training: Masks) -> list[BenchCore]:
    """Return the cores to learn from, with labels on the training slices only."""
    return [
        dataclasses.replace(
            core,
            labels=np.where(mask[:, None], core.labels, np.nan),
            visible=None,
            ranks=None,
        )
        for core, mask in zip(cores, training, strict=True)
        if mask.any()
    ]


def _widths(
    baseline: Baseline, cores: Sequence[BenchCore], fold: Fold, *, seed: int, fitted: Fitted
) -> Values:
    """Return the half width of each property, from slices that took no part in the fit."""
    if fold.validation is not None:
        errors = _errors_on(baseline, fitted, cores, fold.validation)
        return half_widths(errors, is_by_core=False)
    inner = _inner_cores(fold.training)
    found = half_widths(_errors(baseline, cores, fold.training, inner, seed), is_by_core=True)
    missing = np.isnan(found)
    if missing.any():
        # Logged in one training core only: parts of it stand for cores.
        fewer = [_only(core, missing) for core in cores]
        blocks = _inner_blocks(cores, fold.training)
        other = half_widths(_errors(baseline, fewer, fold.training, blocks, seed), is_by_core=True)
        found = np.where(missing, other, found)
    return found


def _only(core: BenchCore, properties: NDArray[np.bool_]) -> BenchCore:
    return dataclasses.replace(core, labels=np.where(properties, core.labels, np.nan))


def _errors(
    baseline: Baseline,
    cores: Sequence[BenchCore],
    training: Masks,
    held_out: Sequence[Masks],
    seed: int,
) -> list[Values]:
    found: list[Values] = []
    for masks in held_out:
        rest = tuple(t & ~m for t, m in zip(training, masks, strict=True))
        tested = _tested(cores, masks)
        lessons = _lessons([_only(core, tested) for core in cores], rest)
        learned = np.isfinite(mean_of_cores(lessons)) if lessons else np.zeros(1, bool)
        # Nothing is fitted for a property that no held-out slice has.
        if (learned & tested).any():
            found += _errors_on(baseline, baseline.fit(lessons, seed), cores, masks)
    return found


def _errors_on(
    baseline: Baseline, fitted: Fitted, cores: Sequence[BenchCore], masks: Masks
) -> list[Values]:
    return [
        (_ask(baseline, fitted, core) - core.labels)[core.has_colour & mask]
        for core, mask in zip(cores, masks, strict=True)
        if mask.any()
    ]


def _inner_cores(training: Masks) -> list[Masks]:
    mine = [k for k, mask in enumerate(training) if mask.any()]
    if len(mine) < 2:  # noqa: PLR2004 - nothing would be left to learn from
        return []
    n = min(N_INNER, len(mine))
    group = {k: i % n for i, k in enumerate(mine)}
    return [tuple(mask & (group.get(k) == g) for k, mask in enumerate(training)) for g in range(n)]


def _inner_blocks(cores: Sequence[BenchCore], training: Masks) -> list[Masks]:
    """Return thirds of every training core, along its depth."""
    place = [np.arange(len(core)) * N_BLOCKS // max(len(core), 1) for core in cores]
    return [
        tuple(mask & (place[k] == b) for k, mask in enumerate(training)) for b in range(N_BLOCKS)
    ]
