"""A kill between any two writes to the store leaves nothing wrong for ever."""

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import played_device
import pytest
from numpy.typing import NDArray
from played_device import Device, DigestPredictor, core_lines, expected_log, job_of

from downcore.ports import Predictor
from downcore.simulator.scanner import pattern_named
from downcore.store import Store
from downcore.store.transaction import Transaction
from downcore.strata.record import ScanState
from downcore.strata.windows import Window

N_STEPS_OF_HALF = 5
"""Of a scanner that writes nine lines a step; more than a centimetre of core, and not all of it."""


class KilledError(BaseException):
    """Ends everything at once, as a kill does."""


class KilledStore(Store):
    """A store that is killed before one of its writes."""

    n_left = -1

    @contextlib.contextmanager
    def _writing(self, doing: str) -> Iterator[Transaction]:
        if KilledStore.n_left == 0:
            raise KilledError
        KilledStore.n_left -= 1
        with super()._writing(doing) as transaction:
            yield transaction


@cache
def core() -> NDArray[np.uint8]:
    return core_lines()


def write(folder: Path, name: str) -> Path:
    path = folder / f"{name}.tif"
    for step in pattern_named("growing-tiff").write(job_of(core(), folder, name)):
        path = step.path
    return path


def known(device: Device) -> list[object]:
    """Return all that the store knows of scans, but for names of files and times."""
    scans = device.scans("section_id", "state", "content_digest", "duplicate_of IS NULL",
                         "n_lines_done", "prefix_digest", "superseded_by", "header_digest",
                         "has_ended")  # fmt: skip
    finished = device.all("SELECT made_with, scan_id FROM finished_file ORDER BY scan_id")
    logs = [device.log_of(scan_id) for (scan_id,) in device.scans("scan_id")]
    return [scans, finished, logs, device.reasons()]


def copied(device: Device, path: Path) -> list[object]:
    """Add a copy under another name, and return what is known then."""
    shutil.copy(path, path.with_name("GC09.tif"))
    device.rest()
    return known(device)


@pytest.mark.parametrize(
    "predictors",
    [
        (DigestPredictor(),),
        (DigestPredictor("w", window=Window(2, 3, 1)), DigestPredictor()),
    ],
    ids=["tiles", "windows"],
)
def test_a_kill_before_any_write_of_a_scan_leaves_what_an_undisturbed_run_does(
    predictors: tuple[Predictor, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(played_device, "Store", KilledStore)
    (tmp_path / "undisturbed").mkdir()
    KilledStore.n_left = -1
    with Device(tmp_path / "undisturbed", predictors, slices_per_step=4) as device:
        path = write(device.inbox, "GC01")
        device.rest()
        alone, n_writes = known(device), -KilledStore.n_left
        with_copy = copied(device, path)
    assert with_copy[2] == [expected_log(core(), *predictors), played_device.Log((), ())]

    for n_before in range(2, n_writes):
        home = tmp_path / f"{n_before}"
        home.mkdir()
        KilledStore.n_left = n_before
        device = Device(home, predictors, slices_per_step=4)
        device.inbox.mkdir()
        path = write(device.inbox, "GC01")
        with contextlib.suppress(KilledError):
            device.start()
            device.rest()
        KilledStore.n_left = -1
        device.restart()
        device.rest()
        assert known(device) == alone, f"killed before write {n_before}"
        assert copied(device, path) == with_copy, f"killed before write {n_before}"
        device.stop()


def test_a_copy_that_comes_while_the_scan_still_grows_waits_and_gets_no_rows(
    tmp_path: Path,
) -> None:
    with Device(tmp_path, slices_per_step=4) as device:
        steps = pattern_named("growing-tiff").write(job_of(core(), device.inbox, "GC01"))
        for _ in range(N_STEPS_OF_HALF):
            path = next(steps).path
            device.round()
        assert device.scans("state") == [(ScanState.GROWING,)]
        copy = path.with_name("GC09.tif")
        shutil.copy(path, copy)
        for _ in range(3):
            device.round()
        assert device.scans("section_id") == [("GC01",)], "the copy was read"
        list(steps)
        device.rest()
        shutil.copy(path, copy)
        device.rest()

        (first, second) = device.scans("scan_id", "state", "duplicate_of")
        assert second[1:] == (ScanState.DONE, first[0])
        assert device.log_of(first[0]) == expected_log(core())
        assert device.log_of(second[0]) == played_device.Log((), ())


def test_a_copy_is_linked_once_it_is_still_and_not_at_first_sight(tmp_path: Path) -> None:
    with Device(tmp_path) as device:
        path = write(device.inbox, "GC01")
        device.rest()
        shutil.copy(path, path.with_name("GC09.tif"))
        device.round()
        assert device.scans("section_id") == [("GC01",)], "it may still be written"
        device.rest()

        (first, second) = device.scans("scan_id", "duplicate_of")
        assert second[1] == first[0]


def without_content(device: Device) -> None:
    """Leave a scan as older versions did when they were killed before its content was kept."""
    device.stop()
    with sqlite3.connect(device.database) as connection:
        connection.execute("UPDATE scan SET content_digest = ''")
    connection.close()
    device.start()


def test_a_scan_that_an_older_version_left_without_its_content_gets_it_when_seen_again(
    tmp_path: Path,
) -> None:
    with Device(tmp_path) as device:
        path = write(device.inbox, "GC01")
        device.rest()
        before = known(device)
        n_announced = device.all("SELECT count(*) FROM outbox")
        without_content(device)
        device.rest()

        assert known(device) == before
        assert device.all("SELECT count(*) FROM outbox") == n_announced
        shutil.copy(path, path.with_name("GC09.tif"))
        device.rest()
        (first, second) = device.scans("scan_id", "state", "duplicate_of")
        assert second[1:] == (ScanState.DONE, first[0])


def test_a_scan_whose_copy_was_stored_meanwhile_keeps_its_own_rows(tmp_path: Path) -> None:
    with Device(tmp_path) as device:
        path = write(device.inbox, "GC01")
        device.rest()
        without_content(device)
        away = path.rename(tmp_path / "away.tif")
        shutil.copy(away, path.with_name("GC05.tif"))
        device.rest()
        away.rename(path)
        device.rest()
        shutil.copy(path, path.with_name("GC09.tif"))
        device.rest()
        device.restart()
        device.rest()

        found = device.scans("section_id", "state", "duplicate_of IS NULL")
        assert found == [("GC01", "done", 1), ("GC05", "done", 1), ("GC09", "done", 0)]
        logs = [device.log_of(scan_id) for (scan_id,) in device.scans("scan_id")]
        assert logs[:2] == [expected_log(core())] * 2


def test_a_linked_scan_that_an_older_version_never_called_done_becomes_so(tmp_path: Path) -> None:
    with Device(tmp_path) as device:
        path = write(device.inbox, "GC01")
        device.rest()
        shutil.copy(path, path.with_name("GC09.tif"))
        device.rest()
        device.stop()
        with sqlite3.connect(device.database) as connection:
            connection.execute("UPDATE scan SET state = 'final' WHERE section_id = 'GC09'")
            connection.execute(
                "DELETE FROM finished_file WHERE scan_id IN"
                " (SELECT scan_id FROM scan WHERE section_id = 'GC09')"
            )
        connection.close()
        device.start()
        device.rest()

        assert [state for (state,) in device.scans("state")] == [ScanState.DONE] * 2
