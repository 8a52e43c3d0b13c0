"""
The one scorer: every figure of the bench, for models and baselines alike.

Figures are in the unit of the property. R2 and Spearman of ``ms`` are those of its log10, in which
it is predicted; its errors are given in the unit, and as log10 beside.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.properties import Property

Values = NDArray[np.float64]

MIN_SECTION_SLICES = 20
"""Fewest slices of a section whose coverage says something."""


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Labels and predictions of one property by one model, pooled over test cores."""

    label: Values
    """Logged values, shape (n,); log10 where the property is log scaled; finite."""
    predicted: Values
    """Predictions, same shape and scale; NaN where it abstained."""
    lower: Values
    upper: Values
    """Ends of the 90 % interval, same shape and scale; NaN where there is none."""
    core: NDArray[np.int64]
    """Number of the core of each slice, shape (n,)."""
    section: NDArray[np.int64]
    """Number of the section, an unbroken stretch of one core, of each slice, shape (n,)."""
    training_mean: Values
    """Mean training label of the model of that slice, shape (n,); NaN without training."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of one model on one property; ``None`` where a figure cannot be computed."""

    r2: float | None
    """1 - mean squared error / variance, about the mean of the test slices."""
    r2_about_training_mean: float | None
    """The same about the mean of the training slices."""
    rmse: float | None
    mae: float | None
    bias: float | None
    """Mean of prediction less label."""
    spearman: float | None
    rmse_bias_removed: float | None
    """RMSE once each core's mean error is known."""
    rmse_log10: float | None
    """RMSE of log10, for a log scaled property only."""
    bias_log10: float | None
    coverage90: float | None
    """Share of labels inside the 90 % interval."""
    worst_section_coverage90: float | None
    """The lowest such share of a section with :data:`MIN_SECTION_SLICES` scored slices or more."""
    width90: float | None
    """Median width of the interval."""
    abstained: float
    """Share of the asked slices without a prediction, 0 to 1."""
    n_slices: int
    """Slices that were scored."""
    n_cores: int


def score(answers: Answers, prop: Property) -> Figures:
    """Return the figures of ``answers`` about the property ``prop``."""
    has_value = np.isfinite(answers.predicted)
    n_asked = answers.label.size
    abstained = float(1.0 - has_value.mean()) if n_asked else 0.0
    predicted, label, core = (
        answers.predicted[has_value],
        answers.label[has_value],
        answers.core[has_value],
    )
    in_unit = in_units(predicted, prop), in_units(label, prop)
    error = in_unit[0] - in_unit[1]
    apart = predicted - label
    has_any = label.size > 0
    is_log = prop.is_log_scaled
    coverage, worst, width = _interval(answers, has_value, prop)
    return Figures(
        r2=r2(predicted, label),
        r2_about_training_mean=_r2_about(predicted, label, answers.training_mean[has_value]),
        rmse=_rms(error),
        mae=float(np.abs(error).mean()) if has_any else None,
        bias=float(error.mean()) if has_any else None,
        spearman=spearman(predicted, label),
        rmse_bias_removed=_rms(error - _mean_by(error, core)),
        rmse_log10=_rms(apart) if is_log else None,
        bias_log10=float(apart.mean()) if is_log and has_any else None,
        coverage90=coverage,
        worst_section_coverage90=worst,
        width90=width,
        abstained=abstained,
        n_slices=int(label.size),
        n_cores=int(np.unique(core).size),
    )


def r2(predicted: Values, label: Values) -> float | None:
    """Return R2 about the mean of ``label``; ``None`` for fewer than two slices or no variance."""
    return _r2_about(
        predicted, label, np.full(label.shape, label.mean() if label.size else math.nan)
    )


def spearman(predicted: Values, label: Values) -> float | None:
    """Return the correlation of ranks, ties sharing their mean rank; ``None`` where undefined."""
    if label.size < 2 or _is_flat(predicted) or _is_flat(label):  # noqa: PLR2004 - no order of one
        return None
    return float(np.corrcoef(_ranks(predicted), _ranks(label))[0, 1])


def in_units(values: Values, prop: Property) -> Values:
    """Return values in the property's unit; ``ms`` not as log10."""
    return np.asarray(10.0**values) if prop.is_log_scaled else values


def _r2_about(predicted: Values, label: Values, middle: Values) -> float | None:
    if label.size < 2 or _is_flat(label) or not np.isfinite(middle).all():  # noqa: PLR2004 - no variance of one
        return None
    total = float(((label - middle) ** 2).sum())
    return float(1.0 - ((predicted - label) ** 2).sum() / total)


def _interval(
    answers: Answers, has_value: NDArray[np.bool_], prop: Property
) -> tuple[float | None, float | None, float | None]:
    """Return the coverage, that of the worst section, and the median width."""
    has = has_value & np.isfinite(answers.lower) & np.isfinite(answers.upper)
    if not has.any():
        return None, None, None
    low, high, label = answers.lower[has], answers.upper[has], answers.label[has]
    inside = (label >= low) & (label <= high)
    width = in_units(high, prop) - in_units(low, prop)
    worst = _worst_section(inside, answers.section[has])
    return float(inside.mean()), worst, float(np.median(width))


def _worst_section(inside: NDArray[np.bool_], section: NDArray[np.int64]) -> float | None:
    shares = [
        float(inside[section == number].mean())
        for number, count in zip(*np.unique(section, return_counts=True), strict=True)
        if count >= MIN_SECTION_SLICES
    ]
    return min(shares, default=None)


def _is_flat(values: Values) -> bool:
    return bool(np.ptp(values) <= 1e-12 * max(1.0, float(np.abs(values).max())))


def _rms(error: Values) -> float | None:
    return float(np.sqrt((error**2).mean())) if error.size else None


def _mean_by(values: Values, core: NDArray[np.int64]) -> Values:
    if not values.size:
        return values
    _, number, count = np.unique(core, return_inverse=True, return_counts=True)
    return np.asarray((np.bincount(number, values) / count)[number])


def _ranks(values: Values) -> Values:
    _, number, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return np.asarray((last - (count - 1) / 2.0)[number], np.float64)
