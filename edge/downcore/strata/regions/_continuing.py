"""
Which regions of a window continue regions of the window above it.

Windows are refined apart. Where they meet, a region below has the number of the region above it if
the colours on the two sides of the line are as alike as those of superpixels that a window joins.
Compared are the pixels beside the line, so that a gradient down the core is no border.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.depth import LineScale
from downcore.strata.mask.classes import MaskClass
from downcore.strata.regions._noise import halves_apart, measured_parts, noise_around
from downcore.strata.regions.merging import RegionSettings
from downcore.strata.regions.window import NO_REGION
from downcore.strata.superpixels.planes import LAB_STEPS, Planes, fill_planes
from downcore.strata.superpixels.runs import runs_of, touching

BAND_UM = 2_000
"""Length of core on either side of the line whose colours are compared: two superpixels."""
_MIN_LINES = 8
"""Lines of it at least: one row of superpixels on a coarse scan, or two."""


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """Lines along the border of a window; arrays of the same lines."""

    lines: NDArray[np.uint8]
    """RGB, shape (n_lines, n_across, 3)."""
    superpixels: NDArray[np.int32]
    """Shape (n_lines, n_across)."""
    regions: NDArray[np.int32]
    """Shape (n_lines, n_across); numbers of the section above the line, of the window below."""


@dataclass(frozen=True, slots=True, eq=False)
class _Contacts:
    """Regions that touch across the line, one above and one below it each."""

    above: NDArray[np.int32]
    """Shape (n,), numbers of the section."""
    below: NDArray[np.int32]
    """Shape (n,), numbers of the window."""
    unlike: NDArray[np.float64]
    """Squared distance of their colours as a share of what is allowed; alike below 1."""
    length: NDArray[np.int64]
    """Pixels of the line at which they touch."""


def band_lines(scale: LineScale) -> int:
    """Return how many lines on either side of the line are compared."""
    return max(_MIN_LINES, scale.lines_in(BAND_UM))


def continued(above: Strip, below: Strip, window_regions: NDArray[np.int32]) -> NDArray[np.int32]:
    """
    Return the number of the region above that each region of a window continues.

    Of those alike, the pairs that touch along more of the line come first. A region below
    continues one region only; of two regions below that touch each other, and so differ, one only
    continues the same region.

    Parameters
    ----------
    above : Strip
        The last lines of the window above.
    below : Strip
        The first lines of the window.
    window_regions : ndarray, shape (n_lines, n_across)
        Regions of the whole window, 1, 2, ...; 0 is no sediment.

    Returns
    -------
    ndarray, shape (n_regions + 1,)
        Number of the section, or 0 for a region that begins in the window.
    """
    found = np.zeros(int(window_regions.max()) + 1, np.int32)
    contacts = _alike(_contacts(above, below))
    apart = _touching_pairs(window_regions, contacts)
    taken: dict[int, list[int]] = {}
    for number, region in zip(contacts.above.tolist(), contacts.below.tolist(), strict=True):
        others = taken.setdefault(number, [])
        if found[region] or any((region, other) in apart for other in others):
            continue
        found[region] = number
        others.append(region)
    return found


def _alike(contacts: _Contacts) -> _Contacts:
    """Return the contacts of regions that are alike, the longest first."""
    order = np.lexsort((contacts.below, contacts.above, contacts.unlike, -contacts.length))
    kept = order[contacts.unlike[order] < 1.0]
    return _Contacts(
        contacts.above[kept], contacts.below[kept], contacts.unlike[kept], contacts.length[kept]
    )


def _contacts(above: Strip, below: Strip) -> _Contacts:
    upper, lower = above.regions[-1], below.regions[0]
    at = np.flatnonzero((upper != NO_REGION) & (lower != NO_REGION))
    key = upper[at].astype(np.int64) << 32 | lower[at]
    pairs, pair = np.unique(key, return_inverse=True)
    planes = _planes_of(above, below)
    split = len(above.lines)
    noise = _noise_beside(planes, above, below)[:, at].mean(axis=0)
    limit = RegionSettings().least_difference ** 2 + (
        RegionSettings().noise_factor ** 2 * _means(noise, np.ones(at.size), pair)
    )
    squared = np.zeros(pairs.size)
    own, other = above.regions[:, at] == upper[at], below.regions[:, at] == lower[at]
    for plane in planes[:3, :, at]:
        colour = _means((plane[:split] * own).sum(axis=0), own.sum(axis=0), pair)
        beneath = _means((plane[split:] * other).sum(axis=0), other.sum(axis=0), pair)
        squared += ((colour - beneath) / LAB_STEPS) ** 2
    return _Contacts(
        above=(pairs >> 32).astype(np.int32),
        below=(pairs & 0xFFFF_FFFF).astype(np.int32),
        unlike=squared / limit,
        length=np.bincount(pair, minlength=pairs.size),
    )


def _means(
    sums: NDArray[np.number], counts: NDArray[np.number], pair: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the mean over the columns of each pair."""
    mean: NDArray[np.float64] = np.bincount(pair, sums) / np.bincount(pair, counts)
    return mean


def _planes_of(above: Strip, below: Strip) -> Planes:
    lines = np.concatenate([above.lines, below.lines])
    superpixels = np.concatenate([above.superpixels, below.superpixels])
    planes = np.empty((4, *superpixels.shape), np.int16)
    is_none = superpixels == NO_REGION
    classes = np.where(is_none, np.uint8(MaskClass.OUTSIDE), np.uint8(MaskClass.SEDIMENT))
    fill_planes(lines, classes, planes, 0)
    return planes


def _noise_beside(planes: Planes, above: Strip, below: Strip) -> NDArray[np.float64]:
    """Return the squared noise around the pixels above and below the line; (2, n_across)."""
    superpixels = np.concatenate([above.superpixels, below.superpixels])
    found = np.zeros((2, superpixels.shape[1]))
    if not superpixels.any():
        return found
    parts = measured_parts(superpixels, planes)
    noise = noise_around(halves_apart(parts.sums), parts.pairs)
    start, stop, first_of_line = parts.runs
    for side, y in enumerate((len(above.lines) - 1, len(above.lines))):
        runs = slice(first_of_line[y], first_of_line[y + 1])
        # The runs of a line are all of its pixels that have a superpixel, in order.
        of_pixels = np.repeat(noise[parts.part[runs]], stop[runs] - start[runs])
        found[side, superpixels[y] != NO_REGION] = of_pixels
    return found


def _touching_pairs(regions: NDArray[np.int32], contacts: _Contacts) -> set[tuple[int, int]]:
    """Return the regions of a window, both ways round, that touch and want the same number."""
    number, count = np.unique(contacts.above, return_counts=True)
    rivals = np.isin(contacts.above, number[count > 1])
    if not rivals.any():
        return set()
    matters = np.zeros(int(regions.max()), np.bool_)
    matters[contacts.below[rivals] - 1] = True
    runs = runs_of(regions)
    start, _, first_of_line = runs
    line = np.repeat(np.arange(len(regions)), np.diff(first_of_line))
    pairs = touching((regions[line, start] - 1).astype(np.int32), matters, runs) + 1
    both = pairs[matters[pairs - 1].all(axis=1)].tolist()
    return {(one, other) for a, b in both for one, other in ((a, b), (b, a))}
