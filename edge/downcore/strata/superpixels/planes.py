"""
Counts as L*a*b* in whole steps, fast enough for every pixel of a scan.

The formulas are those of :mod:`downcore.strata.colour`. The cube root is one step of Halley's
method from a guess, which a processor can do for many pixels at once, and the result is rounded
to 1/128 of a unit; together they differ by less than 0.05 of a unit from that module.
"""

import functools
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from downcore.strata.colour import lab_of_linear, linear_of_counts
from downcore.strata.kernels import compiled
from downcore.strata.mask.classes import MaskClass
from downcore.strata.segment import Pixels

Planes: TypeAlias = NDArray[np.int16]
"""Shape (4, n_lines, n_across): L*, a*, b* in steps of 1/128 unit, and 1 where sediment is."""

LAB_STEPS = 128
"""Steps in one unit of L*, a* or b*."""

_CUBE_ROOT_OF_BITS = 709_921_077
"""Two thirds of the bits of 1, less what makes the error equal on both sides."""

_KNEE = (6.0 / 29.0) ** 3
_SLOPE = 841.0 / 108.0
_OFFSET = 4.0 / 29.0
"""Below the knee the root is a straight line, as in CIE 15:2004."""


def fill_planes(lines: Pixels, classes: NDArray[np.uint8], planes: Planes, first: int) -> None:
    """
    Write the colour of scan lines, and which of their pixels are sediment.

    Parameters
    ----------
    lines : ndarray, shape (n, n_across, 3)
        8 or 16 bit.
    classes : ndarray of uint8, shape (n, n_across)
        Values of :class:`~downcore.strata.mask.classes.MaskClass`.
    planes : ndarray of int16, shape (4, n_held, n_across)
        Where to write; changed in place.
    first : int
        Line of ``planes`` from which to write.
    """
    fill_colours(lines, planes, first)
    # As a plain number: compared with a member of an enumeration, the classes would be converted.
    np.equal(classes, int(MaskClass.SEDIMENT), out=planes[3, first : first + len(lines)])


def fill_colours(lines: Pixels, planes: Planes, first: int) -> None:
    """Write the colour of scan lines alone; see :func:`fill_planes`."""
    light = _light(int(np.iinfo(lines.dtype).max))
    # Kernels are compiled anew for lines of another layout, or that may not be written to.
    own = np.require(lines, requirements=("C", "W"))
    _fill(own, planes, first, light=light, white=_white())


@functools.cache
def _light(highest: int) -> NDArray[np.float32]:
    """Return the linear light of every count."""
    if highest == np.iinfo(np.uint8).max:
        return linear_of_counts(np.arange(highest + 1, dtype=np.uint8))
    return linear_of_counts(np.arange(highest + 1, dtype=np.uint16))


@functools.cache
def _white() -> NDArray[np.float32]:
    """Return the matrix from linear RGB to X/Xn, Y/Yn, Z/Zn, read off the three primaries."""
    lab = lab_of_linear(np.eye(3, dtype=np.float32)).astype(np.float64)
    y = (lab[:, 0] + 16.0) / 116.0
    roots = np.stack([y + lab[:, 1] / 500.0, y, y - lab[:, 2] / 200.0])
    return (roots**3).astype(np.float32)


@compiled
def _fill(
    lines: Pixels,
    planes: Planes,
    first: int,
    *,
    light: NDArray[np.float32],
    white: NDArray[np.float32],
) -> None:
    n_lines, n_across, _ = lines.shape
    rgb = np.empty((3, n_across), np.float32)
    root = np.empty((3, n_across), np.float32)
    relative = np.empty(n_across, np.float32)
    bits = relative.view(np.int32)
    guess = np.empty(n_across, np.int32)
    near = guess.view(np.float32)
    two, third = np.float32(2.0), np.float32(1.0 / 3.0)
    for y in range(n_lines):
        for x in range(n_across):
            for k in range(3):
                rgb[k, x] = light[lines[y, x, k]]
        for k in range(3):
            of_red, of_green, of_blue = white[k, 0], white[k, 1], white[k, 2]
            for x in range(n_across):
                relative[x] = of_red * rgb[0, x] + of_green * rgb[1, x] + of_blue * rgb[2, x]
            for x in range(n_across):
                # A third of the exponent, read as a number, is a cube root to 4 %.
                guess[x] = np.int32(np.float32(bits[x]) * third) + np.int32(_CUBE_ROOT_OF_BITS)
            for x in range(n_across):
                t, r = relative[x], near[x]
                cube = r * r * r
                exact = r * (cube + two * t) / (two * cube + t)
                straight = t * np.float32(_SLOPE) + np.float32(_OFFSET)
                root[k, x] = exact if t > np.float32(_KNEE) else straight
        for x in range(n_across):
            g = root[1, x]
            # Shifted above 0 before they are cut off, which then rounds to the nearest.
            lightness = (np.float32(116.0) * g - np.float32(16.0)) * np.float32(LAB_STEPS)
            a = np.float32(500.0 * LAB_STEPS) * (root[0, x] - g)
            b = np.float32(200.0 * LAB_STEPS) * (g - root[2, x])
            planes[0, first + y, x] = np.int32(lightness + np.float32(32768.5)) - np.int32(32768)
            planes[1, first + y, x] = np.int32(a + np.float32(32768.5)) - np.int32(32768)
            planes[2, first + y, x] = np.int32(b + np.float32(32768.5)) - np.int32(32768)
