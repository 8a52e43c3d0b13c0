"""Physical logs of strata, and the part of each log that is visible in the image."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.simulator.fields import correlated, smoothed
from downcore.simulator.site import NOWHERE, Site
from downcore.simulator.stratigraphy import MM_PER_SLICE, Strata
from downcore.strata.footprint import FOOTPRINTS

WATER_DENSITY = 1.026
"""Pore water, g/cm3."""
_WATER_BULK_GPA = 2.373
"""Sea water at 20 degrees C and 35 g/kg: 1.026 g/cm3 and 1,521 m/s."""
_GRAIN_BULK_GPA = 38.0
"""Quartz, about; clay minerals differ little here because the pores decide."""

_DENSITY_SD_MM, _VP_SD_MM, _LOOP_SD_MM = (MM_PER_SLICE * f.sd_cm for f in FOOTPRINTS)
"""Widths of the gamma beam, the acoustic beam and the response of the susceptibility loop."""

_SKEW = 0.2
"""
Skew of the hidden part of density: log-normal, because stiff beds deviate further than soft ones.
"""
_SHORT_MM = 25.0
"""Correlation length of the part that changes from bed to bed."""
_FURTHEST = 2.0
"""Standard deviations at which the hidden part ends, so that porosity stays physical."""

_HIDDEN_DENSITY_SD = 0.1
"""g/cm3, within a core, for mud; coarse beds hide more."""
_CORE_DENSITY_SD = 0.055
"""g/cm3, between cores."""
_HIDDEN_FRAME_SD = 36.0
"""m/s, within a core: stiffness of the frame."""
_CORE_FRAME_SD = 10.0
"""m/s, between cores."""
_HIDDEN_DENSITY_MM = 195.0
"""Correlation length of the smooth part of hidden density."""
_SMOOTH_DENSITY = 0.9
"""Share of it that is smooth."""
_LOG_MS_PER_DENSITY = 1.12
"""log10 for each g/cm3 of hidden density, where that lasts for decimetres."""
_SPREAD_SD_MM = 60.0
"""Width over which magnetic minerals follow the hidden density; beds in it share one supply."""
_HIDDEN_LOG_MS_SD = 0.072
"""log10, within a core, of the independent part."""
_HIDDEN_LOG_MS_MM = 500.0
"""Its correlation length: supply of magnetic minerals changes over metres."""
_CORE_LOG_MS_SD = 0.015
"""log10, between cores."""


@dataclass(frozen=True, slots=True, eq=False)
class Logs:
    """Logs of a core by slice, before voids and foam take their values away; shape (n_slices,)."""

    density: NDArray[np.float64]
    """Wet bulk density, g/cm3."""
    vp: NDArray[np.float64]
    """P-wave velocity, m/s."""
    log_ms: NDArray[np.float64]
    """log10 of the loop susceptibility, 1e-5 SI."""
    porosity: NDArray[np.float64]
    """Pore volume fraction."""
    visible_density: NDArray[np.float64]
    """Expectation of ``density`` given the strata."""
    visible_vp: NDArray[np.float64]
    """Expectation of ``vp`` given the strata."""
    visible_log_ms: NDArray[np.float64]
    """Expectation of ``log_ms`` given the strata."""


def bulk_density(
    porosity: NDArray[np.float64], grain_density: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return wet bulk density in g/cm3 of a water-filled sediment."""
    return porosity * WATER_DENSITY + (1.0 - porosity) * grain_density


def wood_velocity(
    porosity: NDArray[np.float64], grain_density: NDArray[np.float64]
) -> NDArray[np.float64]:
    """
    Return the P-wave velocity of a suspension, m/s.

    Wood (1930), *A Textbook of Sound*: moduli mix as compressibilities, densities by volume.
    """
    bulk_gpa = 1.0 / (porosity / _WATER_BULK_GPA + (1.0 - porosity) / _GRAIN_BULK_GPA)
    return 1000.0 * np.sqrt(bulk_gpa / bulk_density(porosity, grain_density))


def visible_porosity(strata: Strata) -> NDArray[np.float64]:
    """Return the expected porosity of strata, shape (n_mm,): muds about 0.87, sands about 0.5."""
    return (
        0.889 - 0.34 * strata.grain - 0.05 * strata.carbonate + 0.025 * strata.organics
    ) - 0.05 * strata.ash


def grain_density(strata: Strata) -> NDArray[np.float64]:
    """Return the density of the grains, g/cm3, shape (n_mm,)."""
    return 2.70 + 0.01 * strata.carbonate - 0.15 * strata.organics - 0.2 * strata.ash


def _bounded(normal: NDArray[np.float64]) -> NDArray[np.float64]:
    within: NDArray[np.float64] = np.clip(normal, -_FURTHEST, _FURTHEST)
    values: NDArray[np.float64] = np.exp(_SKEW * within)
    return values


