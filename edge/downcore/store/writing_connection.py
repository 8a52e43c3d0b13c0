"""The one connection that writes the record: opened, let in one at a time, closed."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import sqlite_utils

from downcore.ports import Clock
from downcore.store.connection import as_store_error, driver, warn_of_wal_reset
from downcore.store.daemon_lock import DaemonLock
from downcore.store.generations import origin_of
from downcore.store.opening import open_checked
from downcore.store.own_files import OwnFiles
from downcore.store.place import FilesystemOf, filesystem_of, refuse_network_place
from downcore.store.transaction import Announcer, Transaction


class WritingConnection:
    """
    The connection that writes and checkpoints; made by :meth:`open`.

    Its methods may be called from any thread; a lock lets in one at a time.
    """

    def __init__(
        self,
        path: Path,
        database: sqlite_utils.Database,
        lock: DaemonLock,
        *,
        clock: Clock,
        announce: Announcer | None,
        on_commit: Callable[[], None] | None,
    ) -> None:
        self._path = path
        self._database = database
        self._daemon_lock = lock
        self._clock = clock
        self._announce = announce
        self._on_commit = on_commit
        self._mutex = threading.RLock()
        self._is_closed = False
        with as_store_error(path, "read"):
            self._origin = origin_of(database)
        self._files = OwnFiles(path, lock.path)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        clock: Clock,
        announce: Announcer | None,
        on_commit: Callable[[], None] | None = None,
        filesystem: FilesystemOf = filesystem_of,
    ) -> Self:
        """
        Open the record at ``path``, making it or bringing its schema up to date.

        Parameters
        ----------
        path : Path
            The database; its folder must exist.
        clock : Clock
            For time stamps, which only people read.
        announce : Announcer or None
            Writes the announcements; ``None`` for a record that is never announced.
        on_commit : callable, optional
            Called after each commit that announced something, from the committing thread.
            It must not raise.
        filesystem : callable, optional
            Answers the type of file system that holds a path.

        Raises
        ------
        StoreBusyError
            If another process has the store open for writing.
        StoreError
            If the place or the file cannot be a record: a network share, a newer schema,
            another application's database, a damaged file.
        """
        path = path.absolute()
        refuse_network_place(path, filesystem)
        lock = DaemonLock(path)
        try:
            database = open_checked(path, lock, clock.utc_rfc3339())
        except BaseException:
            lock.release()
            raise
        return cls(path, database, lock, clock=clock, announce=announce, on_commit=on_commit)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """Where the database lies, absolute."""
        return self._path

    def close(self) -> None:
        """Checkpoint, close and let another daemon in; closing twice does no harm."""
        with self._mutex:
            if self._is_closed:
                return
            with self._files.left_to_others():
                self._database.close()
            self._daemon_lock.release()
            self._is_closed = True

    def refuse_replaced(self) -> None:
        """
        Check that the database and the files beside it are those that were opened.

        Raises
        ------
        StoreError
            If one was deleted, replaced, or written by another program.
        """
        with self._mutex:
            self._files.refuse_replaced()

    def warn_of_sqlite(self) -> None:
        """Log, once a store and version, if this SQLite relies on our being the only writer."""
        version = ".".join(map(str, driver.sqlite_version_info))
        with self._mutex:
            if self._daemon_lock.warned_of != version:
                warn_of_wal_reset(driver.sqlite_version_info)
                self._daemon_lock.warned_of = version
                self._daemon_lock.remember(self._origin, durably=False)

    def checkpoint(self) -> bool:
        """Fold the log of writes into the database, when idle; return whether readers let it."""
        with self._mutex, as_store_error(self._path, "checkpoint"):
            row = self._database.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self._files.note_own_write()
        return bool(row[0] == 0)

    def _first_row(self, sql: str, *arguments: str) -> Any:
        """Return the first row that a query answers, or ``None``."""
        with self._mutex, as_store_error(self._path, "look something up in"):
            return self._database.conn.execute(sql, arguments).fetchone()

    @contextlib.contextmanager
    def _looking(self, doing: str) -> Iterator[Transaction]:
        """Give queries the connection; nothing may be written."""
        with self._mutex, as_store_error(self._path, doing):
            yield Transaction(self._database.conn, "", None)

    @contextlib.contextmanager
    def _writing(self, doing: str) -> Iterator[Transaction]:
        with self._mutex, as_store_error(self._path, doing):
            self._files.refuse_replaced()
            with self._database.atomic():
                transaction = Transaction(
                    self._database.conn, self._clock.utc_rfc3339(), self._announce
                )
                transaction.claim()
                yield transaction
            self._files.note_own_write()
            if transaction.head_seq:
                # Before anybody is told, so that no announcement goes out that is not counted.
                self._origin = replace(self._origin, head_seq=transaction.head_seq)
                self._daemon_lock.remember(self._origin, durably=False)
        if transaction.head_seq and self._on_commit is not None:
            self._on_commit()
