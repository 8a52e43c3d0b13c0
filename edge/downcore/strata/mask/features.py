"""The mask's features of a cell: colour, texture, line, column and position."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from downcore.strata.mask.grid import Grid, stretched

N_FEATURES = 33
"""Numbers per cell that :func:`features_of` gives."""

_FINE_CM = 0.25
_COARSE_CM = 1.0
_LINE_CM = 0.5
_FURTHEST_CM = 3.0
"""Largest distance from the edge of the scan; larger ones count as this."""
_MIDDLE_CELLS_PER_CM = 10.0
_NOISE = np.array([0.05, 0.05, 0.1, 0.1], np.float32)
"""Variance and steps of L* below which texture is the camera's own noise."""
_TEXTURE_SCALE = np.array([1 / 3, 1 / 3, 1 / 2, 1 / 2], np.float32)


def features_of(grid: Grid) -> NDArray[np.float32]:
    """
    Return the features of each cell of the slice itself.

    Returns
    -------
    ndarray of float32, shape (n_rows * n_columns, 33)
        In order: colour of the cell, and of its surroundings of 0.25 and 1 cm;
        texture; mean and spread of the line; mean and spread of the column over
        the window; distance to the edge of the scan; mean and spread of the window.
        All roughly within -2 to 2.
    """
    lab = stretched(grid.lab) if grid.stretched is None else grid.stretched
    reach = _side(grid.cells_per_cm * _COARSE_CM) // 2 + 1
    # Only rows within the features' reach of the slice are computed in full.
    first = max(grid.above - reach, 0)
    near = lab[first : grid.above + grid.n_rows + reach]
    own = slice(grid.above - first, grid.above - first + grid.n_rows)
    pictures = [
        *cv2.split(near[own]),
        *cv2.split(_mean(near, grid.cells_per_cm * _FINE_CM)[own]),
        *cv2.split(_mean(near, grid.cells_per_cm * _COARSE_CM)[own]),
        *_texture(np.ascontiguousarray(near[..., 0]), grid.cells_per_cm, own),
    ]
    mean, sd = _spread(lab, 0)
    columns = np.concatenate([mean, sd, _place(grid)], axis=1)
    middle = mean.mean(axis=0)
    window = np.concatenate([middle, np.sqrt((sd * sd + (mean - middle) ** 2).mean(axis=0))[:2]])
    smoothing = (1, _side(grid.cells_per_cm * _LINE_CM))
    lines = np.asarray(
        cv2.blur(
            np.concatenate(_spread(near, 1), axis=1), smoothing, borderType=cv2.BORDER_REPLICATE
        ),
        np.float32,
    )
    return _laid_out(pictures, lines[own], columns, window)


def _laid_out(
    pictures: Sequence[NDArray[np.float32]],
    lines: NDArray[np.float32],
    columns: NDArray[np.float32],
    window: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return all features side by side, those of a line or column repeated for its cells."""
    n_rows, n_columns = pictures[0].shape
    # One after the other first, since they are long and there are few of them.
    features = np.empty((N_FEATURES, n_rows, n_columns), np.float32)
    features[:13] = pictures
    features[13:19] = lines.T[:, :, None]
    features[19:28] = columns.T[:, None, :]
    features[28:33] = window[:, None, None]
    return np.asarray(cv2.transpose(features.reshape(N_FEATURES, -1)), np.float32)


def _side(length: float) -> int:
    return max(3, 2 * int(length / 2) + 1)


def _mean(picture: NDArray[np.float32], side: float) -> NDArray[np.float32]:
    k = _side(side)
    return np.asarray(cv2.blur(picture, (k, k), borderType=cv2.BORDER_REPLICATE), np.float32)


def _texture(light: NDArray[np.float32], cells_per_cm: float, own: slice) -> NDArray[np.float32]:
    """
    Return the texture of some rows of cells, shape (4, n_rows, n_columns).

    Logarithms of L*'s variance near and further, and of its grain along and across.
    """
    centred = light - light.mean()
    square = centred * centred
    along, across = np.zeros_like(light), np.zeros_like(light)
    np.abs(np.diff(light, axis=0), out=along[1:])
    np.abs(np.diff(light, axis=1), out=across[:, 1:])
    near, far = cells_per_cm * _FINE_CM, cells_per_cm * _COARSE_CM
    texture = np.empty((4, *light[own].shape), np.float32)
    for i, side in enumerate((near, far)):
        mean = _mean(centred, side)[own]
        np.subtract(_mean(square, side)[own], mean * mean, out=texture[i])
    texture[2], texture[3] = _mean(along, far)[own], _mean(across, far)[own]
    np.maximum(texture, np.float32(0.0), out=texture)
    texture += _NOISE[:, None, None]
    np.log(texture, out=texture)
    texture *= _TEXTURE_SCALE[:, None, None]
    return texture


def _spread(lab: NDArray[np.float32], axis: int) -> list[NDArray[np.float32]]:
    """Return mean and sd of L*, a*, b* along an axis of the picture, each of shape (n, 3)."""
    # What is summed comes first: sums along a later axis are of three numbers at a time.
    first = np.ascontiguousarray(np.moveaxis(lab, axis, 0)).reshape(lab.shape[axis], -1)
    mean = first.mean(axis=0).reshape(-1, 3)
    square = np.einsum("xk,xk->k", first, first).reshape(-1, 3)
    variance = square / np.float32(lab.shape[axis]) - mean * mean
    return [mean, np.sqrt(np.maximum(variance, np.float32(0.0)))]


def _place(grid: Grid) -> NDArray[np.float32]:
    """Return the distance to the nearer edge of the scan, in cm and as a share, and the scale."""
    n_across = grid.lab.shape[1]
    middle = np.arange(n_across, dtype=np.float32) + 0.5
    distance = np.minimum(middle, n_across - middle)
    scale = np.log2(grid.cells_per_cm / _MIDDLE_CELLS_PER_CM) / 2.0
    return np.stack(
        [
            np.minimum(distance / grid.cells_per_cm, _FURTHEST_CM) / _FURTHEST_CM,
            distance / n_across,
            np.full_like(distance, scale),
        ],
        axis=1,
    ).astype(np.float32)
