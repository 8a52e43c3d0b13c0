"""How much likelier a measured log is if the section lies otherwise than the record says."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from downcore.strata.second_opinion.review import Review, Track

Values = NDArray[np.float64]

LEAST_ROWS = 12
"""Rows with both logs, from which a place is judged."""
_CLIP = 4.0
_TEMPER = 0.7
"""Share of the evidence that counts, since the model of residuals is only roughly right."""


def gains(review: Review, places: Callable[[Track], Sequence[Values]]) -> Values:
    """
    Return by how much each place is likelier than the record's, log of the ratio, all properties.

    Parameters
    ----------
    review : Review
        The section.
    places : callable
        Returns what a property's log would be compared with, for each place in turn: an array of
        one value for each slice, NaN where there is none.
    """
    total: Values | None = None
    for track in review.tracks.values():
        if track.log.is_by_density:
            continue
        mine = np.stack([track.predicted, *places(track)])
        found = _gains(track, mine)
        total = found if total is None else total + found
    return np.zeros(0) if total is None else _TEMPER * total


def limit_of(review: Review, n_places: int, share: float) -> float:
    """
    Return the gain that a section in its place exceeds no oftener than the alarms allow.

    The ratio of two likelihoods has the mean 1 where the lower one is true, so it is above c once
    in c sections at most (Ville 1939).
    """
    per_section = share * review.alarms_per_10_m * review.length_m / 10.0
    return float(np.log(n_places / per_section))


def _gains(track: Track, mine: Values) -> Values:
    known = np.isfinite(track.log.measured) & ~track.set_aside
    found = np.zeros(len(mine) - 1)
    # Each place is compared over the rows that it shares with the record's.
    patterns: dict[bytes, list[int]] = {}
    for i in range(1, len(mine)):
        both = known & np.isfinite(mine[0]) & np.isfinite(mine[i])
        patterns.setdefault(both.tobytes(), []).append(i)
    for pattern, places in patterns.items():
        rows = np.flatnonzero(np.frombuffer(pattern, np.bool_))
        if rows.size < LEAST_ROWS:
            continue
        same = np.zeros(rows.size, np.int64)
        covariance = track.model.covariance(track.depth_cm(rows), same)
        root = np.linalg.cholesky(covariance + 1e-9 * track.model.sd**2 * np.eye(rows.size))
        residual = mine[[0, *places]][:, rows] - track.log.measured[rows] - track.level
        white = np.linalg.solve(root, (_clipped(residual) - track.model.mean).T)
        loss = 0.5 * (white**2).sum(axis=0)
        found[[i - 1 for i in places]] = loss[0] - loss[1:]
    return found


def _clipped(residual: Values) -> Values:
    centre = np.median(residual, axis=1, keepdims=True)
    spread = 1.4826 * np.median(np.abs(residual - centre), axis=1, keepdims=True)
    return np.clip(residual, centre - _CLIP * spread, centre + _CLIP * spread)
