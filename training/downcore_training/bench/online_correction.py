"""
Gain from the first measured rows of a core: adaptive intervals and a corrected level.

Both need a logged core, so neither is among the scores of a new core.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from downcore.strata.adaptive import AdaptiveConformal, adaptive_half_widths
from downcore.strata.conformal import COVERAGE, ErrorParts, error_parts
from downcore.strata.properties import PROPERTIES
from downcore_training.bench.core import BenchCore
from downcore_training.bench.offset_correction import fit_correction, prior_of_intervals
from downcore_training.bench.predictions import CoreAnswers, Prediction

Values = NDArray[np.float64]

DELAY_CM = 20
"""How far the logger is behind the scanner, where intervals follow it."""

FIRST_CM = 5
"""Labelled slices from the top of a core that set its level."""

_MIN_ERRORS = 2
_NORMAL = NormalDist()
_SDS_PER_HALF_WIDTH = 1.645
"""Of a normal error, at 90 %."""


@dataclass(frozen=True, slots=True, eq=False)
class Calibrated:
    """One property of one model with the level of each core set by its first rows."""

    plain: Prediction
    """Uncorrected, scored on the rest of each core."""
    corrected: Prediction
    """Corrected, scored on the same slices."""


def adaptive_coverage(prediction: Prediction, cores: Sequence[BenchCore], i: int) -> float | None:
    """
    Return the share of labels inside intervals that follow the logger, :data:`DELAY_CM` behind.

    A model whose earlier errors are not known, such as a bundle, starts from normal errors as wide
    as its own intervals.
    """
    inside: list[NDArray[np.bool_]] = []
    for core, answers in zip(cores, prediction.cores, strict=True):
        mine = answers.asked[:, i] & np.isfinite(answers.predicted[:, i])
        begun = _begun(answers, i, mine) if mine.any() else None
        if begun is None:
            continue
        start, sd = begun
        error = np.where(mine, answers.predicted[:, i] - core.labels[:, i], np.nan)
        half = adaptive_half_widths(start, error, sd, delay_rows=DELAY_CM)
        inside.append(np.abs(error[mine]) <= half[mine])
    return float(np.concatenate(inside).mean()) if inside else None


def calibrated(prediction: Prediction, cores: Sequence[BenchCore], i: int) -> Calibrated | None:
    """
    Return property ``i`` with and without the level set by the first :data:`FIRST_CM` rows.

    Returns
    -------
    Calibrated or None
        ``None`` where no core has a prior for its errors and slices left to score.
    """
    plain: list[CoreAnswers] = []
    fixed: list[CoreAnswers] = []
    for core, answers in zip(cores, prediction.cores, strict=True):
        mine = np.flatnonzero(answers.asked[:, i] & np.isfinite(answers.predicted[:, i]))
        first, rest = mine[:FIRST_CM], mine[FIRST_CM:]
        prior = _prior(answers, i, mine)
        asked = np.zeros(answers.asked.shape, np.bool_)
        if prior is not None and rest.size and first.size == FIRST_CM:
            asked[rest, i] = True
        shown = replace(answers, asked=asked)
        plain.append(shown)
        fixed.append(shown if prior is None else _corrected(shown, core, i, first, prior))
    if not any(answers.asked.any() for answers in plain):
        return None
    return Calibrated(
        replace(prediction, cores=tuple(plain)), replace(prediction, cores=tuple(fixed))
    )


def _corrected(
    answers: CoreAnswers,
    core: BenchCore,
    i: int,
    first: NDArray[np.int64],
    prior: ErrorParts,
) -> CoreAnswers:
    predicted, lower, upper = answers.predicted.copy(), answers.lower.copy(), answers.upper.copy()
    middle = core.depth_cm[first] + 0.5
    fitted = fit_correction(
        PROPERTIES[i].name, predicted[first, i], core.labels[first, i], middle, prior
    )
    before = predicted[:, i].copy()
    predicted[:, i] = fitted.apply(before)
    for ends in (lower, upper):
        ends[:, i] = predicted[:, i] + fitted.width_share * (ends[:, i] - before)
    return replace(answers, predicted=predicted, lower=lower, upper=upper)


def _prior(answers: CoreAnswers, i: int, mine: NDArray[np.int64]) -> ErrorParts | None:
    judged = answers.judged[i]
    if judged is not None and judged.error.size >= _MIN_ERRORS:
        return error_parts(judged.error, judged.core)
    half = _half(answers, i)[mine]
    return prior_of_intervals(half) if (np.isfinite(half) & (half > 0.0)).any() else None


def _begun(
    answers: CoreAnswers, i: int, mine: NDArray[np.bool_]
) -> tuple[AdaptiveConformal, Values | None] | None:
    judged = answers.judged[i]
    if judged is not None:
        has_sd = answers.sd is not None and bool(np.isfinite(answers.sd[:, i]).any())
        sd = answers.sd[:, i] if has_sd and answers.sd is not None else None
        return AdaptiveConformal.begin(judged.error, judged.sd, judged.fold, coverage=COVERAGE), sd
    half = _half(answers, i)
    known = np.isfinite(half) & (half > 0.0)
    if not (known & mine).any():
        return None
    shares = (np.arange(1_000) + 0.5) / 1_000
    grid = np.array([_NORMAL.inv_cdf(share) for share in shares])
    start = AdaptiveConformal.begin(grid, None, np.zeros(grid.size, np.int64), coverage=COVERAGE)
    typical = float(np.median(half[known]))
    return start, np.where(known, half, typical) / _SDS_PER_HALF_WIDTH


def _half(answers: CoreAnswers, i: int) -> Values:
    return np.asarray((answers.upper[:, i] - answers.lower[:, i]) / 2.0)
