"""How far answers to least squares with fractions of at least 0 are from optimal."""

import numpy as np
from numpy.typing import NDArray


def kkt_residual(
    normal: NDArray[np.float64],
    right: NDArray[np.float64],
    x: NDArray[np.float64],
    *,
    sum_to_one: bool,
) -> NDArray[np.float64]:
    """
    Return how far each answer is from optimal, shape (n,), relative to ``max |f|``.

    The greatest of: a gradient that is not 0 where a fraction is above 0, one that says a
    fraction of 0 should grow, a fraction below 0, and a sum that is not 1.
    """
    h = normal[None] if normal.ndim == 2 else normal
    gradient = np.matmul(np.broadcast_to(h, (len(x), *h.shape[1:])), x[..., None])[..., 0] - right
    scale = np.maximum(np.abs(right).max(axis=1), np.finfo(float).tiny)
    if sum_to_one:
        used = x > 0.0
        level = (gradient * used).sum(axis=1) / np.maximum(used.sum(axis=1), 1)
        gradient = gradient - level[:, None]
    wrong = np.where(x > 0.0, np.abs(gradient), np.maximum(-gradient, 0.0)).max(axis=1) / scale
    worst: NDArray[np.float64] = np.maximum(wrong, np.maximum(-x, 0.0).max(axis=1))
    if sum_to_one:
        worst = np.maximum(worst, np.abs(x.sum(axis=1) - 1.0))
    return worst
