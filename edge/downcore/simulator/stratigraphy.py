"""The deposited strata by millimetre: grain size, carbonate, organics, ash and iron."""

import enum
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.simulator.fields import correlated, smoothed
from downcore.simulator.site import NOWHERE, Site

MM_PER_SLICE = 10


class Facies(enum.IntEnum):
    """Dominant kind of sediment of a slice."""

    NONE = -1
    """No sediment: foam, a void, or before or after the core."""
    MUD = 0
    """Hemipelagic mud and the mud caps of turbidites."""
    SILT = 1
    """Graded silt of a turbidite."""
    SAND = 2
    """Sand base of a turbidite."""
    PALE = 3
    """Carbonate-rich layer."""
    SAPROPEL = 4
    """Dark, organic-rich layer."""
    ASH = 5
    """Volcanic ash."""


@dataclass(frozen=True, slots=True, eq=False)
class Strata:
    """
    The visible latents of a core at 1 mm, from which its pixels are drawn.

    Every array has the shape (n_mm,).
    """

    grain: NDArray[np.float64]
    """Grain size, 0 clay to 1 medium sand."""
    carbonate: NDArray[np.float64]
    """0 to 1."""
    organics: NDArray[np.float64]
    """0 to 1."""
    ash: NDArray[np.float64]
    """0 to 1."""
    iron: NDArray[np.float64]
    """Iron minerals, in standard deviations about average mud."""

    def facies(self) -> NDArray[np.int8]:
        """Return the facies of each slice, shape (n_mm / 10,), by its means over 1 cm."""
        grain, carbonate, organics, ash = (
            a.reshape(-1, MM_PER_SLICE).mean(axis=1)
            for a in (self.grain, self.carbonate, self.organics, self.ash)
        )
        facies = np.full(grain.size, Facies.MUD, dtype=np.int8)
        facies[carbonate > 0.4] = Facies.PALE  # noqa: PLR2004 -- half of a full layer's carbonate
        facies[organics > 0.4] = Facies.SAPROPEL  # noqa: PLR2004 -- half of a full layer's organics
        facies[grain > 0.22] = Facies.SILT  # noqa: PLR2004 -- coarser than any mud here
        facies[grain > 0.60] = Facies.SAND  # noqa: PLR2004 -- coarser than any silt turbidite
        facies[ash > 0.4] = Facies.ASH  # noqa: PLR2004 -- most of the slice is ash
        return facies


def _add_turbidites(
    rng: np.random.Generator, grain: NDArray[np.float64], cap: NDArray[np.float64], site: Site
) -> None:
    """Lay graded beds, 10 to 60 cm apart, bases 1 to 15 cm thick, with a dark or pale cap."""
    sandiness = site.level(rng, lambda r: r.uniform(0.4, 0.8))
    # Sandy and quiet intervals extend over metres; beds are closer in sandy ones.
    supply = correlated(rng, grain.size, 350.0, order=2)
    dark_caps = site.level(rng, lambda r: r.random())
    base = -rng.uniform(0.0, 200.0)
    while True:
        here = supply[min(max(int(base), 0), grain.size - 1)]
        base += float(np.clip(rng.uniform(100.0, 600.0) * np.exp(-0.5 * here), 100.0, 600.0))
        thickness = float(np.clip(rng.lognormal(np.log(90.0), 0.5), 10.0, 150.0))
        is_sand = rng.random() < sandiness + 0.2 * here
        coarsest = rng.uniform(0.7, 1.0) if is_sand else rng.uniform(0.32, 0.6)
        grading = rng.uniform(0.4, 1.0)
        tail = rng.uniform(30.0, 110.0)
        cap_thickness = rng.uniform(10.0, 50.0)
        tone = rng.uniform(0.3, 1.0) * (-1.0 if rng.random() < dark_caps else 1.0)
        if base - thickness - cap_thickness > grain.size:
            return
        depth = np.arange(grain.size) + 0.5
        rise = (depth - (base - thickness)) / thickness
        inside = (rise >= 0.0) & (rise < 1.0)
        finest = 0.12 + 0.25 * coarsest
        bed = finest + (coarsest - finest) * np.clip(rise, 0.0, 1.0) ** grading
        grain[inside] = np.maximum(grain[inside], bed[inside])
        faint = (finest - 0.05) * np.exp(-np.maximum(base - thickness - depth, 0.0) / tail)
        before = depth < base - thickness
        grain[before] = np.maximum(grain[before], (0.05 + faint)[before])
        above = (base - thickness - depth) / cap_thickness
        inside = (above > 0.0) & (above < 1.0)
        cap[inside] = tone * np.sin(np.pi * above[inside])
        base += 10.0


