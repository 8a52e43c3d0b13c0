"""Groups of superpixels grow, the least different first, until every two that touch differ."""

import numpy as np
from numpy.typing import NDArray

from downcore.strata.kernels import compiled, inlined
from downcore.strata.superpixels.runs import root_of

SHARES = (0.25, 0.5, 0.75, 1.0)
"""
Shares of the distance that is allowed, one after another: what is nearly alike is joined all over
the window before anything is joined that differs more, so groups have their colour by then.
"""


def join_alike(
    pairs: NDArray[np.int32], sums: NDArray[np.float64], *, least: float, factor: float
) -> NDArray[np.int32]:
    """
    Join parts that touch and whose mean colours are alike.

    Two groups are joined while the distance of their mean colours is below
    ``sqrt(least ** 2 + (factor * noise) ** 2)``, the noise being the root of the mean square of
    both.

    Parameters
    ----------
    pairs : ndarray, shape (n, 2)
        Parts that touch, each pair once.
    sums : ndarray, shape (n_parts, 5)
        Area, then area times L*, a*, b* and squared noise; changed in place.
    least, factor : float
        See above; ``least`` in units of colour, above 0.

    Returns
    -------
    ndarray, shape (n_parts,)
        The first part of the group of each part.
    """
    parent = np.arange(len(sums), dtype=np.int32)
    left = pairs
    for share in SHARES:
        n_joined = 1
        while n_joined:
            left, unlike = differences(left, parent, sums, (least**2, factor**2))
            near = np.flatnonzero(unlike < share**2)
            order = near[np.argsort(unlike[near], kind="stable")]
            n_joined = join_in_order(
                left[order], parent, sums, limits=(least**2, factor**2, share**2)
            )
    return roots(parent)


@inlined
def _unlike(
    sums: NDArray[np.float64], one: int, other: int, least: float, per_noise: float
) -> float:
    """Return the squared distance of two groups' colours as a share of what is allowed."""
    squared = 0.0
    for k in range(1, 4):
        difference = sums[one, k] / sums[one, 0] - sums[other, k] / sums[other, 0]
        squared += difference * difference
    noise = sums[one, 4] / sums[one, 0] + sums[other, 4] / sums[other, 0]
    return float(squared / (least + per_noise * 0.5 * noise))


@compiled
def differences(
    pairs: NDArray[np.int32],
    parent: NDArray[np.int32],
    sums: NDArray[np.float64],
    limits: tuple[float, float],
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return the groups that touch, shape (n, 2), and how unlike they are, squared."""
    kept = np.empty(pairs.shape, np.int32)
    unlike = np.empty(pairs.shape[0], np.float64)
    n = 0
    for i in range(pairs.shape[0]):
        one, other = root_of(parent, pairs[i, 0]), root_of(parent, pairs[i, 1])
        if one != other:
            kept[n, 0], kept[n, 1] = min(one, other), max(one, other)
            unlike[n] = _unlike(sums, kept[n, 0], kept[n, 1], limits[0], limits[1])
            n += 1
    return kept[:n].copy(), unlike[:n].copy()


@compiled
def join_in_order(
    pairs: NDArray[np.int32],
    parent: NDArray[np.int32],
    sums: NDArray[np.float64],
    *,
    limits: tuple[float, float, float],
) -> int:
    """Join the groups of each pair in turn, where they are alike by then; return how many."""
    n_joined = 0
    for i in range(pairs.shape[0]):
        one, other = root_of(parent, pairs[i, 0]), root_of(parent, pairs[i, 1])
        if one == other:
            continue
        low, high = min(one, other), max(one, other)
        if _unlike(sums, low, high, limits[0], limits[1]) >= limits[2]:
            continue
        parent[high] = low
        for k in range(5):
            sums[low, k] += sums[high, k]
        n_joined += 1
    return n_joined


@compiled
def roots(parent: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the first part of the group of each part."""
    found = np.empty(parent.size, np.int32)
    for part in range(parent.size):
        found[part] = root_of(parent, part)
    return found
