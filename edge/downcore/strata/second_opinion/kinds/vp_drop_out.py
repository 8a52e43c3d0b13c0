"""Vp that neither density nor picture explains: the first arrival was missed or mistaken."""

import numpy as np

from downcore.strata.second_opinion.codes import Code, Finding
from downcore.strata.second_opinion.density_vp import FASTEST_MUD
from downcore.strata.second_opinion.kinds._of_shifts import findings_of
from downcore.strata.second_opinion.review import Review, span_um, stretches


def review_fast(review: Review) -> None:
    """Flag and set aside vp above that of any mud, where picture and density say mud."""
    track = review.tracks.get("vp")
    if track is None:
        return
    measured, expected = track.log.measured, track.predicted
    is_mud = ~(expected > FASTEST_MUD - 100.0)
    fast = np.flatnonzero((measured > FASTEST_MUD) & is_mud)
    for first, last in stretches(map(int, fast), join=10):
        inside = fast[(fast >= first) & (fast <= last)]
        highest = float(measured[inside].max())
        words = f"{inside.size} rows up to {highest:.0f} m/s in what density and picture call mud"
        review.findings.append(
            Finding(
                Code.VP_DROP_OUT, "vp", *span_um(first, last), highest / FASTEST_MUD, 1.0, words
            )
        )
    track.set_aside[fast] = True


def review(review: Review) -> None:
    """Flag stretches of vp below what is expected."""
    review.findings += findings_of(review, "vp", Code.VP_DROP_OUT, lambda one: one.size > 0.0)
