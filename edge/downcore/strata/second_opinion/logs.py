"""Both logs of a section, measured and predicted, centimetre by centimetre."""

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.depth import SLICE_UM
from downcore.strata.depthlog import SliceRow, Status
from downcore.strata.estimates import UNLIKE
from downcore.strata.footprint import FOOTPRINTS, POINT_SENSOR, Footprint, at_logger_support
from downcore.strata.measured import MeasuredPoint
from downcore.strata.properties import PROPERTIES, Property
from downcore.strata.second_opinion.density_vp import VP_SD, vp_of_density

Values = NDArray[np.float64]

Z90 = 1.6448536269514722
"""Half width of a 90 % interval of a normal distribution, standard deviations."""

DEFAULT_SD = {"density": 0.08, "vp": VP_SD, "ms": 0.2}
"""Of residuals where the bundle gives no interval: g/cm3, m/s, log10 of 1e-5 SI."""

LARGEST = 1e7
"""Beyond it a number is no reading in any unit, and its square may be no number."""

MS_FLOOR = 1.0
"""
Susceptibility below it counts as this much, 1e-5 SI: what a loop can tell, as unmixing has it.
"""

_UNUSABLE = frozenset({"cut off", "other unit", "unreadable"})
_FOOTPRINT_OF = {one.property: one for one in FOOTPRINTS}


@dataclass(frozen=True, slots=True, eq=False)
class PropertyLog:
    """Both logs of one property; arrays of one value for each slice, log10 for ``ms``."""

    property: str
    measured: Values
    """NaN where nothing was measured."""
    predicted: Values
    """As the sensor would see it, NaN where there is no prediction."""
    sd: Values
    """Of the prediction; above 0, NaN where there is no prediction."""
    is_by_density: bool = False
    """Whether the prediction is that of density, not of the picture."""


@dataclass(frozen=True, slots=True, eq=False)
class SectionLogs:
    """Both logs of a section."""

    section_id: str
    logs: tuple[PropertyLog, ...]
    """Of the properties that were measured, in the order of PROPERTIES."""
    is_unlike: NDArray[np.bool_]
    """Whether no bundle knows the slice's picture, shape (n,)."""
    other_unit: tuple[str, ...] = ()
    """Properties whose values are in no unit that is known."""

    @property
    def n_slices(self) -> int:
        """How many centimetres."""
        return int(self.is_unlike.size)

    def log(self, name: str) -> PropertyLog | None:
        """Return the logs of a property; ``None`` where it was not measured."""
        return next((one for one in self.logs if one.property == name), None)


def section_logs(
    section_id: str,
    rows: Sequence[SliceRow],
    points: Sequence[MeasuredPoint],
    *,
    left_out: Collection[str] = (),
) -> SectionLogs:
    """
    Return both logs of a section.

    Of several bundles that predict a property the one with the most values counts. A value is
    averaged as its sensor does. Where no bundle predicts vp, density and the prior of
    :mod:`.density_vp` do.

    Parameters
    ----------
    section_id : str
        Which.
    rows : sequence of SliceRow
        Of its scan that stands.
    points : sequence of MeasuredPoint
        What was measured; rows below the last slice are left out.
    left_out : collection of str, optional
        Ids of bundles that know the measured rows, and so have no opinion of their own.
    """
    n = max((row.core_slice.index for row in rows), default=-1) + 1
    run = _runs(rows, n)
    logs = []
    for prop in PROPERTIES:
        mine = [one for one in points if one.property == prop.name]
        measured = _measured(prop, mine, n)
        if np.isfinite(measured).any():
            sensor = _sensor(prop, mine)
            predicted, sd = _predicted(prop, rows, n, left_out)
            at_sensor = at_logger_support(predicted, run, sensor)
            logs.append(PropertyLog(prop.name, measured, at_sensor, sd))
    unit = tuple(dict.fromkeys(one.property for one in points if one.flag == "other unit"))
    return SectionLogs(section_id, with_vp_prior(logs), _unlike(rows, n, left_out), unit)


