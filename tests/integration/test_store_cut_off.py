"""A daemon that is killed while it makes or migrates its database starts again by itself."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import faulty_openings
import pytest
import sqlite_utils
from faulty_openings import STARTS, faulty_call
from programs import program

from downcore.clock import SystemClock
from downcore.store import Reader, Store
from downcore.store.connection import APPLICATION_ID
from downcore.store.migrations import migrations
from downcore.strata.errors import StoreError

DEADLINE_S = 100.0

CALLS = ("unlink", "fdatasync", "fsync", "ftruncate", "pwrite64")
"""System calls by which a database is made; the last is called too often to try every one."""

JOURNAL_OF_A_NEW_DATABASE = (
    bytes.fromhex("d9d505f920a163d7")  # magic
    + bytes(4)  # no page to put back
    + b"\0\0\0\7"
    + bytes(4)  # the database had no page before
    + (512).to_bytes(4)
    + (4096).to_bytes(4)
).ljust(512, b"\0")


def opened_with(fault: str, call: str, folder: Path, *, least: int) -> list[Path]:
    """Return folders of records whose opening suffered a fault at its first call, its second ..."""
    starts = starts_in(folder / "starts")
    command = [program("strace"), "-f", "-qq", "-o", "/dev/null"]
    command += ["-e", f"trace={call}", "-e", f"inject={call}:{fault}:when={faulty_call(call)}"]
    command += [sys.executable, "-B", faulty_openings.__file__, call, f"{least}"]
    one_thread = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    subprocess.run([*command, starts, folder], timeout=DEADLINE_S, check=True, env=one_thread)
    return [one for one in folder.iterdir() if one.name.isdecimal()]


def older(path: Path) -> None:
    """Make a record as an older downcore did, which a person has copied out of WAL mode."""
    database = sqlite_utils.Database(path)
    for statement in migrations()[0].statements:
        database.execute(statement)
    database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    database.execute("INSERT INTO meta VALUES (1, 1, '00', '')")
    database.execute("INSERT INTO outbox (seq, kind, section_id, payload, created_utc)"
                     " VALUES (7, 'log', 'S1', '{}', '')")  # fmt: skip
    database.execute("PRAGMA user_version = 1")
    database.conn.commit()
    database.close()


def cut_off(source: Path, path: Path, *writes: str) -> None:
    """Copy a database, and its journal, out of the middle of a write that reached the disk."""
    connection = sqlite3.connect(source, isolation_level=None)
    connection.execute("PRAGMA cache_size = 1")
    connection.execute("BEGIN IMMEDIATE")
    for write in writes:
        connection.execute(write)
    connection.execute("CREATE TABLE filler (text)")
    for _ in range(200):
        connection.execute("INSERT INTO filler VALUES (hex(zeroblob(2000)))")
    shutil.copy(source, path)
    shutil.copy(f"{source}-journal", f"{path}-journal")
    connection.execute("ROLLBACK")
    connection.close()
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True).execute("SELECT * FROM sqlite_master")


def open_and_check(path: Path) -> Store:
    store = Store.open(path, clock=SystemClock(), announce=None)
    connection = store._database.conn
    assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert connection.execute("PRAGMA user_version").fetchone()[0] == len(migrations())
    assert connection.execute("SELECT count(*) FROM meta").fetchone()[0] == 1
    return store


def bytes_of(*paths: Path) -> list[bytes]:
    return [one.read_bytes() for path in paths for one in (path, Path(f"{path}-journal"))]


def starts_in(folder: Path) -> Path:
    folder.mkdir()
    (folder / "empty.db").touch()
    older(folder / "older.db")
    return folder


def check_all(folder: Path) -> None:
    for name in STARTS:
        open_and_check(folder / name).close()
    with Reader.open(folder / "older.db") as reader:
        assert [one.seq for one in reader.entries(0, 9)] == [7], "an announcement was lost"


@pytest.mark.parametrize("call", CALLS)
def test_a_daemon_killed_while_it_makes_or_migrates_its_database_starts_again(
    tmp_path: Path, call: str
) -> None:
    folders = opened_with("signal=KILL", call, tmp_path, least=1)

    assert len(folders) > 1, f"expected {call} to be called, so that the kill comes at it"
    for folder in folders:
        check_all(folder)


@pytest.mark.parametrize(("call", "error"), [("unlink", "EROFS"), ("fdatasync", "EIO")])
def test_a_disk_that_fails_once_while_the_database_is_made_is_no_fault_for_ever(
    tmp_path: Path, call: str, error: str
) -> None:
    for folder in opened_with(f"error={error}", call, tmp_path, least=4):
        check_all(folder)


def test_a_database_whose_making_was_cut_off_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "downcore.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    journal = Path(f"{path}-journal")
    journal.write_bytes(JOURNAL_OF_A_NEW_DATABASE)

    open_and_check(path).close()

    assert not journal.exists()


def test_a_first_page_that_never_reached_the_disk_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "downcore.db"
    path.write_bytes(bytes(4096))
    Path(f"{path}-journal").write_bytes(JOURNAL_OF_A_NEW_DATABASE)

    open_and_check(path).close()


def test_a_write_to_an_older_record_that_was_cut_off_is_undone_before_it_is_migrated(
    tmp_path: Path,
) -> None:
    older(tmp_path / "source.db")
    path = tmp_path / "downcore.db"
    cut_off(tmp_path / "source.db", path, "DELETE FROM outbox")

    with open_and_check(path) as store:
        assert store._database.conn.execute("SELECT seq FROM outbox").fetchall() == [(7,)]


def test_reading_a_record_in_the_middle_of_a_write_says_what_undoes_it(tmp_path: Path) -> None:
    older(tmp_path / "source.db")
    path = tmp_path / "downcore.db"
    cut_off(tmp_path / "source.db", path, "DELETE FROM outbox")
    before = bytes_of(path)

    with pytest.raises(StoreError, match=r"cut off; start `downcore run`, which undoes it"):
        Reader.open(path)

    assert bytes_of(path) == before


@pytest.mark.parametrize("application_id", [0, 0x1234])
@pytest.mark.parametrize("is_new", [True, False], ids=["being made", "being changed"])
def test_the_database_of_another_application_in_the_middle_of_a_write_is_refused_untouched(
    tmp_path: Path, application_id: int, *, is_new: bool
) -> None:
    source, path = tmp_path / "source.db", tmp_path / "diary.db"
    if not is_new:
        with sqlite3.connect(source) as connection:
            connection.execute(f"PRAGMA application_id = {application_id}")
            connection.execute("CREATE TABLE diary (day TEXT)")
        connection.close()
    cut_off(source, path, f"PRAGMA application_id = {application_id}", "CREATE TABLE more (day)")
    before = bytes_of(path)

    with pytest.raises(StoreError, match="another application"):
        Store.open(path, clock=SystemClock(), announce=None)

    assert bytes_of(path) == before


def test_another_applications_tables_that_a_cut_off_write_removed_are_not_taken_for_none(
    tmp_path: Path,
) -> None:
    source, path = tmp_path / "source.db", tmp_path / "diary.db"
    with sqlite3.connect(source) as connection:
        connection.execute("CREATE TABLE diary (day TEXT)")
    connection.close()
    cut_off(source, path, "DROP TABLE diary")
    # As it would be on the disk if the schema's page alone had been written so far.
    with path.open("r+b") as file:
        file.seek(103)
        file.write(bytes(2))
    before = bytes_of(path)

    with pytest.raises(StoreError, match="another application"):
        Store.open(path, clock=SystemClock(), announce=None)

    assert bytes_of(path) == before


def test_a_newer_record_in_the_middle_of_a_write_is_refused_untouched(tmp_path: Path) -> None:
    older(tmp_path / "source.db")
    with sqlite3.connect(tmp_path / "source.db") as connection:
        connection.execute(f"PRAGMA user_version = {len(migrations()) + 1}")
    connection.close()
    path = tmp_path / "downcore.db"
    cut_off(tmp_path / "source.db", path)
    before = bytes_of(path)

    with pytest.raises(StoreError, match="a newer downcore made it"):
        Store.open(path, clock=SystemClock(), announce=None)

    assert bytes_of(path) == before
