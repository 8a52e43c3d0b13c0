"""How errors of held-out sections grow with the novelty, and the intervals that follow them."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from downcore.learning.familiarity import threshold_for
from downcore.strata.conformal import COVERAGE, ConformalTable, fit_by_core, half_width

Values = NDArray[np.float64]

FALSE_ABSTAIN_SHARE = 0.02
"""Share of the slices of held-out sections that the novelty limit abstains from."""

BEGINS_AT_QUANTILE = 0.75
"""Share of held-out slices whose intervals are not widened: the error of the others grows."""

WORST_SECTION = 0.75
"""Least share of any held-out section's slices inside, whatever their average."""

MIN_SECTION_SLICES = 20
"""Fewest slices of a section for its coverage to count as the worst."""

_FACTORS = np.arange(1.0, 4.01, 0.05)
"""Factors that are tried, the least first."""


@dataclass(frozen=True, slots=True, eq=False)
class WideningInterval:
    """The interval of one property, by the predictor's own sd and by the novelty."""

    table: ConformalTable
    begins_at: float
    """Novelty from which it widens."""
    limit: float
    """Novelty limit, at which it has widened by ``at_limit``."""
    at_limit: float
    """1 or more."""

    def half_width(self, sd: Values, novelty: Values) -> Values:
        """Return half the width of each slice's interval, shape (n,)."""
        wider = 1.0 + (self.at_limit - 1.0) * _ramp(novelty, self.begins_at, self.limit)
        return half_width(self.table, sd) * wider


def fit_widening(
    error: Values, sd: Values, section: NDArray[np.int64], novelty: Values
) -> WideningInterval:
    """
    Return the interval that holds 90 % of a new section's slices, near the novelty limit too.

    The factor at the limit is the least for which 90 % of the slices from the beginning of the
    widening to the limit lie inside. Then all is widened until no section has less than 75 % of
    its slices inside.

    Parameters
    ----------
    error : ndarray, shape (n,)
        Predicted less measured of slices of held-out sections, in order of section and depth; NaN
        where nothing was measured.
    sd : ndarray, shape (n,)
        The predictor's own.
    section : ndarray, shape (n,)
        Number of each slice's section, or of its core where cores were held out.
    novelty : ndarray, shape (n,)
        Of each slice; those without a label help to say where the limit lies.
    """
    limit = threshold_for(novelty, false_abstain_share=FALSE_ABSTAIN_SHARE)
    begins_at = min(float(np.quantile(novelty, BEGINS_AT_QUANTILE)), 0.99 * limit)
    known = np.isfinite(error)
    number = np.unique(section[known], return_inverse=True)[1].astype(np.int64)
    error, sd, novelty = error[known], sd[known], novelty[known]
    plain = fit_by_core(error, sd, number)
    share = _ramp(novelty, begins_at, limit)
    near = (share > 0.0) & (novelty <= limit)
    times = (np.abs(error) / half_width(plain, sd))[near]
    factor = next(
        (f for f in _FACTORS.tolist() if _held(times, share[near], f) >= COVERAGE), _FACTORS[-1]
    )
    interval = WideningInterval(plain, begins_at, limit, float(round(factor, 2)))
    times = np.abs(error) / interval.half_width(sd, novelty)
    wider = next((f for f in _FACTORS.tolist() if _worst(times, number, f) >= WORST_SECTION), 1.0)
    table = replace(plain, factor=plain.factor * wider, floor=plain.floor * wider)
    return replace(interval, table=table)


def _held(times: Values, share: Values, factor: float) -> float:
    """Return the share of slices inside an interval that is widened; 1 without any slice."""
    return float((times <= 1.0 + (factor - 1.0) * share).mean()) if times.size else 1.0


def _worst(times: Values, number: NDArray[np.int64], factor: float) -> float:
    """Return the least share of a section's slices inside an interval; 1 without any section."""
    parts = (times[number == one] for one in np.unique(number))
    return min(
        (float((part <= factor).mean()) for part in parts if len(part) >= MIN_SECTION_SLICES),
        default=1.0,
    )


def _ramp(novelty: Values, begins_at: float, limit: float) -> Values:
    out: Values = np.clip((novelty - begins_at) / (limit - begins_at), 0.0, 1.0)
    return out
