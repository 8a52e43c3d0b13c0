"""Opening the record for writing: checked first, touched only then."""

import contextlib
import logging
from pathlib import Path

import sqlite_utils

from downcore.store.connection import as_store_error, open_reader, open_writer
from downcore.store.hot_journal import undo_cut_off_write
from downcore.store.place import DaemonLock
from downcore.store.schema import bring_up_to_date, refuse_foreign
from downcore.strata.errors import StoreError

logger = logging.getLogger(__name__)


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
    undo_cut_off_write(path)
    if path.exists():
        with contextlib.closing(open_reader(path)) as probe, as_store_error(path, "open"):
            refuse_foreign(probe, path)
    database = open_writer(path)
    try:
        with as_store_error(path, "bring up to date"):
            bring_up_to_date(database, created_utc=now_utc, epoch=lock.last_epoch() + 1)
            epoch = database.conn.execute("SELECT epoch FROM meta").fetchone()[0]
            if was_left_open:
                _refuse_damaged(database, path)
        if epoch > lock.last_epoch():
            lock.remember_epoch(epoch)
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
