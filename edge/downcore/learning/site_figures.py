"""Figures of what was learned, beside the mean, a straight line in depth and what runs now."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.learning.familiarity import threshold_for
from downcore.learning.interval_fit import FALSE_ABSTAIN_SHARE
from downcore.learning.site_fit import HeldOutSlices, interval_of
from downcore.learning.site_sections import SiteSlices
from downcore.strata.properties import PROPERTIES

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PropertyFigures:
    """How well one property is told, each section by what the others teach."""

    property: str
    n_slices: int
    n_sections: int
    r2: float
    rmse: float
    mae: float
    bias: float
    coverage: float
    """Share of measured values inside the 90 % interval that the other sections give."""
    worst_section_coverage: float
    r2_mean: float
    """Of the mean of the other sections."""
    r2_line: float
    """Of a straight line in depth through the other sections."""
    r2_running: float
    """Of what runs now, where it answers; NaN where it answers less than half of the slices."""
    r2_beside_running: float
    """Of what was learned, on the slices that what runs now answers; NaN as :attr:`r2_running`."""


def figures_of(
    slices: SiteSlices, held_out: HeldOutSlices, properties: tuple[int, ...]
) -> list[PropertyFigures]:
    """Return the figures of every property that was learned."""
    return [_figures(slices, held_out, k, place) for k, place in enumerate(properties)]


def beats_what_runs(figures: list[PropertyFigures]) -> str:
    """
    Return why what was learned is not better than what runs now; empty where it is.

    It must do better than the mean, the line and the bundle that runs for every property, each time
    on the same slices.
    """
    for one in figures:
        others = (
            ("the mean of the other sections", one.r2, one.r2_mean),
            ("a straight line in depth", one.r2, one.r2_line),
            ("what runs now", one.r2_beside_running, one.r2_running),
        )
        for name, learned, other in others:
            if not np.isnan(other) and not learned > other:
                return f"{one.property}: R2 {learned:.2f}, {name} has {other:.2f}"
    return ""


def r2(label: Values, value: Values) -> float:
    """Return 1 less the share of the labels' variance that is left; NaN without variance."""
    total = float(((label - label.mean()) ** 2).sum()) if label.size else 0.0
    return 1.0 - float(((value - label) ** 2).sum()) / total if total > 0 else float("nan")


def _figures(slices: SiteSlices, held_out: HeldOutSlices, k: int, place: int) -> PropertyFigures:
    label = slices.labels[:, place]
    known = np.isfinite(label)
    sections = np.unique(slices.section[known])
    mean, line, inside = (np.full(len(label), np.nan) for _ in range(3))
    for number in sections:
        mine = known & (slices.section == number)
        others = known & ~mine
        mean[mine] = label[others].mean()
        slope = np.polynomial.Polynomial.fit(slices.depth_cm[others], label[others], 1)
        line[mine] = slope(slices.depth_cm[mine])
        interval = interval_of(slices, held_out, k, place, slices.section != number)
        width = interval.half_width(held_out.sd[mine, k], held_out.novelty[mine])
        inside[mine] = np.abs(held_out.value[mine, k] - label[mine]) <= width
    error = (held_out.value[:, k] - label)[known]
    running = slices.running[:, place]
    both = known & np.isfinite(running)
    is_comparable = 2 * both.sum() >= known.sum()
    return PropertyFigures(
        property=PROPERTIES[place].name,
        n_slices=int(known.sum()),
        n_sections=len(sections),
        r2=r2(label[known], held_out.value[known, k]),
        rmse=float(np.sqrt((error**2).mean())),
        mae=float(np.abs(error).mean()),
        bias=float(error.mean()),
        coverage=float(inside[known].mean()),
        worst_section_coverage=min(
            float(inside[known & (slices.section == number)].mean()) for number in sections
        ),
        r2_mean=r2(label[known], mean[known]),
        r2_line=r2(label[known], line[known]),
        r2_running=r2(label[both], running[both]) if is_comparable else np.nan,
        r2_beside_running=r2(label[both], held_out.value[both, k]) if is_comparable else np.nan,
    )


def novelty_limit(held_out: HeldOutSlices) -> float:
    """Return the novelty above which a slice gets no value."""
    return threshold_for(held_out.novelty, false_abstain_share=FALSE_ABSTAIN_SHARE)
