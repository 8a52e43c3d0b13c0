"""Connections to the store, with the settings that make SQLite a record."""

import contextlib
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import sqlite_utils
from sqlite_utils import utils

from downcore.strata.errors import StoreError

logger = logging.getLogger(__name__)

driver = utils.sqlite3  # type: ignore[attr-defined]  # sqlite-utils chooses pysqlite3 where it is installed, and both must be the same
"""The module that sqlite-utils uses."""

APPLICATION_ID = 0x646F776E
"""Marks a file as a downcore store; the letters ``down``."""

BUSY_TIMEOUT_MS = 5_000
JOURNAL_SIZE_LIMIT = 64 * 1024 * 1024

_FIXED_IN = (3, 51, 3)
_FIXED_BACKPORTS: dict[tuple[int, ...], int] = {(3, 44): 6, (3, 50): 7}
_FIRST_WITH_WAL = (3, 7, 0)


def wal_reset_is_safe(version: tuple[int, ...]) -> bool:
    """
    Whether this SQLite cannot lose commits when another connection checkpoints.

    Parameters
    ----------
    version : tuple of int
        Major, minor, patch.

    Notes
    -----
    Source: SQLite's release notes of 3.51.3, 3.50.7 and 3.44.6.

    """
    if version >= _FIXED_IN or version < _FIRST_WITH_WAL:
        return True
    return version[2] >= _FIXED_BACKPORTS.get(version[:2], 1_000)


def warn_of_wal_reset(version: tuple[int, ...]) -> None:
    """Log if this SQLite relies on our having one writing connection."""
    if not wal_reset_is_safe(version):
        logger.warning(
            "SQLite %s can lose commits if a second connection writes or checkpoints; downcore"
            " uses one only, so do not open the live database for writing; pysqlite3 0.6.1 or"
            " SQLite 3.51.3 is free of this",
            ".".join(map(str, version)),
        )


@contextlib.contextmanager
def as_store_error(path: Path, doing: str) -> Iterator[None]:
    """Turn SQLite's errors into :class:`StoreError`, saying what was being done and where."""
    try:
        yield
    except driver.Error as error:
        raise StoreError(f"expected to {doing} {path}, got: {error}") from error


def open_writer(path: Path) -> sqlite_utils.Database:
    """
    Return the one connection that writes and checkpoints.

    It may be used from several threads if the caller lets in one at a time.

    Raises
    ------
    StoreError
        If SQLite is too old or does not take a setting.
    """
    with as_store_error(path, "open"):
        connection = driver.connect(
            str(path), timeout=BUSY_TIMEOUT_MS / 1000, check_same_thread=False
        )
    try:
        with as_store_error(path, "set up"):
            _set_up_writer(connection, path)
            return sqlite_utils.Database(connection, execute_plugins=False)
    except BaseException:
        connection.close()
        raise


def open_reader(path: Path, *, is_at_rest: bool = False) -> sqlite3.Connection:
    """
    Return a connection that cannot change anything; ``is_at_rest`` is that of ``Reader.open``.

    Raises
    ------
    StoreError
        If there is no store at ``path``, or a write to it was cut off and is not undone yet.
    """
    if not path.is_file():
        raise StoreError(f"expected a database at {path}, got none; has downcore run here yet?")
    uri = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if is_at_rest else ''}"
    with as_store_error(path, "read"):
        connection: sqlite3.Connection = driver.connect(
            uri, uri=True, timeout=BUSY_TIMEOUT_MS / 1000
        )
    try:
        with as_store_error(path, "read"):
            connection.execute("PRAGMA query_only = ON")
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA cell_size_check = ON")
            _look_once(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def journal_of(path: Path) -> Path:
    """Return where SQLite keeps what undoes a write that was cut off, outside of WAL mode."""
    return beside(path, "-journal")


def beside(path: Path, suffix: str) -> Path:
    """Return the file beside a database that is named as it is, with a suffix."""
    return path.with_name(path.name + suffix)


def _look_once(connection: sqlite3.Connection, path: Path) -> None:
    """Read something, so that a database that cannot be read is told apart here."""
    try:
        connection.execute("PRAGMA user_version").fetchone()
    except driver.OperationalError as error:
        if "unable to open" in str(error):
            raise StoreError(
                f"expected a database in a folder that may be written at {path}, since reading "
                "needs files beside it, got one that may not; copy it, with the files beside it, "
                "into a folder of your own"
            ) from error
        if "readonly" not in str(error) or not journal_of(path).exists():
            raise
        raise StoreError(
            f"expected a database that can be read at {path}, got one in the middle of a write "
            f"that was cut off; start `downcore run`, which undoes it, and leave "
            f"{journal_of(path).name} where it is"
        ) from error


def _set_up_writer(connection: sqlite3.Connection, path: Path) -> None:
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise StoreError(
            f"expected {path} in WAL mode, got {mode}; the disk may not support it, use a local one"
        )
    for pragma in (
        "synchronous = FULL",
        "foreign_keys = ON",
        "trusted_schema = OFF",
        "cell_size_check = ON",
        "wal_autocheckpoint = 1000",
        f"journal_size_limit = {JOURNAL_SIZE_LIMIT}",
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    if connection.execute("PRAGMA synchronous").fetchone()[0] != 2:  # noqa: PLR2004 - FULL
        raise StoreError(f"expected synchronous FULL for {path}, got another setting")
