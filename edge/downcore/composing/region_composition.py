"""
What each region, or each class of regions, is made of: as a slice, with the region's own colour.

Density, vp and ms are known by the slice. Of a region they are the mean of the slices that it
lies in, by its area in each. Where most of it lies in slices that are masked or abstained, it is
too: what is unlike the cores of the training is not composed by region either.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from downcore.composing.composer import compositions
from downcore.composing.config import CompositionConfig, TableInUse
from downcore.strata.depthlog import HAS_VALUE, Status
from downcore.strata.unmixing.composition import Composition
from downcore.strata.unmixing.observations import (
    COLOUR_FLOOR_SD,
    COLOUR_SHARE_SD,
    N_ROWS,
    RED,
    Observations,
)

_MOST = 0.5
"""Share of a region's area that must lie in slices with a value."""


@dataclass(frozen=True, slots=True, eq=False)
class Areas:
    """Parts of a section, such as its regions, with their colour and the slices they lie in."""

    linear_rgb: NDArray[np.float64]
    """Mean colour in linear light, 0 to 1, shape (n, 3)."""
    in_slices: NDArray[np.int64]
    """Shape (m, 3): which part, a slice in which it lies, and its pixels there, above 0."""


@dataclass(frozen=True, slots=True)
class PartComposition:
    """What one part of a section is made of."""

    table: str
    """Name of the end-member table."""
    composition: Composition
    """``index`` counts the parts, not slices."""


def compose_parts(
    areas: Areas, seen: Observations, composition_config: CompositionConfig
) -> tuple[PartComposition, ...]:
    """
    Return what each part of a section is made of.

    Parameters
    ----------
    areas : Areas
        Parts of the section; each must lie in some slice.
    seen : Observations
        All slices of the section, from the top.
    composition_config : CompositionConfig
        How slices are composed. Parts have no neighbours in depth, so the local mean is not used.
    """
    alone = replace(
        composition_config, tables=tuple(_without_neighbours(t) for t in composition_config.tables)
    )
    found = compositions(observations_of(areas, seen), alone)
    return tuple(PartComposition(table.name, composition) for table, composition in found)


def _without_neighbours(table: TableInUse) -> TableInUse:
    model = replace(table.calibration.model, reach_slices=0.0)
    return replace(table, calibration=replace(table.calibration, model=model))


def observations_of(areas: Areas, seen: Observations) -> Observations:
    """
    Return what was observed of each part of a section.

    Errors of the slices' values are those of an instrument or a network along one core, so the
    mean of several slices is held to be no surer than one of them.
    """
    part, index, pixels = areas.in_slices.T
    n = len(areas.linear_rgb)
    has_value = np.array([one in HAS_VALUE for one in seen.status], bool)
    value, sd = np.full((n, N_ROWS), np.nan), np.full((n, N_ROWS), np.nan)
    value[:, RED:] = areas.linear_rgb
    sd[:, RED:] = COLOUR_SHARE_SD * areas.linear_rgb + COLOUR_FLOOR_SD
    whole = np.bincount(part, pixels, n)
    for row in range(RED):
        is_known = has_value[index] & np.isfinite(seen.value[index, row])
        weight = np.where(is_known, pixels, 0)
        area = np.bincount(part, weight, n)
        for slices, parts in ((seen.value, value), (seen.sd, sd)):
            sums = np.bincount(part, weight * np.nan_to_num(slices[index, row]), n)
            enough = area > _MOST * whole
            parts[enough, row] = sums[enough] / area[enough]
    standing = [(Status.PREDICTED, "")] * n
    silent = np.bincount(part, np.where(has_value[index], 0, pixels), n) > _MOST * whole
    # The last of equal keys stands, so the slice with most of the part does.
    for at in np.argsort(pixels, kind="stable").tolist():
        if silent[part[at]] and not has_value[index[at]]:
            standing[part[at]] = (seen.status[index[at]], seen.reason[index[at]])
    # What may have no value is not solved for either.
    value[silent], sd[silent] = np.nan, np.nan
    return Observations.of(
        value, sd, tuple(one for one, _ in standing), tuple(why for _, why in standing)
    )
