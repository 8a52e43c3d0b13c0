"""Flags in the store: raised, changed, cleared and acknowledged; and the flags that stand."""

import math
import sqlite3
from collections.abc import Iterable, Sequence
from functools import partial

from downcore.store.rows import storable_text
from downcore.store.transaction import Transaction
from downcore.strata.errors import UnknownFlagError
from downcore.strata.flags import Acknowledgement, Alarm, Flag, FlagEvent, FlagEventKind
from downcore.strata.second_opinion.codes import Code, Finding

NEAR_UM = 50_000
"""A finding so near to a flag of its kind is the same flag."""
_CHANGE = 1.1
"""A score that changes by more than this factor is a change."""

_STATES = """
SELECT flag.flag_no, flag.section_id, flag.code, flag.property,
    extent.top_um, extent.bottom_um, extent.score, extent.score_limit, extent.evidence,
    (SELECT made_utc FROM flag_event AS e WHERE e.flag_no = flag.flag_no AND e.kind = 'raised'),
    latest.made_utc, latest.kind = 'cleared',
    coalesce(ack.made_by, ''), coalesce(ack.made_utc, ''), coalesce(ack.word, '')
FROM flag
JOIN flag_event AS extent ON extent.event_no = (SELECT max(event_no) FROM flag_event AS e
    WHERE e.flag_no = flag.flag_no AND e.kind IN ('raised', 'changed'))
JOIN flag_event AS latest ON latest.event_no = (SELECT max(event_no) FROM flag_event AS e
    WHERE e.flag_no = flag.flag_no AND e.kind <> 'acknowledged')
LEFT JOIN flag_event AS ack ON ack.event_no = (SELECT max(event_no) FROM flag_event AS e
    WHERE e.flag_no = flag.flag_no AND e.kind = 'acknowledged')
"""


def settle(transaction: Transaction, section_id: str, findings: Sequence[Finding]) -> int:
    """
    Bring the flags of a section in line with what is found now, and announce what changed.

    The same findings again change nothing.

    Parameters
    ----------
    transaction : Transaction
        Open.
    section_id : str
        Which section.
    findings : sequence of Finding
        All that is found of it.

    Returns
    -------
    int
        How many flags were raised, changed or cleared.
    """
    standing = [one for one in flags_of(transaction.connection, section_id) if not one.is_cleared]
    n_changed = 0
    for finding in findings:
        flag = min(
            (one for one in standing if _is_same(one, finding)),
            key=partial(_apart_um, finding),
            default=None,
        )
        if flag is None:
            made = transaction.connection.execute(
                "INSERT INTO flag (section_id, code, property) VALUES (?, ?, ?)",
                (storable_text(section_id), finding.code.value, finding.property),
            )
            _add(transaction, int(made.lastrowid or 0), FlagEventKind.RAISED, finding)
            n_changed += 1
            continue
        standing.remove(flag)
        if _has_changed(flag, finding):
            _add(transaction, flag.flag_no, FlagEventKind.CHANGED, finding)
            n_changed += 1
    for flag in standing:
        _add(transaction, flag.flag_no, FlagEventKind.CLEARED, None)
        n_changed += 1
    if n_changed:
        _announce(transaction, section_id)
    return n_changed


def acknowledge(transaction: Transaction, said: Acknowledgement) -> Flag:
    """
    Record that a person has seen a flag, and announce it; the same request again is a no-op.

    Raises
    ------
    UnknownFlagError
        If there is no such flag.
    """
    connection = transaction.connection
    found = flag_numbered(connection, said.flag_no)
    if found is None:
        raise UnknownFlagError(
            f"expected the number of a flag, got {said.flag_no}; `downcore flags` lists them"
        )
    known = connection.execute(
        "SELECT 1 FROM flag_event WHERE request_id = ?", (said.request_id,)
    ).fetchone()
    if known is None:
        connection.execute(
            "INSERT INTO flag_event (flag_no, kind, evidence, made_by, word, request_id, made_utc)"
            " VALUES (?, 'acknowledged', '', ?, ?, ?, ?)",
            (
                said.flag_no,
                storable_text(said.made_by),
                storable_text(said.word),
                said.request_id,
                said.made_utc,
            ),
        )
        _announce(transaction, found.section_id)
    return flag_numbered(connection, said.flag_no) or found


