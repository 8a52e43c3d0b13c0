"""Widths of intervals from the errors on validation cores, by the device's rule."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from downcore.strata.conformal import COVERAGE, ConformalTable, Interval, fit_by_core, half_width
from downcore_training.evaluation.slice_scores import SliceValues

__all__ = ["COVERAGE", "ConformalTable", "Interval", "coverage", "fit_intervals"]


def fit_intervals(values: SliceValues) -> tuple[ConformalTable | None, ...]:
    """
    Return the interval of every property, by core, from slices of validation cores.

    ``None`` for a property that has no label on any slice.
    """
    return tuple(
        fit_by_core(values.mean[:, i] - values.label[:, i], values.sd[:, i], values.core)
        if np.isfinite(values.label[:, i]).any()
        else None
        for i in range(values.label.shape[1])
    )


def coverage(values: SliceValues, intervals: Sequence[Interval | None]) -> NDArray[np.float64]:
    """
    Return the share of slices inside their interval, each core counted the same, shape (3,).

    NaN where nothing is known of a property.
    """
    shares = np.full(len(intervals), np.nan)
    for i, interval in enumerate(intervals):
        known = np.isfinite(values.label[:, i])
        if interval is not None and known.any():
            error = np.abs(values.mean[known, i] - values.label[known, i])
            inside = error <= half_width(interval, values.sd[known, i])
            shares[i] = _mean_over_cores(inside, values.core[known])
    return shares


def _mean_over_cores(inside: NDArray[np.bool_], core: NDArray[np.int64]) -> float:
    core = np.unique(core, return_inverse=True)[1]
    return float((np.bincount(core, inside) / np.bincount(core)).mean())
