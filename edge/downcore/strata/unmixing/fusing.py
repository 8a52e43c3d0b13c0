"""
Shares that keep still inside a bed and step at its contacts, as total variation does.

Least squares plus ``strength`` times the length of each step from slice to slice, all members
together, so that they step at the same contacts. Steps shorter than that is worth disappear.
The minimiser stays among shares that are 0 or more and sum to 1: pulling any other answer to the
nearest such shares would shorten both terms.

Sources: Rudin, Osher and Fatemi (1992); the dual by projected gradients, Beck and Teboulle (2009).
"""

import math

import numpy as np
from numpy.typing import NDArray

ROUNDS = 300
"""Of projected gradients; beds of up to some 100 slices are level by then."""


def fuse(shares: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    """
    Return shares with fewer and sharper steps.

    Parameters
    ----------
    shares : ndarray, shape (n, k)
        Rows sum to 1, in order of depth; rows of NaN part the core into pieces.
    strength : float
        Length of a step that a slice is worth, as a share; 0 or more, about 0.05 for noise of
        a few hundredths.

    Returns
    -------
    ndarray, shape (n, k)
        Rows sum to 1; NaN where ``shares`` is.

    Raises
    ------
    ValueError
        If the strength is below 0 or not finite.
    """
    if not (math.isfinite(strength) and strength >= 0.0):
        raise ValueError(f"expected a strength of 0 or more, got {strength}")
    known = np.isfinite(shares).all(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(np.int8)))
    fused = shares.copy()
    for start, end in edges.reshape(-1, 2):
        fused[start:end] = _fused_piece(shares[start:end], strength)
    return fused


def _fused_piece(shares: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    pull = np.zeros((len(shares) - 1, shares.shape[1]))
    ahead, pace = pull, 1.0
    for _ in range(ROUNDS):
        # A step of a quarter: the greatest eigenvalue of differences of differences is 4.
        moved = ahead + 0.25 * np.diff(_pulled(shares, ahead), axis=0)
        length = np.sqrt((moved**2).sum(axis=1, keepdims=True))
        newer = moved * np.minimum(1.0, strength / np.maximum(length, 1e-300))
        faster = (1.0 + math.sqrt(1.0 + 4.0 * pace * pace)) / 2.0
        ahead = newer + (pace - 1.0) / faster * (newer - pull)
        pull, pace = newer, faster
    level = np.maximum(_pulled(shares, pull), 0.0)
    summed: NDArray[np.float64] = level / level.sum(axis=1, keepdims=True)
    return summed


def _pulled(shares: NDArray[np.float64], pull: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the shares that pulls between neighbours leave."""
    edge = np.zeros((1, shares.shape[1]))
    left: NDArray[np.float64] = shares + np.diff(np.concatenate([edge, pull, edge]), axis=0)
    return left