def _moments() -> tuple[float, float]:
    """Return mean and standard deviation of the bounded variable, by quadrature."""
    normal = np.linspace(-8.0, 8.0, 16_001)
    weight = np.exp(-0.5 * normal**2)
    weight /= weight.sum()
    values = _bounded(normal)
    mean = float(np.sum(weight * values))
    return mean, float(np.sqrt(np.sum(weight * (values - mean) ** 2)))


_SKEW_MEAN, _SKEW_SD = _moments()


def _skewed(normal: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Return a bounded, skewed variable of zero mean and unit variance from a normal one."""
    return (_bounded(np.asarray(normal)) - _SKEW_MEAN) / _SKEW_SD


def _long_and_short(
    rng: np.random.Generator, n: int, scale_mm: float, smooth: float
) -> NDArray[np.float64]:
    """Return a normal profile of which the share ``smooth`` is smooth and the rest is rough."""
    long = correlated(rng, n, scale_mm, order=2)
    rough = correlated(rng, n, _SHORT_MM)
    return math.sqrt(smooth) * long + math.sqrt(1.0 - smooth) * rough


def _normal(rng: np.random.Generator, site: Site) -> float:
    return site.level(rng, lambda r: r.standard_normal())


def _by_slice(profile: NDArray[np.float64]) -> NDArray[np.float64]:
    means: NDArray[np.float64] = profile.reshape(-1, MM_PER_SLICE).mean(axis=1)
    return means


def _beam(profile: NDArray[np.float64], sd_mm: float = _DENSITY_SD_MM) -> NDArray[np.float64]:
    return _by_slice(smoothed(profile, sd_mm))


def _mean_wood(
    porosity: NDArray[np.float64], grains: NDArray[np.float64], sd: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the expectation of Wood's velocity when porosity is uncertain, to second order."""
    step = 0.02
    middle = wood_velocity(porosity, grains)
    bend = wood_velocity(porosity + step, grains) + wood_velocity(porosity - step, grains)
    return middle + 0.5 * (bend - 2.0 * middle) / step**2 * sd**2


def measure(rng: np.random.Generator, strata: Strata, site: Site = NOWHERE) -> Logs:
    """
    Return the logs of strata as a multi-sensor core logger would measure them.

    The hidden part is drawn independently of the strata with zero mean: a per-core offset, mostly
    the ``site``'s where there is one, and a residual correlated over decimetres. So the difference
    between a log and its visible part is independent of every pixel, and the visible part is the
    best possible prediction from pixels; real predictions are worse, because lighting, wetness and
    colour drift leave the strata only partly recoverable.
    """
    n = strata.grain.size
    grains = grain_density(strata)
    spread = 0.85 + 0.9 * strata.grain
    unseen = _long_and_short(rng, n, _HIDDEN_DENSITY_MM, _SMOOTH_DENSITY)
    hidden = spread * _HIDDEN_DENSITY_SD * _skewed(unseen)
    hidden = hidden + _CORE_DENSITY_SD * _skewed(_normal(rng, site))
    visible = visible_porosity(strata)
    per_density = 1.0 / (grains - WATER_DENSITY)
    porosity = visible - hidden * per_density
    sd = np.hypot(spread * _HIDDEN_DENSITY_SD, _CORE_DENSITY_SD) * per_density

    stiffening = 190.0 * np.clip(strata.grain, 0.0, None) ** 1.2 + 20.0 * strata.ash
    frame = _HIDDEN_FRAME_SD * (0.8 + 0.5 * strata.grain) * _long_and_short(rng, n, 40.0, 0.8)
    frame = frame + _CORE_FRAME_SD * _normal(rng, site)

    visible_density = bulk_density(visible, grains)
    chi = 0.08 * strata.iron - 0.12 * strata.carbonate - 0.10 * strata.organics + 0.25 * strata.ash
    loop = smoothed(10.0 ** (1.08 * visible_density + 0.30 + chi), _LOOP_SD_MM)
    hidden_ms = _LOG_MS_PER_DENSITY * smoothed(hidden, _SPREAD_SD_MM)
    hidden_ms = hidden_ms + _CORE_LOG_MS_SD * _normal(rng, site)
    supply = correlated(rng, n, _HIDDEN_LOG_MS_MM, order=2)
    hidden_ms = hidden_ms + _HIDDEN_LOG_MS_SD * supply

    n_slices = n // MM_PER_SLICE
    visible_log_ms = _by_slice(np.log10(loop))
    return Logs(
        density=_beam(bulk_density(porosity, grains)) + 0.008 * rng.standard_normal(n_slices),
        vp=_beam(wood_velocity(porosity, grains) + stiffening + frame, _VP_SD_MM)
        + 3.0 * rng.standard_normal(n_slices),
        log_ms=visible_log_ms + _by_slice(hidden_ms) + 0.005 * rng.standard_normal(n_slices),
        porosity=_beam(porosity),
        visible_density=_beam(visible_density),
        visible_vp=_beam(_mean_wood(visible, grains, sd) + stiffening, _VP_SD_MM),
        visible_log_ms=visible_log_ms,
    )
