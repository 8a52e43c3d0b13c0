"""
Watershed on the band along the borders of regions.

The band is emptied, and what is left of the regions floods it again: of all pixels that border
on a region, the one whose colour is nearest to that region's mean is taken next. A level that
was passed does not come back, and of equals the first is taken, so the order is always the same.

Source: Adams and Bischof (1994), Seeded region growing, doi:10.1109/34.295913, with the levels
of Vincent and Soille (1991), Watersheds in digital spaces, doi:10.1109/34.87344.
"""

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from downcore.strata.kernels import compiled, inlined

_LEVELS = 512
_STEPS_PER_LEVEL = 16.0
"""An eighth of a unit of L*a*b* is a level; beyond 64 units all is one."""

_STRIP_LINES = 96
"""Lines flooded at once: few enough that a processor keeps what it needs of them at hand."""
_MARGIN = 4
"""Lines below a strip that are flooded with it, as a multiple of the reach."""

Index: TypeAlias = int | np.uint64
"""Unsigned where it is used most: a signed one is tested for being below 0 at every look."""

Waiting: TypeAlias = tuple[NDArray[np.int32], NDArray[np.int32]]
"""
Pixel and region of every place that waits, and which comes after it in its level, shape
(n, 3); and the first and the last place of each level, shape (n_levels, 2).
"""


def flood_borders(
    regions: NDArray[np.int32],
    planes: NDArray[np.int16],
    *,
    means: NDArray[np.int16],
    is_mixed: NDArray[np.bool_],
    reach_px: int,
) -> NDArray[np.int32]:
    """
    Let regions find their borders anew, within some pixels of where they are.

    Parameters
    ----------
    regions : ndarray, shape (n_lines, n_across)
        Region of each pixel from 1; 0 is not flooded.
    planes : ndarray, shape (4, n_lines, n_across)
        Colour in steps.
    means : ndarray, shape (n_regions + 1, 3)
        Mean colour of each region in the same steps.
    is_mixed : ndarray of bool, shape (n_regions + 1,)
        Regions that lie across a border: all of them is flooded.
    reach_px : int
        Pixels on either side of a border that are flooded; 1 or more. A region without a pixel
        further inside stays as it is.
    """
    border = borders(regions)
    side = 2 * reach_px - 1
    band = np.asarray(cv2.dilate(border, np.ones((side, side), np.uint8)), np.uint8)
    return flood(regions, band, planes, means=means, is_mixed=is_mixed, margin=_MARGIN * reach_px)


