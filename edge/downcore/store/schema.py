"""The store's schema version: checked before anything is touched, then brought up to date."""

import sqlite3
import uuid
from pathlib import Path

import sqlite_utils

from downcore.store.connection import APPLICATION_ID
from downcore.store.migrations import migrations
from downcore.strata.errors import StoreError


def refuse_foreign(connection: sqlite3.Connection, path: Path) -> None:
    """
    Check that a database is a store of ours that this version can use.

    Raises
    ------
    StoreError
        If it belongs to another application, or a newer downcore made it.
    """
    application_id = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    is_empty = not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application_id != APPLICATION_ID and not (is_empty and application_id == 0):
        raise StoreError(
            f"expected a downcore database at {path}, got one of another application "
            f"(id {application_id:#x}); give downcore a file of its own"
        )
    newest = len(migrations())
    if version > newest:
        raise StoreError(
            f"expected schema version {newest} or older in {path}, got {version}; "
            "a newer downcore made it, so install that one again"
        )


def refuse_empty(connection: sqlite3.Connection, path: Path) -> None:
    """
    Check that a database has been made, and can be read.

    Raises
    ------
    StoreError
        If it has no tables so far.
    """
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        raise StoreError(
            f"expected a database with tables at {path}, got an empty one; "
            "has downcore run here yet?"
        )


def bring_up_to_date(database: sqlite_utils.Database, *, created_utc: str, epoch: int) -> bool:
    """
    Apply what is missing, each migration in one transaction with its version number.

    Parameters
    ----------
    database : Database
        Checked by :func:`refuse_foreign`.
    created_utc : str
        Written into a store that is made now.
    epoch : int
        Epoch of a store that is made now.

    Returns
    -------
    bool
        Whether the store is new.
    """
    version = database.execute("PRAGMA user_version").fetchone()[0]
    for migration in migrations()[version:]:
        with database.atomic():
            for statement in migration.statements:
                database.execute(statement)
            if migration.version == 1:
                database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                database.execute(
                    "INSERT INTO meta VALUES (1, ?, ?, ?)", (epoch, uuid.uuid4().hex, created_utc)
                )
            database.execute(f"PRAGMA user_version = {migration.version}")
    return bool(version == 0)
