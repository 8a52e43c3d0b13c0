"""
Which regions are doubtful, and what the network is asked about them.

Everything is measured on the picture that the network sees, in L*a*b* and in units of the
noise between neighbouring pixels of one superpixel.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from downcore.inference.segment_anything.picture import Fitted
from downcore.inference.segment_anything.settings import SegmentAnythingSettings
from downcore.strata.colour import lab_of_counts

_MIN_NOISE = 0.3
"""About what rounding to 8 bit leaves, in L*a*b* units; flat pictures have no other noise."""

_MEAN_OVER_MEDIAN = 3.0 / 2.366
"""Of the squared length of a normal vector in three dimensions."""

_STEP_PX = 2
"""Distance over which a step of colour is taken: an edge is blurred over a pixel or two."""


@dataclass(frozen=True, slots=True, eq=False)
class Prompts:
    """What is asked, most doubtful region first."""

    regions: NDArray[np.int64]
    """Label of each, shape (n,)."""
    points: NDArray[np.float32]
    """x and y of the pixel furthest inside, shape (n, 2)."""
    boxes: NDArray[np.float32]
    """Left, top, right and bottom pixel, shape (n, 4)."""


def prompts_for(
    fitted: Fitted,
    regions: NDArray[np.int32],
    superpixels: NDArray[np.int32],
    settings: SegmentAnythingSettings,
) -> Prompts:
    """
    Return a point and a box for each doubtful region, at most ``settings.most_prompts``.

    Parameters
    ----------
    fitted : Fitted
        The window as the network sees it.
    regions, superpixels : ndarray of int32
        Of the whole window; 0 where there is no sediment.
    settings : SegmentAnythingSettings
        What is doubtful.
    """
    small = fitted.reduced(regions)
    lab = lab_of_counts(fitted.picture[: fitted.height, : fitted.width])
    numbers, dense = np.unique(small, return_inverse=True)
    dense = dense.reshape(small.shape)
    doubt = _doubt(lab, dense, fitted.reduced(superpixels), settings)
    area = np.bincount(dense.ravel(), minlength=numbers.size)
    is_sediment = numbers != 0
    is_large = area >= max(1.0, settings.least_share * area[is_sediment].sum())
    doubt[~(is_sediment & is_large)] = 0.0
    # Of regions in equal doubt the one that begins first.
    order = np.argsort(-(doubt * area), kind="stable")
    chosen = [int(i) for i in order if doubt[i] > 0.0][: settings.most_prompts]
    asked = [_point_and_box(dense == i) for i in chosen]
    return Prompts(
        regions=numbers[chosen].astype(np.int64),
        points=np.array([point for point, _ in asked], np.float32).reshape(-1, 2),
        boxes=np.array([box for _, box in asked], np.float32).reshape(-1, 4),
    )


def _doubt(
    lab: NDArray[np.float32],
    dense: NDArray[np.int64],
    superpixels: NDArray[np.int32],
    settings: SegmentAnythingSettings,
) -> NDArray[np.float64]:
    """Return by how many times a region exceeds a limit; 0 for one that exceeds none."""
    noise = _noise(lab, superpixels)
    spread = _spread(lab, dense) / noise
    contrast = _contrast(lab, dense, superpixels != 0) / noise
    with np.errstate(divide="ignore"):
        wide = spread / settings.spread_in_noise
        faint = settings.contrast_in_noise / contrast
    # A region without neighbours has no edge to doubt.
    faint[np.isnan(contrast)] = 0.0
    doubt = np.maximum(wide, np.minimum(faint, 10.0))
    return np.where(doubt > 1.0, doubt, 0.0)


def _noise(lab: NDArray[np.float32], superpixels: NDArray[np.int32]) -> float:
    """Return the standard deviation of colour between neighbours of one superpixel."""
    same = (superpixels[:, 1:] == superpixels[:, :-1]) & (superpixels[:, 1:] != 0)
    if not same.any():
        return _MIN_NOISE
    squared = ((lab[:, 1:] - lab[:, :-1])[same] ** 2).sum(axis=1)
    return max(_MIN_NOISE, float(np.sqrt(np.median(squared) * _MEAN_OVER_MEDIAN / 2.0)))


def _spread(lab: NDArray[np.float32], dense: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the standard deviation of colour inside each region."""
    flat, colours = dense.ravel(), lab.reshape(-1, 3).astype(np.float64)
    count = np.maximum(np.bincount(flat), 1)
    means = [np.bincount(flat, weights=colours[:, k]) / count for k in range(3)]
    squares = [np.bincount(flat, weights=colours[:, k] ** 2) / count for k in range(3)]
    variance = np.sum(squares, axis=0) - np.sum(np.square(means), axis=0)
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)), np.float64)


def _contrast(
    lab: NDArray[np.float32], dense: NDArray[np.int64], is_sediment: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the mean step of colour from each region to its neighbours; NaN without any."""
    n = int(dense.max()) + 1
    steps, counts = np.zeros(n), np.zeros(n)
    for axis in (0, 1):
        along = [np.moveaxis(one, axis, 0) for one in (lab, dense, is_sediment)]
        here, there = [one[_STEP_PX:] for one in along], [one[:-_STEP_PX] for one in along]
        is_edge = (here[1] != there[1]) & here[2] & there[2]
        step = np.sqrt(((here[0] - there[0])[is_edge] ** 2).sum(axis=1)).astype(np.float64)
        for side in (here[1][is_edge], there[1][is_edge]):
            steps += np.bincount(side, weights=step, minlength=n)
            counts += np.bincount(side, minlength=n)
    mean = np.full(n, np.nan)
    np.divide(steps, counts, out=mean, where=counts > 0)
    return mean


def _point_and_box(
    is_own: NDArray[np.bool_],
) -> tuple[tuple[int, int], tuple[int, int, int, int]]:
    rows = np.flatnonzero(is_own.any(axis=1))
    columns = np.flatnonzero(is_own.any(axis=0))
    top, bottom, left, right = (int(x) for x in (rows[0], rows[-1], columns[0], columns[-1]))
    cut = np.zeros((bottom - top + 3, right - left + 3), np.uint8)
    cut[1:-1, 1:-1] = is_own[top : bottom + 1, left : right + 1]
    depth = cv2.distanceTransform(cut, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    y, x = np.unravel_index(int(np.argmax(depth)), cut.shape)
    return (left + int(x) - 1, top + int(y) - 1), (left, top, right, bottom)
