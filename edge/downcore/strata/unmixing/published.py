"""
Composition as the published method finds it, to be compared with: plain least squares.

Logs are standardised over the slices of one image, matched with a hand-made matrix under
non-negativity, and the answer is scaled to sum to 1. Three logs and four classes: the answer is
not unique, and it is relative to the image. Source: the method of "Prediction of mineral
distribution based on drilling core colour" (ACK 2025), from its description.
"""

import numpy as np
from numpy.typing import NDArray

from downcore.strata.endmembers.table import StandardTable
from downcore.strata.unmixing.active_set import solve_nonnegative

_UNIQUE = 1e-9
"""Ridge, of the mean diagonal, that picks one of the answers that fit alike."""


def published_fractions(logs: NDArray[np.float64], table: StandardTable) -> NDArray[np.float64]:
    """
    Return fractions of the published classes.

    Parameters
    ----------
    logs : ndarray, shape (n, 3)
        Density, vp and ms of the slices of one image, any units.
    table : StandardTable
        Classes and weights.

    Returns
    -------
    ndarray, shape (n, k)
        Rows sum to 1; NaN where a log is not known or every class is refused.
    """
    matrix = np.array([[m.density, m.vp, m.ms] for m in table.members]).T
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.nanstd(logs, axis=0) if len(logs) else np.ones(3)
        scores = (
            (logs - np.nanmean(logs, axis=0)) / np.where(spread > 0.0, spread, 1.0)
            if len(logs)
            else logs
        )
    return plain_fractions(scores, matrix, np.array(table.weights), table.sum_weight)


def plain_fractions(
    scores: NDArray[np.float64],
    matrix: NDArray[np.float64],
    weights: NDArray[np.float64],
    sum_weight: float,
) -> NDArray[np.float64]:
    """Return fractions for scores (n, r) by a matrix (r, k), scaled to sum to 1; NaN if all 0."""
    k = matrix.shape[1]
    weighted = weights[:, None] * matrix
    normal = weighted.T @ weighted + sum_weight**2
    normal += _UNIQUE * np.trace(normal) / k * np.eye(k)
    right = (scores * weights) @ weighted + sum_weight**2
    found = solve_nonnegative(normal, right, sum_to_one=False)
    total = found.sum(axis=1, keepdims=True)
    fractions: NDArray[np.float64] = np.divide(
        found, total, out=np.full_like(found, np.nan), where=total > 0.0
    )
    return fractions
