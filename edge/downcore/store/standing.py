"""Which scan of a section stands: a later one supersedes, a correction lets one stand again."""

from downcore.store.transaction import Transaction
from downcore.strata.record import ScanState, ScanStatus


def supersede_older(transaction: Transaction, status: ScanStatus) -> None:
    """
    Let a scan that just got its first rows take its section over from older scans.

    Order is that of ``precedence``: the order in which scans were opened, but for those that a
    correction made stand again. Where a newer scan has rows already, this one is the older and
    is superseded itself. A scan that corrects one of another section supersedes that, too.
    """
    connection = transaction.connection
    newer = connection.execute(
        "SELECT other.scan_id FROM scan, scan AS other"
        " WHERE scan.scan_id = ? AND other.section_id = scan.section_id"
        " AND other.precedence > scan.precedence AND other.left_out = ''"
        " AND EXISTS (SELECT 1 FROM slice WHERE slice.scan_id = other.scan_id)"
        " ORDER BY other.precedence DESC LIMIT 1",
        (status.scan_id,),
    ).fetchone()
    is_alone = not supersede_below(transaction, status.scan_id)
    if newer is not None and status.superseded_by is None:
        _supersede(transaction, status.scan_id, newer[0])
    elif newer is None and status.superseded_by is not None:
        let_stand(transaction, status.scan_id)
    elif not is_alone:
        # The section's retained state must end up being that of the scan that stands.
        transaction.announce_state(status.scan_id)


def supersede_below(transaction: Transaction, scan_id: str) -> bool:
    """Supersede what stands with a lower precedence, and what a scan corrects; say if any did."""
    below = transaction.connection.execute(
        "SELECT other.scan_id FROM scan, scan AS other WHERE scan.scan_id = ?"
        " AND (other.section_id = scan.section_id AND other.precedence < scan.precedence"
        " OR other.scan_id = scan.corrects)"
        " AND other.superseded_by IS NULL AND other.duplicate_of IS NULL"
        " AND other.state <> 'quarantined' AND other.scan_id <> scan.scan_id"
        " ORDER BY other.precedence",
        (scan_id,),
    ).fetchall()
    for (other_id,) in below:
        _supersede(transaction, other_id, scan_id)
    return bool(below)


def let_stand(transaction: Transaction, scan_id: str) -> None:
    """Let a scan that was superseded stand again, and announce that."""
    transaction.connection.execute(
        "UPDATE scan SET superseded_by = NULL WHERE scan_id = ?", (scan_id,)
    )
    has_ended = transaction.connection.execute(
        "SELECT has_ended FROM scan WHERE scan_id = ?", (scan_id,)
    ).fetchone()[0]
    state = ScanState.DONE if has_ended else ScanState.GROWING
    update_state(transaction, scan_id, state, "")
    transaction.announce_state(scan_id)


def reinstate(transaction: Transaction, scan_id: str) -> bool:
    """
    Let a superseded scan take over again from another reading of the same file.

    Returns
    -------
    bool
        Whether it is another reading of the same file that supersedes it; where it is another
        scan, nothing is changed.
    """
    standing = _standing_over(transaction, scan_id)
    if standing is None or not _is_other_reading(transaction, scan_id, standing):
        return False
    # Both of them, so that neither way round needs the other one to be of the same section.
    transaction.connection.execute(
        "UPDATE scan SET precedence = (SELECT max(precedence) + 1 FROM scan), corrects = ?"
        " WHERE scan_id = ?",
        (standing, scan_id),
    )
    has_rows = transaction.connection.execute(
        "SELECT 1 FROM slice WHERE scan_id = ? LIMIT 1", (scan_id,)
    ).fetchone()
    if has_rows:
        transaction.connection.execute(
            "UPDATE scan SET superseded_by = NULL WHERE scan_id = ?", (scan_id,)
        )
        supersede_below(transaction, scan_id)
        let_stand(transaction, scan_id)
    return True


def restand(transaction: Transaction, section_id: str) -> None:
    """Let the newest scan of a section that has rows and is not left out stand, and it alone."""
    found = transaction.connection.execute(
        "SELECT scan_id, superseded_by FROM scan WHERE section_id = ? AND left_out = ''"
        " AND duplicate_of IS NULL AND state <> 'quarantined'"
        # What was superseded from another section was renamed, and stays so.
        " AND (superseded_by IS NULL OR EXISTS (SELECT 1 FROM scan AS other"
        " WHERE other.scan_id = scan.superseded_by AND other.section_id = scan.section_id))"
        " AND EXISTS (SELECT 1 FROM slice WHERE slice.scan_id = scan.scan_id)"
        " ORDER BY precedence DESC LIMIT 1",
        (section_id,),
    ).fetchone()
    if found is None:
        return
    scan_id, superseded_by = found
    supersede_below(transaction, scan_id)
    if superseded_by is not None:
        let_stand(transaction, scan_id)
    else:
        transaction.announce_state(scan_id)


def _standing_over(transaction: Transaction, scan_id: str) -> str | None:
    """Return the scan at the end of the chain of those that supersede one; ``None`` for none."""
    seen = scan_id
    known = {scan_id}
    while True:
        row = transaction.connection.execute(
            "SELECT superseded_by FROM scan WHERE scan_id = ?", (seen,)
        ).fetchone()
        if row is None or row[0] is None or row[0] in known:
            return None if seen == scan_id else seen
        seen = str(row[0])
        known.add(seen)


def _is_other_reading(transaction: Transaction, scan_id: str, standing: str) -> bool:
    """Whether a scan stands that shows the same file as ``scan_id``, as far as is known."""
    mine, theirs, corrected = transaction.connection.execute(
        "SELECT scan.content_digest, other.content_digest, other.corrects FROM scan,"
        " scan AS other WHERE scan.scan_id = ? AND other.scan_id = ?",
        (scan_id, standing),
    ).fetchone()
    return bool(theirs == mine if mine and theirs else corrected == scan_id)


def _supersede(transaction: Transaction, scan_id: str, by_scan_id: str) -> None:
    transaction.connection.execute(
        "UPDATE scan SET superseded_by = ? WHERE scan_id = ?", (by_scan_id, scan_id)
    )
    corrected = transaction.connection.execute(
        "SELECT verb, made_by, why FROM correction WHERE scan_id = ?"
        " AND verb IN ('redo', 'rename', 'process') ORDER BY correction_no DESC LIMIT 1",
        (scan_id,),
    ).fetchone()
    reason = "" if corrected is None else f"{corrected[0]} {said_by(*corrected[1:])}"
    update_state(transaction, scan_id, ScanState.SUPERSEDED, reason)
    transaction.announce_state(scan_id)


def said_by(made_by: str, why: str) -> str:
    """Return who corrected something and why, in words."""
    return f"by {made_by}{f': {why}' if why else ''}"


def update_state(transaction: Transaction, scan_id: str, state: ScanState, reason: str) -> None:
    """Write a scan's state."""
    transaction.connection.execute(
        "UPDATE scan SET state = ?, reason = ?, updated_utc = ? WHERE scan_id = ?",
        (state.value, reason, transaction.now_utc, scan_id),
    )
