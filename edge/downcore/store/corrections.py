"""Corrections on their way into the record, and what they say of a file that is read."""

import shlex
from dataclasses import dataclass
from typing import Any

from downcore.store import questions, scans, standing
from downcore.store.rows import storable_text
from downcore.store.transaction import Transaction
from downcore.strata.record import ScanState
from downcore.strata.scan_corrections import (
    AS_SETTINGS_SAY,
    AskedReading,
    Correction,
    CorrectionRequest,
    Verb,
)

CORRECTION_COLUMNS = (
    "correction_no, request_id, made_utc, made_by, verb, asked, section_id, scan_id, path,"
    " px_per_cm, top, new_section_id, why, effect"
)
"""What :func:`correction_of_row` needs."""

_READINGS = (Verb.REDO, Verb.RENAME, Verb.PROCESS)
_LATEST_READING = (
    "SELECT px_per_cm, top, new_section_id FROM correction"
    " WHERE verb IN ('redo', 'rename', 'process')"
    " AND ((content_digest <> '' AND content_digest = ?)"
    " OR (content_digest = '' AND path = ?)) ORDER BY correction_no DESC LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class _Target:
    """What one row of a request is about."""

    section_id: str
    scan_id: str | None
    path: str
    content_digest: str


def correction_of_row(row: tuple[Any, ...]) -> Correction:
    """Return the correction whose cells are ``row``, in the order of CORRECTION_COLUMNS."""
    number, request_id, made_utc, made_by, verb, asked, section_id, scan_id, path, *rest = row
    return Correction(
        number, request_id, made_utc, made_by, Verb(verb), asked, section_id, scan_id, path,
        AskedReading(*rest[:3]), *rest[3:],
    )  # fmt: skip


def asked_reading(transaction: Transaction, content_digest: str, path: str) -> AskedReading:
    """
    Return how a person wants a file read.

    Parameters
    ----------
    transaction : Transaction
        An open one.
    content_digest : str
        Of the file; empty while it is not known.
    path : str
        Where it lies, as the record shows it; counts for what was corrected while it grew.
    """
    row = transaction.connection.execute(_LATEST_READING, (content_digest, path)).fetchone()
    return AS_SETTINGS_SAY if row is None else AskedReading(*row)


def apply(transaction: Transaction, request: CorrectionRequest) -> tuple[Correction, ...]:
    """
    Write what a person corrected, and what takes effect at once; again is a no-op.

    Returns
    -------
    tuple of Correction
        What was written; nothing where the request is in the record already.
    """
    is_known = transaction.connection.execute(
        "SELECT 1 FROM correction WHERE request_id = ? LIMIT 1", (request.request_id,)
    ).fetchone()
    if is_known:
        return ()
    made = [
        correction
        for target in _targets(transaction, request)
        if (correction := _apply_to(transaction, request, target)) is not None
    ]
    for correction in made:
        transaction.announce(correction)
    if request.verb in (Verb.EXCLUDE, Verb.INCLUDE, Verb.FORGET):
        for section_id in sorted({correction.section_id for correction in made}):
            standing.restand(transaction, section_id)
    return tuple(made)


def keep_said(
    transaction: Transaction, request: CorrectionRequest, content_digest: str, path: str
) -> None:
    """Write how a person said that a file is to be read, unless that is in the record already."""
    other = scans.other_reading(transaction, content_digest, path)
    section_id = "" if other is None else transaction.status(other.scan_id)[0].section_id
    scan_id = None if other is None else other.scan_id
    _apply_to(transaction, request, _Target(section_id, scan_id, path, content_digest))


def _targets(transaction: Transaction, request: CorrectionRequest) -> list[_Target]:
    targets: list[_Target] = []
    for scan_id in dict.fromkeys(request.scan_ids):
        row = transaction.connection.execute(
            "SELECT section_id, scan_id, path, content_digest FROM scan WHERE scan_id = ?",
            (scan_id,),
        ).fetchone()
        if row is not None:
            targets.append(_Target(*row))
    return targets + [_Target("", None, path, "") for path in dict.fromkeys(request.paths)]


def _apply_to(
    transaction: Transaction, request: CorrectionRequest, target: _Target
) -> Correction | None:
    reading = AS_SETTINGS_SAY
    if request.verb in _READINGS:
        earlier = asked_reading(transaction, target.content_digest, target.path)
        reading = _reading_after(request, earlier)
        if reading == earlier:
            return None
    causes = ""
    if request.verb is Verb.ACCEPT:
        reading = _reading_of(transaction, target)
        causes = questions.asked_about(transaction, request.scan_ids)
    effect = _effect(request, target, reading)
    made = transaction.connection.execute(
        "INSERT INTO correction (request_id, made_utc, made_by, verb, asked, section_id, scan_id,"
        " path, content_digest, px_per_cm, top, new_section_id, why, effect, causes)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            request.request_id,
            request.made_utc,
            storable_text(request.made_by),
            request.verb.value,
            storable_text(request.asked),
            target.section_id,
            target.scan_id,
            target.path,
            target.content_digest,
            reading.px_per_cm,
            reading.top,
            reading.section,
            storable_text(request.why),
            effect,
            causes,
        ),
    )
    _take_effect(transaction, request, target)
    row = transaction.connection.execute(
        f"SELECT {CORRECTION_COLUMNS} FROM correction WHERE correction_no = ?",  # noqa: S608 - the columns are constants
        (made.lastrowid,),
    ).fetchone()
    return correction_of_row(row)


