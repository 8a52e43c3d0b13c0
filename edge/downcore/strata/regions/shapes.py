"""
What a slice's regions are like: how many, how large, and the sizes of grains.

A region counts as a grain when all of it can be seen and it is of the size of grains: it touches
neither the end of its window, nor the side of the picture, nor what is no sediment. Beds,
laminae and the matrix reach from side to side of the core, so they touch and are left out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.depth import SLICE_UM, LineScale
from downcore.strata.regions.region_shape import RegionShapes
from downcore.strata.regions.stream import RegionRows

TOO_COARSE = "resolution"
"""Reason for no grain sizes: too few pixels in a centimetre."""
TOO_FEW = "few grains"
"""Reason for no grain sizes: fewer whole grains than :data:`MIN_GRAINS`."""
NO_SEDIMENT = "no sediment"
"""Reason for no grain sizes: the slice holds no region."""


SMALLEST_UM = 1_000
"""Least diameter of a grain, in micrometres; superpixels do not tell smaller ones apart."""
LARGEST_UM = SLICE_UM
"""Greatest diameter; what is thicker than a slice is no sample of it."""
SMALLEST_PX = 10
"""Least diameter in pixels; on coarse scans this is what counts."""
MIN_GRAINS = 10
"""Grains without which no sizes are given."""

_MIN_RANGE = 4.0
"""Times the least diameter that the greatest must be, for a distribution to have room."""


@dataclass(frozen=True, slots=True)
class GrainSizes:
    """The grains of a slice; sizes are of circles of the same area, as seen on the cut face."""

    n_grains: int
    """Whole grains whose centre lies in the slice."""
    least_um: float
    """Diameter below which none was looked for."""
    d10_um: float
    """A tenth of the grains' area is in grains of at most this diameter."""
    d50_um: float
    """The same for half of it."""
    d90_um: float
    """The same for nine tenths."""
    sphericity: float
    """Mean of the grains' sphericity by area, 0 to 1; see RegionShape."""
    roundness: float
    """Mean of their roundness by area, 0 to 1."""


@dataclass(frozen=True, slots=True)
class SliceRegions:
    """The regions of one slice."""

    index: int
    """Which centimetre, counted from the section's top."""
    n_regions: int
    """Regions of which a pixel lies in the slice; those cut by its ends count as well."""
    largest_share: float
    """Share of its sediment that the largest of them holds, 0 to 1; 0 without sediment."""
    grains: GrainSizes | None
    """``None`` where sizes cannot be told."""
    no_grains: str
    """Why not: ``resolution``, ``few grains`` or ``no sediment``; empty where they can."""


def slice_regions(rows: RegionRows, scale: LineScale) -> list[SliceRegions]:
    """
    Describe the regions of each slice of a window.

    A grain that lies across two slices is seen whole, and counted where its centre is.

    Parameters
    ----------
    rows : RegionRows
        A window of :class:`~downcore.strata.regions.stream.RegionStream`.
    scale : LineScale
        Lines per centimetre.

    Returns
    -------
    list of SliceRegions
        In order; the last may be of a short slice.

    Raises
    ------
    ValueError
        If the window does not begin with a slice.

    Notes
    -----
    On a face cut through rock, shares of area are shares of volume (Delesse 1847, Annales des
    mines 13, 379-388), so grains count by area. A cut seldom meets a grain in its middle: these
    diameters are of what is seen, and less than those of a sieve.
    """
    # The values of this module are read where nobody wants the compiler of kernels loaded.
    from downcore.strata.regions.moments import shapes_of  # noqa: PLC0415 - see above

    least_um = max(SMALLEST_UM, float(SMALLEST_PX * SLICE_UM / scale.px_per_cm))
    index = scale.slice_of_line(rows.first_line)
    if scale.first_line_of_slice(index) != rows.first_line:
        raise ValueError(f"expected rows from the start of a slice, got line {rows.first_line}")
    shapes = shapes_of(rows.labels, rows.lines, scale)
    is_grain = ~shapes.is_cut & (shapes.diameter_um >= least_um)
    is_grain &= shapes.diameter_um <= LARGEST_UM
    found: list[SliceRegions] = []
    top = 0
    while top < len(rows.labels):
        bottom = min(scale.first_line_of_slice(index + 1) - rows.first_line, len(rows.labels))
        n_regions, largest_share = _shares(rows.labels[top:bottom])
        is_here = is_grain & (shapes.line >= top - 0.5) & (shapes.line < bottom - 0.5)
        grains = _sizes(shapes, is_here, least_um)
        reason = ""
        if n_regions == 0:
            reason = NO_SEDIMENT
        elif least_um * _MIN_RANGE > LARGEST_UM:
            reason = TOO_COARSE
        elif grains.n_grains < MIN_GRAINS:
            reason = TOO_FEW
        found.append(
            SliceRegions(index, n_regions, largest_share, None if reason else grains, reason)
        )
        top, index = bottom, index + 1
    return found


def _shares(labels: NDArray[np.int32]) -> tuple[int, float]:
    """Return how many regions there are, and the share of the largest."""
    # As in :func:`slice_regions`.
    from downcore.strata.regions._sums import counts_of, range_of  # noqa: PLC0415 - see above

    own = np.require(labels, np.int32, ("C", "W"))
    lowest, highest = range_of(own)
    if highest < lowest:
        return 0, 0.0
    # Regions of a section have numbers without gaps, so the counts are not many.
    count = counts_of(own, lowest, highest)
    return int(np.count_nonzero(count)), float(count.max() / count.sum())


def _sizes(shapes: RegionShapes, is_grain: NDArray[np.bool_], least_um: float) -> GrainSizes:
    """Return the sizes of some regions; all 0 where there is none."""
    order = np.argsort(shapes.diameter_um[is_grain], kind="stable")
    diameter = shapes.diameter_um[is_grain][order]
    area = shapes.area_um2[is_grain][order]
    if not area.size:
        return GrainSizes(0, least_um, 0.0, 0.0, 0.0, 0.0, 0.0)
    # A grain's own area is half below its diameter and half above.
    share = (np.cumsum(area) - 0.5 * area) / area.sum()
    d10_um, d50_um, d90_um = np.interp((0.1, 0.5, 0.9), share, diameter).tolist()
    return GrainSizes(
        n_grains=int(area.size),
        least_um=least_um,
        d10_um=d10_um,
        d50_um=d50_um,
        d90_um=d90_um,
        sphericity=float(np.average(shapes.sphericity[is_grain][order], weights=area)),
        roundness=float(np.average(shapes.roundness[is_grain][order], weights=area)),
    )
