"""From rows of the depth log to what a mixture has to explain."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from downcore.strata.depthlog import HAS_VALUE, Estimate, Status
from downcore.strata.estimates import MIN_VALID_FRACTION
from downcore.strata.record import SliceRow
from downcore.strata.unmixing.observations import (
    N_ROWS,
    RED,
    ROWS,
    Observations,
    sd_of_interval,
)

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


def observe(
    rows: Sequence[SliceRow],
    bundle_id: str,
    measured: Mapping[int, tuple[Estimate, ...]] | None = None,
    *,
    is_too_coarse: bool = False,
) -> Observations:
    """
    Return what was observed of consecutive slices.

    A measured value stands before a predicted one. Of the bundle's values the interval gives the
    weight. A slice that the bundle holds to be unlike any core of its training stays abstained,
    measured or not, since its colour is not believed; one that it could not look at, for want of
    resolution, is observed by its colour. A slice of exactly one colour is no picture of a core.

    Parameters
    ----------
    rows : sequence of SliceRow
        In order of depth.
    bundle_id : str
        Whose estimates count; measured ones always do.
    measured : mapping, optional
        Measured values by number of slice, beside those of the rows.
    is_too_coarse : bool, default False
        Whether the bundle abstains for the scan's resolution, not for what the core shows.
    """
    told = [[*(measured or {}).get(row.core_slice.index, ()), *row.estimates] for row in rows]
    used = [_used(one, bundle_id) for one in told]
    value = np.full((len(rows), N_ROWS), np.nan)
    sd = np.full((len(rows), N_ROWS), np.nan)
    standing = [_standing(row, bundle_id, is_too_coarse=is_too_coarse) for row in rows]
    for i, (row, estimates) in enumerate(zip(rows, used, strict=True)):
        if standing[i][0] in HAS_VALUE:
            value[i], sd[i] = _numbers(row, estimates)
    return Observations.of(
        value, sd, tuple(one for one, _ in standing), tuple(why for _, why in standing)
    )


def _used(estimates: Sequence[Estimate], bundle_id: str) -> dict[str, Estimate]:
    """Return the estimate of each property that counts."""
    chosen: dict[str, Estimate] = {}
    for one in estimates:
        is_measured = one.status is Status.MEASURED
        if not is_measured and one.bundle_id != bundle_id:
            continue
        known = chosen.get(one.property)
        if known is None or (is_measured and known.status is not Status.MEASURED):
            chosen[one.property] = one
    return chosen


def _standing(row: SliceRow, bundle_id: str, *, is_too_coarse: bool) -> tuple[Status, str]:
    """Return whether a slice may have a composition, and why not."""
    core_slice = row.core_slice
    own = [one for one in row.estimates if one.bundle_id == bundle_id]
    if own and all(one.status not in HAS_VALUE for one in own):
        first = own[0]
        if first.status is Status.MASKED or not is_too_coarse:
            return first.status, first.reason
    if core_slice.colour is not None and max(core_slice.colour.lab_sd) <= _ONE_COLOUR_SD:
        return Status.ABSTAINED, ONE_COLOUR
    if core_slice.colour is None or core_slice.valid_fraction < MIN_VALID_FRACTION:
        needed = round(100 * MIN_VALID_FRACTION)
        got = int(100 * core_slice.valid_fraction)
        return Status.MASKED, f"{got} % sediment, needs {needed} %"
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
        return float(sd_of_interval(np.array(estimate.lower), np.array(estimate.upper)))
    if estimate.status is not Status.MEASURED:
        return float("nan")
    floor = MEASURED_FLOOR_SD.get(estimate.property, 0.0)
    return MEASURED_SHARE_SD[estimate.property] * abs(value) + floor
