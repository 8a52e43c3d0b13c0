"""What was observed of each slice, as rows that a mixture has to explain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from downcore.strata.depthlog import HAS_VALUE, Estimate, SliceRow, Status, is_too_coarse
from downcore.strata.estimates import MIN_VALID_FRACTION
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


COLOUR_SHARE_SD = 0.03
"""Standard deviation of a slice's linear channels, as a share: lamp, camera and wetness; as
assumed, since scanners differ and few scans show a colour card."""

COLOUR_FLOOR_SD = 0.003
"""Standard deviation of a slice's linear channels, at least; as assumed."""

MEASURED_SHARE_SD = {"density": 0.01, "vp": 0.01, "ms": 0.05}
"""Standard deviation of a logged value that comes without an interval, as a share; as assumed."""

MEASURED_FLOOR_SD = {"ms": 1.0}
"""The same at least, in the property's unit; as assumed."""

ONE_COLOUR = "one colour in every pixel: no picture of a core"
"""Reason of a slice without any texture."""

_ONE_COLOUR_SD = 1e-3
"""Standard deviation in L*a*b* units that rounding leaves of a single colour."""

_COLUMN = {name: i for i, name in enumerate(ROWS)}


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


def observe(
    rows: Sequence[SliceRow],
    bundle_ids: Sequence[str],
    measured: Mapping[int, tuple[Estimate, ...]] | None = None,
) -> Observations:
    """
    Return what was observed of consecutive slices.

    A measured value stands before a predicted one. Of the bundle's values the interval gives the
    weight. Every bundle judges: a slice of which none gives a value, and that one or more looked
    at, stays masked or abstained, measured or not, since its colour is not believed. A bundle that
    could not look, for want of resolution, does not judge. A slice of exactly one colour is no
    picture of a core.

    Parameters
    ----------
    rows : sequence of SliceRow
        In order of depth.
    bundle_ids : sequence of str
        Bundles that run. The first one's values count; measured ones always do. Without any, the
        slice's sediment and colour decide.
    measured : mapping, optional
        Measured values by number of slice, beside those of the rows.
    """
    offered = [[*(measured or {}).get(row.core_slice.index, ()), *row.estimates] for row in rows]
    used = [_used(estimates, bundle_ids) for estimates in offered]
    value = np.full((len(rows), N_ROWS), np.nan)
    sd = np.full((len(rows), N_ROWS), np.nan)
    standing = [_standing(row, bundle_ids) for row in rows]
    for i, (row, estimates) in enumerate(zip(rows, used, strict=True)):
        if standing[i][0] in HAS_VALUE:
            value[i], sd[i] = _numbers(row, estimates)
    return Observations.of(
        value, sd, tuple(one for one, _ in standing), tuple(why for _, why in standing)
    )


def _used(estimates: Sequence[Estimate], bundle_ids: Sequence[str]) -> dict[str, Estimate]:
    """Return the estimate of each property that counts."""
    chosen: dict[str, Estimate] = {}
    for one in estimates:
        is_measured = one.status is Status.MEASURED
        if not is_measured and one.bundle_id not in bundle_ids[:1]:
            continue
        known = chosen.get(one.property)
        if known is None or (is_measured and known.status is not Status.MEASURED):
            chosen[one.property] = one
    return chosen


def _standing(row: SliceRow, bundle_ids: Sequence[str]) -> tuple[Status, str]:
    """Return whether a slice may have a composition, and why not."""
    core_slice = row.core_slice
    judged = [one for name in bundle_ids for one in row.estimates if one.bundle_id == name]
    if not any(one.status in HAS_VALUE for one in judged):
        against = [one for one in judged if not is_too_coarse(one)]
        # Bundles differ in what they need of a slice; that there is no sediment stands before.
        for one in (*(one for one in against if one.status is Status.MASKED), *against):
            return one.status, one.reason
    if core_slice.colour is None or core_slice.valid_fraction < MIN_VALID_FRACTION:
        needed = round(100 * MIN_VALID_FRACTION)
        got = int(100 * core_slice.valid_fraction)
        return Status.MASKED, f"{got} % sediment, needs {needed} %"
    if max(core_slice.colour.lab_sd) <= _ONE_COLOUR_SD:
        return Status.ABSTAINED, ONE_COLOUR
    return Status.PREDICTED, ""


def _numbers(
    row: SliceRow, used: Mapping[str, Estimate]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    value = np.full(N_ROWS, np.nan)
    sd = np.full(N_ROWS, np.nan)
    for name, one in used.items():
        if name in _COLUMN and one.value is not None:
            value[_COLUMN[name]] = one.value
            sd[_COLUMN[name]] = _sd(one, one.value)
    colour = row.core_slice.colour
    if colour is not None:
        linear = np.array(colour.linear_rgb_mean)
        value[RED:] = linear
        sd[RED:] = COLOUR_SHARE_SD * linear + COLOUR_FLOOR_SD
    return value, sd


def _sd(estimate: Estimate, value: float) -> float:
    if estimate.lower is not None and estimate.upper is not None:
        return sd_of_interval(estimate.lower, estimate.upper)
    if estimate.status is not Status.MEASURED:
        return float("nan")
    floor = MEASURED_FLOOR_SD.get(estimate.property, 0.0)
    return MEASURED_SHARE_SD[estimate.property] * abs(value) + floor


def sd_of_interval(lower: float, upper: float) -> float:
    """Return the standard deviation of normal errors whose 90 % interval this is."""
    return (upper - lower) / 2.0 * SDS_PER_HALF_WIDTH
