"""Opening the record for writing: checked first, touched only then."""

import contextlib
import logging
from pathlib import Path

import sqlite_utils

from downcore.store.connection import (
    APPLICATION_ID,
    as_store_error,
    driver,
    journal_of,
    open_reader,
    open_writer,
)
from downcore.store.daemon_lock import DaemonLock
from downcore.store.generations import begin_generation, next_epoch
from downcore.store.migrations import migrations
from downcore.store.schema import bring_up_to_date, refuse_foreign
from downcore.strata.errors import StoreError

logger = logging.getLogger(__name__)

_HEADER_BYTES = 105
"""The database's header, and of the page that holds its schema the number of entries."""

_JOURNAL_HEADER_BYTES = 28
"""The journal's header, up to the size of a page."""


def open_checked(path: Path, lock: DaemonLock, now_utc: str) -> sqlite_utils.Database:
    """
    Return the writing connection to a store whose lock is held, made or migrated as needed.

    Raises
    ------
    StoreError
        If the file is not a store that this version can use, or is damaged.
    """
    wal = path.with_name(path.name + "-wal")
    was_left_open = wal.exists() and wal.stat().st_size > 0
    _undo_cut_off_write(path)
    if path.exists():
        with contextlib.closing(open_reader(path)) as probe, as_store_error(path, "open"):
            refuse_foreign(probe, path)
    database = open_writer(path)
    try:
        with as_store_error(path, "bring up to date"):
            epoch = next_epoch(lock.last_epoch, now_utc)
            is_new = bring_up_to_date(database, created_utc=now_utc, epoch=epoch)
            if was_left_open:
                _refuse_damaged(database, path)
            begin_generation(database, path, lock, now_utc=now_utc, is_new=is_new)
    except BaseException:
        database.close()
        raise
    return database


def _refuse_damaged(database: sqlite_utils.Database, path: Path) -> None:
    logger.info("database %s was not closed the last time, checking it", path)
    answer = database.conn.execute("PRAGMA quick_check(1)").fetchone()[0]
    if answer != "ok":
        raise StoreError(
            f"expected a sound database at {path}, got damage: {answer}; "
            "move it aside with its -wal and -shm files and start again from the inbox"
        )


def _undo_cut_off_write(path: Path) -> None:
    """
    Let SQLite undo a write to our own database that a kill cut off; else do nothing.

    Undoing writes to the database, so whose it is must be known before SQLite opens it:
    its header is read as bytes. A database that names no application is ours to make where
    it has one page, without a table, and had none before.

    Parameters
    ----------
    path : Path
        A database whose lock is held; it may be missing.

    Raises
    ------
    StoreError
        If undoing fails, or, before anything is touched, if the database is another
        application's or a newer downcore made it.

    Notes
    -----
    Source: SQLite's description of its file format, sections 1.3, 1.6 and 3.
    """
    head = _first_bytes(path, _HEADER_BYTES)
    journal = _first_bytes(journal_of(path), _JOURNAL_HEADER_BYTES)
    # SQLite sees a journal as one to undo where its first byte is written.
    if not head or journal[:1] in {b"", b"\0"}:
        return
    _refuse_foreign_header(path, head, journal)
    with (
        as_store_error(path, "undo a write that was cut off in"),
        contextlib.closing(driver.connect(str(path))) as connection,
    ):
        # The first look at the database undoes it.
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()


def _refuse_foreign_header(path: Path, head: bytes, journal: bytes) -> None:
    application_id, version = int.from_bytes(head[68:72]), int.from_bytes(head[60:64])
    n_tables = int.from_bytes(head[103:105])
    n_pages_before, page_bytes = int.from_bytes(journal[16:20]), int.from_bytes(journal[24:28])
    is_being_made = n_pages_before == 0 and path.stat().st_size <= page_bytes
    is_ours = application_id == 0 and is_being_made and n_tables == 0
    if application_id != APPLICATION_ID and not is_ours:
        raise StoreError(
            f"expected a downcore database at {path}, got one of another application "
            f"(id {application_id:#x}) in the middle of a write, with {journal_of(path).name} "
            "beside it; give downcore a file of its own"
        )
    newest = len(migrations())
    if version > newest:
        raise StoreError(
            f"expected schema version {newest} or older in {path}, got {version} in the middle "
            "of a write; a newer downcore made it, so install that one again"
        )


def _first_bytes(path: Path, n_bytes: int) -> bytes:
    """Return the first bytes of a file, fewer where there are fewer; none if it is missing."""
    try:
        with path.open("rb") as file:
            return file.read(n_bytes)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise StoreError(
            f"expected to read {path}, got {error.strerror}; check the disk and whose file it is"
        ) from error
