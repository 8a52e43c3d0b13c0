"""The colour profile of every slice of a scan, found while the scan is read for its rows."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from downcore.strata.core_view import view_of
from downcore.strata.depthlog import SliceRow
from downcore.strata.flat_field import FlatField
from downcore.strata.section import SliceLines
from downcore.strata.slice_profile import SliceProfile, slice_profile_of
from downcore.strata.window_profile import slice_profile


class SliceProfiler:
    """
    A fold over the slices of one section from its top, whatever bundles make of them.

    Parameters
    ----------
    px_per_cm : float
        Scale of the scan.
    """

    def __init__(self, px_per_cm: float) -> None:
        self._px_per_cm = px_per_cm
        self._flat_field = FlatField()
        self._waiting: dict[int, SliceProfile] = {}

    def add_lines(self, lines: SliceLines, classes: NDArray[np.uint8]) -> None:
        """Take the next slice, masked."""
        seen = view_of(lines.lines, classes, self._px_per_cm)
        view, lighting = self._flat_field.correct(seen)
        profile, weight = slice_profile(view)
        self._waiting[lines.index] = slice_profile_of(lines.index, profile, weight, lighting)

    def of_rows(self, rows: Sequence[SliceRow]) -> tuple[SliceProfile, ...]:
        """Return the profiles of rows that are ready; those above are not needed any more."""
        found = tuple(
            self._waiting[row.core_slice.index]
            for row in rows
            if row.core_slice.index in self._waiting
        )
        last = rows[-1].core_slice.index
        self._waiting = {i: one for i, one in self._waiting.items() if i > last}
        return found
