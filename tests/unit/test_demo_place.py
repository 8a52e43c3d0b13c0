from pathlib import Path

import pytest

from downcore.demo.place import CORE_NAME, prepare
from downcore.store.daemon_lock import DaemonLock
from downcore.strata.errors import SettingsError, StoreBusyError


def test_a_demo_clears_what_an_earlier_demo_left(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    (prepare(folder) / f"{CORE_NAME}_01.tif").write_bytes(b"scan")
    (folder / "downcore.db").touch()

    inbox = prepare(folder)

    assert list(inbox.iterdir()) == [], "a scan of the earlier demo is left"
    assert not (folder / "downcore.db").exists(), "the record of the earlier demo is left"


def test_a_demo_never_clears_a_folder_of_other_things(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")

    with pytest.raises(SettingsError, match="--folder"):
        prepare(tmp_path)

    assert (tmp_path / "thesis.txt").exists(), "a file was removed"


def test_a_demo_never_deletes_scans_that_somebody_put_into_its_inbox(tmp_path: Path) -> None:
    scan = prepare(tmp_path / "demo") / "GC01_01.tif"
    scan.write_bytes(b"the only copy")

    with pytest.raises(SettingsError, match=r"GC01_01\.tif"):
        prepare(tmp_path / "demo")

    assert scan.read_bytes() == b"the only copy", "a scan was removed"


def test_a_demo_leaves_the_record_of_one_that_still_runs(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    prepare(folder)
    running = DaemonLock(folder / "downcore.db")
    (folder / "downcore.db").touch()

    with pytest.raises(StoreBusyError):
        prepare(folder)

    assert (folder / "downcore.db").exists(), "the record was removed under a running demo"
    running.release()
