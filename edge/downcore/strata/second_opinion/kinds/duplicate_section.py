"""The log of a section that is that of another: logged twice under two numbers."""

import numpy as np
from numpy.typing import NDArray

from downcore.strata.second_opinion.codes import Code, Finding
from downcore.strata.second_opinion.density_vp import SLOWEST_MUD
from downcore.strata.second_opinion.logs import SectionLogs
from downcore.strata.second_opinion.review import Review

LEAST_ROWS = 15
"""Rows that both sections must have."""
LEAST_SHARE = 0.8
"""Share of rows with the very same value that is a copy."""
LEAST_SCORE = 6.0
"""Standard deviations of a correlation that chance does not reach."""
LEAST_CORRELATION = 0.9
_MAX_LAG = 3


def review(review: Review) -> None:
    """Flag a section whose log repeats that of one above."""
    best: tuple[float, str, str] | None = None
    for other in review.above:
        score, words = _likeness(review.logs, other)
        if best is None or score > best[0]:
            best = (score, other.section_id, words)
    if best is None or best[0] <= LEAST_SCORE:
        return
    score, section_id, words = best
    bottom_um = review.logs.n_slices * 10_000
    review.findings.append(
        Finding(
            Code.DUPLICATE_SECTION, "", 0, bottom_um, score, LEAST_SCORE,
            f"{words} as section {section_id}",
        )
    )  # fmt: skip
    for track in review.tracks.values():
        track.set_aside[:] = True


def _likeness(mine: SectionLogs, other: SectionLogs) -> tuple[float, str]:
    scores, words, shares = [], [], []
    for log in mine.logs:
        beside = other.log(log.property)
        if beside is None:
            continue
        if log.property == "vp" and not float(np.nanmax(log.measured, initial=0.0)) >= SLOWEST_MUD:
            continue
        share, r, score = _best_lag(log.measured, beside.measured)
        shares.append(share)
        scores.append(score)
        words.append(f"{log.property} r {r:.3f}")
    if shares and max(shares) >= LEAST_SHARE:
        return 100.0 * max(shares), f"{100 * max(shares):.0f} % of the rows have the same values"
    if not scores or min(scores) == 0.0:
        # A section that was logged twice runs alike in all its logs.
        return 0.0, ""
    return float(sum(scores) / np.sqrt(len(scores))), f"the log runs alike ({', '.join(words)})"


def _best_lag(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[float, float, float]:
    found = [(0.0, 0.0, 0.0)]
    for lag in range(-_MAX_LAG, _MAX_LAG + 1):
        n = min(a.size, b.size) - abs(lag)
        if n < LEAST_ROWS:
            continue
        x = a[max(lag, 0) : max(lag, 0) + n]
        y = b[max(-lag, 0) : max(-lag, 0) + n]
        known = np.isfinite(x) & np.isfinite(y)
        if int(known.sum()) >= LEAST_ROWS and np.unique(x[known]).size >= LEAST_ROWS // 2:
            share = float((x[known] == y[known]).mean())
            found.append((share, *_correlation(x[known], y[known])))
    return max(found, key=lambda one: (one[0] >= LEAST_SHARE, one[2]))


def _correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Return the correlation of two logs without their trends, and how sure it is above 0."""
    along = np.arange(x.size)
    x, y = (one - np.polyval(np.polyfit(along, one, 1), along) for one in (x, y))
    norm = float(np.sqrt((x @ x) * (y @ y)))
    if norm == 0.0:
        return 0.0, 0.0
    r = float(x @ y) / norm
    if r < LEAST_CORRELATION:
        return r, 0.0
    neighbours = [float(one[1:] @ one[:-1]) / max(float(one @ one), 1e-300) for one in (x, y)]
    shared = max(neighbours[0] * neighbours[1], 0.0)
    n = x.size * (1.0 - shared) / (1.0 + shared)
    return r, float(np.arctanh(min(r, 0.9999)) * np.sqrt(max(n - 3.0, 0.0)))
