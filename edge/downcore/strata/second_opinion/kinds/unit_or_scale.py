"""A whole section off by a factor or a level: another unit, another calibration, a lost digit."""

import math

import numpy as np

from downcore.strata.properties import property_named
from downcore.strata.second_opinion.codes import Code, Finding
from downcore.strata.second_opinion.density_vp import DENSEST_MUD, FASTEST_MUD
from downcore.strata.second_opinion.kinds._of_shifts import factor_of
from downcore.strata.second_opinion.review import Review, Track

LEAST_ROWS = 8
"""Rows from which a section's level is judged."""
_LIMIT = 2.9
"""Standard deviations of a section's level, where many sections are known."""


def review(review: Review) -> None:
    """Flag a section whose level no section above has had, and take the level off."""
    bottom_um = review.logs.n_slices * 10_000
    for name in review.logs.other_unit:
        words = "the file gives a unit that is not known"
        review.findings.append(
            Finding(Code.UNIT_OR_SCALE, name, 0, bottom_um, math.inf, 1.0, words)
        )
    for name, track in review.tracks.items():
        found = _too_dense(review, track) if name == "density" else None
        found = found or _off(track, bottom_um)
        if found is not None and name not in review.logs.other_unit:
            review.findings.append(found)


def _off(track: Track, bottom_um: int) -> Finding | None:
    rows = track.rows
    if rows.size < LEAST_ROWS:
        return None
    level, level_sd = _level(track)
    n_above = sum(one.residual.size >= LEAST_ROWS for one in track.above.clean)
    limit = _LIMIT * (1.0 + 1.0 / (n_above + 2.0))
    score = abs(level - track.model.mean) / level_sd
    if score <= limit:
        return None
    track.level = level - track.model.mean
    prop = property_named(track.log.property)
    beside = "its density" if track.log.is_by_density else "the picture"
    if prop.is_log_scaled:
        words = f"{factor_of(-level):.3g} times what {beside} says, all along"
    else:
        values = track.log.measured[rows]
        ratio = float(np.median(values / track.predicted[rows]))
        words = f"{ratio:.3g} times ({-level:+.3g} {prop.unit}) what {beside} says, all along"
    return Finding(Code.UNIT_OR_SCALE, prop.name, 0, bottom_um, score, limit, words)


def _level(track: Track) -> tuple[float, float]:
    """Return the level of the section's residuals, and its standard deviation if all is well."""
    rows = track.rows
    residual = track.residual[rows]
    centre = float(np.median(residual))
    spread = 1.4826 * float(np.median(np.abs(residual - centre)))
    clipped = np.clip(residual, centre - 3.0 * spread, centre + 3.0 * spread)
    same = np.zeros(rows.size, np.int64)
    covariance = track.model.covariance(track.depth_cm(rows), same) - track.model.level_sd**2
    covariance += 1e-9 * track.model.sd**2 * np.eye(rows.size)
    weights = np.linalg.solve(covariance, np.ones(rows.size))
    variance = 1.0 / float(weights.sum())
    level = float(weights @ clipped) * variance
    return level, math.sqrt(variance + track.model.level_sd**2)


def _too_dense(review: Review, track: Track) -> Finding | None:
    """Flag mud that is as dense as rock."""
    values = track.log.measured[track.measured_rows]
    if values.size < LEAST_ROWS or not (median := float(np.median(values))) > DENSEST_MUD:
        return None
    vp = review.tracks.get("vp")
    fast = np.empty(0) if vp is None else vp.log.measured[vp.measured_rows]
    is_rock = fast.size > 0 and float(np.median(fast)) > FASTEST_MUD
    says_rock = np.isfinite(track.predicted).any() and (
        float(np.nanmedian(track.predicted)) > DENSEST_MUD
    )
    if is_rock or says_rock:
        return None
    words = (
        f"median {median:.3g} g/cm3, denser than soft sediment ({DENSEST_MUD}); was a calibration "
        "of whole cores used on a half?"
    )
    track.set_aside[:] = True
    bottom_um = review.logs.n_slices * 10_000
    return Finding(Code.UNIT_OR_SCALE, "density", 0, bottom_um, median / DENSEST_MUD, 1.0, words)
