"""Light and camera: exposure, colour temperature, fall-off, drift, wetness and noise."""

import numpy as np
from numpy.typing import NDArray

from downcore.simulator.appearance import Frame
from downcore.simulator.fields import correlated
from downcore.simulator.site import NOWHERE, Site

_NOISE_COUNTS = 1.3
"""Noise of the camera, standard deviation in counts of 8 bits."""


def _gain(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the logarithm of exposure by channel, from brightness and colour temperature."""
    return rng.normal(0.0, 0.05) + rng.normal(0.0, (0.02, 0.01, 0.025))


class Lighting:
    """
    Light and camera between a surface and its pixels.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of its parameters.
    frame : Frame
        Positions of the pixels.
    drifts : bool
        Whether light also drifts slowly down the core and a wet sheen comes and goes.
    site : Site, optional
        Site whose scanner is used, where cores share one.
    """

    def __init__(
        self, rng: np.random.Generator, frame: Frame, *, drifts: bool, site: Site = NOWHERE
    ) -> None:
        gain = np.exp(site.level(rng, _gain))
        away = frame.x_mm / frame.width_mm - 0.5
        centre = site.level(rng, lambda r: r.normal(0.0, 0.08))
        fall = site.level(rng, lambda r: r.uniform(0.05, 0.35)) * (away - centre) ** 2
        fall = fall + site.level(rng, lambda r: r.normal(0.0, 0.05)) * away
        columns = np.random.default_rng(11).normal(0.0, 0.004, away.size)
        self._across = (gain[:, None] * (1.0 - fall + columns)).astype(np.float32)
        n_mm = int(np.ceil(frame.length_mm)) + 20
        self._down = np.ones((3, n_mm))
        walk = 0.025 * correlated(rng, n_mm, 400.0)
        wet = 0.03 * correlated(rng, n_mm, 60.0, order=2)
        hue = 0.010 * correlated(rng, n_mm, 500.0)
        if drifts:
            self._down += walk + wet + np.array([1.0, 0.0, -1.0])[:, None] * hue

    def shine_on(self, planes: NDArray[np.float32], z_mm: NDArray[np.float64]) -> None:
        """Light ``planes``, shape (3, n, n_across), in place."""
        mm = np.arange(self._down.shape[1], dtype=np.float64)
        for plane, across, down in zip(planes, self._across, self._down, strict=True):
            np.multiply(plane, across, out=plane)
            lit = np.interp(z_mm, mm, down).astype(np.float32)[:, None]
            np.multiply(plane, lit, out=plane)


def expose(planes: NDArray[np.float32], noise: NDArray[np.float32]) -> NDArray[np.uint8]:
    """
    Return the camera's image: shape (n, n_across, 3), sRGB, 8 bit.

    Parameters
    ----------
    planes : ndarray of shape (3, n, n_across)
        Lit surface in counts; changed in place.
    noise : ndarray of shape (n, n_across)
        White, unit variance.
    """
    image = np.empty((*noise.shape, 3), dtype=np.uint8)
    loud = noise * np.float32(_NOISE_COUNTS)
    for channel, plane in enumerate(planes):
        # Each channel uses the same noise, reversed, in place of noise of its own.
        turned = loud[:: -1 if channel == 1 else 1, :: -1 if channel == 2 else 1]  # noqa: PLR2004 -- third channel
        np.add(plane, turned, out=plane)
        np.add(plane, 0.5, out=plane)
        np.clip(plane, 0.0, 255.0, out=plane)
        image[..., channel] = plane
    return image