def _reading_after(request: CorrectionRequest, earlier: AskedReading) -> AskedReading:
    """Return how a scan is read from now on; a bare redo takes back what was said before."""
    if request.verb is Verb.REDO and request.reading == AS_SETTINGS_SAY:
        return AskedReading(section=earlier.section)
    return request.reading.over(earlier)


def _reading_of(transaction: Transaction, target: _Target) -> AskedReading:
    """Return how a scan is read that is accepted; nothing for a pattern of scans."""
    row = transaction.connection.execute(
        "SELECT px_per_cm, top FROM scan WHERE scan_id = ?", (target.scan_id,)
    ).fetchone()
    return AS_SETTINGS_SAY if row is None else AskedReading(*row)


def _effect(request: CorrectionRequest, target: _Target, reading: AskedReading) -> str:
    if request.verb in _READINGS:
        return f"read {reading.words or 'as the settings say'}"
    if request.verb is Verb.ACCEPT:
        if target.scan_id is None:
            return "right as they are read, and those that come; not asked about for this any more"
        return f"right as it is read, {reading.words}"
    name = shlex.quote(target.section_id)
    return {
        Verb.EXCLUDE: f"left out of the log; `downcore include {name}` undoes it",
        Verb.INCLUDE: "back in the log",
        Verb.RELEASE: "tried again at the next look",
        Verb.FORGET: "shown nowhere any more; the rows stay in the database",
    }[request.verb]


def _take_effect(transaction: Transaction, request: CorrectionRequest, target: _Target) -> None:
    """Do what a correction does by itself; a redo is done when the file is read."""
    if request.verb is Verb.RELEASE:
        transaction.connection.execute("DELETE FROM quarantine WHERE path = ?", (target.path,))
        if target.scan_id is not None:
            scans.set_state(transaction, target.scan_id, ScanState.SEEN, "")
    elif request.verb in (Verb.EXCLUDE, Verb.FORGET, Verb.INCLUDE) and target.scan_id is not None:
        left_out = {Verb.EXCLUDE: "excluded", Verb.FORGET: "forgotten"}.get(request.verb, "")
        because = standing.said_by(request.made_by, request.why) if left_out else ""
        transaction.connection.execute(
            "UPDATE scan SET left_out = ?, left_out_because = ?, updated_utc = ? WHERE scan_id = ?",
            (left_out, storable_text(because), transaction.now_utc, target.scan_id),
        )
        transaction.announce_state(target.scan_id)
    elif request.verb is Verb.ACCEPT and target.scan_id is not None:
        questions.close(transaction, target.scan_id)
    elif request.verb is Verb.RENAME and request.reading.section is not None:
        # A copy of the new name that was linked to the scan gets rows of its own now.
        transaction.connection.execute(
            "UPDATE scan SET duplicate_of = NULL, state = 'seen', has_ended = 0"
            " WHERE section_id = ? AND duplicate_of = ?",
            (request.reading.section, target.scan_id),
        )
