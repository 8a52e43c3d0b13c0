"""What becomes of scans: linked as duplicates, superseded by later ones, never destroyed."""

from dataclasses import dataclass

from downcore.store.rows import storable_text
from downcore.store.transaction import Transaction
from downcore.strata.errors import StoreError
from downcore.strata.record import Scan, ScanState, ScanStatus

_INSERT = (
    "INSERT INTO scan (scan_id, section_id, expedition, core, section, half, path, format,"
    " px_per_cm, top, section_top_um, header_digest, content_digest, state, reason,"
    " duplicate_of, created_utc, updated_utc)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?, ?, ?)"
)


@dataclass(frozen=True, slots=True)
class OpenedScan:
    """What the store knows of a scan when it is opened: where to go on."""

    scan_id: str
    is_new: bool
    state: ScanState
    duplicate_of: str | None
    """The scan with the same content, whose rows stand for this one; ``None`` if there is none."""
    n_slices: int
    """Slices in the store."""
    n_lines_done: int
    """Scan lines whose slices are in the store."""
    prefix_digest: str
    """Digest of those lines, as the last commit gave it; to be compared before going on."""
    content_digest: str
    """Digest of its files, whole; empty until it was read to its end."""
    has_ended: bool
    """Whether every line of it was read once; a superseded scan keeps that, too."""


def opened(transaction: Transaction, scan_id: str, *, is_new: bool) -> OpenedScan:
    """Return where an opened scan stands."""
    status, prefix_digest = transaction.status(scan_id)
    content, has_ended = transaction.connection.execute(
        "SELECT content_digest, has_ended FROM scan WHERE scan_id = ?", (scan_id,)
    ).fetchone()
    return OpenedScan(
        scan_id=scan_id,
        is_new=is_new,
        state=status.state,
        duplicate_of=status.duplicate_of,
        n_slices=status.n_slices,
        n_lines_done=status.n_lines_done,
        prefix_digest=prefix_digest,
        content_digest=content,
        has_ended=bool(has_ended),
    )


def is_known(transaction: Transaction, scan_id: str) -> bool:
    """Return whether a scan was ever opened."""
    row = transaction.connection.execute("SELECT 1 FROM scan WHERE scan_id = ?", (scan_id,))
    return row.fetchone() is not None


def insert_or_check(transaction: Transaction, scan: Scan) -> bool:
    """
    Insert a scan unless it is known; return whether it was new.

    Raises
    ------
    StoreError
        If it is known with other content.
    """
    known = transaction.connection.execute(
        "SELECT content_digest, section_id FROM scan WHERE scan_id = ?", (scan.scan_id,)
    ).fetchone()
    if known is None:
        _insert(transaction, scan)
        return True
    digest, section_id = known
    if section_id != scan.section_id:
        raise StoreError(
            f"expected scan {scan.scan_id} of section {section_id}, got section {scan.section_id}"
        )
    if digest and scan.content_digest and digest != scan.content_digest:
        raise StoreError(
            f"expected content {digest} of scan {scan.scan_id}, got {scan.content_digest}; "
            "a re-scan needs a scan id of its own"
        )
    transaction.connection.execute(
        "UPDATE scan SET path = ? WHERE scan_id = ?", (storable_text(scan.path), scan.scan_id)
    )
    return False


def end(transaction: Transaction, scan_id: str, content_digest: str) -> str | None:
    """
    Record a scan's end and content, and that it is done; return the scan that it duplicates.

    Raises
    ------
    StoreError
        If the scan is unknown or had other content.
    """
    status, _ = transaction.status(scan_id)
    first_end = transaction.connection.execute(
        "UPDATE scan SET has_ended = 1 WHERE scan_id = ? AND has_ended = 0", (scan_id,)
    )
    original = _identify(transaction, status, content_digest, may_link=first_end.rowcount == 1)
    set_state(transaction, scan_id, ScanState.DONE, "")
    return original


