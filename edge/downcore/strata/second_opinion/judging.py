"""The second opinion on the logs of a core, section by section, from the top down."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from downcore.strata.second_opinion.alarm_rate import ALARMS_PER_10_M, AlarmLimit
from downcore.strata.second_opinion.codes import Finding
from downcore.strata.second_opinion.kinds import BY_ROW, FIRST, Kind
from downcore.strata.second_opinion.kinds.drift import clean_residuals
from downcore.strata.second_opinion.logs import SectionLogs
from downcore.strata.second_opinion.review import GAP_CM, PropertyAbove, Review, Track
from downcore.strata.second_opinion.shifts import RowJudge

SHIFT_SHARE = 0.11
"""Share of the alarms that shifts of one property to the side of a fault may take."""
_EDGE_CM = {"density": 1, "vp": 1, "ms": 2}
"""Rows so near to the ends of a section are not judged one by one."""
_START = 2.5
_CLEAN = {"density": (12.0, 1.0), "vp": (14.0, 0.75), "ms": (10.0, 0.75)}
"""How many peaks above the start 10 m of a clean log have, and how far above it on average."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What a property was judged by; arrays of one value for each slice, log10 for ``ms``."""

    property: str
    measured: NDArray[np.float64]
    predicted: NDArray[np.float64]
    residual: NDArray[np.float64]
    """Predicted less measured; NaN where either is missing."""
    lower: NDArray[np.float64]
    """Of the 90 % band of the residual, by the rows above; NaN where no row was judged."""
    upper: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SectionOpinion:
    """What is said of a section."""

    section_id: str
    findings: tuple[Finding, ...]
    """In order of depth."""
    evidence: tuple[Evidence, ...]
    """Of each property that was measured."""


@dataclass(slots=True, eq=False)
class CoreJudge:
    """
    Judges the sections of a core, one after the other, by what those above have shown.

    Parameters
    ----------
    sections : sequence of SectionLogs
        All sections of the core, from the top down.
    alarms_per_10_m : float, default 1
        Alarms that a clean log may give, of all kinds together.
    kinds : tuple of Kind, optional
        What is looked for.
    """

    sections: Sequence[SectionLogs]
    alarms_per_10_m: float = ALARMS_PER_10_M
    first: tuple[Kind, ...] = FIRST
    by_row: tuple[Kind, ...] = BY_ROW
    _above: dict[str, PropertyAbove] = field(default_factory=dict, init=False)
    _end_cm: float = field(default=0.0, init=False)

    def judge(self, number: int) -> SectionOpinion:
        """Return what is said of a section; those above must have been judged before."""
        logs = self.sections[number]
        tracks = {
            log.property: Track.of(
                log,
                self._above.setdefault(log.property, PropertyAbove(log.property)),
                number,
                self._end_cm,
            )
            for log in logs.logs
        }
        others = [one for i, one in enumerate(self.sections) if i != number]
        review = Review(logs, number, tracks, others, self.sections[:number], self.alarms_per_10_m)
        for kind in self.first:
            kind.review(review)
        for track in tracks.values():
            _judge_rows(review, track)
        for kind in self.by_row:
            kind.review(review)
        for track in tracks.values():
            track.above.clean.append(clean_residuals(track))
        self._end_cm += logs.n_slices + GAP_CM
        findings = sorted(review.findings, key=lambda one: (one.top_um, one.property, one.code))
        return SectionOpinion(
            logs.section_id, tuple(findings), tuple(map(_evidence, tracks.values()))
        )


def judge_core(
    sections: Sequence[SectionLogs], alarms_per_10_m: float = ALARMS_PER_10_M
) -> list[SectionOpinion]:
    """Return what is said of each section of a core; they are given from the top down."""
    judge = CoreJudge(sections, alarms_per_10_m)
    return [judge.judge(number) for number in range(len(sections))]


def _judge_rows(review: Review, track: Track) -> None:
    rows = track.rows
    edge = _EDGE_CM[track.log.property]
    # A sensor near the end of a section sees past it.
    rows = rows[(rows >= edge) & (rows < review.logs.n_slices - edge)]
    track.rows_judged = rows
    if not rows.size:
        return
    limits = tuple(
        track.above.limits.setdefault(side, AlarmLimit(_START, *_CLEAN[track.log.property]))
        for side in ("below", "above")
    )
    rate = SHIFT_SHARE * review.alarms_per_10_m
    track.judged = RowJudge(
        track.depth_cm(rows),
        track.residual[rows],
        review.number,
        track.fit,
        track.above.rows,
        (limits[0], limits[1]),
        rate,
    ).judge()


def _evidence(track: Track) -> Evidence:
    n = track.log.measured.size
    lower, upper = np.full(n, np.nan), np.full(n, np.nan)
    if track.judged is not None:
        lower[track.rows_judged] = track.judged.expected - track.judged.half_width
        upper[track.rows_judged] = track.judged.expected + track.judged.half_width
    return Evidence(
        track.log.property,
        track.log.measured,
        track.log.predicted,
        track.log.predicted - track.log.measured,
        lower + track.level,
        upper + track.level,
    )
