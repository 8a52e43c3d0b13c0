"""
Regions by merging: superpixels whose colours differ by less than the noise around them.

What is left of the borders after that is drawn anew by a watershed on the pixels around it.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.depth import SLICE_UM, LineScale
from downcore.strata.regions._flooding import flood_borders
from downcore.strata.regions._joining import join_alike
from downcore.strata.regions._noise import halves_apart, measured_parts, noise_around
from downcore.strata.regions.window import NO_REGION, RegionWindow
from downcore.strata.superpixels.merging import groups_of, merge, paint
from downcore.strata.superpixels.planes import LAB_STEPS, Planes, fill_colours
from downcore.strata.superpixels.runs import parts_of, runs_of, touching


@dataclass(frozen=True, slots=True)
class RegionSettings:
    """How superpixels are joined."""

    least_difference: float = 2.3
    """
    Distance in L*a*b* below which two colours are one, whatever the noise; above 0. A person
    can just tell 2.3 apart (Mahy et al. 1994, doi:10.1002/col.5080190207).
    """
    noise_factor: float = 2.0
    """How many times the local noise two colours must differ to be two; 0 or more."""
    reach_um: int = 150
    """Micrometres of core on either side of a border in which the watershed may move it."""
    smallest_um: int = 500
    """Side of a square of core; what is smaller in area joins the most similar neighbour."""

    def reach_px(self, scale: LineScale) -> int:
        """Return the pixels on either side of a border that are flooded; 0 for none at all."""
        if self.reach_um == 0:
            return 0
        return max(1, round(scale.px_per_cm * self.reach_um / SLICE_UM))

    def smallest_area_px(self, scale: LineScale) -> int:
        """Return the area in pixels below which a region joins a neighbour."""
        side = scale.px_per_cm * self.smallest_um / SLICE_UM
        return math.ceil(side * side)


class MergeRefiner:
    """
    Join the superpixels of a window by colour; see ``RegionRefiner`` in :mod:`downcore.ports`.

    The result depends on the window alone: not on the numbers that superpixels have, on other
    windows, or on threads.
    """

    def __init__(self, settings: RegionSettings | None = None) -> None:
        self._settings = settings or RegionSettings()
        # Kept: memory that is new to the process costs about as much as what is done to it here.
        # The plane of the mask is left as it is: where sediment is, superpixels say.
        self._planes = np.empty((4, 0, 0), np.int16)

    @property
    def name(self) -> str:
        """The name that settings choose it by."""
        return "merge"

    def refine(self, window: RegionWindow) -> NDArray[np.int32]:
        """
        Return the region of each pixel of a window.

        Raises
        ------
        ValueError
            If lines and superpixels differ in size.
        """
        superpixels = np.ascontiguousarray(window.superpixels, np.int32)
        if window.lines.shape[:2] != superpixels.shape:
            raise ValueError(
                f"expected superpixels of the size of the lines, {window.lines.shape[:2]}, "
                f"got {superpixels.shape}"
            )
        if not np.any(superpixels):
            return np.full(superpixels.shape, NO_REGION, np.int32)
        if self._planes.shape[1:] != superpixels.shape:
            self._planes = np.empty((4, *superpixels.shape), np.int16)
        planes = self._planes
        fill_colours(window.lines, planes, 0)
        groups = _merged(superpixels, planes, self._settings)
        regions, reach_px = groups.regions, self._settings.reach_px(window.scale)
        if reach_px and len(groups.means) > 2:  # noqa: PLR2004 - nothing, and one region
            regions = flood_borders(
                regions, planes, means=groups.means, is_mixed=groups.is_mixed, reach_px=reach_px
            )
        return _connected(regions, groups.means, self._settings.smallest_area_px(window.scale))


@dataclass(frozen=True, slots=True, eq=False)
class _Groups:
    """Superpixels that were joined, before their borders are drawn anew."""

    regions: NDArray[np.int32]
    """Their number at each pixel, from 1; 0 without sediment."""
    means: NDArray[np.int16]
    """Their colours in steps, shape (n_groups + 1, 3); the first is of nothing."""
    is_mixed: NDArray[np.bool_]
    """Whether they lie across a border, mostly, shape (n_groups + 1,)."""


def _merged(superpixels: NDArray[np.int32], planes: Planes, settings: RegionSettings) -> _Groups:
    parts = measured_parts(superpixels, planes)
    apart = halves_apart(parts.sums)
    noise = noise_around(apart, parts.pairs)
    area = parts.sums[:, 0, :1].astype(np.float64)
    colour = parts.sums[:, 0, 1:] / LAB_STEPS
    grouped = np.concatenate([area, colour, area * noise[:, None]], axis=1)
    least, factor = settings.least_difference, settings.noise_factor
    root = join_alike(parts.pairs, grouped, least=least, factor=factor)
    kept = np.flatnonzero(root == np.arange(root.size))
    region_of_root = np.zeros(root.size, np.int32)
    region_of_root[kept] = np.arange(1, kept.size + 1)
    region = region_of_root[root]
    regions = np.empty(superpixels.shape, np.int32)
    paint(parts.part, parts.runs, region, 0, regions)
    means = np.zeros((kept.size + 1, 3), np.int16)
    means[1:] = np.rint(LAB_STEPS * grouped[kept, 1:4] / grouped[kept, :1])
    # Two halves that are no one colour are two beds; where no half can tell, it is one.
    lies_across = np.fmax(apart[0], apart[1]) > least**2 + factor**2 * noise
    mixed_px = np.bincount(region, area[:, 0] * lies_across, kept.size + 1)
    is_mixed = 2.0 * mixed_px > np.bincount(region, area[:, 0], kept.size + 1)
    return _Groups(regions, means, is_mixed)


def _connected(
    regions: NDArray[np.int32], means: NDArray[np.int16], least_px: int
) -> NDArray[np.int32]:
    """
    Make every piece a region of its own, but small ones a part of what is most like them.

    Parameters
    ----------
    regions : ndarray, shape (n_lines, n_across)
        Numbers of ``means``; 0 is no region.
    means : ndarray, shape (n_regions + 1, 3)
        Colours.
    least_px : int
        Area below which a piece joins the touching piece of the most similar colour.

    Returns
    -------
    ndarray of int32, shape (n_lines, n_across)
        1, 2, ... in the order in which regions begin.
    """
    runs = runs_of(regions)
    part, n_parts = parts_of(regions, runs)
    start, stop, first_of_line = runs
    region = np.zeros(n_parts, np.int32)
    region[part] = regions[np.repeat(np.arange(len(regions)), np.diff(first_of_line)), start]
    area = np.bincount(part, stop - start, n_parts).astype(np.int64)
    sums = np.concatenate([area[:, None], area[:, None] * means[region]], axis=1)
    parent = np.arange(n_parts, dtype=np.int32)
    merge(
        touching(part, area < least_px, runs),
        sums,
        given=np.full(n_parts, -1, np.int32),
        may_wait=np.zeros(n_parts, np.bool_),
        parent=parent,
        least_px=least_px,
    )
    root, _ = groups_of(parent, area)
    number = np.cumsum(root == np.arange(n_parts), dtype=np.int32)
    found = np.empty(regions.shape, np.int32)
    paint(part, runs, number[root], 0, found)
    return found
