"""What becomes of scans: linked as duplicates, superseded by later ones, never destroyed."""

from dataclasses import dataclass
from fractions import Fraction

from downcore.store.rows import storable_text
from downcore.store.standing import update_state
from downcore.store.transaction import Transaction
from downcore.strata.errors import StoreError
from downcore.strata.record import Scan, ScanState, ScanStatus

_INSERT = (
    "INSERT INTO scan (scan_id, section_id, expedition, core, section, half, path, format,"
    " px_per_cm, top, section_top_um, header_digest, content_digest, px_per_cm_from, top_from,"
    " corrects, state, duplicate_of, created_utc, updated_utc, reason, precedence)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '',"
    " (SELECT coalesce(max(precedence), 0) + 1 FROM scan))"
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
    px_per_cm: Fraction
    """The scale at which it is read."""
    top: str
    """The side of the image from which it is read."""
    left_out_because: str = ""
    """Why it is left out of the log, as a person said; empty where it is not."""


@dataclass(frozen=True, slots=True)
class FinishedScan:
    """A scan that holds all rows of some files, and how these were read for it."""

    scan_id: str
    section_id: str
    content_digest: str
    px_per_cm: Fraction
    px_per_cm_from: str
    """Who said so; empty where an older version did not record it."""
    top: str
    top_from: str
    """Who said so; empty where an older version did not record it."""


def finished(transaction: Transaction, signature: str, made_with: str) -> FinishedScan | None:
    """Return the scan that holds all rows of files; ``None`` unless its content is known."""
    row = transaction.connection.execute(
        "SELECT scan_id, section_id, content_digest, px_per_cm, px_per_cm_from, top, top_from"
        " FROM finished_file JOIN scan USING (scan_id)"
        " WHERE signature = ? AND made_with = ? AND content_digest <> ''",
        (signature, made_with),
    ).fetchone()
    if row is None:
        return None
    scan_id, section_id, content, px_per_cm, *rest = row
    return FinishedScan(scan_id, section_id, content, Fraction(px_per_cm), *rest)


def other_reading(transaction: Transaction, content_digest: str, path: str) -> OpenedScan | None:
    """
    Return the scan that stands of the same file.

    A file whose content is not known yet is the same while it lies in the same place and its
    scan has not ended.
    """
    row = transaction.connection.execute(
        "SELECT scan_id FROM scan WHERE superseded_by IS NULL"
        # A file that was renamed or read again by a person may have come to another place since.
        " AND (path = ?1 OR scan_id IN (SELECT scan_id FROM correction"
        " WHERE content_digest <> '' AND content_digest = ?2))"
        " AND duplicate_of IS NULL AND ((content_digest <> '' AND content_digest = ?2)"
        " OR (content_digest = '' AND has_ended = 0)) ORDER BY precedence DESC LIMIT 1",
        (path, content_digest),
    ).fetchone()
    return None if row is None else opened(transaction, row[0], is_new=False)


def opened(transaction: Transaction, scan_id: str, *, is_new: bool) -> OpenedScan:
    """Return where an opened scan stands."""
    status, prefix_digest = transaction.status(scan_id)
    content, has_ended, px_per_cm, top, because = transaction.connection.execute(
        "SELECT content_digest, has_ended, px_per_cm, top, left_out_because FROM scan"
        " WHERE scan_id = ?",
        (scan_id,),
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
        px_per_cm=Fraction(px_per_cm),
        top=top,
        left_out_because=because,
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
    # What was corrected while the scan grew is from now on known by its content.
    transaction.connection.execute(
        "UPDATE correction SET content_digest = ?1 WHERE content_digest = ''"
        " AND (scan_id IN (?2, (SELECT corrects FROM scan WHERE scan_id = ?2))"
        " OR (scan_id IS NULL AND path = (SELECT path FROM scan WHERE scan_id = ?2)))",
        (content_digest, scan_id),
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
        original = original_of(transaction, scan_id, content_digest)
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
    update_state(transaction, scan_id, state, reason)
    transaction.announce_state(scan_id)
    return True


def _insert(transaction: Transaction, scan: Scan) -> None:
    original = original_of(transaction, scan.scan_id, scan.content_digest, scan)
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
            storable_text(scan.px_per_cm_from),
            scan.top_from,
            scan.corrects,
            state.value,
            original,
            transaction.now_utc,
            transaction.now_utc,
        ),
    )


def original_of(
    transaction: Transaction, scan_id: str, content_digest: str, scan: Scan | None = None
) -> str | None:
    """
    Return the scan whose rows stand for another one of the same content, read the same way.

    Parameters
    ----------
    transaction : Transaction
        An open one.
    scan_id, content_digest : str
        Of the one that may be a copy; without a digest it is none.
    scan : Scan, optional
        The same, where the store does not have it yet.
    """
    if not content_digest:
        return None
    if scan is None:
        px_per_cm, top, corrects = transaction.connection.execute(
            "SELECT px_per_cm, top, corrects FROM scan WHERE scan_id = ?", (scan_id,)
        ).fetchone()
    else:
        px_per_cm, top, corrects = str(scan.px_per_cm), scan.top, scan.corrects
    row = transaction.connection.execute(
        "SELECT scan_id FROM scan WHERE content_digest = ? AND scan_id <> ?"
        " AND px_per_cm = ? AND top = ? AND scan_id IS NOT ?"
        " AND duplicate_of IS NULL AND state NOT IN ('quarantined', 'missing')"
        # What was read again since does not stand for anything any more.
        " AND NOT EXISTS (SELECT 1 FROM scan AS later WHERE later.scan_id = scan.superseded_by"
        " AND later.content_digest = scan.content_digest)"
        " ORDER BY scan_no LIMIT 1",
        (content_digest, scan_id, px_per_cm, top, corrects),
    ).fetchone()
    return None if row is None else str(row[0])
