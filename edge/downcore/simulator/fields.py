"""Random fields in physical units: correlated profiles, smooth lattices and speckle textures."""

import functools
import math

import numpy as np
from numpy.typing import NDArray

_SPECKLE_ROWS = (512, 540, 576, 600)
"""Periods down the core, in lines, all different so that their sum does not repeat visibly."""

SPECKLE_SPARE = 128
"""Columns of a texture beyond the image's width, so that cores can start at different columns."""


def correlated(
    rng: np.random.Generator, n: int, scale: float, *, order: int = 1
) -> NDArray[np.float64]:
    """
    Return a Gaussian profile of unit expected variance, correlated over ``scale`` steps.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the profile.
    n : int
        Steps.
    scale : float
        Correlation length in steps; order 1 has the correlation ``exp(-lag / scale)``.
    order : int, optional
        Higher is smoother.

    Notes
    -----
    It is scaled by the expected variance, not its own, so that two profiles stay independent.
    """
    size = 1 << math.ceil(math.log2(n + 8.0 * scale + 16.0))
    power = (1.0 + (2.0 * np.pi * np.fft.rfftfreq(size) * scale) ** 2) ** -order
    expected = (2.0 * power.sum() - power[0] - power[-1]) / size
    spectrum = np.fft.rfft(rng.standard_normal(size)) * np.sqrt(power / expected)
    return np.fft.irfft(spectrum, size)[:n].astype(np.float64, copy=False)


def smoothed(values: NDArray[np.float64], sd: float) -> NDArray[np.float64]:
    """Return a profile smoothed by a Gaussian of ``sd`` steps, its ends repeated outwards."""
    reach = max(1, math.ceil(4.0 * sd))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sd) ** 2)
    padded = np.pad(values, reach, mode="edge")
    weights: NDArray[np.float64] = kernel / kernel.sum()
    return np.convolve(padded, weights, mode="valid").astype(np.float64, copy=False)


class SmoothField:
    """
    A smooth random field over the image, about unit variance, from a small lattice.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the lattice, which does not depend on the scan's resolution.
    extent_mm : tuple of float
        Length down the core and width across it.
    spacing_mm : tuple of float
        Lattice spacing down and across; features are two to three spacings large.
    x_mm : ndarray of shape (n_across,)
        Positions of the columns.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        extent_mm: tuple[float, float],
        spacing_mm: tuple[float, float],
        x_mm: NDArray[np.float64],
    ) -> None:
        n_down = math.ceil(extent_mm[0] / spacing_mm[0]) + 8
        n_across = math.ceil(extent_mm[1] / spacing_mm[1]) + 8
        grid = rng.standard_normal((n_down, n_across))
        for _ in range(2):
            grid = 0.25 * grid[:-2] + 0.5 * grid[1:-1] + 0.25 * grid[2:]
            grid = 0.25 * grid[:, :-2] + 0.5 * grid[:, 1:-1] + 0.25 * grid[:, 2:]
        # Two passes of (1, 2, 1) / 4 leave 70 / 256 of white variance along each axis.
        self._grid = (grid * (256.0 / 70.0)).astype(np.float32)
        self._spacing_mm = spacing_mm[0]
        place = np.clip(x_mm / spacing_mm[1], 0.0, self._grid.shape[1] - 2.0)
        self._column = place.astype(np.intp)
        self._weight = (place - self._column).astype(np.float32)
        pitch_mm = float(x_mm[1] - x_mm[0]) if x_mm.size > 1 else spacing_mm[0]
        self._gain = np.float32(1.0 / math.sqrt(1.0 + (pitch_mm / (2.0 * spacing_mm[0])) ** 2))

    def at(self, z_mm: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return the field for lines at depths ``z_mm``, shape (n, n_across)."""
        place = np.clip(z_mm / self._spacing_mm, 0.0, self._grid.shape[0] - 2.0)
        row = place.astype(np.intp)
        first = int(row[0])
        rows = self._grid[first : int(row[-1]) + 2]
        left = rows[:, self._column]
        wide = left + (rows[:, self._column + 1] - left) * self._weight
        weight = (place - row).astype(np.float32)[:, None]
        row -= first
        upper = np.take(wide, row, axis=0)
        lower = np.take(wide, row + 1, axis=0)
        lower -= upper
        lower *= weight
        lower += upper
        lower *= self._gain
        return lower.astype(np.float32, copy=False)


def _speckle(
    rng: np.random.Generator, shape: tuple[int, int], grain_px: float
) -> NDArray[np.float32]:
    """Return a texture of speckles ``grain_px`` pixels large, as averaged by the pixels."""
    f_down = np.fft.fftfreq(shape[0])[:, None]
    f_across = np.fft.rfftfreq(shape[1])[None, :]
    power = np.zeros((f_down.size, f_across.size))
    # A pixel averages over its own area; finer detail is aliased at much lower contrast.
    for down in (-1, 0, 1):
        for across in (-1, 0, 1):
            u, v = f_down + down, f_across + across
            radius = np.hypot(u, v) * grain_px
            ring = np.exp(-0.5 * (np.log(np.maximum(radius, 1e-6)) / 0.55) ** 2)
            power += ring * (np.sinc(u) * np.sinc(v)) ** 2
    # Variance before the pixel: the ring integrated over the plane, in cycles per pixel.
    total = 2.0 * np.pi * 0.55 * math.sqrt(2.0 * np.pi) * math.exp(2.0 * 0.55**2) / grain_px**2
    noise = np.fft.rfft2(rng.standard_normal(shape))
    texture = np.fft.irfft2(noise * np.sqrt(power / total), s=shape)
    # Bright grains stand out more than dark ones, so the texture is a little skewed.
    texture += 0.18 * (texture**2 - np.mean(texture**2))
    return texture.astype(np.float32)


@functools.lru_cache(maxsize=3)
def speckle_textures(
    px_per_cm: float, n_across: int, grains_mm: tuple[float, ...]
) -> tuple[NDArray[np.float32], ...]:
    """
    Return a texture for each grain size and, last, one of white noise.

    They are shared by all cores at one resolution; each core starts at another position in them.
    A grain much finer than a pixel leaves a faint texture, as it does in a real scan.

    Parameters
    ----------
    px_per_cm : float
        Resolution.
    n_across : int
        Columns of the image; the textures are ``SPECKLE_SPARE`` columns wider.
    grains_mm : tuple of float
        Speckle sizes, three at most.
    """
    width = n_across + SPECKLE_SPARE
    rng = np.random.default_rng([7, len(grains_mm)])
    textures = [
        _speckle(rng, (rows, width), grain * px_per_cm / 10.0)
        for rows, grain in zip(_SPECKLE_ROWS, grains_mm, strict=False)
    ]
    textures.append(rng.standard_normal((_SPECKLE_ROWS[-1], width), dtype=np.float32))
    for texture in textures:
        texture.setflags(write=False)
    return tuple(textures)


def texture_rows(
    texture: NDArray[np.float32], first: int, n: int, columns: slice
) -> NDArray[np.float32]:
    """Return ``n`` rows of a texture that repeats down the core, from row ``first`` on."""
    start = first % texture.shape[0]
    if start + n <= texture.shape[0]:
        return texture[start : start + n, columns]
    rows = np.arange(start, start + n) % texture.shape[0]
    return texture[rows, columns]
