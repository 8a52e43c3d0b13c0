"""A log that fits if it is moved along the section: the section's top was entered wrong."""

import numpy as np
from numpy.typing import NDArray

from downcore.strata.second_opinion.alignment import gains, limit_of
from downcore.strata.second_opinion.codes import Code, Finding
from downcore.strata.second_opinion.review import Review

MAX_LAG_CM = 25
"""Largest offset that is looked for."""
LEAST_LAG_CM = 3
"""A smaller one lies within how well pictures and logs are placed."""
_SHARE = 0.1


def review(review: Review) -> None:
    """Flag a section whose log fits elsewhere along it, and compare it there from now on."""
    if review.has(Code.SECTION_SWAPPED, Code.UPSIDE_DOWN, Code.DUPLICATE_SECTION):
        return
    lag, gain = best_offset(review)
    limit = limit_of(review, 2 * MAX_LAG_CM, _SHARE)
    if gain <= limit:
        return
    where = "deeper" if lag > 0 else "shallower"
    words = f"the log fits if it lies {abs(lag)} cm too {where}"
    bottom_um = review.logs.n_slices * 10_000
    review.findings.append(Finding(Code.SECTION_OFFSET, "", 0, bottom_um, gain, limit, words))
    for track in review.tracks.values():
        if not track.log.is_by_density:
            track.predicted = moved(track.predicted, lag)


def best_offset(review: Review) -> tuple[int, float]:
    """Return the likeliest offset of 3 cm or more, and by how much it is likelier than none."""
    lags = [k for k in range(-MAX_LAG_CM, MAX_LAG_CM + 1) if k != 0]
    found = gains(review, lambda track: [moved(track.predicted, lag) for lag in lags])
    if not found.size:
        return 0, 0.0
    is_near = np.abs(lags) < LEAST_LAG_CM
    near = float(max(found[is_near].max(), 0.0))
    best = int(np.argmax(np.where(is_near, -np.inf, found)))
    return lags[best], float(found[best]) - near


def moved(values: NDArray[np.float64], lag: int) -> NDArray[np.float64]:
    """Return values as a log meets them that lies ``lag`` slices too deep."""
    out = np.full(values.size, np.nan)
    if abs(lag) >= values.size:
        return out
    if lag > 0:
        out[lag:] = values[:-lag]
    else:
        out[:lag] = values[-lag:]
    return out
