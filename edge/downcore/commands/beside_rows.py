"""What is known of a section's slices besides their own rows, from the record."""

from collections.abc import Sequence

from downcore.store import Reader
from downcore.strata.depthlog import SliceRow
from downcore.strata.measured_slices import Beside, by_slice
from downcore.strata.profile_estimates import profile_by_slice
from downcore.strata.record import ScanState

_UNDER_WAY = frozenset({ScanState.SEEN, ScanState.GROWING, ScanState.SETTLING})


def beside_of(reader: Reader, section: str, rows: Sequence[SliceRow], state: ScanState) -> Beside:
    """
    Return measured means, flags and profile of a section.

    Parameters
    ----------
    reader : Reader
        The record.
    section : str
        Which section.
    rows : sequence of SliceRow
        Of the scan that is shown, top first.
    state : ScanState
        Of that scan; while it is under way, no depth of the profile knows the rows below it.
    """
    points = reader.measured_of(section)
    return Beside(
        by_slice(points),
        tuple(reader.flags(section)),
        profile_by_slice(rows, points, is_causal=state in _UNDER_WAY),
    )
