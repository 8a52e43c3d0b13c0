"""
From masks to regions: which are believed, who has a pixel, and the new labels.

Pixels of one superpixel and one old region move together, to the mask that has most of them.
So an edge is always one that superpixels or the first refiner found, however coarse a mask is,
and every pixel of sediment has exactly one region before and after.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.inference.segment_anything.manifest import MASK_STRIDE_PX
from downcore.inference.segment_anything.picture import Fitted
from downcore.inference.segment_anything.settings import SegmentAnythingSettings
from downcore.strata.superpixels.merging import paint
from downcore.strata.superpixels.runs import parts_of, runs_of

_MIN_FREE = 0.5
"""Share of a mask that better ones must leave it; below, it says what they said already."""

_MOVED_THRESHOLD = 1.0
"""By how much the threshold of a mask is moved to see whether it stands."""


@dataclass(frozen=True, slots=True, eq=False)
class BelievedMask:
    """A mask of the network that is good enough."""

    mask: NDArray[np.float32]
    """Above 0 inside, shape (side / 4, side / 4)."""
    quality: float
    """Predicted overlap times stability."""


def believed(
    answers: tuple[NDArray[np.float32], NDArray[np.float32]],
    points: NDArray[np.float32],
    fitted: Fitted,
    settings: SegmentAnythingSettings,
) -> list[BelievedMask]:
    """
    Return the best mask of each prompt that can be believed, best first, hardly overlapping.

    Parameters
    ----------
    answers : tuple of ndarray
        Masks, shape (n, 4, side / 4, side / 4), and predicted overlaps, shape (n, 4).
    points : ndarray, shape (n, 2)
        The pixel of each prompt; a mask without it is an answer to another question.
    fitted : Fitted
        Says which part of a mask lies on sediment.
    settings : SegmentAnythingSettings
        What is believed.
    """
    area = max(1, int(np.count_nonzero(fitted.is_sediment)))
    found = []
    for masks, overlaps, (x, y) in zip(*answers, points, strict=True):
        place = (int(y) // MASK_STRIDE_PX, int(x) // MASK_STRIDE_PX)
        own = [
            BelievedMask(mask, float(overlap) * _stability(fitted.inside(mask)))
            for mask, overlap in zip(masks, overlaps, strict=True)
            if overlap >= settings.least_overlap
            and mask[place] > 0.0
            and _stability(fitted.inside(mask)) >= settings.least_stability
            and _is_plausible(fitted.inside(mask), area, settings)
        ]
        found += [max(own, key=lambda one: one.quality)] if own else []
    found.sort(key=lambda one: -one.quality)
    return _without_repeats(found, fitted)


def winners_of(
    masks: Sequence[BelievedMask], fitted: Fitted, shape: tuple[int, int]
) -> NDArray[np.int32]:
    """Return which mask has each pixel of the window, the first counted as 1; 0 for none."""
    winners = np.zeros(shape, np.int32)
    inside = winners[fitted.extent]
    for rank in range(len(masks), 0, -1):
        inside[fitted.enlarged(masks[rank - 1].mask)] = rank
    return winners


def reassigned(
    superpixels: NDArray[np.int32],
    regions: NDArray[np.int32],
    winners: NDArray[np.int32],
    least_px: float,
) -> NDArray[np.int32]:
    """
    Return the regions after every mask has taken what it has most of.

    Parameters
    ----------
    superpixels, regions : ndarray of int32, shape (n_lines, n_across)
        0 where there is no sediment.
    winners : ndarray of int32, same shape
        From :func:`winners_of`.
    least_px : float
        Smallest area that is cut off a region: where a mask would leave less of it, it takes
        all, and where it would take less, nothing.

    Returns
    -------
    ndarray of int32, same shape
        Connected regions, 1, 2, ... in the order in which they begin; 0 as in ``superpixels``.
    """
    atom, region_of_atom = _atoms(superpixels, regions)
    winner, size = _majority(atom, region_of_atom.size, winners.ravel())
    n_masks = int(winners.max())
    area = np.bincount(region_of_atom, weights=size)
    for mask in range(1, n_masks + 1):
        taken = np.bincount(region_of_atom, weights=np.where(winner == mask, size, 0))
        is_most = 2.0 * taken > area
        is_whole = is_most & (area - taken < least_px)
        is_spared = ~is_most & (taken < least_px)
        winner[(winner == mask) & is_spared[region_of_atom]] = 0
        winner[is_whole[region_of_atom]] = mask
    numbers = np.where(winner > 0, winner, n_masks + region_of_atom)
    numbers[region_of_atom == 0] = 0
    dense = np.unique(numbers, return_inverse=True)[1] + int(numbers.min() > 0)
    return connected(dense.astype(np.int32)[atom].reshape(regions.shape))


def connected(numbers: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the connected parts of equal numbers, 1, 2, ... from the top left; 0 stays 0."""
    runs = runs_of(np.ascontiguousarray(numbers))
    part, n_parts = parts_of(numbers, runs)
    found = np.empty(numbers.shape, np.int32)
    paint(part, runs, np.arange(1, n_parts + 1, dtype=np.int32), 0, found)
    return found


def _stability(mask: NDArray[np.float32]) -> float:
    low = np.count_nonzero(mask > -_MOVED_THRESHOLD)
    return np.count_nonzero(mask > _MOVED_THRESHOLD) / low if low else 0.0


def _is_plausible(
    mask: NDArray[np.float32], area: float, settings: SegmentAnythingSettings
) -> bool:
    share = int(np.count_nonzero(mask > 0.0)) / area
    return settings.least_share <= share <= settings.most_share


def _without_repeats(masks: list[BelievedMask], fitted: Fitted) -> list[BelievedMask]:
    kept: list[BelievedMask] = []
    is_taken: NDArray[np.bool_] | None = None
    for one in masks:
        inside = fitted.inside(one.mask) > 0.0
        if is_taken is None:
            is_taken = np.zeros_like(inside)
        if np.count_nonzero(inside & ~is_taken) >= _MIN_FREE * np.count_nonzero(inside):
            kept.append(one)
            is_taken |= inside
    return kept


def _atoms(
    superpixels: NDArray[np.int32], regions: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the atom of each pixel, flat, and the region of each atom."""
    first, second = superpixels.ravel(), regions.ravel()
    begins = np.ones(first.size, np.bool_)
    begins[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    start = np.flatnonzero(begins)
    n_regions = np.int64(second.max(initial=0)) + 1
    # 31 bits of label times at most 31 bits of region fit in 63.
    keys = first[start].astype(np.int64) * n_regions + second[start]
    unique, inverse = np.unique(keys, return_inverse=True)
    lengths = np.diff(start, append=first.size)
    return np.repeat(inverse.ravel(), lengths), unique % n_regions


def _majority(
    atom: NDArray[np.int64], n_atoms: int, winners: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which mask has most of each atom, none and better ones first, and its size."""
    size = np.bincount(atom, minlength=n_atoms)
    best = np.bincount(atom[winners == 0], minlength=n_atoms)
    winner = np.zeros(n_atoms, np.int64)
    for mask in range(1, int(winners.max()) + 1):
        count = np.bincount(atom[winners == mask], minlength=n_atoms)
        is_more = count > best
        best[is_more], winner[is_more] = count[is_more], mask
    return winner, size
