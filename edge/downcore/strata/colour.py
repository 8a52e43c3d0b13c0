"""
From camera counts to linear light and to CIE L*a*b*.

Counts are taken as sRGB encoded. Sixteen bits are kept until here: a table with
one entry per possible count undoes the encoding of either depth.

Sources: IEC 61966-2-1:1999 (sRGB transfer curve and primaries); CIE 15:2004,
section 8.2.1 (L*a*b*). The white is D65 as the sum of the primaries, so that equal
counts are exactly neutral.
"""

import functools

import cv2
import numpy as np
from numpy.typing import NDArray

from downcore.strata.segment import Pixels

_XYZ_OF_RGB = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_WHITE_OF_RGB = (_XYZ_OF_RGB / _XYZ_OF_RGB.sum(axis=1, keepdims=True)).astype(np.float32)
"""Linear RGB to X/Xn, Y/Yn, Z/Zn."""

_RGB_OF_WHITE = np.linalg.inv(_XYZ_OF_RGB / _XYZ_OF_RGB.sum(axis=1, keepdims=True))

_DELTA = 6.0 / 29.0
_SLOPE = 1.0 / (3.0 * _DELTA**2)
_OFFSET = 4.0 / 29.0
_KNEE_OF_COUNTS = 0.04045
_KNEE_OF_LIGHT = 0.0031308


def linear_of_counts(counts: Pixels) -> NDArray[np.float32]:
    """
    Undo the sRGB encoding.

    Parameters
    ----------
    counts : ndarray of uint8 or uint16
        Any shape.

    Returns
    -------
    ndarray of float32
        Linear light, 0 to 1, of the same shape.

    Raises
    ------
    ValueError
        If the counts are neither 8 nor 16 bit.
    """
    if counts.dtype == np.uint8:
        return np.take(_light_of_count(255), counts)
    if counts.dtype == np.uint16:
        return np.take(_light_of_count(65_535), counts)
    raise ValueError(f"expected counts of 8 or 16 bit, got {counts.dtype}")


def counts_of_linear(linear: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return linear light as sRGB counts of 8 bit, rounded; light outside 0 to 1 is clipped."""
    light = np.clip(np.asarray(linear, np.float64), 0.0, 1.0)
    encoded = np.where(light <= _KNEE_OF_LIGHT, 12.92 * light, 1.055 * light ** (1.0 / 2.4) - 0.055)
    return np.rint(255.0 * encoded).astype(np.uint8)


def lab_of_linear(linear: NDArray[np.float32]) -> NDArray[np.float32]:
    """
    Return the CIE L*a*b* of linear light under D65.

    Parameters
    ----------
    linear : ndarray of float32, shape (..., 3)
        Linear R, G, B, 0 to 1.

    Returns
    -------
    ndarray of float32, shape (..., 3)
        L* 0 to 100; a* and b* about -128 to 127, exactly 0 for a neutral grey.
    """
    if not linear.size:
        return np.empty(linear.shape, np.float32)
    flat = np.ascontiguousarray(linear, np.float32).reshape(-1, 1, 3)
    # One thread and the same sums whatever the size, which a matrix product does not promise.
    relative = np.asarray(cv2.transform(flat, _WHITE_OF_RGB), np.float32).reshape(linear.shape)
    # The straight part near black keeps the root's slope finite.
    root = np.where(relative > _DELTA**3, np.cbrt(relative), relative * _SLOPE + _OFFSET)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    lab = np.empty_like(root, np.float32)
    lab[..., 0] = 116.0 * y - 16.0
    lab[..., 1] = 500.0 * (x - y)
    lab[..., 2] = 200.0 * (y - z)
    return lab


def linear_of_lab(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return linear R, G, B of CIE L*a*b*, shape (..., 3); outside 0 to 1 where not in gamut."""
    wide = np.asarray(lab, np.float64)
    y = (wide[..., 0] + 16.0) / 116.0
    root = np.stack([y + wide[..., 1] / 500.0, y, y - wide[..., 2] / 200.0], axis=-1)
    relative = np.where(root > _DELTA, root**3, (root - _OFFSET) / _SLOPE)
    return (relative @ _RGB_OF_WHITE.T).astype(np.float32)


def lab_of_counts(counts: Pixels) -> NDArray[np.float32]:
    """Return the CIE L*a*b* of sRGB counts of 8 or 16 bit, shape (..., 3)."""
    return lab_of_linear(linear_of_counts(counts))


@functools.cache
def _light_of_count(highest: int) -> NDArray[np.float32]:
    encoded = np.arange(highest + 1, dtype=np.float64) / highest
    light = np.where(
        encoded <= _KNEE_OF_COUNTS, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4
    )
    table = light.astype(np.float32)
    table.setflags(write=False)
    return table
