"""The graph of a window's superpixels: what each is like, which touch, what lies around."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from downcore.strata.kernels import compiled, inlined

Runs: TypeAlias = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]
"""As ``superpixels.runs`` has them."""

_FEW = 32


@compiled
def middles(part: NDArray[np.int32], runs: Runs, n_parts: int) -> NDArray[np.int32]:
    """Return the line and the column that halve each part, shape (n_parts, 2)."""
    start, stop, first_of_line = runs
    # Twice the sums of lines and of columns, and the area; whole numbers, half a pixel included.
    sums = np.zeros((n_parts, 3), np.int64)
    for y in range(first_of_line.size - 1):
        for run in range(first_of_line[y], first_of_line[y + 1]):
            length = np.int64(stop[run] - start[run])
            sums[part[run], 0] += length * (2 * y + 1)
            sums[part[run], 1] += length * (start[run] + stop[run])
            sums[part[run], 2] += length
    found = np.empty((n_parts, 2), np.int32)
    for one in range(n_parts):
        for k in range(2):
            found[one, k] = (sums[one, k] + sums[one, 2]) // (2 * sums[one, 2])
    return found


@compiled
def measure(
    planes: NDArray[np.int16],
    part: NDArray[np.int32],
    runs: Runs,
    middle: NDArray[np.int32],
) -> NDArray[np.int64]:
    """
    Sum the colour of parts and of their halves.

    Parameters
    ----------
    planes : ndarray, shape (4, n_lines, n_across)
        Colour in steps; the mask is not read.
    part : ndarray, shape (n_runs,)
        Part of each run.
    runs : tuple
        Where runs lie.
    middle : ndarray, shape (n_parts, 2)
        Line and column that halve each part.

    Returns
    -------
    ndarray, shape (n_parts, 3, 4)
        Of the whole, of what lies above the middle line, and of what lies left of the middle
        column: area, then sums of L*, a*, b*.
    """
    start, stop, first_of_line = runs
    sums = np.zeros((middle.shape[0], 3, 4), np.int64)
    left = np.empty(4, np.int64)
    right = np.empty(4, np.int64)
    for y in range(first_of_line.size - 1):
        for run in range(first_of_line[y], first_of_line[y + 1]):
            own = part[run]
            split = min(max(middle[own, 1], start[run]), stop[run])
            for side in range(2):
                lightness = a = b = np.int32(0)
                begin = start[run] if side == 0 else split
                end = split if side == 0 else stop[run]
                for x in range(np.uint32(begin), np.uint32(end)):
                    lightness += np.int32(planes[0, y, x])
                    a += np.int32(planes[1, y, x])
                    b += np.int32(planes[2, y, x])
                total = left if side == 0 else right
                total[0], total[1], total[2], total[3] = end - begin, lightness, a, b
            is_above = y < middle[own, 0]
            for k in range(4):
                sums[own, 0, k] += left[k] + right[k]
                sums[own, 1, k] += left[k] + right[k] if is_above else 0
                sums[own, 2, k] += left[k]
    return sums


@compiled
def distinct(pairs: NDArray[np.int32], n_parts: int) -> NDArray[np.int32]:
    """Return every pair once, the lower part first, in ascending order of it; shape (n, 2)."""
    first = np.zeros(n_parts + 1, np.int64)
    for i in range(pairs.shape[0]):
        first[min(pairs[i, 0], pairs[i, 1]) + 1] += 1
    for one in range(n_parts):
        first[one + 1] += first[one]
    upper = np.empty(pairs.shape[0], np.int32)
    filled = first[:n_parts].copy()
    for i in range(pairs.shape[0]):
        low = min(pairs[i, 0], pairs[i, 1])
        upper[filled[low]] = max(pairs[i, 0], pairs[i, 1])
        filled[low] += 1
    seen_by = np.full(n_parts, -1, np.int32)
    found = np.empty(pairs.shape, np.int32)
    n = 0
    for low in range(n_parts):
        for i in range(first[low], first[low + 1]):
            if seen_by[upper[i]] != low:
                seen_by[upper[i]] = low
                found[n, 0], found[n, 1] = low, upper[i]
                n += 1
    return found[:n].copy()


@inlined
def _ordered(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values in ascending order; a few of them in their own place, which is faster."""
    if values.size > _FEW:
        return np.sort(values)
    for i in range(1, values.size):
        one, at = values[i], i
        while at > 0 and values[at - 1] > one:
            values[at] = values[at - 1]
            at -= 1
        values[at] = one
    return values


@compiled
def ranked_around(
    values: NDArray[np.float64], pairs: NDArray[np.int32], share: float
) -> NDArray[np.float64]:
    """
    Return, for each part, the value that a share of it and those that touch it do not exceed.

    Between two values that are in question it is their mean, as for a median with a share of one
    half. NaN counts as no value; where there is none at all the result is NaN.
    """
    n_parts = values.size
    first = np.zeros(n_parts + 1, np.int64)
    for i in range(pairs.shape[0]):
        first[pairs[i, 0] + 1] += 1
        first[pairs[i, 1] + 1] += 1
    for one in range(n_parts):
        first[one + 1] += first[one]
    others = np.empty(2 * pairs.shape[0], np.int32)
    filled = first[:n_parts].copy()
    for i in range(pairs.shape[0]):
        for k in range(2):
            others[filled[pairs[i, k]]] = pairs[i, 1 - k]
            filled[pairs[i, k]] += 1
    found = np.empty(n_parts, np.float64)
    around = np.empty(n_parts, np.float64)
    for one in range(n_parts):
        n = 0
        for i in range(first[one] - 1, first[one + 1]):
            value = values[one] if i < first[one] else values[others[i]]
            if value == value:  # noqa: PLR0124 - false for NaN alone, and kernels know no isnan
                around[n] = value
                n += 1
        if n == 0:
            found[one] = np.nan
            continue
        ordered = _ordered(around[:n])
        at = share * (n - 1)
        found[one] = 0.5 * (ordered[int(np.floor(at))] + ordered[int(np.ceil(at))])
    return found
