"""From rows of the depth log and scan lines to what a plate shows of them."""

from collections.abc import Iterable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from downcore.plate.values import PlateSlice
from downcore.strata.composed import ComposedSlice
from downcore.strata.depthlog import Estimate, SliceRow, Status
from downcore.strata.segment import Pixels

PICTURE_ROWS = 3600
"""Rows of a section's picture that a sheet can show; a longer scan is made smaller."""


def plate_slices(
    rows: Iterable[SliceRow],
    composed: Iterable[ComposedSlice],
    *,
    top_um: int = 0,
    bundle_id: str | Mapping[str, str] | None = None,
) -> tuple[PlateSlice, ...]:
    """
    Return the rows of a section as a plate shows them.

    Parameters
    ----------
    rows : iterable of SliceRow
        From the section's top down.
    composed : iterable of ComposedSlice
        What some of the slices are made of.
    top_um : int, default 0
        Where the section's top is drawn.
    bundle_id : str or mapping of str, optional
        Whose estimates are shown where no instrument measured, for all properties or by property;
        any unless given.
    """
    shares = {part.index: part.composition.resolved_groups for part in composed}
    return tuple(
        PlateSlice(
            top_um=top_um + row.core_slice.top_um,
            bottom_um=top_um + row.core_slice.bottom_um,
            class_fractions=row.core_slice.class_fractions,
            estimates=_shown(row.estimates, bundle_id),
            composition=shares.get(row.core_slice.index, ()),
            linear_rgb=colour.linear_rgb_mean if (colour := row.core_slice.colour) else None,
        )
        for row in rows
    )


def _shown(
    estimates: Iterable[Estimate], bundle_id: str | Mapping[str, str] | None
) -> tuple[Estimate, ...]:
    """Return one estimate of each property: the measured one, else the bundle's."""
    shown: dict[str, Estimate] = {}
    for estimate in estimates:
        is_measured = estimate.status is Status.MEASURED
        wanted = bundle_id.get(estimate.property) if isinstance(bundle_id, Mapping) else bundle_id
        if is_measured or wanted in (None, estimate.bundle_id):
            known = shown.get(estimate.property)
            if known is None or (is_measured and known.status is not Status.MEASURED):
                shown[estimate.property] = estimate
    return tuple(shown.values())


def thumbnail(lines: Pixels, n_lines_of_section: int) -> NDArray[np.uint8]:
    """
    Return scan lines as a small picture of 8 bit, shape (n_rows, n_across, 3).

    Parameters
    ----------
    lines : ndarray, shape (n_lines, n_across, 3)
        Lines of a section, 8 or 16 bit.
    n_lines_of_section : int
        Lines of the whole section, which are to fit :data:`PICTURE_ROWS`.
    """
    share = min(1.0, PICTURE_ROWS / n_lines_of_section)
    width = max(1, round(lines.shape[1] * share))
    height = max(1, round(lines.shape[0] * share))
    small = np.asarray(cv2.resize(lines, (width, height), interpolation=cv2.INTER_AREA))
    if small.dtype == np.uint16:
        small = small.astype(np.uint16) >> 8
    return small.astype(np.uint8)
