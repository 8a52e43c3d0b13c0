"""Density that falls where the picture shows sediment: a void below the cut, a gap to the liner."""

import numpy as np

from downcore.strata.second_opinion.codes import Code, Finding
from downcore.strata.second_opinion.density_vp import LIGHTEST_MUD
from downcore.strata.second_opinion.kinds._of_shifts import findings_of
from downcore.strata.second_opinion.review import Review, span_um, stretches


def review_water(review: Review) -> None:
    """Flag and set aside density that no sediment has."""
    track = review.tracks.get("density")
    if track is None:
        return
    measured = track.log.measured
    light = np.flatnonzero(measured < LIGHTEST_MUD)
    for first, last in stretches(map(int, light), join=10):
        lowest = float(measured[first : last + 1][measured[first : last + 1] < LIGHTEST_MUD].min())
        words = f"down to {lowest:.3g} g/cm3, lighter than any sediment ({LIGHTEST_MUD})"
        review.findings.append(
            Finding(
                Code.DENSITY_VOID, "density", *span_um(first, last),
                LIGHTEST_MUD / max(lowest, 0.01), 1.0, words,
            )
        )  # fmt: skip
    track.set_aside[light] = True


def review(review: Review) -> None:
    """Flag stretches of density below what is expected."""
    review.findings += findings_of(review, "density", Code.DENSITY_VOID, lambda one: one.size > 0.0)
