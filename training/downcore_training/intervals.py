"""
Widths of intervals, from the errors on validation cores.

The network's own sd says which slices are harder; the factor turns it into a width that
holds 90 % of the slices of cores it did not learn from. Slices of one core err together, so
that with a dozen cores the coverage on other cores is 90 % only roughly: it is measured on the
test cores and reported.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore_training.evaluation import SliceValues

COVERAGE = 0.9
"""Share of slices whose interval shall hold the truth."""
_SUREST = 0.1
"""Share of slices, those with the least sd, whose errors set the floor."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Half width of a property's interval: ``max(factor * sd, floor)``."""

    factor: float
    """In units of the network's sd of a slice."""
    floor: float
    """Least half width, in the property's unit, log10 for ``ms``."""


def fit_intervals(values: SliceValues) -> tuple[Interval, ...]:
    """
    Return the interval of every property, from slices of validation cores.

    The factor is the 90 % quantile of ``|error| / sd``, rounded to the next error up as split
    conformal prediction does; the floor is the same quantile of ``|error|`` over the tenth of
    the slices that the network is surest of, so that no slice claims more than those reached.

    Raises
    ------
    ValueError
        If a property has no label on any slice.
    """
    found: list[Interval] = []
    for i in range(values.label.shape[1]):
        known = np.isfinite(values.label[:, i])
        if not known.any():
            raise ValueError("expected labels on the validation cores, got none of a property")
        error = np.abs(values.mean[known, i] - values.label[known, i])
        sd = values.sd[known, i]
        surest = np.argsort(sd, kind="stable")[: max(1, round(_SUREST * sd.size))]
        found.append(Interval(_quantile(error / sd), _quantile(error[surest])))
    return tuple(found)


def coverage(values: SliceValues, intervals: tuple[Interval, ...]) -> NDArray[np.float64]:
    """Return the share of slices inside their interval, shape (3,); NaN where nothing is known."""
    shares = np.full(len(intervals), np.nan)
    for i, interval in enumerate(intervals):
        known = np.isfinite(values.label[:, i])
        if known.any():
            error = np.abs(values.mean[known, i] - values.label[known, i])
            half = np.maximum(interval.factor * values.sd[known, i], interval.floor)
            shares[i] = (error <= half).mean()
    return shares


def _quantile(errors: NDArray[np.float64]) -> float:
    ordered = np.sort(errors)
    rank = int(np.ceil(COVERAGE * (ordered.size + 1)))
    return float(ordered[min(rank, ordered.size) - 1])
