"""
Widths of 90 % intervals for slices of a core outside the training data.

Errors of slices in one core are correlated, so each core counts once, whatever its length. With ten
calibration cores or more the width is a quantile of their errors at a level at which each core,
left out in turn, is covered as often as asked on average; nothing is assumed about the distribution
of the errors. With fewer cores a model is used: a core's errors are an offset, drawn from Student's
t since a few cores estimate its spread poorly, plus the errors inside a core.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COVERAGE = 0.9
"""Target share of a new core's slices whose interval holds the logger's reading."""

MANY_CORES = 10
"""Calibration cores from which no model of the errors is needed."""

PRIOR_CORES = 2.0
"""Weight of the two assumptions below, in cores."""

PRIOR_OFFSET_SHARE = 0.25
"""Assumed share of the error's variance that is between cores."""

PRIOR_LOG_SPREAD = 0.3
"""Assumed standard deviation between cores of the log of the errors' spread."""

_SUREST = 0.1
"""Share of slices, those with the smallest sd, whose width is that of the next one."""

_LEVELS = np.linspace(0.0, 1.0, 1001)
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class ErrorParts:
    """How errors of slices are correlated, in the property's unit, log10 for ``ms``."""

    offset_sd: float
    """Standard deviation between cores of a core's mean error, about 0."""
    within_sd: float
    """Standard deviation of the rest inside a core; each core has the same weight."""
    correlation: float
    """Correlation of the rest from one slice to the next, 0 to below 1."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Half width of a property's interval: ``max(factor * sd, floor)``."""

    factor: float
    """In units of the model's sd of a slice; in the property's unit where the model has none."""
    floor: float
    """Smallest half width, in the property's unit, log10 for ``ms``."""


@dataclass(frozen=True, slots=True)
class ConformalTable(Interval):
    """An interval, what it was fitted on and the parts of the errors there."""

    coverage: float
    """Target share of a new core's slices inside the interval."""
    n_cores: int
    """Number of cores, or of blocks of depth in their place, that it was fitted on."""
    parts: ErrorParts
    """The parts of the errors, for a core with some measured rows."""


def fit_by_core(
    error: NDArray[np.float64],
    sd: NDArray[np.float64] | None,
    core: NDArray[np.int64],
    *,
    coverage: float = COVERAGE,
) -> ConformalTable:
    """
    Return the interval expected to hold ``coverage`` of the slices of a new core.

    Parameters
    ----------
    error : ndarray, shape (n,)
        Predicted less measured, of slices whose core (or block of depth) the model had not
        learnt from; in order of depth inside a core; log10 for ``ms``. NaN is left out.
    sd : ndarray, shape (n,), or None
        The model's own sd of each slice, above 0; ``None`` where it gives none.
    core : ndarray, shape (n,)
        Number of each slice's core.
    coverage : float, default 0.9
        Above 0 and below 1.

    Raises
    ------
    ValueError
        If shapes differ, no error is known, an sd is not above 0, or the coverage not between 0 and
        1.

    Notes
    -----
    The left-out level corrects split conformal prediction (Vovk et al. 2005) for a finite number
    of cores; the bound of Lee, Barber and Willett (2023), which guarantees the coverage, covers
    97 % with a dozen cores. The coverage is an average over cores; no method can promise it for
    a particular core.
    """
    error, scale, core = _checked(error, sd, core, coverage)
    n_cores = int(core.max()) + 1
    if n_cores < MANY_CORES:
        factor = _few_cores(error / scale, core, coverage)
    else:
        factor = _left_out_quantile(np.abs(error) / scale, core, coverage)
    floor = 0.0 if sd is None else factor * float(np.quantile(scale, _SUREST))
    return ConformalTable(factor, floor, coverage, n_cores, error_parts(error, core))