def _identify(
    transaction: Transaction, status: ScanStatus, content_digest: str, *, may_link: bool
) -> str | None:
    """Record a scan's content; return the scan that it duplicates and is linked to."""
    connection, scan_id = transaction.connection, status.scan_id
    kept = connection.execute(
        "SELECT content_digest FROM scan WHERE scan_id = ?", (scan_id,)
    ).fetchone()[0]
    if kept and kept != content_digest:
        raise StoreError(
            f"expected content {kept} of scan {scan_id}, got {content_digest}; "
            "a re-scan needs a scan id of its own"
        )
    original = status.duplicate_of
    if may_link:
        original = _original_of(transaction, scan_id, content_digest)
    if kept == content_digest and status.duplicate_of == original:
        return original
    connection.execute(
        "UPDATE scan SET content_digest = ?, duplicate_of = ?, updated_utc = ? WHERE scan_id = ?",
        (content_digest, original, transaction.now_utc, scan_id),
    )
    if original is not None:
        transaction.announce_state(scan_id)
    return original


def set_state(transaction: Transaction, scan_id: str, state: ScanState, reason: str) -> bool:
    """Move a scan to a state unless it is superseded; return whether anything changed."""
    status, _ = transaction.status(scan_id)
    if status.superseded_by is not None or (status.state, status.reason) == (state, reason):
        return False
    _update_state(transaction, scan_id, state, reason)
    transaction.announce_state(scan_id)
    return True


def supersede_older(transaction: Transaction, status: ScanStatus) -> None:
    """
    Let a scan that just got its first rows take its section over from older scans.

    Order is the order in which scans were opened. Where a newer scan has rows
    already, this one is the older and is superseded itself.
    """
    connection = transaction.connection
    newer = connection.execute(
        "SELECT other.scan_id FROM scan, scan AS other"
        " WHERE scan.scan_id = ? AND other.section_id = scan.section_id"
        " AND other.scan_no > scan.scan_no"
        " AND EXISTS (SELECT 1 FROM slice WHERE slice.scan_id = other.scan_id)"
        " ORDER BY other.scan_no DESC LIMIT 1",
        (status.scan_id,),
    ).fetchone()
    older = connection.execute(
        "SELECT other.scan_id FROM scan, scan AS other"
        " WHERE scan.scan_id = ? AND other.section_id = scan.section_id"
        " AND other.scan_no < scan.scan_no"
        " AND other.superseded_by IS NULL AND other.duplicate_of IS NULL"
        " AND other.state <> 'quarantined' ORDER BY other.scan_no",
        (status.scan_id,),
    ).fetchall()
    for (scan_id,) in older:
        _supersede(transaction, scan_id, status.scan_id)
    if newer is not None and status.superseded_by is None:
        _supersede(transaction, status.scan_id, newer[0])
    elif older:
        # The section's retained state must end up being that of the scan that stands.
        transaction.announce_state(status.scan_id)


def _supersede(transaction: Transaction, scan_id: str, by_scan_id: str) -> None:
    transaction.connection.execute(
        "UPDATE scan SET superseded_by = ? WHERE scan_id = ?", (by_scan_id, scan_id)
    )
    _update_state(transaction, scan_id, ScanState.SUPERSEDED, "")
    transaction.announce_state(scan_id)


def _update_state(transaction: Transaction, scan_id: str, state: ScanState, reason: str) -> None:
    transaction.connection.execute(
        "UPDATE scan SET state = ?, reason = ?, updated_utc = ? WHERE scan_id = ?",
        (state.value, reason, transaction.now_utc, scan_id),
    )


def _insert(transaction: Transaction, scan: Scan) -> None:
    original = _original_of(transaction, scan.scan_id, scan.content_digest)
    state = ScanState.SEEN if original is None else ScanState.DONE
    transaction.connection.execute(
        _INSERT,
        (
            scan.scan_id,
            scan.section_id,
            *map(storable_text, (scan.expedition, scan.core, scan.section, scan.half)),
            storable_text(scan.path),
            scan.format,
            str(scan.px_per_cm),
            scan.top,
            scan.section_top_um,
            scan.header_digest,
            scan.content_digest,
            state.value,
            original,
            transaction.now_utc,
            transaction.now_utc,
        ),
    )


def _original_of(transaction: Transaction, scan_id: str, content_digest: str) -> str | None:
    if not content_digest:
        return None
    row = transaction.connection.execute(
        "SELECT scan_id FROM scan WHERE content_digest = ? AND scan_id <> ?"
        " AND duplicate_of IS NULL AND state NOT IN ('quarantined', 'missing')"
        " ORDER BY scan_no LIMIT 1",
        (content_digest, scan_id),
    ).fetchone()
    return None if row is None else str(row[0])
