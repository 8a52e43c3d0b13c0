"""Where a record may live, who may open it, and what is refused untouched."""

import errno
import fcntl
import os
import sqlite3
from pathlib import Path

import pytest

from downcore.store import Reader, Store, connection
from downcore.store.connection import wal_reset_is_safe, warn_of_wal_reset
from downcore.store.daemon_lock import DaemonLock
from downcore.store.migrations import migrations
from downcore.store.place import NETWORK_FILESYSTEMS, filesystem_in, filesystem_of
from downcore.strata.errors import StoreBusyError, StoreError

MOUNTS = [
    "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw",
    "40 27 0:50 / /mnt/ship\\040share rw,relatime shared:1 - cifs //nas/x rw",
    "41 40 0:51 / /mnt/ship\\040share/local rw - xfs /dev/vdb rw",
    "42 27 0:52 / /over rw - ext4 /dev/vdc rw",
    "43 27 0:53 / /over rw - nfs4 nas:/x rw",
    "nonsense",
]


class StoppedClock:
    def monotonic_s(self) -> float:
        return 0.0

    def utc_rfc3339(self) -> str:
        return "2026-01-31T23:59:59.123Z"


def opened(path: Path) -> Store:
    return Store.open(path, clock=StoppedClock(), announce=None)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/downcore", "ext4"),
        ("/mnt/ship share", "cifs"),
        ("/mnt/ship share/db", "cifs"),
        ("/mnt/ship shared/db", "ext4"),
        ("/mnt/ship share/local/db", "xfs"),
        ("/over/db", "nfs4"),
    ],
)
def test_a_place_is_on_the_nearest_and_newest_mount(path: str, kind: str) -> None:
    assert filesystem_in(MOUNTS, Path(path)) == kind


def test_this_machine_names_the_file_system_of_the_root() -> None:
    assert filesystem_of(Path("/")) != ""


@pytest.mark.parametrize("kind", sorted(NETWORK_FILESYSTEMS))
def test_a_record_on_a_network_share_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "downcore.db"

    with pytest.raises(StoreError, match=f"network file system \\({kind}\\); move the database"):
        Store.open(path, clock=StoppedClock(), announce=None, filesystem=lambda _: kind)

    assert list(tmp_path.iterdir()) == [], "something was written to the share"


def test_a_second_daemon_is_busy_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "downcore.db"
    with opened(path):
        before = path.read_bytes()
        with pytest.raises(StoreBusyError, match="held by another downcore; stop that one first"):
            opened(path)
        assert path.read_bytes() == before

    opened(path).close()


def test_closing_twice_does_no_harm(tmp_path: Path) -> None:
    store = opened(tmp_path / "downcore.db")

    store.close()
    store.close()


def test_a_folder_that_is_missing_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="check that the folder exists"):
        opened(tmp_path / "no" / "downcore.db")


def test_a_newer_schema_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "downcore.db"
    opened(path).close()
    newest = len(migrations())
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {newest + 1}")
    connection.close()
    before = path.read_bytes()

    with pytest.raises(StoreError, match=f"schema version {newest} or older.*got {newest + 1}"):
        opened(path)
    with pytest.raises(StoreError, match="a newer downcore made it"):
        Reader.open(path)

    assert path.read_bytes() == before


def test_the_database_of_another_application_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "diary.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE diary (day TEXT)")
    connection.close()
    before = path.read_bytes()

    with pytest.raises(StoreError, match="another application"):
        opened(path)

    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"not a database, but long enough to be looked at" * 30])
