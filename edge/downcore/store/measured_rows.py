"""Measured logs in the store: what was read of loggers' files, and the values that count."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from downcore.store.rows import real_cell, storable_text
from downcore.store.transaction import Transaction
from downcore.strata.measured import MeasuredBatch, MeasuredPoint, MeasuredValue

_VALUE_COLUMNS = (
    "line, property, value, flag, footprint_um, core, section, file_depth_um, frame, section_id,"
    " depth_um, unmatched"
)
"""Columns of ``measured_row`` that a :class:`MeasuredValue` fills, in its own order."""
_FILE_COLUMNS = (
    "file_no, path, content_digest, n_bytes, format, instrument, state, reason, notes, doubted,"
    " n_rows, n_values, n_unmatched, first_unmatched, read_utc"
)
_MAX_VALUES = 3_000
"""Values that one transaction looks at."""
_SAME_SECTION = (
    "SELECT ? UNION SELECT other.section_id FROM scan AS mine JOIN scan AS other"
    " USING (expedition, core, section) WHERE mine.section_id = ? AND core <> ''"
)
"""A section and its other half, where both were scanned."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What is said of a reading of a file once it has ended."""

    state: str
    """``read`` or ``refused``."""
    reason: str = ""
    """Why it could not be read, whole or in part."""
    notes: str = ""
    """What a person should know of its values, one sentence a line."""
    doubted: tuple[str, ...] = ()
    """Properties whose values may not be used in their unit."""
    n_rows: int = 0
    n_values: int = 0
    n_unmatched: int = 0
    first_unmatched: str = ""


@dataclass(frozen=True, slots=True)
class ReadFile:
    """Which file is read."""

    path: str
    content_digest: str
    n_bytes: int
    format: str = ""
    instrument: str = ""


@dataclass(frozen=True, slots=True)
class MeasuredFile:
    """A reading of a logger's file in the record."""

    file_no: int
    file: ReadFile
    summary: Summary
    read_utc: str


def begin(transaction: Transaction, file: ReadFile) -> int:
    """Return the number of a new reading of a file, or of the same one that was begun."""
    newest = newest_of(transaction.connection, file.path)
    if newest is not None and newest.summary.state == "reading" and newest.file == _stored(file):
        return newest.file_no
    made = transaction.connection.execute(
        "INSERT INTO measured_file (path, content_digest, n_bytes, format, instrument, state,"
        " reason, notes, doubted, n_rows, n_values, n_unmatched, first_unmatched, read_utc)"
        " VALUES (?, ?, ?, ?, ?, 'reading', '', '', '', 0, 0, 0, '', ?)",
        (*_cells(file), transaction.now_utc),
    )
    return int(made.lastrowid or 0)


def end(transaction: Transaction, file_no: int, said: Summary) -> None:
    """Say how a reading ended; it does not change any more."""
    transaction.connection.execute(
        "UPDATE measured_file SET state = ?, reason = ?, notes = ?, doubted = ?, n_rows = ?,"
        " n_values = ?, n_unmatched = ?, first_unmatched = ? WHERE file_no = ?",
        (
            said.state,
            storable_text(said.reason),
            storable_text(said.notes),
            ",".join(said.doubted),
            said.n_rows,
            said.n_values,
            said.n_unmatched,
            storable_text(said.first_unmatched),
            file_no,
        ),
    )


def replace(
    transaction: Transaction,
    file: ReadFile,
    file_no: int,
    lines: tuple[int, int | None],
    values: Sequence[MeasuredValue],
) -> int:
    """
    Let values be those of some lines of a file, and announce what changed.

    Parameters
    ----------
    transaction : Transaction
        Open.
    file : ReadFile
        Which file.
    file_no : int
        The reading that says so.
    lines : (int, int or None)
        The first line, and the first that is not meant; ``None`` for all that follow.
    values : sequence of MeasuredValue
        All values of these lines, of 1,000 lines at most. Those that are there already are left
        alone; where lines have none, the first 3,000 values that are there are ended.

    Returns
    -------
    int
        How many values were added or do not count any more.
    """
    connection = transaction.connection
    log_no = log_of(connection, file.path)
    first, after = lines
    kept = {
        (row[0], row[1]): row
        for row in connection.execute(
            f"SELECT {_VALUE_COLUMNS} FROM measured_row WHERE log_no = ? AND line >= ?"  # noqa: S608 - the columns are constants
            " AND line < ? AND superseded_by IS NULL ORDER BY line LIMIT ?",
            (log_no, first, 2**62 if after is None else after, _MAX_VALUES),
        )
    }
    wanted = {(one.line, one.property): one for one in values}
    new = [
        (one, cells) for one in values if kept.get((one.line, one.property)) != (cells := _row(one))
    ]
    gone = [row for key, row in kept.items() if key not in wanted]
    ended = [(row[0], row[1]) for row in gone]
    ended += [(one.line, one.property) for one, _ in new if (one.line, one.property) in kept]
    connection.executemany(
        "UPDATE measured_row SET superseded_by = ?"
        " WHERE log_no = ? AND line = ? AND property = ? AND superseded_by IS NULL",
        [(file_no, log_no, line, name) for line, name in ended],
    )
    connection.executemany(
        f"INSERT INTO measured_row (file_no, log_no, {_VALUE_COLUMNS})"  # noqa: S608 - the columns are constants
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(file_no, log_no, *cells) for _, cells in new],
    )
    _announce(transaction, file, [one for one, _ in new], gone, kept)
    return len(new) + len(gone)


