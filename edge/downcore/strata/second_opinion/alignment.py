"""How much likelier a measured log is if the section lies otherwise than the record says."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from downcore.strata.second_opinion.review import Review, Track

Values = NDArray[np.float64]

LEAST_ROWS = 12
"""Rows with both logs, from which a place is judged."""
_CLIP = 4.0
LEAST_CORRELATION = 0.4
LEAST_GAIN = 0.1
"""Between the log and what a place predicts, and above the record's place."""
_MAX_ROWS = 200
_WINDOW = 11
_OUTLIER = 6.0
_PRIOR = 10.0
"""Rows that the assumed spread of residuals weighs."""
_TEMPER = 0.5
"""Share of the evidence that counts, since the model of residuals is only roughly right."""


def gains(review: Review, places: Callable[[Track], Sequence[Values]]) -> Values:
    """
    Return by how much each place is likelier than the record's, log of the ratio, all properties.

    The spread of the residuals is taken to be unknown, and a place counts only where one of the
    logs follows it, with a correlation of 0.4 or more and 0.1 above that at the record's place.

    Parameters
    ----------
    review : Review
        The section.
    places : callable
        Returns what a property's log would be compared with, for each place in turn: an array of
        one value for each slice, NaN where there is none.
    """
    total: Values | None = None
    follows: NDArray[np.bool_] | None = None
    for track in review.tracks.values():
        if track.log.is_by_density:
            continue
        found, one_follows = _gains(track, np.stack([track.predicted, *places(track)]))
        total = found if total is None else total + found
        follows = one_follows if follows is None else follows | one_follows
    if total is None or follows is None:
        return np.zeros(0)
    return np.where(follows, _TEMPER * total, np.minimum(total, 0.0))


def limit_of(review: Review, n_places: int, share: float) -> float:
    """
    Return the gain that a section in its place exceeds no oftener than the alarms allow.

    The ratio of two likelihoods has the mean 1 where the lower one is true, so it is above c once
    in c sections at most (Ville 1939).
    """
    per_section = share * review.alarms_per_10_m * review.length_m / 10.0
    return float(np.log(n_places / per_section))


def _gains(track: Track, mine: Values) -> tuple[Values, NDArray[np.bool_]]:
    known = np.isfinite(track.log.measured) & ~track.set_aside & ~_outliers(track.log.measured)
    found = np.zeros(len(mine) - 1)
    follows = np.zeros(len(mine) - 1, np.bool_)
    # Each place is compared over the rows that it shares with the record's.
    patterns: dict[bytes, list[int]] = {}
    for i in range(1, len(mine)):
        both = known & np.isfinite(mine[0]) & np.isfinite(mine[i])
        patterns.setdefault(both.tobytes(), []).append(i)
    for pattern, places in patterns.items():
        rows = np.flatnonzero(np.frombuffer(pattern, np.bool_))
        if rows.size < LEAST_ROWS:
            continue
        rows = rows[:: -(-rows.size // _MAX_ROWS)]
        compared = mine[[0, *places]][:, rows]
        measured = track.log.measured[rows]
        loss = _losses(track, rows, compared - measured - track.level)
        at = [i - 1 for i in places]
        weight = rows.size + _PRIOR
        found[at] = 0.5 * weight * np.log((_PRIOR + loss[0]) / (_PRIOR + loss[1:]))
        r = _correlations(compared, measured)
        follows[at] = (r[1:] >= LEAST_CORRELATION) & (r[1:] >= r[0] + LEAST_GAIN)
    return found, follows


def _outliers(measured: Values) -> NDArray[np.bool_]:
    """Return which rows stand out of those about them: spikes and voids say nothing of places."""
    rows = np.flatnonzero(np.isfinite(measured))
    found = np.zeros(measured.size, np.bool_)
    if rows.size < _WINDOW:
        return found
    around = np.lib.stride_tricks.sliding_window_view(
        np.pad(measured[rows], _WINDOW // 2, mode="reflect"), _WINDOW
    )
    away = np.abs(measured[rows] - np.median(around, axis=1))
    found[rows] = away > _OUTLIER * 1.4826 * float(np.median(away)) + 1e-12
    return found


def _losses(track: Track, rows: NDArray[np.int64], residual: Values) -> Values:
    """Return the sums of squares of whitened residuals (n_places, n)."""
    same = np.zeros(rows.size, np.int64)
    covariance = track.model.covariance(track.depth_cm(rows), same)
    root = np.linalg.cholesky(covariance + 1e-9 * track.model.sd**2 * np.eye(rows.size))
    white = np.linalg.solve(root, (_clipped(residual) - track.model.mean).T)
    return np.asarray((white**2).sum(axis=0), np.float64)


def _correlations(compared: Values, measured: Values) -> Values:
    a = compared - compared.mean(axis=1, keepdims=True)
    b = measured - measured.mean()
    norm = np.sqrt((a**2).sum(axis=1) * (b @ b))
    found: Values = np.divide(a @ b, norm, out=np.zeros(len(a)), where=norm > 0.0)
    return found


def _clipped(residual: Values) -> Values:
    centre = np.median(residual, axis=1, keepdims=True)
    spread = 1.4826 * np.median(np.abs(residual - centre), axis=1, keepdims=True)
    return np.clip(residual, centre - _CLIP * spread, centre + _CLIP * spread)
