"""
Stretches where the residual leaves its level, row by row, knowing only the rows above.

A matched filter: of every row that a stretch may begin at, the rows from there on are compared with
what the rows above it predict, whitened by the model of residuals.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from downcore.strata.adaptive import AdaptiveConformal
from downcore.strata.second_opinion.alarm_rate import AlarmLimit
from downcore.strata.second_opinion.logs import Z90
from downcore.strata.second_opinion.residuals import ResidualModel, SectionResiduals

Values = NDArray[np.float64]

N_PAST = 16
"""Rows above that predict the next."""
N_LONGEST = 8
"""Longest stretch that is added up, rows."""
N_AHEAD = 10
"""Rows from the first of a stretch on that are looked at together."""
REACH_CM = 14.0
"""The same in centimetres."""
LONGEST_CM = 16.0
"""A longer stretch is a new level, to which the limits adapt."""
_LEAST_SCALE = 0.5
"""Of scores, however well the rows above were predicted."""
FIT_EVERY = 15
"""Rows after which the model of residuals is fitted again."""
STEP = 0.02
"""Step of the adaptive interval after a row."""
_BACK = 0.45
"""Share of the shift below which a stretch has ended."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A stretch of rows that left the level."""

    first: int
    last: int
    """First and last row."""
    size: float
    """Of the mean shift, in the property's unit; above 0 where too much is predicted."""
    score: float
    limit: float


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What was made of the rows of a section, in their order."""

    expected: Values
    """Residual that the rows above predict."""
    half_width: Values
    """Of its 90 % band."""
    shifts: tuple[Shift, ...]
    is_flagged: NDArray[np.bool_]


@dataclass(slots=True, eq=False)
class RowsAbove:
    """What the judgement of one property carries down a core."""

    depth_cm: list[float] = field(default_factory=list)
    residual: list[float] = field(default_factory=list)
    section: list[int] = field(default_factory=list)
    band: AdaptiveConformal | None = None

    def add(self, depth_cm: float, residual: float, section: int) -> None:
        """Add a row that was not flagged."""
        for kept, one in (
            (self.depth_cm, depth_cm),
            (self.residual, residual),
            (self.section, section),
        ):
            kept.append(one)  # type: ignore[arg-type] # each of its own type
            del kept[:-N_PAST]


@dataclass(frozen=True, slots=True, eq=False)
class _Start:
    """A row that a stretch may begin at."""

    mean: Values
    """Predicted residuals of it and of the rows after it."""
    scores: Values
    """Of the likeliest stretch that begins with it, as each row from it on is known."""


@dataclass(slots=True, eq=False)
class RowJudge:
    """Judges the rows of one section and property, from the top down."""

    depth_cm: Values
    """Along the core, ascending."""
    residual: Values
    """Predicted less measured; finite."""
    section: int
    """Its number."""
    fit: Callable[[SectionResiduals], ResidualModel]
    """Returns the model of residuals after the sections above and some rows of this one."""
    above: RowsAbove
    """Is changed."""
    limits: tuple[AlarmLimit, AlarmLimit]
    """Of shifts below and above 0; are changed."""
    rate: float
    """Alarms per 10 m of each side."""
    _starts: list[_Start] = field(default_factory=list, init=False)
    _shifts: list[Shift] = field(default_factory=list, init=False)
    _is_open: bool = field(default=False, init=False)
    _clean: list[int] = field(default_factory=list, init=False)
    _model: ResidualModel = field(init=False)

    def judge(self) -> Judged:
        """Return which stretches left their level; carries on what it knows in ``above``."""
        n = self.residual.size
        expected, half = np.full(n, np.nan), np.full(n, np.nan)
        flagged = np.zeros(n, np.bool_)
        band = self.above.band or AdaptiveConformal(_NORMAL_LADDER, step=STEP)
        peaks = _Peaks(self.limits)
        self._model = self._fitted()
        for i in range(n):
            start, sd = self._start_at(i)
            self._starts.append(start)
            expected[i], half[i] = start.mean[0], band.factor * sd
            if self._is_open and self._goes_on(i):
                flagged[i] = True
                continue
            shift = self._shift_at(i, max(band.factor / Z90, _LEAST_SCALE), peaks)
            if shift is not None:
                flagged[shift.first : i + 1] = True
                self._shifts.append(shift)
                self._is_open = True
                _take_back(self.above, float(self.depth_cm[shift.first]))
                self._clean = [k for k in self._clean if k < shift.first]
                continue
            band = band.after(is_inside=bool(abs(self.residual[i] - expected[i]) <= half[i]))
            self._add(i)
        peaks.end()
        length_cm = float(self.depth_cm[-1] - self.depth_cm[0]) + 1.0 if n else 0.0
        for one in self.limits:
            one.passed(length_cm / 100.0)
        self.above.band = band
        for shift in self._shifts:
            # What the rows above the stretch say, not those of the stretch itself.
            mean = self._starts[shift.first].mean
            for i in range(shift.first, shift.last + 1):
                expected[i] = mean[min(i - shift.first, mean.size - 1)]
                half[i] = half[shift.first]
        return Judged(expected, half, tuple(self._shifts), flagged)

    def _add(self, i: int) -> None:
        self.above.add(float(self.depth_cm[i]), float(self.residual[i]), self.section)

        self._clean.append(i)
        if len(self._clean) % FIT_EVERY == 0:
            self._model = self._fitted()

    def _fitted(self) -> ResidualModel:
        rows = self._clean
        return self.fit(SectionResiduals(self.depth_cm[rows], self.residual[rows]))

    def _goes_on(self, i: int) -> bool:
        """Return whether a row belongs to the stretch above it."""
        shift = self._shifts[-1]
        mean = self._starts[shift.first].mean
        left = self.residual[i] - mean[min(i - shift.first, mean.size - 1)]
        is_out = bool(left * np.sign(shift.size) > _BACK * abs(shift.size))
        if is_out and self.depth_cm[i] - self.depth_cm[shift.first] < LONGEST_CM:
            self._shifts[-1] = replace(shift, last=i)
            return True
        if is_out:
            # A new level: the rows of the stretch are what the next ones are compared with.
            for k in range(shift.first, i):
                self._add(k)
        self._is_open = False
        return False

    def _shift_at(self, i: int, scale: float, peaks: "_Peaks") -> Shift | None:
        """Return the stretch that a row ends, where its score is above the limit."""
        score, first = self._best(i)
        score /= scale
        which = int(score > 0.0)
        limit = self.limits[which].limit(self.rate)
        peaks.see(which, abs(score), limit)
        if abs(score) <= limit:
            return None
        mean = self._starts[first].mean[: i - first + 1]
        size = float((self.residual[first : i + 1] - mean).mean())
        return Shift(first, i, size, abs(score), limit)

    def _best(self, i: int) -> tuple[float, int]:
        """Return the score farthest from 0 of the stretches that end at a row, and its first."""
        best, first = 0.0, i
        after = self._shifts[-1].last + 1 if self._shifts else 0
        for s in range(max(after, i - N_AHEAD + 1), i + 1):
            scores = self._starts[s].scores
            if i - s < scores.size and abs(scores[i - s]) > abs(best):
                best, first = float(scores[i - s]), s
        return best, first

    def _start_at(self, i: int) -> tuple[_Start, float]:
        """Return what the rows above a row predict of it and of those after it, and its sd."""
        ahead = self.depth_cm[i : i + N_AHEAD]
        ahead = ahead[ahead - ahead[0] < REACH_CM]
        above, m, k = self.above, len(self.above.depth_cm), ahead.size
        place = np.concatenate([above.depth_cm, ahead])
        section = np.concatenate([above.section, np.full(k, self.section)]).astype(np.int64)
        covariance = self._model.covariance(place, section)
        covariance += 1e-9 * self._model.sd**2 * np.eye(m + k)
        root = np.linalg.cholesky(covariance)
        values = np.concatenate([above.residual, self.residual[i : i + k]]) - self._model.mean
        # One column a stretch of one row, of two, and so on; the rows after it are back again.
        lengths = np.arange(1, min(k, N_LONGEST) + 1)
        templates = np.zeros((m + k, lengths.size))
        templates[m:] = np.arange(k)[:, None] < lengths
        white = np.linalg.solve(root, np.column_stack([values, templates]))
        # The lower left part turns what is known above into what is expected below.
        mean = np.asarray(root[m:, :m] @ white[:m, 0] + self._model.mean, np.float64)
        own, shapes = white[m:, :1], white[m:, 1:]
        each = np.cumsum(own * shapes, axis=0) / np.sqrt(np.cumsum(shapes**2, axis=0))
        # A stretch that is longer than the rows so far is not told from the shorter ones.
        scores = each[np.arange(k), np.abs(each).argmax(axis=1)]
        return _Start(mean, np.asarray(scores, np.float64)), float(root[m, m])


class _Peaks:
    """Counts the highest score of each stretch above a limit's start."""

    def __init__(self, limits: tuple[AlarmLimit, AlarmLimit]) -> None:
        self._limits = limits
        self._highest = [0.0, 0.0]
        self._ceiling = [0.0, 0.0]

    def see(self, which: int, score: float, limit: float) -> None:
        for side in (0, 1):
            here = score if side == which else 0.0
            if here > self._limits[side].start:
                self._highest[side] = max(self._highest[side], here)
                self._ceiling[side] = limit
            else:
                self._close(side)

    def end(self) -> None:
        for side in (0, 1):
            self._close(side)

    def _close(self, side: int) -> None:
        if self._highest[side] > 0.0:
            self._limits[side].saw(self._highest[side], self._ceiling[side])
            self._highest[side] = 0.0


def _take_back(above: RowsAbove, from_cm: float) -> None:
    """Forget the rows of a stretch that turned out to be flagged."""
    while above.depth_cm and above.depth_cm[-1] >= from_cm:
        for kept in (above.depth_cm, above.residual, above.section):
            kept.pop()


_NORMAL_LADDER = tuple(
    float(x)
    for x in np.interp(
        np.linspace(0.01, 0.99, 99),
        [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99],
        [0.0, 0.1257, 0.2533, 0.3853, 0.5244, 0.6745, 0.8416, 1.0364, 1.2816, 1.6449, 1.96, 2.3263,
         2.5758],
    )
)  # fmt: skip
"""Half widths of a normal distribution, in standard deviations, for 1, 2, ... 99 %."""