def _add_layers(
    rng: np.random.Generator,
    latent: NDArray[np.float64],
    rate: float,
    thickness_mm: tuple[float, float],
) -> None:
    """Lay layers with soft edges, ``rate`` to the metre on average."""
    depth = np.arange(latent.size) + 0.5
    for _ in range(rng.poisson(rate * latent.size / 1000.0)):
        centre = rng.uniform(0.0, latent.size)
        half = rng.uniform(*thickness_mm) / 2.0
        soft = rng.uniform(1.5, 8.0)
        shape = 0.5 * (np.tanh((half - np.abs(depth - centre)) / soft) + 1.0)
        np.maximum(latent, rng.uniform(0.5, 1.0) * shape, out=latent)


def _add_ash(rng: np.random.Generator, latent: NDArray[np.float64]) -> None:
    """Lay rare ashes: a sharp base, fading upwards."""
    depth = np.arange(latent.size) + 0.5
    for _ in range(rng.poisson(0.25 * latent.size / 1000.0)):
        above = rng.uniform(0.0, latent.size) - depth
        fall = np.exp(-np.maximum(above - rng.uniform(3.0, 20.0), 0.0) / rng.uniform(1.0, 6.0))
        np.maximum(latent, np.where(above >= 0.0, fall, 0.0), out=latent)


def deposit(rng: np.random.Generator, n_mm: int, site: Site = NOWHERE) -> Strata:
    """
    Lay down a core of ``n_mm`` millimetres.

    Beds are 10 to 60 cm apart with bases of 1 to 15 cm, as in cores of a continental
    margin fed by turbidity currents; how sandy, how pale and how dark a core is varies
    by core, and less so within a ``site``.
    """
    mud = (
        0.075 + 0.035 * correlated(rng, n_mm, 150.0, order=2) + 0.012 * correlated(rng, n_mm, 15.0)
    )
    grain = np.clip(mud, 0.0, 0.2)
    cap = np.zeros(n_mm)
    _add_turbidites(rng, grain, cap, site)
    carbonate = np.zeros(n_mm)
    organics = np.zeros(n_mm)
    ash = np.zeros(n_mm)
    pale = site.level(rng, lambda r: r.gamma(2.0, 0.6))
    _add_layers(rng, carbonate, pale, (20.0, 120.0))
    dark = site.level(rng, lambda r: r.gamma(2.0, 0.4))
    _add_layers(rng, organics, dark, (10.0, 60.0))
    _add_ash(rng, ash)
    usual = site.level(rng, lambda r: r.standard_normal())
    iron = 0.5 * usual + 0.85 * correlated(rng, n_mm, 120.0, order=2)
    muddy = np.clip(1.0 - 1.6 * grain, 0.0, 1.0)
    return Strata(
        grain=smoothed(grain, 0.7),
        carbonate=muddy * np.clip(carbonate + 0.25 * np.maximum(cap, 0.0), 0.0, 1.0),
        organics=muddy * np.clip(organics + 0.25 * np.maximum(-cap, 0.0), 0.0, 1.0),
        ash=ash,
        iron=iron,
    )
