"""A copy of a record that may be in use: made online, checked, and only then given its name."""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from downcore.store.connection import as_store_error, driver, open_reader
from downcore.store.schema import refuse_empty, refuse_foreign
from downcore.strata.errors import StoreError

PAGES_PER_STEP = 2048
"""Pages copied between two reports of progress."""

OnPages = Callable[[int, int], None]
"""Called with the pages copied so far, and of all."""


def snapshot(database: Path, out: Path, *, on_pages: OnPages = lambda _done, _total: None) -> int:
    """
    Copy a record into one file, as it is at this moment, and check the copy.

    The record may be in use meanwhile. The copy is written beside ``out`` and gets its name
    once it was checked, so that what bears the name is whole.

    Parameters
    ----------
    database : Path
        The record.
    out : Path
        The copy; must not exist.
    on_pages : callable, optional
        Called with the progress.

    Returns
    -------
    int
        How many rows the copy holds, over all tables.

    Raises
    ------
    StoreError
        If there is no record, ``out`` exists or cannot be written, or the copy is damaged.
    """
    _refuse_taken(out)
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    with contextlib.closing(open_reader(database)) as source:
        with as_store_error(database, "read"):
            refuse_foreign(source, database)
            refuse_empty(source, database)
            # One transaction, so that rows that come meanwhile change nothing.
            source.execute("BEGIN")
            counts = _counts(source)
        try:
            with _as_copy_error(out):
                _copy(source, part, on_pages)
                _refuse_damaged(part, counts)
                _name(part, out)
        finally:
            for suffix in ("", "-journal", "-wal", "-shm"):
                part.with_name(part.name + suffix).unlink(missing_ok=True)
    return sum(counts.values())


def _copy(source: sqlite3.Connection, part: Path, on_pages: OnPages) -> None:
    # Nobody else knows of the file, so it needs no locks, which a share or a stick may lack.
    uri = f"{part.absolute().as_uri()}?vfs=unix-none"
    with contextlib.closing(driver.connect(uri, uri=True, isolation_level=None)) as target:
        source.backup(
            target,
            pages=PAGES_PER_STEP,
            progress=lambda _status, left, total: on_pages(total - left, total),
        )
        target.execute("PRAGMA locking_mode = EXCLUSIVE")
        # One file that stands alone; the writer turns its log on again where it is put back.
        mode = target.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
        if mode != "delete":
            raise StoreError(f"expected a copy in one file at {part}, got journal mode {mode}")
    with part.open("rb") as file:
        os.fsync(file.fileno())


def _refuse_damaged(part: Path, counts: dict[str, int]) -> None:
    uri = f"{part.absolute().as_uri()}?mode=ro&immutable=1"
    with contextlib.closing(driver.connect(uri, uri=True)) as copy:
        answer = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
        found = _counts(copy)
    if answer != "ok":
        raise StoreError(f"expected a sound copy, got damage: {answer}; check both disks")
    if found != counts:
        raise StoreError(f"expected a copy with the rows {counts}, got {found}; check both disks")


def _name(part: Path, out: Path) -> None:
    """Give a finished copy its name, unless somebody took it meanwhile."""
    try:
        os.link(part, out)
    except FileExistsError:
        _refuse_taken(out)
        raise
    except OSError:
        # A file system without hard links, such as that of a USB stick.
        _refuse_taken(out)
        part.rename(out)
    folder = os.open(out.absolute().parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(folder)
    finally:
        os.close(folder)


def _counts(connection: sqlite3.Connection) -> dict[str, int]:
    tables = [
        row[0]
        for row in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            " ORDER BY name"
        )
    ]
    return {
        table: int(connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])  # noqa: S608 - a table of ours
        for table in tables
    }


def _refuse_taken(out: Path) -> None:
    if os.path.lexists(out):
        raise StoreError(
            f"expected no file at {out}, got one; name another, a snapshot overwrites nothing"
        )


@contextlib.contextmanager
def _as_copy_error(out: Path) -> Iterator[None]:
    try:
        yield
    except (driver.Error, OSError) as error:
        raise StoreError(
            f"expected to write a copy to {out}, got: {error}; check that its folder exists, "
            "may be written and has room"
        ) from error
