"""
Connected parts of a picture of numbers, found by runs along its lines.

A run is a stretch of pixels of one number within a line. Runs that touch from line to line
are joined; pixels touch by their edges, not by their corners.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from downcore.strata.kernels import compiled, inlined

Runs: TypeAlias = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]
"""
First column of each run and one past its last, shape (n,); and the first run of each line, with
``n`` at the end, shape (n_lines + 1,). Runs stand in the order of the picture.
"""


@compiled
def runs_of(numbers: NDArray[np.int32]) -> Runs:
    """Return the runs of every number but 0 in a picture."""
    n_lines, n_across = numbers.shape
    # Room for the most that can be; what is not used is never touched.
    start = np.empty(numbers.size, np.int32)
    stop = np.empty(numbers.size, np.int32)
    first_of_line = np.zeros(n_lines + 1, np.int64)
    n = 0
    for y in range(n_lines):
        line = numbers[y]
        before = np.int32(0)
        for x in range(n_across):
            if line[x] != before:
                if before != 0:
                    stop[n - 1] = x
                before = line[x]
                if before != 0:
                    start[n] = x
                    n += 1
        if before != 0:
            stop[n - 1] = n_across
        first_of_line[y + 1] = n
    return start[:n], stop[:n], first_of_line


@inlined
def root_of(parent: NDArray[np.int32], one: int) -> int:
    """Return the root of what ``one`` belongs to, and shorten the way there."""
    while parent[one] != one:
        parent[one] = parent[parent[one]]
        one = parent[one]
    return one


@compiled
def parts_of(
    numbers: NDArray[np.int32],
    runs: Runs,
) -> tuple[NDArray[np.int32], int]:
    """Return the part of each run, numbered from the top left, and how many parts there are."""
    start, stop, first_of_line = runs
    parent = np.arange(start.size).astype(np.int32)
    for y in range(1, numbers.shape[0]):
        above, here = first_of_line[y - 1], first_of_line[y]
        stop_above, stop_here = first_of_line[y], first_of_line[y + 1]
        while above < stop_above and here < stop_here:
            if (
                start[above] < stop[here]
                and start[here] < stop[above]
                and numbers[y - 1, start[above]] == numbers[y, start[here]]
            ):
                one, other = root_of(parent, above), root_of(parent, here)
                parent[max(one, other)] = min(one, other)
            if stop[above] < stop[here]:
                above += 1
            else:
                here += 1
    n_parts = 0
    part = np.empty(start.size, np.int32)
    for run in range(start.size):
        # A root is the first run of its part, so its part has its number already.
        root = root_of(parent, run)
        if root == run:
            part[run] = n_parts
            n_parts += 1
        else:
            part[run] = part[root]
    return part, n_parts


@compiled
def touching(
    part: NDArray[np.int32],
    matters: NDArray[np.bool_],
    runs: Runs,
) -> NDArray[np.int32]:
    """Return pairs of parts that touch where one of them matters, shape (n, 2), with repeats."""
    start, stop, first_of_line = runs
    pairs = np.empty((3 * start.size + 1, 2), np.int32)
    n = 0
    for y in range(first_of_line.size - 1):
        for run in range(first_of_line[y] + 1, first_of_line[y + 1]):
            one, other = part[run - 1], part[run]
            if stop[run - 1] == start[run] and one != other and (matters[one] or matters[other]):
                pairs[n, 0], pairs[n, 1] = one, other
                n += 1
        if y == 0:
            continue
        above, here = first_of_line[y - 1], first_of_line[y]
        while above < first_of_line[y] and here < first_of_line[y + 1]:
            one, other = part[above], part[here]
            meet = start[above] < stop[here] and start[here] < stop[above]
            if meet and one != other and (matters[one] or matters[other]):
                pairs[n, 0], pairs[n, 1] = one, other
                n += 1
            if stop[above] < stop[here]:
                above += 1
            else:
                here += 1
    return pairs[:n].copy()