@compiled
def borders(regions: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Return 1 for pixels of a region that touch another region, else 0."""
    n_lines, n_across = regions.shape
    found = np.zeros((n_lines, n_across), np.uint8)
    for y in range(np.uint64(n_lines)):
        line, own = regions[y], found[y]
        # At the picture's edge a pixel is compared with itself.
        above = regions[y - np.uint64(1) if y > 0 else y]
        below = regions[y + np.uint64(1) if y + 1 < n_lines else y]
        for x in range(np.uint64(n_across)):
            one = line[x]
            up, down = above[x], below[x]
            differs = ((up != one) & (up != 0)) | ((down != one) & (down != 0))
            own[x] = differs & (one != 0)
        for x in range(np.uint64(1), np.uint64(n_across)):
            one, left = line[x], line[x - np.uint64(1)]
            own[x] |= (left != one) & (left != 0) & (one != 0)
        for x in range(np.uint64(1), np.uint64(n_across)):
            one, left = line[x], line[x - np.uint64(1)]
            own[x - np.uint64(1)] |= (left != one) & (left != 0) & (one != 0)
    return found


@inlined
def _level(
    colours: NDArray[np.int16], means: NDArray[np.int16], place: Index, region: Index
) -> int:
    """Return at which level a region takes a pixel."""
    squared = np.int32(0)
    for k in range(np.uint64(3)):
        difference = np.int32(colours[place, k]) - np.int32(means[region, k])
        squared += difference * difference
    level = int(np.sqrt(np.float32(squared)) * np.float32(1 / _STEPS_PER_LEVEL))
    return min(_LEVELS - 1, level)


@inlined
def _wait(level: int, place: Index, region: Index, waiting: Waiting, n: Index) -> Index:
    """Put a pixel and the region that reaches for it at the end of its level."""
    queue, ends = waiting
    queue[n, 0], queue[n, 1], queue[n, 2] = place, region, -1
    at = np.uint64(level)
    if ends[at, 0] < 0:
        ends[at, 0] = n
    else:
        queue[np.uint64(ends[at, 1]), 2] = n
    ends[at, 1] = n
    return n + np.uint64(1)


@compiled
def flood(
    regions: NDArray[np.int32],
    band: NDArray[np.uint8],
    planes: NDArray[np.int16],
    *,
    means: NDArray[np.int16],
    is_mixed: NDArray[np.bool_],
    margin: int,
) -> NDArray[np.int32]:
    """
    Return ``regions`` with the band flooded from what lies outside it, strip by strip.

    A strip is flooded with ``margin`` lines below it, which are then emptied again.
    """
    n_lines, n_across = regions.shape
    # A line around on every side spares asking for the picture's edge. An open pixel holds, below
    # 0, the level at which a region reaches for it already; what comes at no lower one is late.
    found = np.zeros((n_lines + 2, n_across + 2), np.int32)
    _open(regions, band, _opening(regions, band, is_mixed), found)
    most = _STRIP_LINES + margin
    queue = np.empty((4 * most * n_across, 3), np.int32)
    ends = np.empty((_LEVELS, 2), np.int32)
    colours = np.empty((most + 2, n_across + 2, 4), np.int16)
    kept = np.empty((margin, n_across + 2), np.int32)
    for top in range(1, n_lines + 1, _STRIP_LINES):
        below = min(top + _STRIP_LINES, n_lines + 1)
        stop = min(below + margin, n_lines + 1)
        kept[: stop - below] = found[below:stop]
        _interleave(planes, top - 1, colours[1 : 1 + stop - top])
        strip = found[top - 1 : stop + 1]
        _flood_strip(
            strip.reshape(strip.size),
            colours.reshape(colours.shape[0] * colours.shape[1], 4),
            means,
            (queue, ends),
            n_across + 2,
        )
        found[below:stop] = kept[: stop - below]
    # What the margin was too short to reach stays where it was.
    for y in range(n_lines):
        for x in range(n_across):
            if found[y + 1, x + 1] < 0:
                found[y + 1, x + 1] = regions[y, x]
    return found[1:-1, 1:-1].copy()


@inlined
def _interleave(planes: NDArray[np.int16], first: int, colours: NDArray[np.int16]) -> None:
    """Put the three numbers of a pixel side by side, where one look fetches them all."""
    for y in range(np.uint64(colours.shape[0])):
        for x in range(np.uint64(planes.shape[2])):
            for k in range(np.uint64(3)):
                colours[y, x + np.uint64(1), k] = planes[k, np.uint64(first) + y, x]


@inlined
def _opening(
    regions: NDArray[np.int32], band: NDArray[np.uint8], is_mixed: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Return what of a region is opened: 0 nothing, 1 what lies in the band, 2 everything."""
    found = np.zeros(is_mixed.size, np.uint8)
    for y in range(regions.shape[0]):
        for x in range(regions.shape[1]):
            if band[y, x] == 0:
                found[regions[y, x]] = 1
    for region in range(1, is_mixed.size):
        if is_mixed[region]:
            found[region] = 2
    found[0] = 0
    return found


@inlined
def _open(
    regions: NDArray[np.int32],
    band: NDArray[np.uint8],
    opening: NDArray[np.uint8],
    found: NDArray[np.int32],
) -> None:
    for y in range(regions.shape[0]):
        for x in range(regions.shape[1]):
            own = regions[y, x]
            is_open = opening[own] + np.int32(band[y, x]) >= 2  # noqa: PLR2004 - either is enough
            found[y + 1, x + 1] = -_LEVELS - 1 if is_open else own


@inlined
def _reach_in(
    found: NDArray[np.int32],
    colours: NDArray[np.int16],
    means: NDArray[np.int16],
    waiting: Waiting,
    n_across: int,
) -> Index:
    """Let every region reach for the open pixels beside it; return how many places wait."""
    waiting[1][:] = -1
    wide, one = np.uint64(n_across), np.uint64(1)
    n: Index = np.uint64(0)
    for place in range(wide, np.uint64(found.size) - wide):
        if found[place] >= 0:
            continue
        for beside in (place - wide, place - one, place + one, place + wide):
            if found[beside] > 0:
                region = np.uint64(found[beside])
                level = _level(colours, means, place, region)
                if found[place] < -level - 1:
                    found[place] = -level - 1
                    n = _wait(level, place, region, waiting, n)
    return n


@inlined
def _flood_strip(
    found: NDArray[np.int32],
    colours: NDArray[np.int16],
    means: NDArray[np.int16],
    waiting: Waiting,
    n_across: int,
) -> None:
    """
    Give every open pixel of a strip to the region that reaches it at the lowest level.

    Pixels are counted line by line. The first and the last line of the strip are not flooded.
    """
    n = _reach_in(found, colours, means, waiting, n_across)
    queue, ends = waiting
    wide, one = np.uint64(n_across), np.uint64(1)
    begin, stop = wide, np.uint64(found.size) - wide
    level = 0
    while level < _LEVELS:
        if ends[np.uint64(level), 0] < 0:
            level += 1
            continue
        first = np.uint64(ends[np.uint64(level), 0])
        ends[np.uint64(level), 0] = queue[first, 2]
        place, region = np.uint64(queue[first, 0]), np.uint64(queue[first, 1])
        if found[place] >= 0:
            continue
        found[place] = region
        for beside in (place - wide, place - one, place + one, place + wide):
            if found[beside] < -level - 1 and begin <= beside < stop:
                at = max(level, _level(colours, means, beside, region))
                if found[beside] < -at - 1:
                    found[beside] = -at - 1
                    n = _wait(at, beside, region, waiting, n)
