"""Values of a log at the centres of slices: interpolated, or the nearest of a sparse log."""

import numpy as np
from numpy.typing import NDArray

MAX_GAP_CM = 1.6
"""Rows of a log further apart than this are not joined by a line."""

_SAME_CM = 1e-6
"""Depths closer than this are equal; they are decimals read as floats."""


def labels_at(
    centre_cm: NDArray[np.float64],
    depth_cm: NDArray[np.float64],
    values: NDArray[np.float64],
    usable: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """
    Return values at the centres of slices.

    Where a row lies at a centre, its value is the label; elsewhere the label lies on the line
    between the usable rows next above and next below, if they are no more than
    :data:`MAX_GAP_CM` apart. Rows of the same depth count with their mean. The order of the
    rows plays no part.

    Parameters
    ----------
    centre_cm : ndarray, shape (n,)
        Depths, in any order.
    depth_cm, values : ndarray, shape (m,)
        Rows of a log; those with NaN in either are left out.
    usable : ndarray of bool, shape (m,), optional
        Which rows count; all unless given.

    Returns
    -------
    ndarray, shape (n,)
        NaN where nothing was measured near enough on both sides.
    """
    known = np.isfinite(depth_cm) & np.isfinite(values)
    if usable is not None:
        known &= usable
    depth, value = _by_depth(depth_cm[known], values[known])
    labels = np.full(centre_cm.shape, np.nan)
    if not depth.size:
        return labels
    below = np.searchsorted(depth, centre_cm - _SAME_CM)
    for i, (centre, k) in enumerate(zip(centre_cm, below, strict=True)):
        if k < depth.size and abs(depth[k] - centre) <= _SAME_CM:
            labels[i] = value[k]
        elif 0 < k < depth.size and depth[k] - depth[k - 1] <= MAX_GAP_CM + _SAME_CM:
            share = (centre - depth[k - 1]) / (depth[k] - depth[k - 1])
            labels[i] = value[k - 1] + share * (value[k] - value[k - 1])
    return labels


def step_cm(depth_cm: list[NDArray[np.float64]]) -> float:
    """
    Return the usual distance of two rows of a log, NaN where no section has two.

    Parameters
    ----------
    depth_cm : list of ndarray
        Depths of the rows with a value in each section, in any order; NaN for unknown.
    """
    steps = [np.diff(np.unique(depth[np.isfinite(depth)])) for depth in depth_cm]
    all_steps = np.concatenate([np.empty(0), *steps])
    return float(np.median(all_steps)) if all_steps.size else float("nan")


def nearest_at(
    centre_cm: NDArray[np.float64],
    depth_cm: NDArray[np.float64],
    values: NDArray[np.float64],
    usable: NDArray[np.bool_],
    within_cm: float,
) -> NDArray[np.float64]:
    """
    Return the value of the usable row nearest to each centre; of two as near, the upper one.

    Parameters
    ----------
    centre_cm, depth_cm, values, usable
        As for :func:`labels_at`.
    within_cm : float
        Distance from which a centre has no value.

    Returns
    -------
    ndarray, shape (n,)
        NaN where no row is near enough.
    """
    known = np.isfinite(depth_cm) & np.isfinite(values) & usable
    depth, value = _by_depth(depth_cm[known], values[known])
    labels = np.full(centre_cm.shape, np.nan)
    if not depth.size:
        return labels
    off = np.abs(centre_cm[:, None] - depth[None, :])
    # Decimals read as floats differ by less than this where they are equal.
    nearest = np.argmin(np.round(off / _SAME_CM), axis=1)
    near = off[np.arange(centre_cm.size), nearest] <= within_cm + _SAME_CM
    labels[near] = value[nearest[near]]
    return labels


def _by_depth(
    depth: NDArray[np.float64], value: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return rows in order of depth, those of one depth as their mean."""
    order = np.lexsort((value, depth))
    depth, value = depth[order], value[order]
    if not depth.size:
        return depth, value
    first = np.flatnonzero(np.concatenate([[True], np.diff(depth) > _SAME_CM]))
    counts = np.diff(np.append(first, depth.size))
    return depth[first], np.add.reduceat(value, first) / counts


def distance_to_ends_cm(
    depth_cm: NDArray[np.float64], spans_cm: list[tuple[float, float]]
) -> NDArray[np.float64]:
    """
    Return how far each depth is from the nearest end of the span that it lies in.

    Parameters
    ----------
    depth_cm : ndarray, shape (n,)
        Depths.
    spans_cm : list of (top, bottom)
        Sections.

    Returns
    -------
    ndarray, shape (n,)
        NaN outside every span.
    """
    out = np.full(depth_cm.shape, np.nan)
    for top, bottom in spans_cm:
        inside = (depth_cm >= top) & (depth_cm <= bottom)
        nearest = np.minimum(depth_cm - top, bottom - depth_cm)
        out[inside] = np.fmin(out[inside], nearest[inside])
    return out
