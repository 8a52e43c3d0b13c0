"""Slices of known composition, from rows as X-ray diffraction gives them."""

import numpy as np
from numpy.typing import NDArray

from downcore.strata.depth import SLICE_UM
from downcore.strata.endmembers.library import Library
from downcore.strata.errors import MeasuredRowsError
from downcore.strata.measured import MeasuredRows
from downcore.strata.unmixing.mixing_calibration import KnownSlices

SUMS = (1.0, 100.0)
"""What the minerals of a row may sum to: shares or per cent."""

SUM_TOLERANCE = 0.02
"""By how much a sum may miss that, as a share of it."""


def known_slices(rows: MeasuredRows, library: Library, n_slices: int) -> KnownSlices:
    """
    Return the slices whose composition is known.

    Parameters
    ----------
    rows : MeasuredRows
        By weight of the solids, in the order of the library's minerals; a mineral that the file
        has no column for is not there. Several rows in one slice are averaged.
    library : Library
        Its densities turn weight into volume.
    n_slices : int
        Slices of the section.

    Raises
    ------
    MeasuredRowsError
        If a row lies below the section, has an empty cell or a share below 0, or does not sum to
        1 or 100.
    """
    n_minerals = library.n_members
    volumes: dict[int, list[NDArray[np.float64]]] = {}
    # A mineral that some row names has a column, and an empty cell in it is no zero.
    has_column = [any(row.values[i] is not None for row in rows.rows) for i in range(n_minerals)]
    for row in rows.rows:
        where = f"row at {row.depth_um / SLICE_UM:g} cm"
        index = row.depth_um // SLICE_UM
        if index >= n_slices:
            raise MeasuredRowsError(
                f"{where}: expected a depth within the section of {n_slices} cm: is it below the "
                "section's top?"
            )
        for mineral, value, is_named in zip(library.minerals, row.values, has_column, strict=True):
            if is_named and value is None:
                raise MeasuredRowsError(
                    f"{where}, {mineral}: expected a number, got an empty cell; write 0 where it "
                    "was looked for and not found"
                )
        weight = _weights(row.values, where)
        volume = weight / library.density[1:]
        volumes.setdefault(index, []).append(volume / volume.sum())
    at = sorted(volumes)
    shares = np.array([np.mean(volumes[i], axis=0) for i in at])
    return KnownSlices(np.array(at, np.int64), shares / shares.sum(axis=1, keepdims=True))


def _weights(values: tuple[float | None, ...], where: str) -> NDArray[np.float64]:
    weight = np.array([0.0 if x is None else x for x in values], float)
    if (weight < 0.0).any():
        raise MeasuredRowsError(f"{where}: expected shares of 0 or more, got {weight.min():g}")
    total = float(weight.sum())
    if not any(abs(total - one) <= SUM_TOLERANCE * one for one in SUMS):
        raise MeasuredRowsError(
            f"{where}: expected minerals that sum to 1 or to 100, got {total:g}; name every "
            "mineral of the table that there is"
        )
    return weight
