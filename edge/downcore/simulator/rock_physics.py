"""From strata to physical logs, and how much of each log a picture could tell."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.simulator.fields import correlated, smoothed
from downcore.simulator.stratigraphy import MM_PER_SLICE, Strata

WATER_DENSITY = 1.026
"""Pore water, g/cm3."""
_WATER_BULK_GPA = 2.373
"""Sea water at 20 degrees C and 35 g/kg: 1.026 g/cm3 and 1,521 m/s."""
_GRAIN_BULK_GPA = 38.0
"""Quartz, about; clay minerals differ little here because the pores decide."""

_LOOP_SD_MM = 20.0
"""Response of a susceptibility loop, a Gaussian of 5 cm full width at half height."""
_GAMMA_SD_MM = 5.0
"""Width of the gamma and the acoustic beam."""

_SKEW = 0.4
"""Skew of what is hidden of density: a log-normal's, because stiff beds reach further than soft."""
_FURTHEST = 2.5
"""Standard deviations at which the hidden part ends, so that porosity stays physical."""

_HIDDEN_DENSITY_SD = 0.088
"""g/cm3, within a core, for mud; coarse beds hide more."""
_CORE_DENSITY_SD = 0.068
"""g/cm3, between cores."""
_HIDDEN_FRAME_SD = 31.0
"""m/s, within a core: stiffness of the frame."""
_CORE_FRAME_SD = 24.0
"""m/s, between cores."""
_HIDDEN_LOG_MS_SD = 0.064
"""log10, within a core, at the loop's resolution."""
_CORE_LOG_MS_SD = 0.03
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
        0.889 - 0.38 * strata.grain - 0.05 * strata.carbonate + 0.025 * strata.organics
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


def _by_slice(profile: NDArray[np.float64]) -> NDArray[np.float64]:
    means: NDArray[np.float64] = profile.reshape(-1, MM_PER_SLICE).mean(axis=1)
    return means


def _beam(profile: NDArray[np.float64]) -> NDArray[np.float64]:
    return _by_slice(smoothed(profile, _GAMMA_SD_MM))


def _mean_wood(
    porosity: NDArray[np.float64], grains: NDArray[np.float64], sd: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the expectation of Wood's velocity when porosity is uncertain, to second order."""
    step = 0.02
    middle = wood_velocity(porosity, grains)
    bend = wood_velocity(porosity + step, grains) + wood_velocity(porosity - step, grains)
    return middle + 0.5 * (bend - 2.0 * middle) / step**2 * sd**2


def measure(rng: np.random.Generator, strata: Strata) -> Logs:
    """
    Return the logs of strata as a multi-sensor core logger would measure them.

    What is hidden is drawn apart from the strata with zero mean: a per-core offset and a
    residual correlated over decimetres. So the difference between a log and its visible
    part is independent of every pixel, and the visible part is the best that any reader of
    the pixels could do; a reader does worse, because lighting, wetness and colour drift leave
    the strata only partly recoverable from the pixels.
    """
    n = strata.grain.size
    grains = grain_density(strata)
    spread = 0.75 + 1.0 * strata.grain
    hidden = spread * _HIDDEN_DENSITY_SD * _skewed(correlated(rng, n, 300.0))
    hidden = hidden + _CORE_DENSITY_SD * _skewed(rng.standard_normal())
    visible = visible_porosity(strata)
    per_density = 1.0 / (grains - WATER_DENSITY)
    porosity = visible - hidden * per_density
    sd = np.hypot(spread * _HIDDEN_DENSITY_SD, _CORE_DENSITY_SD) * per_density

    stiffening = 190.0 * np.clip(strata.grain, 0.0, None) ** 1.2 + 20.0 * strata.ash
    frame = _HIDDEN_FRAME_SD * (0.8 + 0.8 * strata.grain) * correlated(rng, n, 90.0)
    frame = frame + _CORE_FRAME_SD * rng.standard_normal()

    visible_density = bulk_density(visible, grains)
    chi = 0.085 * strata.iron - 0.16 * strata.carbonate - 0.14 * strata.organics + 0.3 * strata.ash
    loop = smoothed(10.0 ** (1.08 * visible_density + 0.30 + chi), _LOOP_SD_MM)
    hidden_ms = 1.08 * smoothed(hidden, _LOOP_SD_MM) + _CORE_LOG_MS_SD * rng.standard_normal()
    hidden_ms = hidden_ms + _HIDDEN_LOG_MS_SD * correlated(rng, n, 90.0, order=2)

    n_slices = n // MM_PER_SLICE
    visible_log_ms = _by_slice(np.log10(loop))
    return Logs(
        density=_beam(bulk_density(porosity, grains)) + 0.008 * rng.standard_normal(n_slices),
        vp=_beam(wood_velocity(porosity, grains) + stiffening + frame)
        + 3.0 * rng.standard_normal(n_slices),
        log_ms=visible_log_ms + _by_slice(hidden_ms) + 0.005 * rng.standard_normal(n_slices),
        porosity=_beam(porosity),
        visible_density=_beam(visible_density),
        visible_vp=_beam(_mean_wood(visible, grains, sd) + stiffening),
        visible_log_ms=visible_log_ms,
    )
