"""Both logs of the sections of a core, from the record."""

from collections.abc import Iterable

from downcore.store import Reader
from downcore.store.stored_cores import core_of_scan
from downcore.store.stored_values import StoredScan
from downcore.strata.depth_ledger import CoreName
from downcore.strata.record import ScanState
from downcore.strata.second_opinion.logs import SectionLogs, section_logs

MAX_SLICES = 2_000
"""Of a section that is judged; a longer one would keep the others waiting."""
_LEFT_OUT = frozenset({ScanState.EXCLUDED, ScanState.FORGOTTEN, ScanState.QUESTIONED})


def standing_scans(reader: Reader) -> dict[str, StoredScan]:
    """Return the scan of each section that stands and is not left out, by section."""
    return {
        one.scan.section_id: one
        for one in reader.sections()
        if one.status.state not in _LEFT_OUT and one.status.duplicate_of is None
    }


def logs_of(reader: Reader, scans: Iterable[StoredScan]) -> list[SectionLogs]:
    """
    Return both logs of scans, without those of sections that are too long.

    Values that a person corrected by measured rows count as no opinion of their own.
    """
    corrected = {bundle.bundle_id for bundle in reader.bundles() if bundle.is_corrected}
    return [
        section_logs(
            one.scan.section_id,
            [stored.row for stored in reader.scan_log(one.scan.scan_id)],
            reader.measured_of(one.scan.section_id),
            left_out=corrected,
        )
        for one in scans
        if one.status.n_slices <= MAX_SLICES
    ]


def core_key(one: StoredScan) -> CoreName | str:
    """Return the core that a scan is of; its section where no core is known."""
    found = core_of_scan(one)
    return one.scan.section_id if found is None else found[0]


def members_of(key: CoreName | str, scans: Iterable[StoredScan]) -> list[StoredScan]:
    """Return the scans of a core from the top down, of two halves of a section the first."""
    mine = sorted(
        (one for one in scans if core_key(one) == key),
        key=lambda one: (_order(_name(one)), one.scan.section_id),
    )
    found: dict[str, StoredScan] = {}
    for one in mine:
        found.setdefault(_name(one), one)
    return list(found.values())


def _name(one: StoredScan) -> str:
    found = core_of_scan(one)
    return one.scan.section_id if found is None else found[1]


def _order(name: str) -> tuple[int, int, str]:
    """Return what sections are sorted by: numbers first, core catchers and names after them."""
    return (0, int(name), "") if name.isdecimal() else (1, 0, name)
