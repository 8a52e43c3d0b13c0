"""A snapshot of a record in use is whole, overwrites nothing, and is a record when put back."""

import shutil
import sqlite3
import threading
from fractions import Fraction
from pathlib import Path

import pytest
from typer.testing import CliRunner

from downcore.cli import app
from downcore.clock import SystemClock
from downcore.exit_codes import BAD_STORE, exit_code_of
from downcore.publish import payloads
from downcore.store import Reader, Store
from downcore.store import snapshot as snapshot_module
from downcore.store.snapshot import snapshot
from downcore.strata.errors import StoreError
from downcore.strata.record import Run, Scan


def opened(path: Path) -> Store:
    store = Store.open(path, clock=SystemClock(), announce=payloads)
    store.begin_run(Run("0.1.0", "", "", ""))
    return store


def announce(store: Store, name: str) -> None:
    store.open_scan(Scan(name, name, f"inbox/{name}.tif", "tiff", Fraction(200), "up"))


def sections(path: Path) -> list[str]:
    with Reader.open(path) as reader:
        return [one.scan.section_id for one in reader.scans()]


def test_a_snapshot_of_a_station_at_work_holds_what_was_stored_and_stands_alone(
    tmp_path: Path,
) -> None:
    path, out = tmp_path / "downcore.db", tmp_path / "copy" / "monday.db"
    out.parent.mkdir()
    with opened(path) as store:
        for n in range(20):
            announce(store, f"S{n:02d}")
        n_rows = snapshot(path, out)
        announce(store, "later")

    assert sections(out) == [f"S{n:02d}" for n in range(20)]
    assert n_rows > 40, "expected a scan and an announcement of each section to be counted"
    assert not list(out.parent.glob(".*")), "a part of a copy was left"
    with sqlite3.connect(f"{out.as_uri()}?immutable=1", uri=True) as copy:
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    copy.close()


def test_rows_that_come_while_a_snapshot_is_taken_do_not_tear_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot_module, "PAGES_PER_STEP", 1)
    path, out = tmp_path / "downcore.db", tmp_path / "copy.db"
    with opened(path) as store:
        for n in range(10):
            announce(store, f"S{n}")
        n_steps = 0

        def on_pages(_done: int, _total: int) -> None:
            nonlocal n_steps
            n_steps += 1
            if n_steps <= 5:
                announce(store, f"meanwhile {n_steps}")

        snapshot(path, out, on_pages=on_pages)

    assert n_steps > 5
    assert sections(out) == [f"S{n}" for n in range(10)]


@pytest.mark.parametrize("taken", ["a file", "a broken link", "the store itself"])
def test_a_snapshot_overwrites_nothing(tmp_path: Path, taken: str) -> None:
    path, out = tmp_path / "downcore.db", tmp_path / "copy.db"
    opened(path).close()
    before = path.read_bytes()
    if taken == "a file":
        out.write_bytes(b"mine")
    elif taken == "a broken link":
        out.symlink_to("nowhere")
    else:
        out = path

    with pytest.raises(StoreError, match="a snapshot overwrites nothing"):
        snapshot(path, out)

    assert path.read_bytes() == before
    assert out.is_symlink() or out.read_bytes() in {b"mine", before}


def test_a_name_that_is_taken_while_the_copy_is_made_is_left_alone(tmp_path: Path) -> None:
    path, out = tmp_path / "downcore.db", tmp_path / "copy.db"
    opened(path).close()

    with pytest.raises(StoreError, match="overwrites nothing"):
        snapshot(path, out, on_pages=lambda _done, _total: out.write_bytes(b"mine"))

    assert out.read_bytes() == b"mine"
    assert not list(tmp_path.glob(".*.part"))


def test_a_copy_that_lacks_rows_gets_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = tmp_path / "downcore.db", tmp_path / "copy.db"
    opened(path).close()
    counted = snapshot_module._counts
    answers = iter([{"slice": 7}])
    monkeypatch.setattr(snapshot_module, "_counts", lambda one: next(answers, None) or counted(one))

    with pytest.raises(StoreError, match="expected a copy with the rows"):
        snapshot(path, out)

    assert not out.exists()
    assert not list(tmp_path.glob(".*"))


def test_a_folder_that_is_missing_or_full_is_said(tmp_path: Path) -> None:
    path = tmp_path / "downcore.db"
    opened(path).close()

    with pytest.raises(StoreError, match="check that its folder exists"):
        snapshot(path, tmp_path / "no" / "copy.db")


def test_the_command_says_what_it_wrote_and_refuses_what_is_no_store(tmp_path: Path) -> None:
    path = tmp_path / "downcore.db"
    with opened(path) as store:
        announce(store, "S1")

    said = CliRunner().invoke(app, ["snapshot", str(tmp_path / "a.db"), "--db", str(path)])
    refused = CliRunner().invoke(app, ["snapshot", str(tmp_path / "b.db"), "--db", str(tmp_path)])

    assert said.exit_code == 0, said.output
    assert "rows, checked" in said.stdout
    assert isinstance(refused.exception, StoreError)
    assert exit_code_of(refused.exception) == BAD_STORE


def test_a_snapshot_that_is_put_back_goes_on_under_a_new_epoch(tmp_path: Path) -> None:
    """The restore of the how-to: stopped, the files moved aside, the copy put in their place."""
    path, out = tmp_path / "downcore.db", tmp_path / "monday.db"
    with opened(path) as store:
        announce(store, "S1")
        snapshot(path, out)
        announce(store, "S2")
    with Reader.open(path) as reader:
        before = reader.origin()
    aside = tmp_path / "aside"
    aside.mkdir()
    for name in ("downcore.db", "downcore.db-wal", "downcore.db-shm"):
        if (tmp_path / name).exists():
            (tmp_path / name).rename(aside / name)
    shutil.copyfile(out, path)

    with opened(path) as store:
        announce(store, "S3")

    assert sections(path) == ["S1", "S3"]
    with Reader.open(path) as reader:
        after = reader.origin()
    assert after.epoch > before.epoch
    assert after.instance_id == before.instance_id


def test_a_snapshot_can_be_taken_in_another_thread_while_rows_come(tmp_path: Path) -> None:
    path, out = tmp_path / "downcore.db", tmp_path / "copy.db"
    with opened(path) as store:
        taking = threading.Thread(target=snapshot, args=(path, out))
        announce(store, "S1")
        taking.start()
        for n in range(20):
            announce(store, f"more {n}")
        taking.join()
        store.refuse_replaced()

    assert "S1" in sections(out)
