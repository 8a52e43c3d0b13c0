"""The strip of regions: each in the mean colour of its pixels."""

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from downcore.plate.axes import depth_axis, head
from downcore.plate.values import Plate

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_regions(axes: "Axes", plate: Plate) -> None:
    """Draw the regions of the sections that have a picture to take their colours from."""
    n_regions = 0
    for section in plate.sections:
        if section.labels is None or section.picture is None:
            continue
        top_cm, bottom_cm = section.span_cm
        axes.imshow(
            mean_colours(section.labels, section.picture),
            extent=(0.0, 1.0, bottom_cm, top_cm),
            aspect="auto",
            interpolation="nearest",
        )
        n_regions += int(np.unique(section.labels[section.labels > 0]).size)
    axes.set_xticks([])
    axes.set_xlim(0.0, 1.0)
    depth_axis(axes, plate, has_labels=False)
    head(axes, "Regions", f"{n_regions}, mean colours")


def mean_colours(labels: NDArray[np.int32], picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """
    Return labels as a picture, each region in its mean colour; what is no sediment is white.

    Parameters
    ----------
    labels : ndarray of int32, shape (n_rows, n_across)
        Region of each pixel; 0 is no sediment.
    picture : ndarray of uint8, shape (n_picture_rows, n_picture_across, 3)
        The same core; it is brought to the size of the labels.

    Returns
    -------
    ndarray of uint8, shape (n_rows, n_across, 3)
    """
    names, dense, counts = mean_counts(labels, picture)
    palette = counts.copy()
    palette[names == 0] = 255
    coloured: NDArray[np.uint8] = palette[dense].reshape(*labels.shape, 3)
    return coloured


def mean_counts(
    labels: NDArray[np.int32], picture: NDArray[np.uint8]
) -> tuple[NDArray[np.int32], NDArray[np.intp], NDArray[np.uint8]]:
    """
    Return the labels of a picture, which of them each pixel has, and the mean colour of each.

    Parameters
    ----------
    labels, picture : ndarray
        As of :func:`mean_colours`.

    Returns
    -------
    tuple of ndarray
        Labels in ascending order, shape (n,); the place in it of each pixel, row by row; mean
        counts, sRGB, shape (n, 3).
    """
    size = (labels.shape[1], labels.shape[0])
    pixels = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA)).reshape(-1, 3)
    names, dense = np.unique(labels, return_inverse=True)
    dense = dense.ravel()
    sums = np.stack([np.bincount(dense, pixels[:, k]) for k in range(3)], axis=1)
    return names, dense, np.rint(sums / np.bincount(dense)[:, None]).astype(np.uint8)
