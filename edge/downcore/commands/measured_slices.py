"""What is said of measured values beside predicted ones, and the offset check."""

from collections.abc import Iterator, Sequence

import numpy as np

from downcore.store.stored_values import StoredRow
from downcore.strata.measured import MeasuredPoint
from downcore.strata.measured_offset import offset_check
from downcore.strata.measured_slices import by_slice
from downcore.strata.properties import PROPERTIES, Property

_CHECKED = ("density", "ms")
"""Properties whose logs and pictures vary together."""


def measured_notes(points: Sequence[MeasuredPoint], rows: Sequence[StoredRow]) -> Iterator[str]:
    """Say what was measured of a section, and where it does not fit what is predicted."""
    if not points:
        return
    for name in dict.fromkeys(one.file_name for one in points):
        mine = [one for one in points if one.file_name == name]
        n_flagged = sum(bool(one.flag) for one in mine)
        flagged = f", {n_flagged} of them flagged" if n_flagged else ""
        yield f"measured: {len(mine)} values of {name} ({mine[0].instrument}){flagged}"
    bottom_um = max((one.row.core_slice.bottom_um for one in rows), default=0)
    if n_below := sum(one.depth_um >= bottom_um for one in points):
        yield f"{n_below} measured values lie below the last row and are not shown"
    for prop in PROPERTIES:
        if prop.name in _CHECKED:
            yield from _offset_note(prop, points, rows)


def _offset_note(
    prop: Property, points: Sequence[MeasuredPoint], rows: Sequence[StoredRow]
) -> Iterator[str]:
    n = max((one.row.core_slice.index for one in rows), default=-1) + 1
    predicted, measured = np.full(n, np.nan), np.full(n, np.nan)
    for stored in rows:
        values = [e.value for e in stored.row.estimates if e.property == prop.name]
        if known := [one for one in values if one is not None]:
            predicted[stored.row.core_slice.index] = known[0]
    for (index, name), one in by_slice(points).items():
        if name == prop.name and index < n and not one.flags:
            measured[index] = one.value
    if prop.is_log_scaled:
        predicted, measured = (
            np.log10(one, where=one > 0.0, out=np.full(n, np.nan)) for one in (predicted, measured)
        )
    found = offset_check(predicted, measured)
    if found is None:
        return
    said = f"{prop.name}: measured and predicted agree with r {found.correlation_unmoved:.2f}"
    if found.lag_cm == 0 or not found.is_significant:
        yield f"{said} over {found.n_pairs} slices; no offset is significant"
        return
    where = "deeper" if found.lag_cm > 0 else "shallower"
    yield (
        f"{said}, but with r {found.correlation:.2f} if the measured log lies "
        f"{abs(found.lag_cm)} cm too {where}: check the section's top on the logger"
    )
