"""What the mask knows of a cell: its colour, its texture, its line, its column and its place."""

import cv2
import numpy as np
from numpy.typing import NDArray

from downcore.strata.mask_grid import Grid

N_FEATURES = 33
"""Numbers per cell that :func:`features_of` gives."""

_FINE_CM = 0.25
_COARSE_CM = 1.0
_LINE_CM = 0.5
_FURTHEST_CM = 3.0
"""Distances from the edge of the scan are told apart up to here."""
_LEAST_VARIANCE = 0.05
"""Variance of L* below which texture is the camera's own noise."""


def features_of(grid: Grid) -> NDArray[np.float32]:
    """
    Return what is known of each cell of the slice itself.

    Returns
    -------
    ndarray of float32, shape (n_rows * n_columns, 33)
        In order: colour of the cell, and of its surroundings of 0.25 and 1 cm;
        texture; mean and spread of the line; mean and spread of the column over
        the window; distance to the edge of the scan; mean and spread of the window.
        All roughly within -2 to 2.
    """
    lab = _scaled(grid.lab)
    own = slice(grid.above, grid.above + grid.n_rows)
    fine = _mean(lab, grid.cells_per_cm * _FINE_CM)
    coarse = _mean(lab, grid.cells_per_cm * _COARSE_CM)
    light = np.ascontiguousarray(grid.lab[..., 0])
    columns = [
        lab[own],
        fine[own],
        coarse[own],
        _texture(light, grid.cells_per_cm)[own],
        _of_lines(lab, grid.cells_per_cm * _LINE_CM)[own],
        _of_columns(fine, own),
        _place(grid, own),
        _of_window(lab, own),
    ]
    return np.concatenate(columns, axis=2).reshape(-1, N_FEATURES)


def _scaled(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return L* about -1 to 1; a* and b* stretched, since they tell tray from mud."""
    scaled = lab * np.array([1 / 30, 1 / 10, 1 / 10], np.float32)
    scaled[..., 0] -= 1.5
    scaled[..., 1:] = np.arcsinh(scaled[..., 1:])
    return scaled


def _side(length: float) -> int:
    return max(3, 2 * int(length / 2) + 1)


def _mean(picture: NDArray[np.float32], side: float) -> NDArray[np.float32]:
    k = _side(side)
    return np.asarray(cv2.blur(picture, (k, k), borderType=cv2.BORDER_REPLICATE), np.float32)


def _texture(light: NDArray[np.float32], cells_per_cm: float) -> NDArray[np.float32]:
    """Return the logarithms of L*'s variance near and further, and its grain along and across."""
    centred = light - np.float32(light.mean())
    near, far = cells_per_cm * _FINE_CM, cells_per_cm * _COARSE_CM
    squares = centred * centred
    kept = []
    for side in (near, far):
        variance = _mean(squares, side) - _mean(centred, side) ** 2
        kept.append(np.log(np.maximum(variance, 0.0) + _LEAST_VARIANCE) / 3)
    for axis in (0, 1):
        before = np.roll(light, 1, axis=axis)
        step = np.abs(light - before)
        step[(0,) if axis == 0 else (slice(None), 0)] = 0.0
        kept.append(np.log(_mean(step, far) + 0.1) / 2)
    return np.stack(kept, axis=2).astype(np.float32)


def _of_lines(lab: NDArray[np.float32], rows: float) -> NDArray[np.float32]:
    """Return mean and sd of L*, a*, b* of each line, smoothed down the core."""
    stacked = np.concatenate([lab.mean(axis=1), lab.std(axis=1)], axis=1)
    smooth = cv2.blur(stacked, (1, _side(rows)), borderType=cv2.BORDER_REPLICATE)
    return np.broadcast_to(smooth[:, None, :], (*lab.shape[:2], 6))


def _of_columns(fine: NDArray[np.float32], own: slice) -> NDArray[np.float32]:
    """Return mean and sd of L*, a*, b* of each column of the window."""
    stacked = np.concatenate([fine.mean(axis=0), fine.std(axis=0)], axis=1)
    return np.broadcast_to(stacked[None], (own.stop - own.start, *stacked.shape))


def _place(grid: Grid, own: slice) -> NDArray[np.float32]:
    """Return the distance to the nearer edge of the scan, in cm and as a share of the width."""
    n_across = grid.lab.shape[1]
    middle = np.arange(n_across, dtype=np.float32) + 0.5
    distance = np.minimum(middle, n_across - middle)
    place = np.stack(
        [
            np.minimum(distance / grid.cells_per_cm, _FURTHEST_CM) / _FURTHEST_CM,
            distance / n_across,
            np.full_like(distance, np.log2(grid.cells_per_cm / CENTRAL_CELLS) / 2),
        ],
        axis=1,
    ).astype(np.float32)
    return np.broadcast_to(place[None], (own.stop - own.start, *place.shape))


CENTRAL_CELLS = 10.0


def _of_window(lab: NDArray[np.float32], own: slice) -> NDArray[np.float32]:
    flat = lab.reshape(-1, 3)
    both = np.concatenate([flat.mean(axis=0), flat.std(axis=0)[:2]])
    return np.broadcast_to(both, (own.stop - own.start, lab.shape[1], 5))
