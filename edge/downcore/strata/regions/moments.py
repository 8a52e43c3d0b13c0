"""
The shapes of regions, worked out from sums over their pixels.

Shapes follow the definitions of scikit-image's ``regionprops`` where it has them.
"""

import math

import numpy as np
from numpy.typing import NDArray

from downcore.strata.colour import linear_of_counts
from downcore.strata.depth import SLICE_UM, LineScale
from downcore.strata.regions._sums import Sums, range_of, sums_of
from downcore.strata.regions.region_shape import RegionShapes
from downcore.strata.regions.window import NO_REGION

_LIGHT_STEPS = 2**24
_HIGHEST = np.iinfo(np.int32).max
_NO_SPREAD = 1e-9
"""Variance, in squared pixels, that is rounding and no spread; two pixels in a row have 0.25."""


def shapes_of(
    labels: NDArray[np.int32], lines: NDArray[np.uint8], scale: LineScale
) -> RegionShapes:
    """
    Work out the shapes of all regions of a picture.

    Parameters
    ----------
    labels : ndarray of int32, shape (n_lines, n_across)
        Region of each pixel; 0 is none.
    lines : ndarray of uint8, shape (n_lines, n_across, 3)
        RGB, sRGB encoded.
    scale : LineScale
        Lines per centimetre, the same along and across.

    Returns
    -------
    RegionShapes
        In ascending order of labels; empty where there is no region.

    Raises
    ------
    ValueError
        If labels and lines differ in size.

    Notes
    -----
    Axes: four times the root of the eigenvalues of the covariance of the pixels' centres.
    Sphericity: width over length, Krumbein and Sloss (1963), Stratigraphy and sedimentation;
    which of the usual ones to take: Zheng and Hryciw (2015), doi:10.1680/geot.14.P.192.
    Roundness: 4 pi area / perimeter squared, Cox (1927), Journal of Paleontology 1, 179-183.
    Perimeter: Cauchy and Crofton's formula in four directions, as scikit-image's
    ``perimeter_crofton``. Wadell's roundness, by the curvature of corners, needs more pixels a
    grain than most regions have.
    """
    label, sums = sums_of_regions(labels, lines)
    return shapes_of_sums(label, sums, scale)


def sums_of_regions(
    labels: NDArray[np.int32], lines: NDArray[np.uint8]
) -> tuple[NDArray[np.int32], Sums]:
    """
    Return the labels of a picture in ascending order, and the sums of each, shape (n, 12).

    Raises
    ------
    ValueError
        If labels and lines differ in size.
    """
    if labels.shape != lines.shape[:2]:
        raise ValueError(
            f"expected lines of the size of the labels, {labels.shape}, got {lines.shape[:2]}"
        )
    own, first, label = _numbered(labels)
    light = np.rint(_LIGHT_STEPS * linear_of_counts(np.arange(256, dtype=np.uint8)))
    pixels = np.require(lines, np.uint8, ("C", "W"))
    sums = sums_of(own, pixels, light.astype(np.int64), (first, label.size))[1:]
    is_there = sums[:, 0] > 0
    return label[is_there], sums[is_there]


def shapes_of_sums(label: NDArray[np.int32], sums: Sums, scale: LineScale) -> RegionShapes:
    """
    Return the shapes of regions from the sums over their pixels.

    Parameters
    ----------
    label : ndarray, shape (n,)
        Their numbers.
    sums : ndarray, shape (n, 12)
        Of each; lines may be counted from anywhere, and so is the shapes' ``line``.
    scale : LineScale
        Lines per centimetre, the same along and across.
    """
    numbers = sums.astype(np.float64)
    area = numbers[:, 0]
    line, column = numbers[:, 1] / area, numbers[:, 2] / area
    down = numbers[:, 3] / area - line**2
    across = numbers[:, 4] / area - column**2
    both = numbers[:, 5] / area - line * column
    mean, half = 0.5 * (down + across), np.hypot(0.5 * (down - across), both)
    pitch_um = float(SLICE_UM / scale.px_per_cm)
    major, minor = _axis(mean + half), _axis(mean - half)
    perimeter = np.pi / 8.0 * (numbers[:, 10] + numbers[:, 11] / math.sqrt(2.0))
    is_long = half > _NO_SPREAD
    angle = np.where(is_long, 0.5 * np.arctan2(2.0 * both, down - across), 0.0)
    return RegionShapes(
        label=label,
        area_um2=np.asarray(area * pitch_um**2, np.float64),
        linear_rgb=numbers[:, 6:9] / area[:, None] / _LIGHT_STEPS,
        line=line,
        column=column,
        major_um=major * pitch_um,
        minor_um=minor * pitch_um,
        orientation_deg=np.degrees(angle),
        sphericity=np.divide(minor, major, out=np.ones_like(major), where=major > 0.0),
        perimeter_um=perimeter * pitch_um,
        # A few pixels have fewer sides than a circle has length.
        roundness=np.minimum(4.0 * np.pi * area / perimeter**2, 1.0),
        is_cut=numbers[:, 9] > 0,
    )


def _axis(variance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return an axis of an ellipse, in pixels, of the variance along it."""
    return 4.0 * np.sqrt(np.where(variance > _NO_SPREAD, variance, 0.0))


def _numbered(
    labels: NDArray[np.int32],
) -> tuple[NDArray[np.int32], int, NDArray[np.int32]]:
    """Return a picture of labels close together, the first of them, and what each stands for."""
    own = np.require(labels, np.int32, ("C", "W"))
    lowest, highest = range_of(own)
    if highest - lowest < labels.size:
        return own, lowest, np.arange(lowest, highest + 1).astype(np.int32)
    # Numbers far apart, as of a section cut out: sorting is slower and needs no table.
    label, place = np.unique(own, return_inverse=True)
    is_none = int(label[0] == NO_REGION)
    return (place.reshape(labels.shape) + (1 - is_none)).astype(np.int32), 1, label[is_none:]