def test_a_file_that_is_no_database_is_refused_untouched(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "downcore.db"
    path.write_bytes(content)

    with pytest.raises(StoreError, match="not a database"):
        opened(path)

    assert path.read_bytes() == content


def test_an_empty_file_becomes_a_record(tmp_path: Path) -> None:
    path = tmp_path / "downcore.db"
    path.touch()

    opened(path).close()

    with Reader.open(path) as reader:
        assert reader.origin().epoch > 0


def test_reading_where_there_is_no_record_says_so_and_makes_none(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="got none"):
        Reader.open(tmp_path / "downcore.db")

    assert list(tmp_path.iterdir()) == []


def test_a_record_made_anew_never_announces_under_an_old_epoch(tmp_path: Path) -> None:
    path = tmp_path / "downcore.db"
    origins = []
    for _ in range(3):
        opened(path).close()
        with Reader.open(path) as reader:
            origins.append(reader.origin())
        for one in tmp_path.glob("downcore.db*"):
            if one.suffix != ".lock":
                one.unlink()

    epochs = [one.epoch for one in origins]
    assert epochs == sorted(set(epochs)), "an epoch was used again"
    assert len({one.instance_id for one in origins}) == 3


def test_opening_again_keeps_epoch_and_instance(tmp_path: Path) -> None:
    path = tmp_path / "downcore.db"
    origins = set()
    for _ in range(2):
        opened(path).close()
        with Reader.open(path) as reader:
            origins.add(reader.origin())

    assert len(origins) == 1


def test_a_damaged_lock_file_counts_as_no_epoch(tmp_path: Path) -> None:
    (tmp_path / "downcore.db.lock").write_bytes(b"\xff\xfe")

    lock = DaemonLock(tmp_path / "downcore.db")

    assert lock.last_epoch == 0
    lock.release()


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.ENOLCK, "No locks available"), (errno.EIO, "Input/output error")],
)
def test_a_lock_file_that_cannot_be_locked_is_not_said_to_be_held_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    def fails(_fd: int, _operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", fails)

    with pytest.raises(StoreError, match=f"to lock the lock file .*{said}; check the disk") as got:
        opened(tmp_path / "downcore.db")

    assert not isinstance(got.value, StoreBusyError)


@pytest.mark.parametrize("doing", ["pread", "pwrite", "fsync"])
def test_a_lock_file_on_a_bad_disk_is_a_fault_of_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, doing: str
) -> None:
    def fails(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, doing, fails)

    with pytest.raises(StoreError, match=r"the lock file .*Input/output error"):
        opened(tmp_path / "downcore.db")


def test_the_writer_is_set_up_to_keep_what_it_commits(tmp_path: Path) -> None:
    with opened(tmp_path / "downcore.db") as store:
        answers = {
            name: store._database.conn.execute(f"PRAGMA {name}").fetchone()[0]
            for name in (
                "journal_mode",
                "synchronous",
                "foreign_keys",
                "trusted_schema",
                "cell_size_check",
                "busy_timeout",
                "journal_size_limit",
                "application_id",
            )
        }

    assert answers == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "trusted_schema": 0,
        "cell_size_check": 1,
        "busy_timeout": 5_000,
        "journal_size_limit": 64 * 1024 * 1024,
        "application_id": 0x646F776E,
    }


@pytest.mark.parametrize(
    ("version", "is_safe"),
    [
        ((3, 6, 23), True),
        ((3, 7, 0), False),
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 53, 0), True),
        ((4, 0, 0), True),
    ],
)
def test_versions_that_can_lose_commits_are_known(
    version: tuple[int, ...],
    is_safe: bool,  # noqa: FBT001 - a parametrised case
    caplog: pytest.LogCaptureFixture,
) -> None:
    warn_of_wal_reset(version)

    assert wal_reset_is_safe(version) is is_safe
    assert ("can lose commits" in caplog.text) is not is_safe


def test_a_sqlite_that_can_lose_commits_is_named_once_a_store_and_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "downcore.db"
    for version, n_said in (((3, 40, 1), 1), ((3, 40, 1), 1), ((3, 45, 0), 2), ((3, 45, 0), 2)):
        monkeypatch.setattr(connection.driver, "sqlite_version_info", version)
        with opened(path) as store:
            store.warn_of_sqlite()
        assert caplog.text.count("can lose commits") == n_said, version
    opened(path).close()
    with opened(path) as store:
        store.warn_of_sqlite()
    assert caplog.text.count("can lose commits") == 2, "it was forgotten that this was said"
