"""Parts that are too small join the neighbour whose colour is most like their own."""

import numpy as np
from numpy.typing import NDArray

from downcore.strata.kernels import compiled, inlined
from downcore.strata.superpixels.runs import Runs, root_of

_IS_LARGE, _WAITS, _SEEKS = 1, 2, 4
_STANDING = 7
_WAS_GIVEN = 8
_NUMBER = 2**31 - 1
_NOTHING = 2**63 - 1


@compiled
def measure_parts(
    numbers: NDArray[np.int32],
    planes: NDArray[np.int16],
    lines: tuple[int, int],
    *,
    part: NDArray[np.int32],
    runs: Runs,
    n_parts: int,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """
    Return what parts are.

    ``lines`` are the line of ``planes`` that is the first of ``numbers``, and how many lines of
    ``numbers`` are given out. Returned are area and sums of colour, of the whole part and of what
    of it is given out, shape (2, n_parts, 4); first and last line, shape (n_parts, 2); and the
    number that the pixels have, shape (n_parts,).
    """
    start, stop, first_of_line = runs
    sums = np.zeros((2, n_parts, 4), np.int64)
    reach = np.full((n_parts, 2), -1, np.int32)
    number = np.zeros(n_parts, np.int32)
    for y in range(first_of_line.size - 1):
        for run in range(first_of_line[y], first_of_line[y + 1]):
            lightness = a = b = np.int32(0)
            line = lines[0] + y
            for x in range(np.uint32(start[run]), np.uint32(stop[run])):
                lightness += np.int32(planes[0, line, x])
                a += np.int32(planes[1, line, x])
                b += np.int32(planes[2, line, x])
            for which in range(2 if y < lines[1] else 1):
                own = sums[which, part[run]]
                own[0] += stop[run] - start[run]
                own[1] += lightness
                own[2] += a
                own[3] += b
            if reach[part[run], 0] < 0:
                reach[part[run], 0] = y
                number[part[run]] = numbers[y, start[run]]
            reach[part[run], 1] = y
    return sums, reach, number


@inlined
def _look(
    faces: NDArray[np.int32],
    sums: NDArray[np.int64],
    given: NDArray[np.int32],
    may_wait: NDArray[np.bool_],
    at: tuple[int, int],
) -> None:
    """Write mean colour and standing of a group: all that a neighbour has to know of it."""
    one, least_px = at
    area_px = max(sums[one, 0], 1)
    for k in range(3):
        faces[one, k] = sums[one, k + 1] // area_px
    standing = _IS_LARGE
    if sums[one, 0] < least_px:
        standing = _WAITS if may_wait[one] else _SEEKS
    faces[one, 3] = standing + (_WAS_GIVEN if given[one] >= 0 else 0)


@inlined
def _join(
    parent: NDArray[np.int32],
    sums: NDArray[np.int64],
    given: NDArray[np.int32],
    one: int,
    other: int,
) -> None:
    """Make two groups one, under the number of the first of them."""
    low, high = min(one, other), max(one, other)
    parent[high] = low
    for k in range(4):
        sums[low, k] += sums[high, k]
    given[low] = max(given[low], given[high])


@compiled
def join_what_goes_on(
    pairs: NDArray[np.int32],
    sums: NDArray[np.int64],
    *,
    given: NDArray[np.int32],
    goes_on: NDArray[np.int32],
    parent: NDArray[np.int32],
) -> None:
    """
    Join parts to what of their own cluster was given out above; see :func:`merge`.

    ``goes_on`` is the number of a free part's cluster, or minus that of a part given out.
    """
    for i in range(pairs.shape[0]):
        if goes_on[pairs[i, 0]] != -goes_on[pairs[i, 1]]:
            continue
        one, other = root_of(parent, pairs[i, 0]), root_of(parent, pairs[i, 1])
        if one != other and (given[one] < 0 or given[other] < 0):
            _join(parent, sums, given, one, other)


@inlined
def _find_nearest(
    pairs: NDArray[np.int32],
    parent: NDArray[np.int32],
    faces: NDArray[np.int32],
    nearest: NDArray[np.int64],
) -> int:
    """Find the most similar neighbour of each small group; return how many pairs still matter."""
    n_kept = 0
    for i in range(pairs.shape[0]):
        one, other = root_of(parent, pairs[i, 0]), root_of(parent, pairs[i, 1])
        face, face_of_other = faces[one], faces[other]
        standing, standing_of_other = face[3], face_of_other[3]
        if one == other or (standing & standing_of_other & _WAS_GIVEN):
            continue
        if (standing & standing_of_other & _STANDING) == _IS_LARGE:
            continue
        pairs[n_kept, 0], pairs[n_kept, 1] = one, other
        n_kept += 1
        unlike = np.int64(0)
        for k in range(3):
            difference = np.int64(face[k]) - np.int64(face_of_other[k])
            unlike += difference * difference
        # Distance above, number below: the least is the nearest, and of equals the first.
        if (standing & _STANDING) == _SEEKS:
            nearest[one] = min(nearest[one], (unlike << 31) | other)
        if (standing_of_other & _STANDING) == _SEEKS:
            nearest[other] = min(nearest[other], (unlike << 31) | one)
    return n_kept


@compiled
def merge(
    pairs: NDArray[np.int32],
    sums: NDArray[np.int64],
    *,
    given: NDArray[np.int32],
    may_wait: NDArray[np.bool_],
    parent: NDArray[np.int32],
    least_px: int,
) -> None:
    """
    Join groups of parts until none is too small that touches another.

    Parameters
    ----------
    pairs : ndarray, shape (n, 2)
        Parts that touch.
    sums : ndarray, shape (n_parts, 4)
        Area and sums of colour of each group, at its root; changed in place.
    given : ndarray, shape (n_parts,)
        What a group was given out as, at its root, or -1; two such groups never become one.
    may_wait : ndarray, shape (n_parts,)
        Parts that may stay small, because they go on below; a group waits if all its parts may.
    parent : ndarray, shape (n_parts,)
        Where each part belongs; a root is the first part of its group. Changed in place.
    least_px : int
        Area from which a group is large enough.
    """
    nearest = np.empty(parent.size, np.int64)
    faces = np.empty((parent.size, 4), np.int32)
    for part in range(parent.size):
        _look(faces, sums, given, may_wait, (part, least_px))
    left = pairs.copy()
    n_left = left.shape[0]
    has_joined = True
    while has_joined:
        has_joined = False
        nearest[:] = _NOTHING
        n_left = _find_nearest(left[:n_left], parent, faces, nearest)
        for part in range(parent.size):
            if nearest[part] == _NOTHING or parent[part] != part or sums[part, 0] >= least_px:
                continue
            other = root_of(parent, nearest[part] & _NUMBER)
            if other == part or (given[part] >= 0 and given[other] >= 0):
                continue
            first = min(part, other)
            may_wait[first] = may_wait[part] and may_wait[other]
            _join(parent, sums, given, part, other)
            _look(faces, sums, given, may_wait, (first, least_px))
            has_joined = True


@compiled
def groups_of(
    parent: NDArray[np.int32], area_px: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the root of each part, and at each root the largest part of its group."""
    root = np.empty(parent.size, np.int32)
    largest = np.full(parent.size, -1, np.int32)
    for part in range(parent.size):
        own = root_of(parent, part)
        root[part] = own
        if largest[own] < 0 or area_px[part] > area_px[largest[own]]:
            largest[own] = part
    return root, largest


@compiled
def paint(
    part: NDArray[np.int32],
    runs: Runs,
    label_of_part: NDArray[np.int32],
    first_line: int,
    labels: NDArray[np.int32],
) -> None:
    """Write the label of every pixel from ``first_line`` on; 0 outside of runs."""
    start, stop, first_of_line = runs
    for y in range(labels.shape[0]):
        labels[y] = 0
        for run in range(first_of_line[first_line + y], first_of_line[first_line + y + 1]):
            label = label_of_part[part[run]]
            for x in range(np.uint32(start[run]), np.uint32(stop[run])):
                labels[y, x] = label
