"""One value over and over: a sensor that hangs, or a program that repeats its last reading."""

import math

import numpy as np

from downcore.strata.properties import property_named
from downcore.strata.second_opinion.codes import Code, Finding
from downcore.strata.second_opinion.logs import MS_FLOOR
from downcore.strata.second_opinion.review import Review, Track, span_um

LEAST_ROWS = 5
"""Equal values on end that are flagged, where the log seldom repeats itself."""
_CHANCE = 1e-5
_PRIOR_REPEATS, _PRIOR_ROWS = 1.0, 20.0


def review(review: Review) -> None:
    """Flag and set aside runs of one value that are longer than chance makes them."""
    for name, track in review.tracks.items():
        rows = track.measured_rows
        values = track.log.measured[rows]
        if property_named(name).is_log_scaled:
            # What is nothing to the instrument is one value, without any fault.
            told = values > math.log10(MS_FLOOR)
            rows, values = rows[told], values[told]
        repeated = np.concatenate([[False], values[1:] == values[:-1]])
        limit = _limit(track)
        for first, last in _runs(repeated):
            n = last - first + 1
            if n >= limit:
                words = f"{n} rows with one and the same value"
                span = span_um(int(rows[first]), int(rows[last]))
                review.findings.append(
                    Finding(Code.CONSTANT, name, *span, float(n), float(limit - 1), words)
                )
                track.set_aside[rows[first] : rows[last] + 1] = True
            else:
                track.above.n_repeated += n - 1
        track.above.n_rows += int(values.size)


def _limit(track: Track) -> int:
    chance = (track.above.n_repeated + _PRIOR_REPEATS) / (track.above.n_rows + _PRIOR_ROWS)
    if chance >= 1.0:
        return 2**31
    return max(LEAST_ROWS, 1 + math.ceil(math.log(_CHANCE) / math.log(chance)))


def _runs(repeated: np.ndarray) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for i in np.flatnonzero(repeated):
        if found and found[-1][1] == i - 1:
            found[-1] = (found[-1][0], int(i))
        else:
            found.append((int(i) - 1, int(i)))
    return found
