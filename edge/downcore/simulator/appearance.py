"""Appearance of sediment: colour of the strata, bedding, mottles, burrows, speckle and light."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.simulator.fields import (
    SPECKLE_SPARE,
    SmoothField,
    correlated,
    speckle_textures,
    texture_rows,
)
from downcore.simulator.site import NOWHERE, Site
from downcore.simulator.stratigraphy import Strata

PER_MM = 4
"""Steps of the colour profile in a millimetre."""

GRAINS_MM = (0.15, 0.36, 0.85)
"""Speckle sizes of mud, silt and sand: grains, clumps of grains and the shadows between them."""

_CLUMPS_MM = (0.22, 0.95)
"""Speckle sizes of clay and of sand, wide enough to be resolved at 60 pixels per centimetre."""

_STAIN = 0.035
"""Contrast, in blue, of specks stained by iron in average mud."""
_STAIN_PER_IRON = 0.5
"""Change of its logarithm per standard deviation of iron."""

_STAIN_ROWS = 277
"""Rows of offset in a texture between its use for grains and for stains."""

_PAD_MM = 30
_SRGB_TOE = 0.0031308
"""Linear light below which sRGB is a straight line."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Positions of an image's pixels."""

    px_per_cm: float
    length_mm: float
    x_mm: NDArray[np.float64]
    """Centres of the columns, from the image's left edge; shape (n_across,)."""

    @property
    def pitch_mm(self) -> float:
        """Size of a pixel."""
        return 10.0 / self.px_per_cm

    @property
    def width_mm(self) -> float:
        """Width of the image."""
        return self.x_mm.size * self.pitch_mm


@dataclass(frozen=True, slots=True)
class _Burrow:
    z_mm: float
    x_mm: float
    half_z_mm: float
    half_x_mm: float
    tone: float
    lean: float


