"""Baselines under the protocols: fitting, predicting, and intervals from inner folds."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.properties import PROPERTIES
from downcore_training.bench.baselines import Baseline
from downcore_training.bench.core import BenchCore
from downcore_training.bench.predictions import CoreAnswers, Judged, Prediction
from downcore_training.bench.protocols import Fold, Masks, Protocol
from downcore_training.bench.residuals import (
    Learned,
    depends_on_site,
    half_of,
    judged_in_turn,
    judged_on,
    learn,
    only,
)

Values = NDArray[np.float64]
Tick = Callable[[], None]

_LOWEST, _HIGHEST = (
    np.array(
        [
            math.log10(x) if prop.is_log_scaled else x
            for prop, x in zip(PROPERTIES, ends, strict=True)
        ]
    )
    for ends in ([prop.lowest for prop in PROPERTIES], [prop.highest for prop in PROPERTIES])
)

OWN = "own"
"""Key of the slices themselves among the crops."""


@dataclass(frozen=True, slots=True)
class Round:
    """Settings of one pass over a protocol."""

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
    Return the predictions of a baseline for every test slice of a protocol.

    A fitted baseline receives test cores without their labels.

    Parameters
    ----------
    baseline : Baseline
    cores : sequence of BenchCore
    protocol : Protocol
    how : Round
    crops : mapping, optional
        For each control, what replaces the test cores.

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
        _ask_fold(baseline, cores, fold, shown=shown, answers=answers, how=how)
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


def _ask_fold(
    baseline: Baseline,
    cores: Sequence[BenchCore],
    fold: Fold,
    *,
    shown: Mapping[str, Sequence[BenchCore]],
    answers: dict[str, list[CoreAnswers]],
    how: Round,
) -> None:
    tested = _tested(cores, fold.test) & _learnable(cores, fold.training)
    if not tested.any():
        return
    is_by_core = fold.validation is None
    mine = [only(core, tested) for core in cores]
    learned = learn(baseline, mine, fold.training, seed=how.seed)
    by_site = is_by_core and depends_on_site(mine, fold.training)
    judged: dict[str, tuple[Judged | None, ...]] = {}
    for k, mask in enumerate(fold.test):
        if not mask.any():
            continue
        site = cores[k].site if by_site else ""
        if how.with_intervals and site not in judged:
            judged[site] = (
                judged_in_turn(baseline, mine, fold.training, for_site=cores[k].site, seed=how.seed)
                if fold.validation is None
                else judged_on(learned, mine, fold.validation)
            )
        for name, views in shown.items():
            predicted = learned.predict(views[k])
            half = np.full(predicted.shape, np.nan)
            if how.with_intervals:
                half = _half_widths(learned, predicted, judged[site], is_by_core=is_by_core)
            known = np.isfinite(cores[k].labels) & views[k].has_colour[:, None]
            _fill(answers[name][k], mask, predicted, half=half, mean=learned.mean, known=known)
            if how.with_intervals and is_by_core:
                answers[name][k] = dataclasses.replace(
                    answers[name][k], judged=judged[site], sd=_sds(learned, predicted)
                )


def _half_widths(
    learned: Learned, predicted: Values, judged: Sequence[Judged | None], *, is_by_core: bool
) -> Values:
    columns = [
        half_of(judgement, learned.sd(predicted[:, i], i), len(predicted), is_by_core=is_by_core)
        for i, judgement in enumerate(judged)
    ]
    return np.stack(columns, axis=1)


def _sds(learned: Learned, predicted: Values) -> Values | None:
    columns = [learned.sd(predicted[:, i], i) for i in range(predicted.shape[1])]
    if all(sd is None for sd in columns):
        return None
    no_sd = np.full(len(predicted), np.nan)
    return np.stack([no_sd if sd is None else sd for sd in columns], axis=1)


def _nothing_said(core: BenchCore) -> CoreAnswers:
    predicted, lower, upper, mean = (np.full(core.labels.shape, np.nan) for _ in range(4))
    return CoreAnswers(predicted, lower, upper, np.zeros(core.labels.shape, bool), mean)


def _fill(
    answers: CoreAnswers,
    mask: NDArray[np.bool_],
    predicted: Values,
    *,
    half: Values,
    mean: Values,
    known: NDArray[np.bool_],
) -> None:
    answers.predicted[mask] = predicted[mask]
    # Intervals are clipped to the credible range, as on the device.
    answers.lower[mask] = np.clip((predicted - half)[mask], _LOWEST, _HIGHEST)
    answers.upper[mask] = np.clip((predicted + half)[mask], _LOWEST, _HIGHEST)
    answers.training_mean[mask] = mean
    answers.asked[mask] = known[mask] & np.isfinite(mean)


def _tested(cores: Sequence[BenchCore], test: Masks) -> NDArray[np.bool_]:
    """Return which properties any test slice has, shape (3,); only these are fitted."""
    found = np.zeros(len(PROPERTIES), bool)
    for core, mask in zip(cores, test, strict=True):
        found |= np.isfinite(core.labels[mask]).any(axis=0)
        if core.ranks is not None:
            found |= np.isfinite(core.ranks[mask]).any(axis=0)
    return found


def _learnable(cores: Sequence[BenchCore], training: Masks) -> NDArray[np.bool_]:
    """Return which properties any training slice has, shape (3,)."""
    found = np.zeros(len(PROPERTIES), bool)
    for core, mask in zip(cores, training, strict=True):
        found |= np.isfinite(core.labels[mask]).any(axis=0)
    return found
