"""An epoch names one unbroken run of announcements, whatever is done to the files of a record."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from downcore.publish import payloads
from downcore.store import Reader, Store
from downcore.store.daemon_lock import is_in_use
from downcore.strata.errors import StoreError
from downcore.strata.record import Run, Scan, StoreOrigin

NAMES = ("downcore.db", "downcore.db.lock")


class Clock:
    """A clock that stands still unless it is set."""

    text = "2026-01-31T23:59:59.123Z"

    def monotonic_s(self) -> float:
        return 0.0

    def utc_rfc3339(self) -> str:
        return self.text


def run_once(path: Path, *sections: str, clock: Clock | None = None) -> StoreOrigin:
    """Run a station that announces a scan of each section; return what it announced under."""
    with Store.open(path, clock=clock or Clock(), announce=payloads) as store:
        store.begin_run(Run("0.1.0", "", "", ""))
        for name in sections:
            store.open_scan(Scan(name, name, f"inbox/{name}.tif", "tiff", Fraction(200), "up"))
    with Reader.open(path) as reader:
        return reader.origin()


def copied(folder: Path, to: Path, names: tuple[str, ...] = NAMES) -> Path:
    to.mkdir(exist_ok=True)
    for name in names:
        shutil.copy2(folder / name, to / name)
    return to


def aged(path: Path) -> None:
    """Make a copy of a lock file one of an hour ago."""
    line = path.read_text().split()
    line[3] = str(int(line[3]) - 3_600_000_000_000)
    path.write_text(" ".join(line))
    os.utime(path, ns=(int(line[3]), int(line[3])))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "station"
    folder.mkdir()
    return folder / "downcore.db"


def test_a_record_that_goes_on_keeps_its_epoch(path: Path) -> None:
    epochs = {run_once(path, f"S{n}").epoch for n in range(4)}

    assert len(epochs) == 1


def test_an_old_copy_that_is_put_back_announces_under_a_new_epoch(
    path: Path, tmp_path: Path
) -> None:
    first = run_once(path, "S1")
    backup = copied(path.parent, tmp_path / "backup", NAMES[:1])
    second = run_once(path, "S2")
    assert (second.epoch, second.head_seq) == (first.epoch, 2)

    shutil.copy2(backup / "downcore.db", path)
    third = run_once(path, "another S2")

    assert third.epoch > second.epoch, "seq 2 came twice under one epoch, with other contents"
    assert third.head_seq == 2


def test_a_copy_of_the_whole_folder_that_is_put_back_gets_a_new_epoch(
    path: Path, tmp_path: Path
) -> None:
    clock = Clock()
    run_once(path, "S1", clock=clock)
    backup = copied(path.parent, tmp_path / "backup")
    aged(backup / "downcore.db.lock")
    second = run_once(path, "S2", clock=clock)

    copied(backup, path.parent)
    clock.text = "2026-02-01T00:00:05.000Z"
    third = run_once(path, "another S2", clock=clock)

    assert third.epoch > second.epoch


@pytest.mark.parametrize("deleted", ["the database", "all of it", "the lock file"])
def test_whatever_is_deleted_the_epoch_rises(path: Path, deleted: str) -> None:
    clock = Clock()
    before = run_once(path, "S1", clock=clock)
    names = {"the database": NAMES[:1], "all of it": NAMES, "the lock file": NAMES[1:]}[deleted]
    for name in names:
        (path.parent / name).unlink()
    clock.text = "2026-02-01T00:00:05.000Z"

    after = run_once(path, "S2", clock=clock)

    assert after.epoch > before.epoch


def test_another_stations_database_in_its_place_gets_an_epoch_above_both(
    path: Path, tmp_path: Path
) -> None:
    ours = run_once(path, "S1", "S2")
    other = tmp_path / "other.db"
    theirs = run_once(other, "T1", "T2", "T3")

    shutil.copy2(other, path)
    now = run_once(path)

    assert now.instance_id == theirs.instance_id
    assert now.epoch > max(ours.epoch, theirs.epoch)


def test_a_copy_that_was_run_elsewhere_gets_a_new_epoch_there_and_here(
    path: Path, tmp_path: Path
) -> None:
    before = run_once(path, "S1")
    elsewhere = copied(path.parent, tmp_path / "elsewhere", NAMES[:1]) / "downcore.db"
    there = run_once(elsewhere, "S2")
    shutil.copy2(elsewhere, path)

    here = run_once(path, "S3")

    assert before.epoch < there.epoch < here.epoch


def test_a_clock_that_went_back_does_not_take_the_epoch_back(path: Path) -> None:
    clock = Clock()
    before = run_once(path, "S1", clock=clock)
    path.unlink()
    clock.text = "1970-01-01T00:00:07.000Z"

    assert run_once(path, "S2", clock=clock).epoch == before.epoch + 1


def test_a_record_of_an_older_version_goes_on_under_its_epoch(path: Path) -> None:
    run_once(path, "S1")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET epoch = 3")
    connection.close()
    path.with_name("downcore.db.lock").write_text("3\n")

    assert run_once(path, "S2").epoch == 3


def test_announcements_that_were_trimmed_still_count(path: Path) -> None:
    before = run_once(path, "S1", "S2")
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM outbox")
    connection.close()

    after = run_once(path, "S3")

    assert (after.epoch, after.head_seq) == (before.epoch, 3)


def test_whether_a_record_is_in_use_is_told_without_keeping_its_writer_out(path: Path) -> None:
    assert not is_in_use(path)
    with Store.open(path, clock=Clock(), announce=None):
        assert is_in_use(path)
    assert not is_in_use(path)


def delete(path: Path, _other: Path) -> None:
    path.unlink()


def delete_all(path: Path, _other: Path) -> None:
    for one in path.parent.glob("downcore.db*"):
        one.unlink()


def delete_log(path: Path, _other: Path) -> None:
    path.with_name(path.name + "-wal").unlink()


def move_over(path: Path, other: Path) -> None:
    other.rename(path)


def write_over(path: Path, other: Path) -> None:
    shutil.copyfile(other, path)


@pytest.mark.parametrize("attack", [delete, delete_all, delete_log, move_over, write_over])
def test_a_writer_notices_before_its_next_row_that_its_database_is_not_its_own(
    path: Path, tmp_path: Path, attack: Callable[[Path, Path], None]
) -> None:
    other = tmp_path / "other.db"
    run_once(other, "T1")
    content = other.read_bytes()
    with Store.open(path, clock=Clock(), announce=payloads) as store:
        store.begin_run(Run("0.1.0", "", "", ""))
        store.refuse_replaced()
        attack(path, other)

        with pytest.raises(StoreError, match="while downcore was running"):
            store.refuse_replaced()
        with pytest.raises(StoreError, match="stop downcore before"):
            store.open_scan(Scan("S1", "S1", "inbox/S1.tif", "tiff", Fraction(200), "up"))

    if attack in {move_over, write_over}:
        assert path.read_bytes() == content, "what was put back was written to"
        with Reader.open(path) as reader:
            assert [one.scan.section_id for one in reader.scans()] == ["T1"]


def test_a_log_of_writes_that_was_put_back_with_a_database_is_left_alone(
    path: Path, tmp_path: Path
) -> None:
    with Store.open(path, clock=Clock(), announce=payloads) as store:
        store.begin_run(Run("0.1.0", "", "", ""))
        log = path.with_name(path.name + "-wal")
        theirs = tmp_path / "their-wal"
        theirs.write_bytes(b"theirs")
        theirs.rename(log)
        with pytest.raises(StoreError, match="-wal as it was opened, got it replaced"):
            store.refuse_replaced()

    assert log.read_bytes() == b"theirs"


def test_its_own_rows_and_checkpoints_are_never_taken_for_anothers(path: Path) -> None:
    with Store.open(path, clock=Clock(), announce=payloads) as store:
        store.begin_run(Run("0.1.0", "", "", ""))
        store._database.conn.execute("PRAGMA wal_autocheckpoint = 5")
        for n in range(30):
            store.open_scan(Scan(f"{n}", f"{n}", f"inbox/{n}", "tiff", Fraction(200), "up"))
            store.refuse_replaced()
        assert store.checkpoint()
        store.refuse_replaced()
