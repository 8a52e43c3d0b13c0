"""
Intervals that follow a core as its measured rows arrive.

Adaptive conformal inference of Gibbs and Candes (2021): after each measured row outside its
interval the requested level rises, after each one inside it falls a little, so that over a long
stretch the share inside approaches the target whatever the distribution of the errors.
"""

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from downcore.strata.conformal import COVERAGE, quantiles_by_core

STEP = 0.01
"""Step of the level after a row, as a share of the weight of a miss."""

_RUNGS = np.linspace(0.01, 0.99, 99)
_DOUBLES_EVERY = 0.25
"""
Excess of the level over the last entry of the table that doubles the width, so that any error can
be covered.
"""


@dataclass(frozen=True, slots=True)
class AdaptiveConformal:
    """The current level, and the half width for each level."""

    ladder: tuple[float, ...]
    """Half widths in units of the model's sd that hold 1, 2, ... 99 % of calibration slices."""
    aim: float = COVERAGE
    """Target share of rows inside the interval."""
    level: float = COVERAGE
    """Current level; may go below 0 and above 1."""
    step: float = STEP

    @classmethod
    def begin(
        cls,
        error: NDArray[np.float64],
        sd: NDArray[np.float64] | None,
        core: NDArray[np.int64],
        *,
        coverage: float = COVERAGE,
    ) -> Self:
        """
        Return the state before the first row; parameters as those of ``fit_by_core``.

        Raises
        ------
        ValueError
            If no error is known.
        """
        known = np.isfinite(error)
        if not known.any():
            raise ValueError("expected labels on the calibration cores, got none of a property")
        score = np.abs(error[known]) / (1.0 if sd is None else sd[known])
        own = np.unique(core[known], return_inverse=True)[1]
        rungs = quantiles_by_core(score, own, _RUNGS)
        return cls(tuple(float(x) for x in rungs), aim=coverage, level=coverage)

    @property
    def factor(self) -> float:
        """Current half width, in units of the model's sd; 0 or more."""
        beyond = max(self.level - float(_RUNGS[-1]), 0.0)
        rung = float(np.interp(self.level, [0.0, *_RUNGS], [0.0, *self.ladder]))
        return rung * math.exp2(min(beyond / _DOUBLES_EVERY, 64.0))

    def after(self, *, is_inside: bool) -> Self:
        """Return the state after a measured row, which was inside its interval or not."""
        missed = 0.0 if is_inside else 1.0
        return replace(self, level=self.level + self.step * (missed - (1.0 - self.aim)))


def adaptive_half_widths(
    start: AdaptiveConformal,
    error: NDArray[np.float64],
    sd: NDArray[np.float64] | None,
    *,
    delay_rows: int,
) -> NDArray[np.float64]:
    """
    Return the half widths down a core whose measured rows follow ``delay_rows`` behind.

    Parameters
    ----------
    start : AdaptiveConformal
        State at the top.
    error : ndarray, shape (n,)
        Predicted less measured, in order of depth; NaN where nothing is measured, which moves
        nothing.
    sd : ndarray, shape (n,), or None
        The model's own sd of each slice.
    delay_rows : int
        The interval of row ``i`` knows the measured rows up to ``i - delay_rows``; 1 or more.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    ValueError
        If the delay is below 1: an interval would use the value it has to predict.
    """
    if delay_rows < 1:
        raise ValueError(f"expected a delay of 1 row or more, got {delay_rows}")
    state = start
    scale = np.ones(error.shape) if sd is None else sd
    half = np.empty(error.shape)
    for row in range(error.size):
        arrived = row - delay_rows
        if arrived >= 0 and np.isfinite(error[arrived]):
            state = state.after(is_inside=bool(abs(error[arrived]) <= half[arrived]))
        half[row] = state.factor * scale[row]
    return half
