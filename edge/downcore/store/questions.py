"""Questions about scans that wait for a person, the answers, and what the station knows besides."""

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from downcore.store.rows import storable_text
from downcore.store.transaction import Transaction
from downcore.strata.scan_doubts import Cause, OtherScan

N_OTHERS = 25
"""Latest accepted scans of a folder with which a new one is compared."""


@dataclass(frozen=True, slots=True)
class KnownWidth:
    """How wide a scan is, and in which folder it lies."""

    folder: str
    n_across: int
    sediment_px: int | None
    """``None`` where its first centimetres show no sediment."""


def note_width(transaction: Transaction, scan_id: str, width: KnownWidth) -> None:
    """Keep how wide a scan is, for those that come after it."""
    transaction.connection.execute(
        "UPDATE scan SET folder = ?, n_across = ?, sediment_px = ? WHERE scan_id = ?",
        (storable_text(width.folder), width.n_across, width.sediment_px, scan_id),
    )


def others_in(transaction: Transaction, scan_id: str, folder: str) -> tuple[OtherScan, ...]:
    """
    Return the latest scans of a folder that have rows and stand, without ``scan_id``.

    There are none for a scan that is another reading of a file that has rows: it is read again
    because a person changed the settings or said so, and what stands is what is being corrected.
    """
    is_read_again = transaction.connection.execute(
        "SELECT 1 FROM scan JOIN slice ON slice.scan_id = scan.corrects"
        " WHERE scan.scan_id = ? LIMIT 1",
        (scan_id,),
    ).fetchone()
    if is_read_again:
        return ()
    rows = transaction.connection.execute(
        "SELECT px_per_cm, n_across, sediment_px FROM scan WHERE folder = ? AND scan_id <> ?"
        " AND n_across IS NOT NULL AND left_out = '' AND question = '' AND superseded_by IS NULL"
        " AND duplicate_of IS NULL AND state <> 'quarantined'"
        " AND EXISTS (SELECT 1 FROM slice WHERE slice.scan_id = scan.scan_id)"
        " ORDER BY scan_no DESC LIMIT ?",
        (storable_text(folder), scan_id, N_OTHERS),
    ).fetchall()
    return tuple(
        OtherScan(Fraction(px_per_cm), n_across, sediment_px)
        for px_per_cm, n_across, sediment_px in rows
    )


def answered(
    transaction: Transaction, scan_id: str, content_digest: str, causes: frozenset[Cause]
) -> frozenset[Cause]:
    """
    Return those of some causes that people have answered for a scan as it is read.

    An acceptance of this scan, or of the same content read the same way, answers all; one of a
    pattern answers the causes that were asked about then; and who gave a scale or a side with
    ``redo`` need not be told that others say another.
    """
    section_id, path, px_per_cm, top = transaction.connection.execute(
        "SELECT section_id, path, px_per_cm, top FROM scan WHERE scan_id = ?", (scan_id,)
    ).fetchone()
    is_accepted = transaction.connection.execute(
        "SELECT 1 FROM correction WHERE verb = 'accept' AND scan_id IS NOT NULL AND (scan_id = ?"
        " OR (content_digest <> '' AND content_digest = ? AND px_per_cm = ? AND top = ?)) LIMIT 1",
        (scan_id, content_digest, px_per_cm, top),
    ).fetchone()
    if is_accepted:
        return causes
    known: set[Cause] = set()
    for pattern, words in transaction.connection.execute(
        "SELECT path, causes FROM correction WHERE verb = 'accept' AND scan_id IS NULL"
    ):
        if fnmatch.fnmatchcase(section_id, pattern):
            known |= causes_of(words)
    redone = transaction.connection.execute(
        "SELECT px_per_cm, top FROM correction WHERE verb = 'redo'"
        " AND ((content_digest <> '' AND content_digest = ?)"
        " OR (content_digest = '' AND path = ?)) ORDER BY correction_no DESC LIMIT 1",
        (content_digest, path),
    ).fetchone()
    if redone and redone[0] is not None and Fraction(redone[0]) == Fraction(px_per_cm):
        known |= {Cause.SCALE, Cause.OTHERS}
    if redone and redone[1] == top:
        known |= {Cause.TOP}
    return frozenset(known & causes)


def ask(transaction: Transaction, scan_id: str, causes: Iterable[Cause], question: str) -> bool:
    """Let a scan wait with a question, and announce that; return whether it is a new one."""
    words, question = ",".join(sorted(set(causes))), storable_text(question)
    changed = transaction.connection.execute(
        "UPDATE scan SET question = ?, causes = ?, updated_utc = ?"
        " WHERE scan_id = ? AND (question, causes) IS NOT (?, ?)",
        (question, words, transaction.now_utc, scan_id, question, words),
    )
    if changed.rowcount:
        transaction.announce_state(scan_id)
    return bool(changed.rowcount)


def close(transaction: Transaction, scan_id: str) -> None:
    """Take back a scan's question, because it was answered or nothing speaks for it any more."""
    changed = transaction.connection.execute(
        "UPDATE scan SET question = '', updated_utc = ? WHERE scan_id = ? AND question <> ''",
        (transaction.now_utc, scan_id),
    )
    if changed.rowcount:
        transaction.announce_state(scan_id)


def asked_about(transaction: Transaction, scan_ids: Iterable[str]) -> str:
    """Return the causes of the questions about some scans, as a correction keeps them."""
    found: set[Cause] = set()
    for scan_id in scan_ids:
        row = transaction.connection.execute(
            "SELECT causes FROM scan WHERE scan_id = ?", (scan_id,)
        ).fetchone()
        found |= causes_of("" if row is None else row[0])
    return ",".join(sorted(found))


def causes_of(words: str) -> frozenset[Cause]:
    """Return the causes that the record holds as words with commas between."""
    return frozenset(Cause(word) for word in words.split(",") if word)
