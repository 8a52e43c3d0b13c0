"""Density that falls where the picture shows sediment: a void below the cut, a gap to the liner."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from downcore.strata.second_opinion.codes import Code, Finding
from downcore.strata.second_opinion.density_vp import FRESH_WATER, LIGHTEST_MUD
from downcore.strata.second_opinion.kinds._of_shifts import findings_of
from downcore.strata.second_opinion.review import Review, span_um, stretches

_N_ABOVE = 10
_STEP = 0.1
"""By which light mud is lighter than the rows above to be flagged, g/cm3."""


def review_water(review: Review) -> None:
    """Flag and set aside density that no sediment has."""
    track = review.tracks.get("density")
    if track is None:
        return
    measured = track.log.measured
    light = _lighter_than_mud(measured)
    for first, last in stretches(map(int, light), join=10):
        lowest = float(np.nanmin(measured[first : last + 1]))
        words = f"down to {lowest:.3g} g/cm3, lighter than any sediment ({LIGHTEST_MUD})"
        review.findings.append(
            Finding(
                Code.DENSITY_VOID, "density", *span_um(first, last),
                LIGHTEST_MUD / max(lowest, 0.01), 1.0, words,
            )
        )  # fmt: skip
    track.set_aside[light] = True


def _lighter_than_mud(measured: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the rows that are lighter than water, or than mud where the rows above are not."""
    found: list[int] = []
    above: deque[float] = deque(maxlen=_N_ABOVE)
    for row in np.flatnonzero(np.isfinite(measured)):
        value = float(measured[row])
        is_step = bool(above) and float(np.median(above)) - value > _STEP
        if value < FRESH_WATER or (value < LIGHTEST_MUD and is_step):
            found.append(int(row))
        else:
            above.append(value)
    return np.array(found, np.int64)


def review(review: Review) -> None:
    """Flag stretches of density below what is expected."""
    review.findings += findings_of(review, "density", Code.DENSITY_VOID, lambda one: one.size > 0.0)
