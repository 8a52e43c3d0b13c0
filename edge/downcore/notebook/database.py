"""Asking a record something without touching it, or saying why it cannot be asked."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from downcore.file_names import printable
from downcore.store import Reader
from downcore.store.connection import APPLICATION_ID
from downcore.strata.errors import StoreError

Answer = TypeVar("Answer")

_HEADER_BYTES = 100
_MAGIC = b"SQLite format 3\0"
_WAL_VERSION = 2


@dataclass(frozen=True, slots=True)
class DatabaseFiles:
    """A database's files, as they stood at one look."""

    head: bytes
    """The first bytes of the database; its format is SQLite's, section 1.3 of the description."""
    size_bytes: int
    modified_ns: int
    has_wal: bool
    """Whether the newest rows may lie beside it, in the file that ends in ``-wal``."""
    has_journal: bool
    """Whether a write was cut off, and what undoes it lies beside it."""

    @property
    def is_at_rest(self) -> bool:
        """Whether no program has it open and all of its rows are in the one file."""
        return not (self.has_wal or self.has_journal)

    @property
    def writes_ahead(self) -> bool:
        """Whether rows are first written beside it."""
        return self.head[18:19] == bytes([_WAL_VERSION])

    @property
    def application_id(self) -> int:
        """Whose file it is, as far as the file alone tells."""
        return int.from_bytes(self.head[68:72])

    @property
    def schema_version(self) -> int:
        """Version of the tables that are in the file; 0 where there is none."""
        return int.from_bytes(self.head[60:64])


def ask(path: Path, question: Callable[[Reader], Answer]) -> Answer:
    """
    Return what a record answers; its files stay as they are.

    A database at rest is read as a file that nobody changes, so that neither a lock nor a file
    beside it is made, and a folder that cannot be written serves as well. Where a daemon began
    to write meanwhile, and where one is at work, it is read as one of its readers.

    Raises
    ------
    StoreError
        If there is no record that can be read; says what to do.
    """
    before = _look_at(path)
    _refuse_unusable(path, before)
    try:
        if before.is_at_rest:
            answer = _ask_at_rest(path, before, question)
            if answer is not None:
                return answer[0]
        with Reader.open(path) as reader:
            return question(reader)
    except StoreError as error:
        advice = _advice(str(error))
        if not advice:
            raise
        raise StoreError(f"{error}; {advice}") from error


def _ask_at_rest(
    path: Path, before: DatabaseFiles, question: Callable[[Reader], Answer]
) -> tuple[Answer] | None:
    """Return the answer, or ``None`` where the files changed while it was found."""
    try:
        with Reader.open(path, is_at_rest=True) as reader:
            answer = question(reader)
    except StoreError:
        if _look_at(path) == before:
            raise
        return None
    return (answer,) if _look_at(path) == before else None


def _look_at(path: Path) -> DatabaseFiles:
    try:
        with path.open("rb") as file:
            head, state = file.read(_HEADER_BYTES), os.fstat(file.fileno())
    except FileNotFoundError:
        raise StoreError(
            f"expected a database at {printable(path)}, got none; {NAME_THE_STORE}, or make "
            "one: downcore process IMAGE --db FILE"
        ) from None
    except IsADirectoryError:
        inside = sorted(one.name for one in path.glob("*.db"))
        which = f"name the file in it: {', '.join(inside)}" if inside else "it holds no *.db file"
        raise StoreError(
            f"expected a database at {printable(path)}, got a folder; {which}"
        ) from None
    except OSError as error:
        raise StoreError(
            f"expected to read the database {printable(path)}, got: {error.strerror}; "
            "check whose file it is, or ask for a copy"
        ) from None
    beside = [path.with_name(path.name + ending).exists() for ending in ("-wal", "-journal")]
    return DatabaseFiles(head, state.st_size, state.st_mtime_ns, *beside)


def _refuse_unusable(path: Path, files: DatabaseFiles) -> None:
    """Refuse what SQLite would take for an empty record, or explain in its own words alone."""
    if not files.head.startswith(_MAGIC):
        got = "another kind of file" if files.head else "an empty file"
        raise StoreError(
            f"expected a downcore database at {printable(path)}, got {got}; {NAME_THE_STORE}"
        )
    if files.has_wal or files.application_id == APPLICATION_ID:
        return
    if files.application_id == 0 and files.schema_version == 0 and files.writes_ahead:
        raise StoreError(
            f"expected a downcore database at {printable(path)}, got one without tables: it was "
            f"copied while it was written, without {path.name}-wal, which holds its rows; "
            f"{COPY_AGAIN}"
        )
    raise StoreError(
        f"expected a downcore database at {printable(path)}, got one of another application; "
        f"{NAME_THE_STORE}"
    )


NAME_THE_STORE = "name the file that [store] path of the settings says"

COPY_AGAIN = (
    "copy it again with: sqlite3 ORIGINAL \"VACUUM INTO 'COPY'\", or stop the daemon and copy "
    "the file then"
)
"""How a database that is being written is copied whole."""


def _advice(message: str) -> str:
    """Return what to do about what SQLite says; empty where the message says it already."""
    if "malformed" in message:
        return f"it is damaged, or was copied while it was written; {COPY_AGAIN}"
    if "unable to open" in message or "readonly" in message:
        return (
            "a database with a -wal beside it is read only where its folder may be written; copy "
            "it, with the files beside it, into a folder of your own"
        )
    if "no such table" in message or "no such column" in message:
        return (
            "an older downcore made it; 'downcore process' or 'downcore run' brings it up to "
            "date, a copy of it if you would rather keep the original as it is"
        )
    return ""
