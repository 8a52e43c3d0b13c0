"""Vp slower than water: no contact, an empty liner, or a travel time without its calibration."""

import numpy as np

from downcore.strata.second_opinion.codes import Code, Finding
from downcore.strata.second_opinion.density_vp import SLOWEST_MUD
from downcore.strata.second_opinion.review import Review, span_um, stretches

_JOIN_CM = 10


def review(review: Review) -> None:
    """Flag and set aside vp below that of any mud."""
    track = review.tracks.get("vp")
    if track is None:
        return
    measured = track.log.measured
    slow = np.flatnonzero(measured < SLOWEST_MUD)
    for first, last in stretches(map(int, slow), join=_JOIN_CM):
        inside = slow[(slow >= first) & (slow <= last)]
        lowest = float(measured[inside].min())
        words = (
            f"{inside.size} row{'s' * (inside.size > 1)} down to {lowest:.0f} m/s; no sediment is "
            f"slower than {SLOWEST_MUD:.0f}"
        )
        review.findings.append(
            Finding(
                Code.VP_BELOW_WATER, "vp", *span_um(first, last), SLOWEST_MUD / max(lowest, 1.0),
                1.0, words,
            )
        )  # fmt: skip
    track.set_aside[slow] = True