def _announce(
    transaction: Transaction,
    file: ReadFile,
    new: list[MeasuredValue],
    gone: list[tuple[object, ...]],
    kept: dict[tuple[int, str], tuple[object, ...]],
) -> None:
    at = _VALUE_COLUMNS.split(", ").index("section_id")
    added: dict[str, list[MeasuredValue]] = {}
    withdrawn: dict[str, list[tuple[int, str]]] = {}
    for row in gone:
        withdrawn.setdefault(str(row[at]), []).append((int(str(row[0])), str(row[1])))
    for one in new:
        added.setdefault(one.section_id, []).append(one)
        before = kept.get((one.line, one.property))
        if before is not None and before[at] != one.section_id:
            withdrawn.setdefault(str(before[at]), []).append((one.line, one.property))
    for section_id in filter(None, dict.fromkeys((*withdrawn, *added))):
        transaction.announce(
            MeasuredBatch(
                section_id,
                file.path.rpartition("/")[2],
                file.instrument,
                transaction.now_utc,
                tuple(added.get(section_id, ())),
                tuple(withdrawn.get(section_id, ())),
            )
        )


def log_of(connection: sqlite3.Connection, path: str) -> int:
    """Return the number of a file's first reading, by which its values are found; 0 without."""
    row = connection.execute(
        "SELECT min(file_no) FROM measured_file WHERE path = ?", (storable_text(path),)
    ).fetchone()
    return int(row[0] or 0)


def newest_of(connection: sqlite3.Connection, path: str) -> MeasuredFile | None:
    """Return the newest reading of a file; ``None`` where it was never read."""
    row = connection.execute(
        f"SELECT {_FILE_COLUMNS} FROM measured_file WHERE path = ?"  # noqa: S608 - the columns are constants
        " ORDER BY file_no DESC LIMIT 1",
        (storable_text(path),),
    ).fetchone()
    return None if row is None else _file(row)


def files(connection: sqlite3.Connection) -> list[MeasuredFile]:
    """Return the newest reading of every file, by path; none from a store of an older schema."""
    if not _is_known(connection):
        return []
    rows = connection.execute(
        f"SELECT {_FILE_COLUMNS} FROM measured_file WHERE file_no IN"  # noqa: S608 - the columns are constants
        " (SELECT max(file_no) FROM measured_file GROUP BY path) ORDER BY path"
    )
    return [_file(row) for row in rows]


def measured_of(connection: sqlite3.Connection, section_id: str) -> list[MeasuredPoint]:
    """Return the measured points of a section, by depth; see :meth:`Reader.measured_of`."""
    if not _is_known(connection):
        return []
    newest = {log_of(connection, one.file.path): one for one in files(connection)}
    rows = connection.execute(
        "SELECT depth_um, property, value, footprint_um, flag, log_no FROM measured_row"  # noqa: S608 - the clause is a constant
        f" WHERE section_id IN ({_SAME_SECTION}) AND section_id <> '' AND superseded_by IS NULL"
        " AND value IS NOT NULL ORDER BY depth_um, property, log_no, line",
        (section_id, section_id),
    )
    return [
        MeasuredPoint(
            depth_um,
            name,
            value,
            footprint_um,
            newest[log_no].file.instrument,
            flag or ("doubted" if name in newest[log_no].summary.doubted else ""),
            newest[log_no].file.path.rpartition("/")[2],
        )
        for depth_um, name, value, footprint_um, flag, log_no in rows
    ]


def _is_known(connection: sqlite3.Connection) -> bool:
    known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'measured_row'")
    return known.fetchone() is not None


def _file(row: tuple[object, ...]) -> MeasuredFile:
    number, path, digest, n_bytes, fmt, instrument, state, reason, notes, doubted, *counts = row
    n_rows, n_values, n_unmatched, first, read_utc = counts
    return MeasuredFile(
        int(str(number)),
        ReadFile(str(path), str(digest), int(str(n_bytes)), str(fmt), str(instrument)),
        Summary(
            str(state),
            str(reason),
            str(notes),
            tuple(filter(None, str(doubted).split(","))),
            int(str(n_rows)),
            int(str(n_values)),
            int(str(n_unmatched)),
            str(first),
        ),
        str(read_utc),
    )


def _stored(file: ReadFile) -> ReadFile:
    path, digest, n_bytes, fmt, instrument = _cells(file)
    return ReadFile(path, digest, n_bytes, fmt, instrument)


def _cells(file: ReadFile) -> tuple[str, str, int, str, str]:
    path, instrument = storable_text(file.path), storable_text(file.instrument)
    return path, file.content_digest, file.n_bytes, file.format, instrument


def _row(one: MeasuredValue) -> tuple[object, ...]:
    return (
        one.line,
        one.property,
        real_cell(one.value, one.property),
        one.flag,
        one.footprint_um,
        storable_text(one.core),
        storable_text(one.section),
        one.file_depth_um,
        one.frame,
        one.section_id,
        one.depth_um,
        storable_text(one.unmatched),
    )
