"""Figures of cross-fitted answers, and the intervals and limits that follow from them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.learning.interval_fit import (
    MIN_SECTION_SLICES,
    WideningInterval,
    fit_widening,
)
from downcore.strata.properties import PROPERTIES
from downcore_training.windows.crossfit import HeldOut


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What cross-fitting says of a predictor."""

    intervals: tuple[WideningInterval, ...]
    """Of each property, fitted to all held-out sections; all with one novelty limit."""
    metrics: dict[str, dict[str, float]]
    """
    By property: ``r2``, ``mae``, ``rmse``, ``coverage``, ``coverage_near_limit`` (of the slices
    whose interval is widened), ``worst_section_coverage``, ``n``.
    """

    @property
    def novelty_limit(self) -> float:
        """Novelty that 2 % of the slices of held-out sections exceed."""
        return self.intervals[0].limit


def judged(held_out: HeldOut, properties: Sequence[int]) -> Judged:
    """
    Return figures, intervals and the novelty limit of held-out answers.

    The interval's coverage is measured by leaving sections, or cores, out once more: that of
    each is judged by the interval of the others.
    """
    intervals = []
    metrics: dict[str, dict[str, float]] = {}
    for k, i in enumerate(properties):
        known = np.isfinite(held_out.label[:, k])
        error = (held_out.mean - held_out.label)[:, k]
        interval = fit_widening(error, held_out.sd[:, k], held_out.group, held_out.novelty)
        intervals.append(interval)
        near = (
            known & (held_out.novelty > interval.begins_at) & (held_out.novelty <= interval.limit)
        )
        inside = _inside_left_out(held_out, k)
        metrics[PROPERTIES[i].name] = {
            "r2": r2(held_out.label[known, k], held_out.mean[known, k]),
            "mae": float(np.abs(error[known]).mean()),
            "rmse": float(np.sqrt((error[known] ** 2).mean())),
            "bias": float(error[known].mean()),
            "coverage": float(inside[known].mean()),
            "worst_section_coverage": worst_section(inside, known, held_out.section),
            "n": float(known.sum()),
            "n_sections": float(len(np.unique(held_out.section[known]))),
            "n_held_out": float(len(np.unique(held_out.group[known]))),
        }
        if near.any():
            metrics[PROPERTIES[i].name]["coverage_near_limit"] = float(inside[near].mean())
    return Judged(tuple(intervals), metrics)


def r2(label: NDArray[np.float64], mean: NDArray[np.float64]) -> float:
    """Return 1 less the share of the variance about the labels' own mean that is left."""
    left = float(((mean - label) ** 2).sum())
    return 1.0 - left / max(float(((label - label.mean()) ** 2).sum()), 1e-12)


def worst_section(
    inside: NDArray[np.bool_], known: NDArray[np.bool_], section: NDArray[np.int64]
) -> float:
    """Return the least share of slices inside their interval among sections of some length."""
    shares = [
        float(inside[mine].mean())
        for number in np.unique(section)
        if (mine := known & (section == number)).sum() >= MIN_SECTION_SLICES
    ]
    return min(shares, default=float("nan"))


def _inside_left_out(held_out: HeldOut, k: int) -> NDArray[np.bool_]:
    error, sd = (held_out.mean - held_out.label)[:, k], held_out.sd[:, k]
    inside = np.zeros(len(error), np.bool_)
    for number in np.unique(held_out.group):
        mine = held_out.group == number
        interval = fit_widening(
            error[~mine], sd[~mine], held_out.group[~mine], held_out.novelty[~mine]
        )
        half = interval.half_width(sd[mine], held_out.novelty[mine])
        inside[mine] = np.abs(error[mine]) <= half
    return inside
