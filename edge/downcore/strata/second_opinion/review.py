"""A section under review: both its logs, what was set aside, and what the core above said."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from downcore.strata.depth import SLICE_UM
from downcore.strata.second_opinion.alarm_rate import AlarmLimit
from downcore.strata.second_opinion.codes import Code, Finding
from downcore.strata.second_opinion.logs import DEFAULT_SD, PropertyLog, SectionLogs
from downcore.strata.second_opinion.residuals import (
    ResidualModel,
    SectionResiduals,
    fit_residuals,
)
from downcore.strata.second_opinion.shifts import Judged, RowsAbove

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]

GAP_CM = 10.0
"""Between the last row of a section and the first of the next, on the core's own axis."""


@dataclass(slots=True, eq=False)
class PropertyAbove:
    """What the sections above taught of one property."""

    property: str
    rows: RowsAbove = field(default_factory=RowsAbove)
    clean: list[SectionResiduals] = field(default_factory=list)
    """Residuals that nothing was flagged of, section by section, on the core's axis."""
    limits: dict[str, AlarmLimit] = field(default_factory=dict)
    n_rows: int = 0
    n_repeated: int = 0
    """Rows, and those of them with the value of the row above."""


@dataclass(slots=True, eq=False)
class Track:
    """One property of the section under review; arrays of one value for each slice."""

    log: PropertyLog
    above: PropertyAbove
    total_sd: float
    """That the prediction's intervals claim."""
    model: ResidualModel
    """After the sections above."""
    start_cm: float
    """Where the section begins on the core's axis."""
    number: int
    predicted: Values
    """What the measured log is compared with; moved where the section lies elsewhere."""
    set_aside: Mask
    """Rows that are flagged, and take no part in what follows."""
    level: float = 0.0
    """Taken off the residual, where the whole section is off."""
    judged: Judged | None = None
    rows_judged: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """Slices of the rows that were judged one by one."""

    @classmethod
    def of(cls, log: PropertyLog, above: PropertyAbove, number: int, start_cm: float) -> "Track":
        """Return a track of which nothing is judged yet."""
        known = log.sd[np.isfinite(log.sd)]
        total_sd = float(np.median(known)) if known.size else DEFAULT_SD[log.property]
        model = fit_residuals(above.clean, total_sd)
        aside = np.zeros(log.measured.size, np.bool_)
        return cls(log, above, total_sd, model, start_cm, number, log.predicted.copy(), aside)

    def fit(self, so_far: SectionResiduals) -> ResidualModel:
        """Return the model of residuals after the sections above and some rows of this one."""
        return fit_residuals(self.above.clean, self.total_sd, so_far)

    @property
    def measured_rows(self) -> NDArray[np.int64]:
        """Slices with a measured value that is not set aside."""
        return np.flatnonzero(np.isfinite(self.log.measured) & ~self.set_aside)

    @property
    def residual(self) -> Values:
        """Predicted less measured, less the level; NaN where either is missing or set aside."""
        found = self.predicted - self.log.measured - self.level
        return np.where(self.set_aside, np.nan, found)

    @property
    def rows(self) -> NDArray[np.int64]:
        """Slices with a residual."""
        return np.flatnonzero(np.isfinite(self.residual))

    def depth_cm(self, rows: NDArray[np.int64]) -> Values:
        """Return the middles of slices on the core's axis."""
        return np.asarray(self.start_cm + 0.5 + rows, np.float64)


@dataclass(slots=True, eq=False)
class Review:
    """A section under review."""

    logs: SectionLogs
    number: int
    tracks: dict[str, Track]
    """By property."""
    others: Sequence[SectionLogs]
    """The other sections of the core."""
    above: Sequence[SectionLogs]
    """Those of them that were judged before."""
    alarms_per_10_m: float
    findings: list[Finding] = field(default_factory=list)

    @property
    def length_m(self) -> float:
        """Of the section."""
        return self.logs.n_slices / 100.0

    def has(self, *codes: Code) -> bool:
        """Return whether anything is flagged by one of these codes."""
        return any(one.code in codes for one in self.findings)


def stretches(rows: Iterable[int], *, join: int = 2) -> Iterator[tuple[int, int]]:
    """Yield first and last of neighbouring slices; those up to ``join`` apart are one stretch."""
    first = last = -1
    for row in rows:
        if first >= 0 and row - last > join:
            yield first, last
            first = -1
        first, last = (row if first < 0 else first), row
    if first >= 0:
        yield first, last


def span_um(first: int, last: int) -> tuple[int, int]:
    """Return top and bottom of slices."""
    return first * SLICE_UM, (last + 1) * SLICE_UM
