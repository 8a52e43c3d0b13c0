"""Reasons to doubt a whole log, from its numbers, its units and its format."""

import numpy as np
from numpy.typing import NDArray

from downcore.loggers._layout import Layout
from downcore.loggers._log import CREDIBLE, Doubt, MsUnit

_FEWEST = 5
"""Fewest values of which a median is used."""
_WATER_VP = 1_465.0
"""Slowest velocity of water that a calibration run may give, m/s."""
_SLOWEST_MUD_VP = 0.967 * _WATER_VP
"""
Least velocity of any mixture of that water with grains, m/s.

Wood's equation for sea water (1.026 g/cm3) and quartz (2.65 g/cm3, 37 GPa) has its minimum at
79 % pores, 0.967 of the velocity of the water.
"""
_LEAST_MS = 0.02
"""
Median, 1e-5 SI, below which numbers without a unit are others: loops and points resolve some tenths
of 1e-5 SI, and 0.02 SI is more than all but the ores have.
"""
_DENSEST_MUD = 2.2
"""Median above which a log cannot be of mud, g/cm3; the doubt gives the reason."""


def doubts_of(values: NDArray[np.float64], layout: Layout, ms_unit: MsUnit) -> tuple[Doubt, ...]:
    """
    Return the doubts about each property of a log.

    Parameters
    ----------
    values : ndarray, shape (n, 3)
        In our units, NaN where there is none.
    layout : Layout
        Of the format.
    ms_unit : MsUnit
        Of the file's susceptibility.
    """
    found: list[Doubt] = []
    if layout.is_raw:
        found += [
            Doubt(
                credible.property,
                "readings before calibration",
                "Geotek MSCL .raw files",
                excludes_absolute_use=True,
            )
            for k, credible in enumerate(CREDIBLE)
            if np.isfinite(values[:, k]).any()
        ]
    found += _of_density(values[:, 0])
    found += _of_vp(values[:, 1])
    found += _of_ms(values[:, 2], ms_unit)
    return tuple(found)


def _median(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size >= _FEWEST else np.nan


def _of_density(values: NDArray[np.float64]) -> list[Doubt]:
    median = _median(values)
    found = []
    if median > _DENSEST_MUD:
        reason = (
            f"a median of {median:.2f} g/cm3 leaves at most {100 * _porosity(median):.0f} % of "
            f"pores at a grain density of 2.75, less than packed sand has; such logs come from "
            f"half cores read with the calibration of whole ones"
        )
        source = "porosity = (2.75 - density) / (2.75 - 1.026)"
        found.append(Doubt("density", reason, source, excludes_absolute_use=True))
    return found


def _porosity(density: float) -> float:
    return max((2.75 - density) / (2.75 - 1.026), 0.0)


def _of_vp(values: NDArray[np.float64]) -> list[Doubt]:
    median = _median(values)
    if not median < _WATER_VP:
        return []
    source = "USGS Open-File Report 01-190: water calibrations lie within 1,465 to 1,525 m/s"
    if median >= _SLOWEST_MUD_VP:
        reason = f"a median of {median:.0f} m/s is below sea water, which few muds are"
        return [Doubt("vp", reason, source, excludes_absolute_use=False)]
    reason = (
        f"a median of {median:.0f} m/s is below that of any mud, {_SLOWEST_MUD_VP:.0f} m/s; the "
        f"log is uncalibrated, or the transducers did not touch the core"
    )
    return [Doubt("vp", reason, f"{source}; Wood's equation", excludes_absolute_use=True)]


def _of_ms(values: NDArray[np.float64], unit: MsUnit) -> list[Doubt]:
    if not np.isfinite(values).any():
        return []
    if unit == "instrument units":
        reason = "in instrument units, not corrected for the core's volume"
        source = "IODP, README of the MSLOOP reports"
        return [Doubt("ms", reason, source, excludes_absolute_use=True)]
    if unit == "about 1e-5 SI":
        reason = (
            "in instrument units, taken as 1e-5 SI as they are, which is right within a factor of "
            "0.7 to 1.3"
        )
        source = "ODP file documents of Legs 154 and 173: 1e-6 cgs; a core of 66 mm: times 0.66"
        return [Doubt("ms", reason, source, excludes_absolute_use=False)]
    median = _median(np.abs(values))
    if unit == "unknown" and 0.0 < median < _LEAST_MS:
        reason = (
            f"the file does not say its unit, and a median of {median:.2g} is below what a logger "
            f"resolves in 1e-5 SI; it may be in SI: write the unit, such as (SI), behind the name"
        )
        return [Doubt("ms", reason, "resolution of loggers' coils", excludes_absolute_use=True)]
    if unit == "unknown":
        reason = "the file does not say its unit; 1e-5 SI is assumed"
        source = "loggers write 1e-5 SI unless told otherwise"
        return [Doubt("ms", reason, source, excludes_absolute_use=False)]
    return []
