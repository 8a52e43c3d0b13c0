"""
Stretches where the residual leaves its level, row by row, knowing only the rows above.

A matched filter: of every row that a stretch may begin at, the rows from there on are compared with
what the rows above it predict, whitened by the model of residuals.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from downcore.strata.adaptive import AdaptiveConformal
from downcore.strata.second_opinion.alarm_rate import AlarmLimit
from downcore.strata.second_opinion.residuals import ResidualModel

Values = NDArray[np.float64]

N_PAST = 16
"""Rows above that predict the next."""
N_AHEAD = 8
"""Longest stretch that is added up, rows."""
REACH_CM = 12.0
"""The same in centimetres."""
LONGEST_CM = 16.0
"""A longer stretch is a new level, to which the limits adapt."""
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


@dataclass(slots=True, eq=False)
class _Start:
    """A row that a stretch may begin at."""

    mean: Values
    """Predicted residuals of it and of the rows after it."""
    white: Values
    template: Values

    def scores(self) -> Values:
        """Return the score of the stretch's first row, its first two, and so on."""
        power = np.sqrt(np.cumsum(self.template**2))
        return np.cumsum(self.white * self.template) / power


def judge_rows(
    depth_cm: Values,
    residual: Values,
    number: int,
    model: ResidualModel,
    above: RowsAbove,
    limits: tuple[AlarmLimit, AlarmLimit],
    rates: tuple[float, float],
) -> Judged:
    """
    Return which stretches of a section left their level; carries on what it knows in ``above``.

    Parameters
    ----------
    depth_cm : ndarray, shape (n,)
        Along the core, ascending.
    residual : ndarray, shape (n,)
        Predicted less measured; finite.
    number : int
        Of the section.
    model : ResidualModel
        After the sections above.
    above : RowsAbove
        Is changed.
    limits : (AlarmLimit, AlarmLimit)
        Of shifts below and above 0; are changed.
    rates : (float, float)
        Alarms per 10 m of each.
    """
    n = residual.size
    expected, half = np.full(n, np.nan), np.full(n, np.nan)
    flagged = np.zeros(n, np.bool_)
    starts: list[_Start] = []
    shifts: list[Shift] = []
    band = above.band or AdaptiveConformal(_NORMAL_LADDER, step=STEP)
    open_from: int | None = None
    peaks = _Peaks(limits)
    for i in range(n):
        start, sd = _start_at(i, depth_cm, residual, number, model, above)
        starts.append(start)
        scale = max(band.factor / _Z90, 0.5)
        expected[i], half[i] = start.mean[0], band.factor * sd
        if open_from is not None:
            shift = shifts[-1]
            left = residual[i] - starts[shift.first].mean[min(i - shift.first, N_AHEAD - 1, starts[shift.first].mean.size - 1)]
            is_out = left * np.sign(shift.size) > _BACK * abs(shift.size)
            if is_out and depth_cm[i] - depth_cm[shift.first] < LONGEST_CM:
                flagged[i] = True
                shifts[-1] = Shift(shift.first, i, shift.size, shift.score, shift.limit)
                continue
            if is_out:
                # A new level: the rows of the stretch are what the next ones are compared with.
                for k in range(shift.first, i):
                    above.add(float(depth_cm[k]), float(residual[k]), number)
            open_from = None
        score, first = _best(starts, i, open_after=shifts[-1].last if shifts else -1)
        score /= scale
        which = int(score > 0.0)
        limit = limits[which].limit(rates[which])
        peaks.see(which, abs(score), limit)
        if abs(score) > limit:
            mean = starts[first].mean[: i - first + 1]
            size = float((residual[first : i + 1] - mean).mean())
            shifts.append(Shift(first, i, size, abs(score), limit))
            flagged[first : i + 1] = True
            open_from = first
            _take_back(above, depth_cm[first])
            continue
        band = band.after(is_inside=bool(abs(residual[i] - expected[i]) <= half[i]))
        above.add(float(depth_cm[i]), float(residual[i]), number)
    peaks.end()
    metres = float(n and depth_cm[-1] - depth_cm[0] + 1.0) / 100.0
    for one in limits:
        one.passed(metres)
    above.band = band
    return Judged(expected, half, tuple(shifts), flagged)


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


def _best(starts: list[_Start], i: int, *, open_after: int) -> tuple[float, int]:
    """Return the score farthest from 0 of the stretches that end at a row, and its first row."""
    best, first = 0.0, i
    for s in range(max(0, open_after + 1, i - N_AHEAD + 1), i + 1):
        scores = starts[s].scores()
        if i - s < scores.size and abs(scores[i - s]) > abs(best):
            best, first = float(scores[i - s]), s
    return best, first


def _start_at(
    i: int,
    depth_cm: Values,
    residual: Values,
    number: int,
    model: ResidualModel,
    above: RowsAbove,
) -> tuple[_Start, float]:
    ahead = depth_cm[i : i + N_AHEAD]
    ahead = ahead[ahead - ahead[0] < REACH_CM]
    m, k = len(above.depth_cm), ahead.size
    place = np.concatenate([above.depth_cm, ahead])
    section = np.concatenate([above.section, np.full(k, number)]).astype(np.int64)
    root = np.linalg.cholesky(model.covariance(place, section) + 1e-9 * model.sd**2 * np.eye(m + k))
    values = np.concatenate([above.residual, residual[i : i + k]]) - model.mean
    template = np.concatenate([np.zeros(m), np.ones(k)])
    white = np.linalg.solve(root, np.stack([values, template], axis=1))
    # The lower left part turns what is known above into what is expected below.
    mean = root[m:, :m] @ white[:m, 0] + model.mean
    sd = float(root[m, m])
    return _Start(mean, white[m:, 0], white[m:, 1]), sd


_Z90 = 1.6448536269514722
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
