"""
How much the colour of superpixels of one bed differs by chance, read off their halves.

The two halves of a superpixel are of one bed, mostly, so the distance of their colours holds
the camera's noise and the texture of the sediment and no border. Where a superpixel lies across
a border its halves differ more; the median over the superpixels around leaves those out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.regions._graph import distinct, measure, middles, ranked_around
from downcore.strata.superpixels.planes import LAB_STEPS, Planes
from downcore.strata.superpixels.runs import Runs, parts_of, runs_of, touching

_HALF_PX = 4
"""Pixels that a half must have to tell anything of the noise."""

_LOWER = 0.25
"""
Share of the medians around that may be lower. Along a sharp border that no superpixel keeps to,
three of five are too high, and their own median with them.
"""

_EXPECTED = 0.70
"""
What is found where there is noise alone, as a share of the mean square: by simulation of white
noise, where it is 0.68 to 0.71 for cells of 8 to 20 px. A median of squares lies below their mean.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The connected parts of the superpixels of a window, in the order in which they begin."""

    runs: Runs
    """Their runs."""
    part: NDArray[np.int32]
    """Part of each run, shape (n_runs,)."""
    sums: NDArray[np.int64]
    """
    Shape (n_parts, 3, 4): of the whole, its upper and its left half, the area and the sums of
    L*, a*, b* in steps.
    """
    pairs: NDArray[np.int32]
    """Parts that touch, shape (n_pairs, 2), each pair once."""


def measured_parts(superpixels: NDArray[np.int32], planes: Planes) -> Parts:
    """Return the parts of a window that holds sediment."""
    runs = runs_of(superpixels)
    part, n_parts = parts_of(superpixels, runs)
    sums = measure(planes, part, runs, middles(part, runs, n_parts))
    pairs = touching(part, np.ones(n_parts, np.bool_), runs)
    return Parts(runs, part, sums, distinct(pairs, n_parts))


def halves_apart(sums: NDArray[np.int64]) -> NDArray[np.float64]:
    """
    Return how far apart the colours of the halves of each part are, squared, shape (2, n_parts).

    In units of L*a*b*: of the upper and the lower half, then of the left and the right one; NaN
    where a half is too small to tell.
    """
    squared = np.full((2, len(sums)), np.nan)
    for which in range(2):
        half = sums[:, which + 1]
        other = sums[:, 0] - half
        is_fair = np.minimum(half[:, 0], other[:, 0]) >= _HALF_PX
        colour = half[is_fair, 1:] / half[is_fair, :1] - other[is_fair, 1:] / other[is_fair, :1]
        squared[which, is_fair] = ((colour / LAB_STEPS) ** 2).sum(axis=1)
    return squared


def noise_around(apart: NDArray[np.float64], pairs: NDArray[np.int32]) -> NDArray[np.float64]:
    """
    Return the noise around each part, squared, in units of L*a*b*.

    It is the mean square distance between the mean colours of two halves of a part, from the
    median over the part and those that touch it, and of these medians a low one around; 0 where
    no part around is large enough to tell.
    """
    own = apart.mean(axis=0) / _EXPECTED
    around = ranked_around(ranked_around(own, pairs, 0.5), pairs, _LOWER)
    return np.asarray(np.nan_to_num(around, nan=0.0), np.float64)
