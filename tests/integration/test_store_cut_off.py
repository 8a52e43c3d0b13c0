"""A daemon that is killed while it makes or migrates its database starts again by itself."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlite_utils

from downcore.clock import SystemClock
from downcore.store import Reader, Store
from downcore.store.connection import APPLICATION_ID
from downcore.store.migrations import migrations
from downcore.strata.errors import StoreError

DEADLINE_S = 60.0

OPENERS = """
import os
import sys
from pathlib import Path
from downcore.clock import SystemClock
from downcore.store import Store

def open_in_a_process_of_its_own(path):
    child = os.fork()
    if child == 0:
        Store.open(path, clock=SystemClock(), announce=None).close()
        os._exit(0)
    return os.waitpid(child, 0)[1]

sys.exit(any([open_in_a_process_of_its_own(Path(path)) for path in sys.argv[1:]]))
"""

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


def strace() -> str:
    found = shutil.which("strace")
    if found is None:
        if "strace" in os.environ.get("DOWNCORE_REQUIRE", "").split(","):
            pytest.fail("DOWNCORE_REQUIRE names strace, but it is not installed")
        pytest.skip("strace is not installed, so no system call can be made to fail")
    return found


def all_opened_with(fault: str, *paths: Path) -> bool:
    """Open records, each in a process that suffers a fault; return whether nobody noticed it."""
    command = [strace(), "-f", "-qq", "-o", "/dev/null"]
    command += ["-e", f"trace={fault.partition(':')[0]}", "-e", f"inject={fault}"]
    command += [sys.executable, "-B", "-c", OPENERS, *map(str, paths)]
    one_thread = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    ended = subprocess.run(
        command, capture_output=True, timeout=DEADLINE_S, check=False, env=one_thread
    )
    return ended.returncode == 0


def instants(call: str) -> Iterator[int]:
    """Count calls: every one, or more and more sparsely."""
    count = 1
    while True:
        yield count
        count += count if call == "pwrite64" else 1


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


def starts_in(folder: Path) -> tuple[Path, Path, Path]:
    """Return where there is no database, an empty file and an older database."""
    paths = (folder / "none.db", folder / "empty.db", folder / "older.db")
    folder.mkdir()
    paths[1].touch()
    older(paths[2])
    return paths


def check_all(paths: tuple[Path, Path, Path]) -> None:
    for path in paths:
        open_and_check(path).close()
    with Reader.open(paths[2]) as reader:
        assert [one.seq for one in reader.entries(0, 9)] == [7], "an announcement was lost"


@pytest.mark.parametrize("call", CALLS)
def test_a_daemon_killed_while_it_makes_or_migrates_its_database_starts_again(
    tmp_path: Path, call: str
) -> None:
    n_kills = 0
    for count in instants(call):
        paths = starts_in(tmp_path / f"{count}")
        if all_opened_with(f"{call}:signal=KILL:when={count}", *paths):
            break
        n_kills += 1
        check_all(paths)
    assert n_kills > 0, f"expected {call} to be called, so that the kill comes at it"


@pytest.mark.parametrize("fault", ["unlink:error=EROFS", "fdatasync:error=EIO"])
def test_a_disk_that_fails_once_while_the_database_is_made_is_no_fault_for_ever(
    tmp_path: Path, fault: str
) -> None:
    for count in (1, 2, 3, 4):
        paths = starts_in(tmp_path / f"{count}")
        all_opened_with(f"{fault}:when={count}", *paths)
        check_all(paths)


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
