"""What was observed of each slice, as rows that a mixture has to explain."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from downcore.strata.depthlog import HAS_VALUE, Status
from downcore.strata.properties import DENSITY as DENSITY_PROPERTY
from downcore.strata.properties import MS as MS_PROPERTY
from downcore.strata.properties import VP as VP_PROPERTY

ROWS = ("density", "vp", "ms", "red", "green", "blue")
"""Rows of an observation: g/cm3, m/s, 1e-5 SI and linear reflectance, 0 to 1."""

DENSITY, VP, MS, RED = range(4)
N_ROWS = len(ROWS)

_MS_BEYOND = 10.0
"""Times the highest credible susceptibility that is still unmixed."""

_VAGUEST = 1e12
"""Standard deviation, in any row's unit, above which nothing was observed."""

SDS_PER_HALF_WIDTH = 1.0 / 1.645
"""A 90 % interval's half width is 1.645 standard deviations of a normal error."""


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """Slices in order of depth; NaN where nothing was observed."""

    value: NDArray[np.float64]
    """Shape (n_slices, 6), in the order and units of ROWS."""
    sd: NDArray[np.float64]
    """Standard deviation of each value, same shape and units; above 0 where there is a value."""
    status: tuple[Status, ...]
    """Of each slice; without a value for ``masked`` and ``abstained``."""
    reason: tuple[str, ...]
    """Why a slice has no value; empty where it has one."""

    def __post_init__(self) -> None:
        shape = (len(self.status), N_ROWS)
        if self.value.shape != shape or self.sd.shape != shape or len(self.reason) != shape[0]:
            raise ValueError(
                f"expected {N_ROWS} values, as many sds, a status and a reason for each slice, "
                f"got shapes {self.value.shape} and {self.sd.shape}, {shape[0]} statuses and "
                f"{len(self.reason)} reasons"
            )
        known = np.isfinite(self.value)
        if not (np.isfinite(self.sd[known]).all() and (self.sd[known] > 0.0).all()):
            row, column = np.argwhere(known & ~(self.sd > 0.0) | known & ~np.isfinite(self.sd))[0]
            raise ValueError(
                f"expected an sd above 0 for each value, got {self.sd[row, column]} for "
                f"{ROWS[column]} of slice {row}"
            )

    @classmethod
    def of(
        cls,
        value: NDArray[np.float64],
        sd: NDArray[np.float64],
        status: tuple[Status, ...] | None = None,
        reason: tuple[str, ...] | None = None,
    ) -> Self:
        """
        Return observations without what no mixture could explain.

        A value is left out that is not finite, that comes without an sd, that is no credible
        density or vp, an ms beyond any core's, or a channel that is not between 0 and 1. Every
        slice without a status is ``predicted``.
        """
        kept = np.array(value, np.float64)
        spread = np.array(sd, np.float64)
        with np.errstate(invalid="ignore"):
            credible = np.isfinite(kept) & (spread > 0.0) & (spread <= _VAGUEST)
            for row, one in ((DENSITY, DENSITY_PROPERTY), (VP, VP_PROPERTY)):
                credible[:, row] &= (kept[:, row] >= one.lowest) & (kept[:, row] <= one.highest)
            # Below 0 by noise and by diamagnetic members; placers pass the property's range.
            credible[:, MS] &= np.abs(kept[:, MS]) <= _MS_BEYOND * MS_PROPERTY.highest
            credible[:, RED:] &= (kept[:, RED:] > 0.0) & (kept[:, RED:] < 1.0)
        kept[~credible] = np.nan
        spread[~credible] = np.nan
        n = len(kept)
        said = (Status.PREDICTED,) * n if status is None else status
        return cls(kept, spread, said, ("",) * n if reason is None else reason)

    @property
    def may_have_value(self) -> NDArray[np.bool_]:
        """Slices that are neither masked nor abstained and were observed at all; (n_slices,)."""
        asked = np.array([one in HAS_VALUE for one in self.status], bool)
        return asked & np.isfinite(self.value).any(axis=1)

    def rows(self, chosen: NDArray[np.int64] | NDArray[np.bool_] | slice) -> "Observations":
        """Return the observations of some slices."""
        at = np.arange(len(self.status))[chosen]
        return Observations(
            self.value[at],
            self.sd[at],
            tuple(self.status[i] for i in at),
            tuple(self.reason[i] for i in at),
        )


def sd_of_interval(lower: NDArray[np.float64], upper: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard deviations of normal errors whose 90 % intervals these are."""
    sd: NDArray[np.float64] = (upper - lower) / 2.0 * SDS_PER_HALF_WIDTH
    return sd