def flags_of(connection: sqlite3.Connection, section_id: str | None = None) -> list[Flag]:
    """Return the flags of a section, or of all, in order of depth; cleared ones as well."""
    if not _is_known(connection):
        return []
    where = "" if section_id is None else "WHERE flag.section_id = ?"
    rows = connection.execute(
        f"{_STATES} {where} ORDER BY flag.section_id, extent.top_um, flag.flag_no",
        () if section_id is None else (storable_text(section_id),),
    )
    return [_flag(row) for row in rows]


def flag_numbered(connection: sqlite3.Connection, flag_no: int) -> Flag | None:
    """Return a flag by its number; ``None`` where there is none."""
    if not _is_known(connection):
        return None
    row = connection.execute(f"{_STATES} WHERE flag.flag_no = ?", (flag_no,)).fetchone()
    return None if row is None else _flag(row)


def events_of(connection: sqlite3.Connection, flag_no: int) -> list[FlagEvent]:
    """Return what happened to a flag, the oldest first."""
    if not _is_known(connection):
        return []
    rows = connection.execute(
        "SELECT event_no, flag_no, kind, made_by, word, made_utc FROM flag_event"
        " WHERE flag_no = ? ORDER BY event_no",
        (flag_no,),
    )
    return [FlagEvent(no, of, FlagEventKind(kind), *rest) for no, of, kind, *rest in rows]


def _apart_um(finding: Finding, flag: Flag) -> int:
    return abs(flag.top_um - finding.top_um) + abs(flag.bottom_um - finding.bottom_um)


def _is_same(flag: Flag, finding: Finding) -> bool:
    if (flag.code, flag.property) != (finding.code, finding.property):
        return False
    apart = max(finding.top_um - flag.bottom_um, flag.top_um - finding.bottom_um)
    return apart <= NEAR_UM


def _has_changed(flag: Flag, finding: Finding) -> bool:
    if (flag.top_um, flag.bottom_um) != (finding.top_um, finding.bottom_um):
        return True
    was, now = flag.score, _storable_score(finding.score)
    if was <= 0.0 or now <= 0.0:
        return was != now
    return abs(math.log(now / was)) > math.log(_CHANGE)


def _add(
    transaction: Transaction, flag_no: int, kind: FlagEventKind, finding: Finding | None
) -> None:
    cells: Iterable[object] = (None, None, None, None, "")
    if finding is not None:
        cells = (
            finding.top_um,
            finding.bottom_um,
            _storable_score(finding.score),
            _storable_score(finding.limit),
            storable_text(finding.evidence),
        )
    transaction.connection.execute(
        "INSERT INTO flag_event (flag_no, kind, top_um, bottom_um, score, score_limit, evidence,"
        " made_by, word, request_id, made_utc) VALUES (?, ?, ?, ?, ?, ?, ?, '', '', '', ?)",
        (flag_no, kind.value, *cells, transaction.now_utc),
    )


def _storable_score(score: float) -> float:
    return min(max(round(float(score), 3), -1e6), 1e6)


def _announce(transaction: Transaction, section_id: str) -> None:
    standing = [one for one in flags_of(transaction.connection, section_id) if not one.is_cleared]
    transaction.announce(Alarm(section_id, transaction.now_utc, tuple(standing)))


def _flag(row: Sequence[object]) -> Flag:
    no, section_id, code, prop, top, bottom, score, limit, evidence, *rest = row
    raised, changed, is_cleared, by, at, word = rest
    return Flag(
        int(str(no)),
        str(section_id),
        Code(str(code)),
        str(prop),
        int(str(top)),
        int(str(bottom)),
        float(str(score)),
        float(str(limit)),
        str(evidence),
        str(raised),
        str(changed),
        bool(is_cleared),
        str(by),
        str(at),
        str(word),
    )


def _is_known(connection: sqlite3.Connection) -> bool:
    known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'flag_event'")
    return known.fetchone() is not None
