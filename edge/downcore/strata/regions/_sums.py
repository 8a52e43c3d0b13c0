"""Sums over the pixels of every region, in whole numbers, from which shapes are worked out."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from downcore.strata.kernels import compiled, inlined

Sums: TypeAlias = NDArray[np.int64]
"""
Shape (n_regions + 1, 12), row 0 for nothing. Pixels; sums of line, column, line squared, column
squared and line times column; sums of red, green and blue light; sides of pixels that nothing
lies beyond; sides and corners of pixels beyond which another region or nothing lies.
"""


@compiled
def range_of(labels: NDArray[np.int32]) -> tuple[int, int]:
    """Return the lowest and the highest label but 0; the lowest is above it where there is none."""
    lowest, highest = np.int32(2**31 - 1), np.int32(0)
    for y in range(np.uint64(labels.shape[0])):
        for x in range(np.uint64(labels.shape[1])):
            label = labels[y, x]
            lowest = min(lowest, label if label > 0 else lowest)
            highest = max(highest, label)
    return int(lowest), int(highest)


@compiled
def renumbered(labels: NDArray[np.int32], numbers: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the number of each label; ``numbers`` is indexed by label."""
    found = np.empty(labels.shape, np.int32)
    for y in range(np.uint64(labels.shape[0])):
        for x in range(np.uint64(labels.shape[1])):
            found[y, x] = numbers[np.uint64(labels[y, x])]
    return found


@compiled
def counts_of(labels: NDArray[np.int32], lowest: int, highest: int) -> NDArray[np.int64]:
    """Return how many pixels have each label from the lowest above 0 to the highest."""
    counts = np.zeros(highest - lowest + 1, np.int64)
    for y in range(np.uint64(labels.shape[0])):
        for x in range(np.uint64(labels.shape[1])):
            if labels[y, x] > 0:
                counts[np.uint64(labels[y, x] - lowest)] += 1
    return counts


@compiled
def sums_of(
    labels: NDArray[np.int32],
    lines: NDArray[np.uint8],
    light: NDArray[np.int64],
    numbers: tuple[int, int],
) -> Sums:
    """
    Return the sums of every region; those of a label that no pixel has are 0.

    Parameters
    ----------
    labels : ndarray, shape (n_lines, n_across)
        0, or one of ``numbers``.
    lines : ndarray, shape (n_lines, n_across, 3)
        Counts.
    light : ndarray, shape (256,)
        What a count is in linear light.
    numbers : tuple of int
        The label of row 1, and how many regions there are.
    """
    n_lines, n_across = labels.shape
    padded = np.zeros((n_lines + 2, n_across + 2), np.int32)
    before = np.int32(numbers[0] - 1)
    for y in range(np.uint64(n_lines)):
        for x in range(np.uint64(n_across)):
            padded[y + np.uint64(1), x + np.uint64(1)] = max(labels[y, x] - before, np.int32(0))
    sums = np.zeros((numbers[1] + 1, 12), np.int64)
    for y in range(n_lines):
        line = padded[y + 1, 1:-1]
        start = 0
        while start < n_across:
            region = line[start]
            stop = start + 1
            while stop < n_across and line[stop] == region:
                stop += 1
            if region != 0:
                _add_run(sums[region], y, start, stop)
                _add_light(sums[region], lines[y, start:stop], light)
            start = stop
    _add_borders(sums, padded)
    sums[0] = 0
    return sums


@inlined
def _add_borders(sums: Sums, padded: NDArray[np.int32]) -> None:
    """Add every side and corner at which two regions meet, or a region and nothing."""
    for y in range(np.uint64(padded.shape[0] - 1)):
        above, below = padded[y], padded[y + np.uint64(1)]
        for x in range(np.uint64(padded.shape[1] - 1)):
            right = x + np.uint64(1)
            here = above[x]
            if (here ^ above[right]) | (here ^ below[x]) | (here ^ below[right]) == 0:
                continue
            if here != above[right]:
                _add_side(sums, here, above[right])
            if here != below[x]:
                _add_side(sums, here, below[x])
            if here != below[right]:
                sums[here, 11] += 1
                sums[below[right], 11] += 1
            if above[right] != below[x]:
                sums[above[right], 11] += 1
                sums[below[x], 11] += 1


@inlined
def _add_run(own: NDArray[np.int64], y: int, start: int, stop: int) -> None:
    """Add the columns from ``start`` to before ``stop`` of a line."""
    n = stop - start
    columns = n * (start + stop - 1) // 2
    up_to = (stop - 1) * stop * (2 * stop - 1) // 6
    squares = up_to - (start - 1) * start * (2 * start - 1) // 6
    own[0] += n
    own[1] += n * y
    own[2] += columns
    own[3] += n * y * y
    own[4] += squares
    own[5] += columns * y


@inlined
def _add_light(own: NDArray[np.int64], pixels: NDArray[np.uint8], light: NDArray[np.int64]) -> None:
    red = green = blue = np.int64(0)
    for x in range(pixels.shape[0]):
        red += light[pixels[x, 0]]
        green += light[pixels[x, 1]]
        blue += light[pixels[x, 2]]
    own[6] += red
    own[7] += green
    own[8] += blue


@inlined
def _add_side(sums: Sums, one: int, other: int) -> None:
    sums[one, 10] += 1
    sums[other, 10] += 1
    if one == 0 or other == 0:
        sums[one, 9] += 1
        sums[other, 9] += 1
