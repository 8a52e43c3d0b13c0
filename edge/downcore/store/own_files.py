"""Whether the files of a database that is open for writing are still those that were opened."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from downcore.store.connection import beside, driver
from downcore.strata.errors import StoreError

_Identity: TypeAlias = tuple[int, int] | None
"""Device and number of a file; ``None`` where there is none."""

_Content: TypeAlias = tuple[int, int] | None
"""Size and time of the last write of a file, in bytes and nanoseconds."""


class OwnFiles:
    """
    A database, the files that SQLite keeps beside it, and its lock file.

    A database that is deleted under its writer goes on to take rows, and nobody ever finds them.
    So the writer looks before each write; one that notices must end without touching what
    lies there now.

    Parameters
    ----------
    database : Path
        A database that this process has open for writing, in WAL mode.
    lock : Path
        Its lock file.
    """

    def __init__(self, database: Path, lock: Path) -> None:
        self._database = database
        self._wal = beside(database, "-wal")
        watched = (database, self._wal, beside(database, "-shm"), lock)
        self._identities = {path: _identity(path) for path in watched}
        self._contents: tuple[_Content, _Content] = (None, None)
        self.note_own_write()

    def note_own_write(self) -> None:
        """Take the files as they are now for what this process wrote."""
        self._contents = (_content(self._database), _content(self._wal))

    def refuse_replaced(self) -> None:
        """
        Check that every file is the one that was opened, with nobody else's bytes.

        Raises
        ------
        StoreError
            If not; says which, and what to do.
        """
        for path, known in self._identities.items():
            if _identity(path) != known:
                was = "deleted" if _identity(path) is None else "replaced"
                raise StoreError(
                    f"expected {path} as it was opened, got it {was} while downcore was running; "
                    "rows written since then are lost with it, and are made again from the inbox "
                    "at the next start: stop downcore before its files are touched"
                )
        if (_content(self._database), _content(self._wal)) != self._contents:
            raise StoreError(
                f"expected to be the only one who writes {self._database}, got it written by "
                "another program while downcore was running; stop downcore before a copy is put "
                "back or its files are touched"
            )

    @contextlib.contextmanager
    def left_to_others(self) -> Iterator[None]:
        """
        Leave a database and a log of writes that are not ours as they are, while ours is closed.

        On closing, SQLite writes its log into the database and removes the log by its name.
        """
        is_ours = {path: _identity(path) == known for path, known in self._identities.items()}
        is_written_over = _content(self._database) != self._contents[0]
        if all(is_ours.values()) and not is_written_over:
            yield
            return
        with contextlib.ExitStack() as stack:
            if not is_ours[self._wal] and self._wal.exists():
                aside = self._wal.rename(beside(self._database, "-wal.kept"))
                stack.callback(aside.rename, self._wal)
            if is_ours[self._database] and is_written_over:
                # With a reader beside it, the last writer leaves the database as it is.
                stack.enter_context(contextlib.closing(_reader(self._database)))
            yield
        if not is_ours[self._database] or is_written_over:
            self._part_from_log(is_ours)

    def _part_from_log(self, is_ours: dict[Path, bool]) -> None:
        """Keep our log of writes from being read as part of a database it does not belong to."""
        if is_ours[self._wal] and self._wal.exists():
            self._wal.replace(beside(self._database, "-wal.of-lost-database"))
        index = beside(self._database, "-shm")
        if is_ours[index]:
            index.unlink(missing_ok=True)


def _reader(path: Path) -> driver.Connection:  # type: ignore[name-defined]  # the driver is chosen at run time
    connection = driver.connect(f"{path.as_uri()}?mode=ro", uri=True)
    with contextlib.suppress(driver.Error):
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return connection


def _identity(path: Path) -> _Identity:
    try:
        state = path.stat()
    except FileNotFoundError:
        return None
    return state.st_dev, state.st_ino


def _content(path: Path) -> _Content:
    try:
        state = path.stat()
    except FileNotFoundError:
        return None
    return state.st_size, state.st_mtime_ns
