"""A difference between both logs that grows steadily: temperature, a source, a zero that moves."""

import numpy as np

from downcore.strata.properties import property_named
from downcore.strata.second_opinion.alarm_rate import AlarmLimit
from downcore.strata.second_opinion.codes import Code, Finding
from downcore.strata.second_opinion.kinds._of_shifts import factor_of
from downcore.strata.second_opinion.residuals import SectionResiduals
from downcore.strata.second_opinion.review import Review, Track, span_um

LEAST_CM = 30.0
"""Shortest drift that is looked for."""
_EVERY_CM = 5
_STARTS_CM = 15.0
_LONGEST_CM = 300.0
_MAX_ROWS = 120
_LEAST_ROWS = 8
_SHARE = 0.05
_START, _PER_10_M, _MEAN_EXCESS = 2.5, 3.0, 0.9


def review(review: Review) -> None:
    """Flag stretches at whose end the residual has moved steadily away."""
    if review.has(Code.SECTION_SWAPPED, Code.UPSIDE_DOWN, Code.DUPLICATE_SECTION):
        return
    for name, track in review.tracks.items():
        limit = track.above.limits.setdefault("drift", AlarmLimit(_START, _PER_10_M, _MEAN_EXCESS))
        found = _drift(track, limit, _SHARE * review.alarms_per_10_m)
        if found is not None:
            # A level that changes all along is no level.
            review.findings = [
                one
                for one in review.findings
                if (one.code, one.property) != (Code.UNIT_OR_SCALE, name) or one.limit == 1.0
            ]
            review.findings.append(found)
        limit.passed(review.length_m)


def _drift(track: Track, limit: AlarmLimit, rate: float) -> Finding | None:
    rows = _rows_not_flagged(track)
    if rows.size < _LEAST_ROWS:
        return None
    ceiling = limit.limit(rate)
    highest, found = 0.0, None
    for end in range(int(rows[0]) + int(LEAST_CM), int(rows[-1]) + _EVERY_CM, _EVERY_CM):
        score, start_cm, size = _ramp(track, rows[rows <= end])
        highest = max(highest, score)
        if found is None and score > ceiling:
            first = max(int(start_cm - track.start_cm), 0)
            prop = property_named(track.log.property)
            by = f"{abs(size):.3g} {prop.unit}"
            if prop.is_log_scaled:
                by = f"a factor of {factor_of(abs(size)):.3g}"
            words = f"measured and predicted move apart by {by} down to the section's end"
            last = int(rows[-1])
            found = Finding(
                Code.DRIFT, prop.name, *span_um(min(first, last), last), score, ceiling, words
            )
    limit.saw(highest, ceiling)
    return found


def _rows_not_flagged(track: Track) -> np.ndarray:
    rows = track.rows
    if track.judged is None:
        return rows
    return rows[~np.isin(rows, track.rows_judged[track.judged.is_flagged])]


def _ramp(track: Track, rows: np.ndarray) -> tuple[float, float, float]:
    """Return the score of the best ramp that ends at the last row, its start and its size."""
    above = track.above.clean[-2:]
    depth = np.concatenate([*(one.depth_cm for one in above), track.depth_cm(rows)])
    residual = np.concatenate([*(one.residual for one in above), track.residual[rows]])
    number = np.concatenate(
        [*(np.full(one.depth_cm.size, -1 - i) for i, one in enumerate(above)), np.zeros(rows.size)]
    ).astype(np.int64)
    step = -(-depth.size // _MAX_ROWS)
    kept = np.sort(np.arange(depth.size - 1, -1, -step))
    depth, residual, number = depth[kept], residual[kept], number[kept]
    end = float(depth[-1])
    starts = np.arange(end - LEAST_CM, max(end - _LONGEST_CM, depth[0]) - 1e-9, -_STARTS_CM)
    if depth.size < _LEAST_ROWS or not starts.size:
        return 0.0, 0.0, 0.0
    model = track.model
    root = np.linalg.cholesky(
        model.covariance(depth, number) + 1e-9 * model.sd**2 * np.eye(depth.size)
    )
    ramps = np.clip((depth[:, None] - starts) / (end - starts), 0.0, None)
    white = np.linalg.solve(root, np.column_stack([residual - model.mean, ramps]))
    power = (white[:, 1:] ** 2).sum(axis=0)
    score = white[:, 0] @ white[:, 1:] / np.sqrt(power)
    best = int(np.argmax(np.abs(score)))
    return abs(float(score[best])), float(starts[best]), float(score[best] / np.sqrt(power[best]))


def clean_residuals(track: Track) -> SectionResiduals:
    """Return the residuals of a section that nothing was flagged of."""
    rows = _rows_not_flagged(track)
    return SectionResiduals(track.depth_cm(rows), track.residual[rows])
