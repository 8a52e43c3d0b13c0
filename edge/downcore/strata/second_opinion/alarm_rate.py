"""
Limits of scores that are set in alarms per 10 m.

Peaks over a threshold (Siffer and others 2017, after Pickands 1975): scores above a start are taken
to fall off exponentially; how many there are and how fast they fall off is learnt from the rows
above, begun with the figures of clean logs.
"""

import math
from dataclasses import dataclass, field

ALARMS_PER_10_M = 1.0
"""Alarms on a clean log that are aimed at, of all kinds and properties together."""

PRIOR_M = 5.0
"""Weight of the figures that it begins with, metres of log."""


@dataclass(slots=True)
class AlarmLimit:
    """The limit of one score, which follows a core."""

    start: float
    """Scores above it are counted."""
    per_10_m: float
    """How many of them 10 m of a clean log have."""
    mean_excess: float
    """How far they lie above it on average."""
    seen_m: float = field(default=0.0, init=False)
    _n: float = field(default=0.0, init=False)
    _excess: float = field(default=0.0, init=False)

    def limit(self, alarms_per_10_m: float) -> float:
        """Return the score that so many alarms per 10 m exceed."""
        metres = PRIOR_M + self.seen_m
        n = self.per_10_m * PRIOR_M / 10.0 + self._n
        rate = 10.0 * n / metres
        excess = (self.per_10_m * PRIOR_M / 10.0 * self.mean_excess + self._excess) / n
        return self.start + excess * max(math.log(rate / alarms_per_10_m), 0.0)

    def saw(self, peak: float, ceiling: float) -> None:
        """Count a peak; one above the ceiling, an alarm, counts as the ceiling."""
        if peak > self.start:
            self._n += 1.0
            self._excess += min(peak, ceiling) - self.start

    def passed(self, metres: float) -> None:
        """Count a length of log."""
        self.seen_m += metres