def half_width(interval: Interval, sd: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Return half the width of each slice's interval, the shape of ``sd``; () without one."""
    plain = np.ones(()) if sd is None else np.asarray(sd, np.float64)
    wide: NDArray[np.float64] = np.maximum(interval.factor * plain, interval.floor)
    return wide


def error_parts(error: NDArray[np.float64], core: NDArray[np.int64]) -> ErrorParts:
    """
    Return how the errors of some cores divide into offsets and the rest.

    Parameters
    ----------
    error : ndarray, shape (n,)
        Finite, in order of depth inside a core.
    core : ndarray, shape (n,)
        Number of each slice's core. Blocks of one core must not count as cores here, since their
        differences are inside the core.
    """
    core = np.unique(core, return_inverse=True)[1]
    count = np.bincount(core)
    offset = np.bincount(core, error) / count
    left = error - offset[core]
    within = np.bincount(core, left**2) / count
    next_one = core[1:] == core[:-1]
    power = float((left**2).mean())
    product = float((left[1:] * left[:-1])[next_one].mean()) if next_one.any() else 0.0
    correlation = product / power if power > 0.0 else 0.0
    offset_variance = _offset_variance(offset, float(within.mean()))
    return ErrorParts(
        offset_sd=math.sqrt(offset_variance),
        within_sd=math.sqrt(float(within.mean())),
        correlation=min(max(correlation, 0.0), 0.99),
    )


def quantiles_by_core(
    score: NDArray[np.float64], core: NDArray[np.int64], levels: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return quantiles of ``score`` (n,) where each core counts the same, shape of ``levels``."""
    weight = 1.0 / np.bincount(core)[core]
    order = np.argsort(score, kind="stable")
    reached = np.cumsum(weight[order])
    at = np.searchsorted(reached / reached[-1], np.asarray(levels) - _ROUNDING)
    found: NDArray[np.float64] = score[order][np.minimum(at, score.size - 1)]
    return found


def _checked(
    error: NDArray[np.float64],
    sd: NDArray[np.float64] | None,
    core: NDArray[np.int64],
    coverage: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    scale = np.ones(error.shape) if sd is None else np.asarray(sd, np.float64)
    if error.ndim != 1 or not error.shape == scale.shape == core.shape:
        raise ValueError(
            f"expected an sd and a core for each error, got shapes {error.shape}, "
            f"{scale.shape} and {core.shape}"
        )
    if not 0.0 < coverage < 1.0:
        raise ValueError(f"expected a coverage between 0 and 1, got {coverage}")
    known = np.isfinite(error)
    if not known.any():
        raise ValueError("expected labels on the calibration cores, got none of a property")
    if not (scale[known] > 0.0).all():
        raise ValueError(f"expected every sd above 0, got {float(np.nanmin(scale[known]))}")
    return error[known], scale[known], np.unique(core[known], return_inverse=True)[1]


def _left_out_quantile(
    score: NDArray[np.float64], core: NDArray[np.int64], coverage: float
) -> float:
    """Return the quantile at the level at which left-out cores are covered, on average."""
    levels = _LEVELS[coverage - _ROUNDING <= _LEVELS]
    order = np.argsort(score, kind="stable")
    core = core[order]
    weight = (1.0 / np.bincount(core))[core]
    reached = np.cumsum(weight)
    n_cores = int(core.max()) + 1
    covered = np.zeros(levels.size)
    for left_out in range(n_cores):
        own = np.cumsum(np.where(core == left_out, weight, 0.0))
        others = (reached - own) / (n_cores - 1)
        at = np.searchsorted(others, levels - _ROUNDING)
        covered += own[np.minimum(at, own.size - 1)]
    enough = covered / n_cores >= coverage - _ROUNDING
    level = levels[int(np.argmax(enough))] if enough.any() else 1.0
    return float(quantiles_by_core(score[order], core, np.array([level]))[0])


def _few_cores(error: NDArray[np.float64], core: NDArray[np.int64], coverage: float) -> float:
    """Return the half width that holds ``coverage`` of an offset plus an error inside a core."""
    count = np.bincount(core)
    offset = np.bincount(core, error) / count
    left = error - offset[core]
    spread = np.sqrt(np.bincount(core, left**2) / count)
    offset_sd = math.sqrt(_offset_variance(offset, float((spread**2).mean())))
    inside = _inside_a_new_core(left, spread, core)
    angle, reached = _student(PRIOR_CORES + count.size)
    scale = offset_sd * math.sqrt(PRIOR_CORES + count.size)

    def below(error: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = np.interp(np.arctan(error / scale), angle, reached)
        return found

    def covered(half: float) -> float:
        if offset_sd == 0.0:
            return float((np.abs(inside) <= half).mean())
        return float((below(half - inside) - below(-half - inside)).mean())

    low, high = 0.0, float(np.abs(inside).max()) + offset_sd
    while covered(high) < coverage:
        high *= 2.0
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (middle, high) if covered(middle) < coverage else (low, middle)
    return high


def _offset_variance(offset: NDArray[np.float64], within: float) -> float:
    """Return the variance of cores' offsets about 0, the assumption counted among them."""
    assumed = PRIOR_OFFSET_SHARE / (1.0 - PRIOR_OFFSET_SHARE) * within
    seen = float((offset**2).sum())
    return (PRIOR_CORES * assumed + seen) / (PRIOR_CORES + offset.size)


def _inside_a_new_core(
    left: NDArray[np.float64], spread: NDArray[np.float64], core: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return quantiles of the errors inside a core whose spread is drawn like the others'."""
    # A core of one slice has no spread; it must not count as one that is known without error.
    least = 1e-3 * math.sqrt(float((spread**2).mean())) or 1.0
    log_spread = np.log(np.maximum(spread, least))
    typical = float(log_spread.mean())
    squares = PRIOR_CORES * PRIOR_LOG_SPREAD**2 + float(((log_spread - typical) ** 2).sum())
    n_cores = spread.size
    log_sd = math.sqrt(squares / (PRIOR_CORES + n_cores - 1) * (1.0 + 1.0 / n_cores))
    nodes, weights = np.polynomial.hermite_e.hermegauss(5)
    shape = left * np.exp(typical - log_spread)[core]
    drawn = np.concatenate([shape * math.exp(log_sd * node) for node in nodes])
    weight = np.concatenate([w / np.bincount(core)[core] for w in weights])
    order = np.argsort(drawn, kind="stable")
    reached = np.cumsum(weight[order])
    middles = (np.arange(400) + 0.5) / 400
    found: NDArray[np.float64] = np.interp(middles, reached / reached[-1], drawn[order])
    return found


def _student(degrees: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Student's t: ``atan(t / sqrt(degrees))``, finite in the tails, and the share below."""
    angle = np.linspace(-math.pi / 2.0, math.pi / 2.0, 4001)
    density = np.cos((angle[:-1] + angle[1:]) / 2.0) ** (degrees - 1.0)
    reached = np.concatenate([[0.0], np.cumsum(density)])
    return angle, reached / reached[-1]