def lab_to_srgb(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Return sRGB counts, 0 to 255 and unclipped above, of L*a*b* under D65; shape (..., 3).

    CIE 15:2004 for L*a*b*, IEC 61966-2-1 for sRGB.
    """
    fy = (lab[..., 0] + 16.0) / 116.0
    f = np.stack([fy + lab[..., 1] / 500.0, fy, fy - lab[..., 2] / 200.0], axis=-1)
    edge = 6.0 / 29.0
    xyz = np.where(f > edge, f**3, 3.0 * edge**2 * (f - 4.0 / 29.0))
    xyz *= np.array([0.95047, 1.0, 1.08883])
    matrix = np.array(
        [
            [3.2406, -1.5372, -0.4986],
            [-0.9689, 1.8758, 0.0415],
            [0.0557, -0.2040, 1.0570],
        ]
    )
    linear = np.maximum(xyz @ matrix.T, 1e-4)
    encoded: NDArray[np.float64] = np.where(
        linear > _SRGB_TOE, 1.055 * linear ** (1.0 / 2.4) - 0.055, 12.92 * linear
    )
    return 255.0 * encoded


def _lab_profile(rng: np.random.Generator, strata: Strata, site: Site) -> NDArray[np.float64]:
    """Return L*a*b* down the core; much of its variation is independent of the logs."""
    n = strata.grain.size * PER_MM
    mm = (np.arange(n) + 0.5) / PER_MM - 0.5
    fine = np.arange(strata.grain.size, dtype=np.float64)
    grain, carbonate, organics, ash, iron = (
        np.interp(mm, fine, a)
        for a in (strata.grain, strata.carbonate, strata.organics, strata.ash, strata.iron)
    )
    lightness = site.level(rng, lambda r: r.normal(54.5, 2.0)) + 1.6 * correlated(
        rng, n, 140.0 * PER_MM
    )
    lightness += 1.3 * correlated(rng, n, 18.0 * PER_MM)
    laminated = np.exp(0.9 * correlated(rng, n, 60.0 * PER_MM))
    laminated *= site.level(rng, lambda r: r.uniform(0.15, 0.9))
    lightness += laminated * correlated(rng, n, 0.5 * PER_MM, order=2)
    redness = site.level(rng, lambda r: r.normal(-2.5, 0.8)) + 0.7 * correlated(
        rng, n, 120.0 * PER_MM
    )
    yellowness = site.level(rng, lambda r: r.normal(20.5, 1.8)) + 2.2 * correlated(
        rng, n, 200.0 * PER_MM
    )
    yellowness += 1.0 * correlated(rng, n, 15.0 * PER_MM)
    lightness += 15.0 * carbonate - 15.0 * organics + 17.0 * ash - 9.5 * grain - 1.2 * iron
    redness += 1.0 * carbonate + 2.0 * organics + 2.0 * ash + 1.1 * iron - 0.5 * grain
    yellowness += -6.0 * carbonate - 9.0 * organics - 13.0 * ash - 9.0 * grain + 1.4 * iron
    return np.stack([lightness, redness, yellowness], axis=-1)


def _speckle_profile(rng: np.random.Generator, strata: Strata, site: Site) -> NDArray[np.float64]:
    """Return the amplitude of each speckle size down the core, relative to the colour."""
    n = strata.grain.size * PER_MM
    mm = (np.arange(n) + 0.5) / PER_MM - 0.5
    grain = np.interp(mm, np.arange(strata.grain.size), strata.grain)
    grain = np.clip(grain, 0.0, 1.0)
    # The quality of the cut surface varies between cores and down the core, and smears the grains.
    cleanly = site.level(rng, lambda r: r.normal(0.0, 0.04))
    cut = np.exp(cleanly + 0.05 * correlated(rng, n, 60.0 * PER_MM))
    finest, coarsest = _CLUMPS_MM
    size = math.log(finest) + math.log(coarsest / finest) * grain**0.7
    distance = np.log(np.array(GRAINS_MM)) - size[:, None]
    weight = np.exp(-0.5 * (distance / 0.7) ** 2)
    weight /= np.sqrt(np.sum(weight**2, axis=1, keepdims=True))
    amplitude = cut * (0.012 + 0.125 * grain)
    profile: NDArray[np.float64] = amplitude[:, None] * weight
    return profile


def _averaged(profile: NDArray[np.float64], steps: float) -> NDArray[np.float64]:
    """Return a profile averaged over ``steps`` of itself, as a coarse pixel would."""
    width = round(steps)
    if width <= 1:
        return profile
    padded = np.pad(profile, ((width // 2 + 1, width - width // 2), (0, 0)), mode="edge")
    total = np.cumsum(padded, axis=0)
    return (total[width:] - total[:-width])[: len(profile)] / width


class Sediment:
    """
    The sediment of a core, line by line.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of its appearance.
    strata : Strata
        The sediment.
    frame : Frame
        Positions of the pixels.
    site : Site, optional
        Properties shared with other cores.
    """

    def __init__(
        self, rng: np.random.Generator, strata: Strata, frame: Frame, site: Site = NOWHERE
    ) -> None:
        self._frame = frame
        looks, fields, bores = rng.spawn(3)
        colour = lab_to_srgb(_lab_profile(looks, strata, site))
        profile = np.concatenate([colour, _speckle_profile(looks, strata, site)], axis=1)
        pad = _PAD_MM * PER_MM
        profile = np.pad(profile, ((pad, pad), (0, 0)), mode="edge")
        self._profile = _averaged(profile, frame.pitch_mm * PER_MM).astype(np.float32)
        self._fine = max(1, math.ceil(1.0 / (PER_MM * frame.pitch_mm)))
        extent = (frame.length_mm + 10.0, frame.width_mm)
        self._swell = SmoothField(fields, extent, (7.0, 15.0), frame.x_mm)
        self._mottle = SmoothField(fields, extent, (1.1, 1.9), frame.x_mm)
        self._streak = SmoothField(fields, extent, (0.3, 3.0), frame.x_mm)
        self._lean = correlated(fields, strata.grain.size + 20, 90.0, order=2) * 0.03
        self._lean += looks.normal(0.0, 0.02)
        self._swell_mm = looks.uniform(0.3, 1.5)
        self._mixing_mm = looks.uniform(0.1, 1.0)
        self._flecks = site.level(looks, lambda r: r.gamma(1.5, 0.015))
        self._rough = site.level(looks, lambda r: r.uniform(0.007, 0.010))
        self._mottled = site.level(looks, lambda r: r.uniform(0.010, 0.030))
        self._streaked = site.level(looks, lambda r: r.uniform(0.004, 0.012))
        drag = looks.gamma(1.5, 1.2)
        away = (frame.x_mm / frame.width_mm - 0.5) / 0.42
        self._drag_mm = drag * np.minimum(np.abs(away), 1.1) ** 4
        self._away_mm = frame.x_mm - 0.5 * frame.width_mm
        self._textures = speckle_textures(frame.px_per_cm, frame.x_mm.size, GRAINS_MM)
        self._starts = looks.integers(0, 1 << 30, len(self._textures))
        self._shifts = looks.integers(0, SPECKLE_SPARE, len(self._textures))
        iron = np.clip(strata.iron, -2.5, 2.5)
        self._stain = (0.5 * _STAIN * np.exp(_STAIN_PER_IRON * iron)).astype(np.float32)
        self._burrows = self._dig(bores)

    def _dig(self, rng: np.random.Generator) -> tuple[_Burrow, ...]:
        n = rng.poisson(rng.uniform(5.0, 90.0) * self._frame.length_mm / 1000.0)
        return tuple(
            _Burrow(
                z_mm=rng.uniform(0.0, self._frame.length_mm),
                x_mm=rng.uniform(0.0, self._frame.width_mm),
                half_z_mm=0.4 + rng.gamma(1.5, 0.6),
                half_x_mm=0.7 + rng.gamma(1.5, 1.2),
                tone=rng.choice([-0.14, -0.08, -0.05, 0.05]),
                lean=rng.normal(0.0, 0.4),
            )
            for _ in range(n)
        )

    def texture(self, which: int, first_line: int, n_lines: int) -> NDArray[np.float32]:
        """Return rows of one speckle texture, -1 being white noise; shape (n_lines, n_across)."""
        shift = int(self._shifts[which])
        columns = slice(shift, shift + self._frame.x_mm.size)
        start = int(self._starts[which]) + first_line
        return texture_rows(self._textures[which], start, n_lines, columns)

    def planes(
        self, first_line: int, z_mm: NDArray[np.float64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """
        Return the sediment under even light, and its mottles.

        Returns
        -------
        planes : ndarray of shape (3, n, n_across)
            R, G, B in sRGB counts, unclipped.
        mottle : ndarray of shape (n, n_across)
            About unit variance; features of some millimetres, for ragged outlines.
        """
        mottle = self._mottle.at(z_mm)
        warp = self._swell.at(z_mm)
        warp *= np.float32(self._swell_mm)
        warp += mottle * np.float32(self._mixing_mm)
        lean = np.interp(z_mm, np.arange(self._lean.size), self._lean)
        across = self._away_mm.astype(np.float32)
        warp += (z_mm.astype(np.float32) + 0.0)[:, None] - np.float32(z_mm[0])
        warp += lean.astype(np.float32)[:, None] * across
        warp -= self._drag_mm.astype(np.float32)
        table, index = self._table(warp, float(z_mm[0]))
        look_up = [np.take(column, index, mode="clip") for column in table]
        shade = self._shade(first_line, mottle, look_up[3:], z_mm)
        planes = np.empty((3, *shade.shape), dtype=np.float32)
        for channel, colour in enumerate(look_up[:3]):
            np.multiply(colour, shade, out=planes[channel])
        # Mottles contain other sediment, so they differ in hue as well as in lightness.
        shade_blue = mottle * np.float32(-0.5 * self._mottled)
        shade_blue += 1.0
        planes[2] *= shade_blue
        self._rust(planes, first_line, z_mm)
        for burrow in self._burrows:
            self._fill(planes, burrow, z_mm, mottle)
        return planes, mottle

    def _table(
        self, warp: NDArray[np.float32], top_mm: float
    ) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
        """Return the refined part of the profile that ``warp`` reaches, and positions in it."""
        first = math.floor((top_mm + float(warp.min()) + _PAD_MM) * PER_MM) - 1
        last = math.ceil((top_mm + float(warp.max()) + _PAD_MM) * PER_MM) + 2
        first = min(max(first, 0), self._profile.shape[0] - 2)
        last = min(max(last, first + 2), self._profile.shape[0])
        coarse = self._profile[first:last]
        place = np.arange((last - first - 1) * self._fine + 1) / self._fine
        row = np.minimum(place.astype(np.intp), last - first - 2)
        weight = (place - row).astype(np.float32)[:, None]
        table = coarse[row] + (coarse[row + 1] - coarse[row]) * weight
        # Step k of the profile is the quarter millimetre centred on k + 1/2.
        offset = (top_mm + _PAD_MM) * PER_MM - 0.5 - first
        warp *= np.float32(PER_MM * self._fine)
        warp += np.float32(offset * self._fine + 0.5)
        columns = np.ascontiguousarray(table.T, dtype=np.float32)
        return columns, warp.astype(np.intp)

    def _shade(
        self,
        first_line: int,
        mottle: NDArray[np.float32],
        amplitudes: list[NDArray[np.float32]],
        z_mm: NDArray[np.float64],
    ) -> NDArray[np.float32]:
        """Return the factor on the colour from mottles, streaks and speckle."""
        shade = mottle * np.float32(self._mottled)
        streak = self._streak.at(z_mm)
        # Streak and mottle together give flecks: burrow fills, sulphide, torn flakes.
        fleck = streak * mottle
        fleck -= 1.3
        np.clip(fleck, 0.0, 2.5, out=fleck)
        fleck *= np.float32(-self._flecks)
        shade += fleck
        streak *= np.float32(self._streaked)
        shade += streak
        # A wire or a knife leaves every surface a little rough, whatever its grains.
        np.add(amplitudes[1], np.float32(self._rough), out=amplitudes[1])
        for which, amplitude in enumerate(amplitudes):
            shade += np.multiply(
                amplitude, self.texture(which, first_line, z_mm.size), out=amplitude
            )
        shade += 1.0
        return shade

    def _rust(
        self, planes: NDArray[np.float32], first_line: int, z_mm: NDArray[np.float64]
    ) -> None:
        """Stain specks yellow to brown and the rest grey, at nearly equal lightness."""
        # The coarsest texture, shifted and mirrored, so that stains are independent of grains.
        stain = self.texture(2, first_line + _STAIN_ROWS, z_mm.size)[:, ::-1]
        mm = np.arange(self._stain.size, dtype=np.float64) + 0.5
        stain = stain * np.interp(z_mm, mm, self._stain).astype(np.float32)[:, None]
        stain += 1.0
        planes[0] *= stain
        stain -= 1.0
        stain *= np.float32(-2.0)
        stain += 1.0
        planes[2] *= stain

    def _fill(
        self,
        planes: NDArray[np.float32],
        burrow: _Burrow,
        z_mm: NDArray[np.float64],
        mottle: NDArray[np.float32],
    ) -> None:
        reach = 1.6 * burrow.half_z_mm + 1.6 * burrow.half_x_mm * abs(burrow.lean)
        if z_mm[-1] < burrow.z_mm - reach or z_mm[0] > burrow.z_mm + reach:
            return
        r0, r1 = np.searchsorted(z_mm, [burrow.z_mm - reach, burrow.z_mm + reach])
        reach = 1.6 * burrow.half_x_mm
        x_mm = self._frame.x_mm
        c0, c1 = np.searchsorted(x_mm, [burrow.x_mm - reach, burrow.x_mm + reach])
        if r0 == r1 or c0 == c1:
            return
        dx = x_mm[c0:c1] - burrow.x_mm
        dz = z_mm[r0:r1, None] - burrow.z_mm - burrow.lean * dx
        far = (dz / burrow.half_z_mm) ** 2 + (dx / burrow.half_x_mm) ** 2
        far += 0.7 * mottle[r0:r1, c0:c1]
        inside = np.clip(1.2 * (1.0 - far), 0.0, 1.0).astype(np.float32)
        planes[:, r0:r1, c0:c1] *= 1.0 + np.float32(burrow.tone) * inside
