"""A section that is scanned again, changed, copied or moved: nothing is lost, nothing repeated."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from played_device import (
    PX_PER_CM,
    Device,
    DigestPredictor,
    core_lines,
    expected_log,
    job_of,
)

from downcore.commands.process import process_at
from downcore.simulator.scanner import pattern_named
from downcore.sources.inbox.digests import PrefixDigest
from downcore.strata.record import ScanState
from downcore.strata.segment import Segment


@cache
def core() -> NDArray[np.uint8]:
    return core_lines()


@cache
def other_core() -> NDArray[np.uint8]:
    return core_lines(seed=8)


def write(
    pixels: NDArray[np.uint8],
    folder: Path,
    *,
    pattern: str = "growing-tiff",
    name: str = "GC01",
    stop_after: int | None = None,
) -> Path:
    """Write a section, or the first steps of it; return the file that was written last."""
    path = folder / name
    job = job_of(pixels, folder, name, may_replace=True)
    for n, step in enumerate(pattern_named(pattern).write(job)):
        path = step.path
        if n == stop_after:
            break
    return path


def states(device: Device) -> list[str]:
    return [state for (state,) in device.scans("state")]


def logs(device: Device) -> list[object]:
    return [device.log_of(scan_id) for (scan_id,) in device.scans("scan_id")]


def only_reason(device: Device) -> str:
    (reason,) = device.reasons().values()
    return reason


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    with Device(tmp_path) as device:
        yield device


def test_a_section_that_is_scanned_again_supersedes_the_old_scan_and_keeps_it(
    device: Device,
) -> None:
    write(core(), device.inbox)
    device.rest()
    write(other_core(), device.inbox)
    device.rest()

    assert states(device) == [ScanState.SUPERSEDED, ScanState.DONE]
    assert logs(device) == [expected_log(core()), expected_log(other_core())]
    (first, second) = device.scans("scan_id", "superseded_by")
    assert first[1] == second[0], "expected the old scan to name the new one"


@pytest.mark.parametrize("n_same_cm", [1, 4])
def test_a_scan_that_begins_as_the_old_one_is_a_new_one_all_the_same(
    device: Device, n_same_cm: int
) -> None:
    n_same = round(n_same_cm * float(PX_PER_CM)) + 1
    changed = np.concatenate([core()[:n_same], other_core()[n_same:]])
    write(core(), device.inbox)
    device.rest()
    write(changed, device.inbox)
    device.rest()

    assert states(device) == [ScanState.SUPERSEDED, ScanState.DONE]
    assert logs(device) == [expected_log(core()), expected_log(changed)]


@pytest.mark.parametrize("has_looks", [True, False], ids=["seen cut short", "between two looks"])
def test_a_file_that_is_written_over_while_it_grows_ends_as_the_scan_that_it_is(
    device: Device, *, has_looks: bool
) -> None:
    device.round()
    write(core(), device.inbox, stop_after=6)
    device.round()
    device.round()
    assert len(device.only_log().slices) > 0, "expected rows before the file is written over"

    if has_looks:
        write(other_core(), device.inbox, stop_after=3)
        device.round()
        device.round()
    write(other_core(), device.inbox)
    device.rest()

    assert states(device)[-1] == ScanState.DONE, device.scans("state", "reason")
    assert logs(device)[-1] == expected_log(other_core())
    assert set(states(device)[:-1]) == {ScanState.SUPERSEDED}


def test_a_file_that_is_replaced_by_a_rename_while_it_grows_ends_as_the_scan_that_it_is(
    device: Device,
) -> None:
    device.round()
    write(core(), device.inbox, stop_after=6)
    device.round()
    device.round()
    write(other_core(), device.inbox, pattern="whole-by-rename")
    device.rest()

    assert states(device) == [ScanState.SUPERSEDED, ScanState.DONE]
    assert logs(device)[-1] == expected_log(other_core())


def test_a_file_that_is_cut_short_after_it_was_read_loses_no_row(device: Device) -> None:
    path = write(core(), device.inbox)
    device.rest()
    os.truncate(path, path.stat().st_size // 2)
    device.until_given_up()

    assert states(device) == [ScanState.DONE]
    assert device.only_log() == expected_log(core())
    assert "truncated" in only_reason(device)


def test_a_file_that_was_given_up_goes_on_when_its_bytes_come(device: Device) -> None:
    whole = write(core(), device.home).read_bytes()
    path = device.inbox / "GC01.tif"
    path.write_bytes(whole[: len(whole) * 3 // 5])
    device.until_given_up()
    assert states(device) == [ScanState.QUARANTINED]
    path.write_bytes(whole)
    device.rest()

    assert states(device) == [ScanState.DONE]
    assert device.only_log() == expected_log(core())
    assert device.reasons() == {}, "expected a scan that is done to leave the quarantine"


def test_a_new_time_stamp_is_no_new_scan(device: Device) -> None:
    path = write(core(), device.inbox)
    device.rest()
    n_asked = device.predictors[0].n_slices
    n_announced = device.all("SELECT count(*) FROM outbox")
    os.utime(path, ns=(1, 1))
    device.rest()
    device.restart()
    device.rest()

    assert states(device) == [ScanState.DONE]
    assert device.predictors[0].n_slices == n_asked, "expected nothing to be predicted again"
    assert device.all("SELECT count(*) FROM outbox") == n_announced, "expected no announcement"


@pytest.mark.parametrize("has_hint", [True, False], ids=["closed", "unheard of"])
@pytest.mark.parametrize("is_live", [True, False], ids=["copied while running", "there at start"])
def test_the_same_content_under_another_name_is_linked_and_not_run_again(
    device: Device, *, has_hint: bool, is_live: bool
) -> None:
    path = write(core(), device.inbox)
    device.rest()
    n_asked = device.predictors[0].n_slices
    copy = path.with_name("GC02.tif")
    if not is_live:
        device.stop()
    shutil.copy(path, copy)
    if not is_live:
        device.start()
    device.rest(*[copy] * has_hint)

    (first, second) = device.scans("scan_id", "state", "duplicate_of")
    assert second[1:] == (ScanState.DONE, first[0])
    assert device.log_of(second[0]).slices == ()
    assert device.predictors[0].n_slices == n_asked, "expected nothing to be predicted again"


def test_a_copy_that_is_changed_later_is_a_scan_of_its_own(device: Device) -> None:
    path = write(core(), device.inbox)
    device.rest()
    copy = path.with_name("GC02.tif")
    shutil.copy(path, copy)
    device.rest()
    n_same = round(2 * float(PX_PER_CM)) + 1
    changed = np.concatenate([core()[:n_same], other_core()[n_same:]])
    write(changed, device.inbox, name="GC02")
    device.rest()

    assert device.scans("state", "duplicate_of")[-1] == (ScanState.DONE, None)
    assert logs(device)[-1] == expected_log(changed)
    assert logs(device)[0] == expected_log(core())


def test_a_scan_that_is_renamed_after_it_was_done_is_linked(device: Device) -> None:
    path = write(core(), device.inbox)
    device.rest()
    path.rename(path.with_name("GC07.tif"))
    device.rest()

    (first, second) = device.scans("scan_id", "state", "duplicate_of", "section_id")
    assert second[1:] == (ScanState.DONE, first[0], "GC07")
    assert first[1] == ScanState.DONE


def test_lines_that_come_after_the_end_make_a_new_scan(device: Device) -> None:
    n_first = round(5 * float(PX_PER_CM))
    write(core()[:n_first], device.inbox, pattern="strips-out-of-order")
    device.rest()
    write(core(), device.home, pattern="strips-out-of-order")
    for strip in sorted(device.home.glob("*_strip_*.tif")):
        shutil.copy(strip, device.inbox)
        device.round()
    device.rest()

    assert states(device) == [ScanState.SUPERSEDED, ScanState.DONE]
    assert logs(device) == [expected_log(core()[:n_first]), expected_log(core())]


def test_a_scan_that_was_superseded_is_not_touched_by_lines_that_come_after_its_end(
    device: Device,
) -> None:
    n_first = round(5 * float(PX_PER_CM))
    old = device.inbox
    write(core()[:n_first], old, pattern="strips-out-of-order", name="379-U1533B-12H-3-A")
    device.rest()
    write(other_core(), device.inbox, name="379-U1533B-12H-3-A")
    device.rest()
    assert states(device) == [ScanState.SUPERSEDED, ScanState.DONE]
    write(core(), old, pattern="strips-out-of-order", name="379-U1533B-12H-3-A")
    device.rest()

    assert logs(device)[0] == expected_log(core()[:n_first])
    assert logs(device)[-1] == expected_log(core())


def test_strips_wait_for_the_one_that_is_missing_in_the_middle(device: Device) -> None:
    write(core(), device.inbox, pattern="strips-out-of-order")
    late = sorted(device.inbox.iterdir())[6]
    late.rename(device.home / late.name)
    device.rest()

    assert len(device.only_log().slices) > 0
    assert device.only_log().begins(expected_log(core()))
    assert states(device) == [ScanState.GROWING]

    (device.home / late.name).rename(late)
    device.rest()

    assert states(device) == [ScanState.DONE]
    assert device.only_log() == expected_log(core())


def test_a_file_that_vanishes_while_it_grows_is_missing_and_goes_on_when_it_is_back(
    device: Device,
) -> None:
    device.round()
    path = write(core(), device.inbox, stop_after=6)
    device.round()
    device.round()
    n_before = len(device.only_log().slices)
    away = device.home / path.name
    path.rename(away)
    device.round()
    assert states(device) == [ScanState.MISSING]

    write(core(), device.home)
    away.rename(path)
    device.rest()

    assert n_before > 0
    assert states(device) == [ScanState.DONE]
    assert device.only_log() == expected_log(core())


def test_an_inbox_that_blinks_is_not_taken_for_an_empty_one(device: Device) -> None:
    device.round()
    write(core(), device.inbox, stop_after=6)
    device.round()
    device.round()
    hidden = device.home / "not mounted"
    device.inbox.rename(hidden)
    device.round()
    assert states(device) == [ScanState.GROWING]

    hidden.rename(device.inbox)
    write(core(), device.inbox)
    device.rest()

    assert states(device) == [ScanState.DONE]
    assert device.only_log() == expected_log(core())


def test_a_sidecar_that_comes_later_lets_the_scan_be_read(tmp_path: Path) -> None:
    with Device(tmp_path, px_per_cm=None) as device:
        write(core(), device.inbox)
        device.rest()
        assert "pixels per centimetre" in only_reason(device)
        write(core(), device.home, pattern="sidecar-before")
        shutil.copy(device.home / "GC01.xml", device.inbox)
        device.rest()

        assert states(device) == [ScanState.DONE]
        assert device.only_log() == expected_log(core())
        assert device.reasons() == {}


def test_a_sidecar_that_comes_while_the_scan_grows_does_not_make_it_missing(device: Device) -> None:
    write(core(), device.home, pattern="sidecar-before")
    device.round()
    write(core(), device.inbox, stop_after=6)
    device.round()
    device.round()
    n_announced = len(device.all("SELECT seq FROM outbox"))
    shutil.copy(device.home / "GC01.xml", device.inbox)
    device.round()
    write(core(), device.inbox)
    device.rest()

    said = device.all("SELECT payload FROM outbox WHERE kind = 'state' AND seq > ?", n_announced)
    assert not any('"missing"' in payload for (payload,) in said), said
    assert device.only_log() == expected_log(core())


def test_a_second_bundle_adds_its_estimates_and_leaves_those_of_the_first(device: Device) -> None:
    write(core(), device.inbox)
    device.rest()
    slices = device.all("SELECT * FROM slice")
    first = device.all("SELECT * FROM estimate")
    device.stop()
    # It would answer otherwise now, as after an update of the library that runs it.
    changed, second = DigestPredictor("b1", salt="new"), DigestPredictor("b2")
    device.predictors = (changed, second)
    device.start()
    device.rest()

    assert changed.n_slices == 0, "expected the first bundle not to be asked again"
    assert device.all("SELECT * FROM slice") == slices
    assert device.all("SELECT * FROM estimate WHERE bundle_id = 'b1'") == first
    assert device.only_log() == expected_log(core(), DigestPredictor("b1"), second)
    assert states(device) == [ScanState.DONE]


@pytest.mark.parametrize("n_slices_before", [2, 4])
def test_a_second_bundle_may_come_in_the_middle_of_a_scan(
    device: Device, n_slices_before: int
) -> None:
    write(core(), device.inbox)
    device.slices_per_step = 1
    device.restart()
    for _ in range(20):
        device.round()
        if len(device.only_log().slices) >= n_slices_before:
            break
    device.stop()
    device.predictors = (DigestPredictor("b1"), DigestPredictor("b2"))
    device.start()
    device.rest()

    assert device.only_log() == expected_log(core(), *device.predictors)
    assert states(device) == [ScanState.DONE]


def test_a_file_changed_in_what_is_no_line_is_known_also_to_a_second_bundle(
    device: Device,
) -> None:
    path = write(core(), device.inbox)
    device.rest()
    device.stop()
    with path.open("ab") as file:
        file.write(b"a tag that somebody added")
    device.predictors = (DigestPredictor("b1"), DigestPredictor("b2"))
    device.start()
    device.rest()

    assert states(device) == [ScanState.DONE]
    assert device.only_log() == expected_log(core(), *device.predictors)


def test_a_stop_between_the_last_look_and_the_last_rows_makes_no_second_scan(
    device: Device,
) -> None:
    path = write(core(), device.inbox)
    device.slices_per_step = 64
    device.restart()
    device.round()
    device.round(path)
    (scan_id,) = device.scans("scan_id")[0]
    # As if the power had gone after the scan was called final and before its end was committed.
    device.stop()
    _take_back_the_end(device, scan_id)
    device.start()
    device.rest()

    assert device.scans("scan_id", "state") == [(scan_id, ScanState.DONE)]
    assert device.only_log() == expected_log(core())


def _take_back_the_end(device: Device, scan_id: str) -> None:
    with sqlite3.connect(device.database) as connection:
        kept = connection.execute("SELECT max(slice_index) - 2 FROM slice").fetchone()[0]
        connection.execute("DELETE FROM estimate WHERE slice_index > ?", (kept,))
        connection.execute("DELETE FROM slice WHERE slice_index > ?", (kept,))
        connection.execute("DELETE FROM finished_file")
        line = connection.execute("SELECT max(first_line + n_lines) FROM slice").fetchone()[0]
        digest = _prefix_digest(line)
        connection.execute(
            "UPDATE scan SET state = 'final', content_digest = '', has_ended = 0,"
            " n_lines_done = ?, prefix_digest = ? WHERE scan_id = ?",
            (line, digest, scan_id),
        )
    connection.close()


def _prefix_digest(n_lines: int) -> str:
    prefix = PrefixDigest()
    prefix.add(Segment(core()[:n_lines], 0))
    return prefix.hexdigest()


def test_strips_processed_by_hand_are_one_scan(device: Device) -> None:
    write(core(), device.inbox, pattern="strips-out-of-order")
    strips = sorted(device.inbox.iterdir())
    outcomes = process_at(device.station, strips, on_slices=lambda *_: None)

    assert len(outcomes) == 1
    assert outcomes[0].is_stored, outcomes[0].sentence
    assert device.only_log() == expected_log(core())