def with_vp_prior(logs: Sequence[PropertyLog]) -> tuple[PropertyLog, ...]:
    """Return logs where vp without a prediction has that of density, measured if it was."""
    density = next((one for one in logs if one.property == "density"), None)
    return tuple(
        _by_density(one, density)
        if one.property == "vp" and not np.isfinite(one.predicted).any() and density is not None
        else one
        for one in logs
    )


def _by_density(log: PropertyLog, density: PropertyLog) -> PropertyLog:
    known = np.where(np.isfinite(density.measured), density.measured, density.predicted)
    expected = vp_of_density(known)
    sd = np.where(np.isfinite(expected), VP_SD, np.nan)
    return PropertyLog("vp", log.measured, expected, sd, is_by_density=True)


def _runs(rows: Sequence[SliceRow], n: int) -> NDArray[np.int64]:
    """Return the number of the unbroken stretch that each slice is in."""
    known = np.zeros(n, np.bool_)
    known[[row.core_slice.index for row in rows]] = True
    return np.cumsum(~known).astype(np.int64)


def _sensor(prop: Property, points: Sequence[MeasuredPoint]) -> Footprint:
    is_point = prop.name == "ms" and min(p.footprint_um for p in points) < 2 * SLICE_UM
    return POINT_SENSOR if is_point else _FOOTPRINT_OF[prop.name]


def _measured(prop: Property, points: Sequence[MeasuredPoint], n: int) -> Values:
    total, count = np.zeros(n), np.zeros(n)
    for one in points:
        index = one.depth_um // SLICE_UM
        if index < n and one.flag not in _UNUSABLE and abs(one.value) <= LARGEST:
            total[index] += one.value
            count[index] += 1.0
    mean = np.divide(total, count, out=np.full(n, np.nan), where=count > 0.0)
    return _network_scale(prop, mean)


def _network_scale(prop: Property, values: Values) -> Values:
    if not prop.is_log_scaled:
        return values
    floor = np.where(np.isfinite(values), np.maximum(values, MS_FLOOR), np.nan)
    return np.log10(floor)


def _predicted(
    prop: Property, rows: Sequence[SliceRow], n: int, left_out: Collection[str]
) -> tuple[Values, Values]:
    chosen = _bundle_of(prop, rows, left_out)
    value, sd = np.full(n, np.nan), np.full(n, np.nan)
    for row in rows:
        for one in row.estimates:
            if (one.property, one.bundle_id) != (prop.name, chosen) or one.value is None:
                continue
            if one.status is not Status.PREDICTED:
                continue
            numbers = (one.value, one.lower, one.upper)
            value[row.core_slice.index], sd[row.core_slice.index] = _cell(prop, *numbers)
    return value, sd


def _cell(
    prop: Property, value: float, lower: float | None, upper: float | None
) -> tuple[float, float]:
    if prop.is_log_scaled:
        value = math.log10(max(value, MS_FLOOR))
    if lower is None or upper is None or not upper > lower:
        return value, DEFAULT_SD[prop.name]
    if prop.is_log_scaled:
        lower, upper = (math.log10(max(end, MS_FLOOR)) for end in (lower, upper))
    half = (upper - lower) / 2.0
    return value, half / Z90 if half > 0.0 else DEFAULT_SD[prop.name]


def _bundle_of(prop: Property, rows: Sequence[SliceRow], left_out: Collection[str]) -> str:
    counts = Counter(
        one.bundle_id
        for row in rows
        for one in row.estimates
        if one.property == prop.name
        and one.status is Status.PREDICTED
        and one.bundle_id not in left_out
    )
    return min(counts, key=lambda bundle: (-counts[bundle], bundle), default="")


def _unlike(rows: Sequence[SliceRow], n: int, left_out: Collection[str]) -> NDArray[np.bool_]:
    unlike = np.zeros(n, np.bool_)
    for row in rows:
        own = [one for one in row.estimates if one.bundle_id not in left_out]
        is_known = any(one.status is Status.PREDICTED for one in own)
        unlike[row.core_slice.index] = not is_known and any(
            one.status is Status.ABSTAINED and UNLIKE in one.reason for one in own
        )
    return unlike
