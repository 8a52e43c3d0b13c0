"""Every scan of an inbox gets its turn, and few hold anything meanwhile."""

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray
from played_device import (
    GIVE_UP_S,
    PX_PER_CM,
    SETTLE_S,
    Device,
    core_lines,
    expected_log,
    job_of,
)

from downcore.exit_codes import BAD_STORE, exit_code_of
from downcore.service.scan_ingest import ScanIngest
from downcore.service.scan_record import MAX_DEATHS
from downcore.service.scheduler import MAX_OPEN, Scheduler
from downcore.simulator.scanner import pattern_named
from downcore.sources.inbox.listing import ListingLimits, list_inbox
from downcore.strata.depth import LineScale
from downcore.strata.errors import StoreError
from downcore.strata.mask.masker import MASK_HALO_UM
from downcore.strata.record import ScanState

SCALE = LineScale.of(PX_PER_CM)


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    with Device(tmp_path) as device:
        yield device


def noise(seed: int, length_cm: float = 2.5) -> NDArray[np.uint8]:
    n_lines = SCALE.lines_in(round(length_cm * 10_000))
    return np.random.default_rng(seed).integers(40, 200, (n_lines, 20, 3), dtype=np.uint8)


def write(pixels: NDArray[np.uint8], folder: Path, name: str) -> Path:
    path = folder / name
    for step in pattern_named("growing-tiff").write(
        job_of(pixels, folder, name, lines_per_step=99)
    ):
        path = step.path
    return path


def n_rows_of(device: Device, section_id: str) -> int:
    sql = "SELECT count(*) FROM slice JOIN scan USING (scan_id) WHERE section_id = ?"
    return int(device.all(sql, section_id)[0][0])


def n_rows_ready(n_lines: int) -> int:
    """Return how many slices have their lines and those below that the mask looks at."""
    ready = n_lines - SCALE.lines_in(MASK_HALO_UM)
    return 0 if ready <= 0 else SCALE.slice_of_line(ready)


def order_of_commits(device: Device) -> list[str]:
    return [s for (s,) in device.all("SELECT section_id FROM outbox WHERE kind='log' ORDER BY seq")]


def test_a_scan_that_grows_gets_its_rows_at_once_although_a_backlog_waits(device: Device) -> None:
    n_backlog = 50
    for n in range(n_backlog):
        write(noise(n), device.inbox, f"OLD{n:02d}")
    device.round()
    device.round(after_s=SETTLE_S)
    live = core_lines()
    for step in pattern_named("growing-tiff").write(
        job_of(live, device.inbox, "LIVE", lines_per_step=6)
    ):
        device.round()
        assert n_rows_of(device, "LIVE") == n_rows_ready(step.n_scanned), step.what
    n_done_meanwhile = len({s for s in order_of_commits(device) if s != "LIVE"})
    device.rest()

    assert 2 <= n_done_meanwhile <= n_backlog // 2, "expected a backlog that goes on, in turns"
    order = order_of_commits(device)
    backlog_order = list(dict.fromkeys(s for s in order if s != "LIVE"))
    assert backlog_order == [f"OLD{n:02d}" for n in range(n_backlog)], "expected the oldest first"
    for one, after in pairwise([n for n, s in enumerate(order) if s == "LIVE"]):
        assert len(set(order[one + 1 : after])) <= 4, "expected few others between two live rows"
    assert set(device.scans("state")) == {(ScanState.DONE,)}


@pytest.mark.parametrize("marker", ["GC01.done", "GC01.tif.done"])
def test_a_scan_that_is_marked_as_done_need_not_settle(device: Device, marker: str) -> None:
    device.round()
    path = write(noise(1), device.inbox, "GC01")
    device.round()
    assert device.scans("state") != [(ScanState.DONE,)], "it was taken as finished too soon"

    (device.inbox / marker).touch()
    device.round()
    device.round()

    assert device.scans("state") == [(ScanState.DONE,)], f"{path.name} waited beside its marker"


def test_a_marked_scan_that_lies_there_at_the_start_need_not_settle_either(device: Device) -> None:
    write(noise(1), device.inbox, "GC01")
    (device.inbox / "GC01.done").touch()

    device.round()
    device.round()

    assert device.scans("state") == [(ScanState.DONE,)]


def test_a_marker_beside_half_a_scan_does_not_end_it(device: Device) -> None:
    (device.inbox / "GC01.done").touch()
    device.round()
    path = write(noise(1), device.inbox, "GC01")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    device.round()
    device.round()
    assert device.scans("state") != [(ScanState.DONE,)], "half a scan was taken as finished"

    path.write_bytes(whole)
    device.round()
    device.round()

    assert device.scans("state") == [(ScanState.DONE,)]


def test_two_scans_that_grow_at_once_go_on_side_by_side(device: Device) -> None:
    device.round()
    writers = {
        name: pattern_named("growing-tiff").write(
            job_of(core_lines(seed), device.inbox, name, lines_per_step=13)
        )
        for name, seed in (("GC01", 3), ("GC02", 8))
    }
    for steps in zip(*writers.values(), strict=True):
        device.round()
        device.round()
        for name, step in zip(writers, steps, strict=True):
            assert n_rows_of(device, name) == n_rows_ready(step.n_scanned)
    device.rest()

    assert sorted(device.scans("section_id", "state")) == [("GC01", "done"), ("GC02", "done")]


def test_a_scan_that_just_ended_is_finished_before_the_backlog(device: Device) -> None:
    device.slices_per_step = 1
    device.restart()
    for n in range(6):
        write(noise(n), device.inbox, f"OLD{n}")
    device.round()
    path = write(core_lines(), device.inbox, "LIVE")
    device.round(path)
    while device.round(after_s=SETTLE_S).has_more:
        pass

    order = order_of_commits(device)
    assert set(order[: order.count("LIVE")]) == {"LIVE"}, order


@pytest.mark.parametrize("is_burst", [True, False], ids=["come at once", "there at start"])
def test_many_scans_hold_few_files_open_and_none_at_the_end(
    tmp_path: Path, *, is_burst: bool
) -> None:
    process = psutil.Process()
    most: list[int] = []

    def count(_: ScanIngest) -> None:
        most.append(process.num_fds())

    with Device(tmp_path, slices_per_step=1, on_step=count) as device:
        if is_burst:
            device.round()
        for n in range(40):
            write(noise(n), device.inbox, f"GC{n:02d}")
        before = process.num_fds()
        device.rest()

        assert max(most) <= before + MAX_OPEN + 2, f"got {max(most) - before} more than at rest"
        assert process.num_fds() <= before
        assert len(device.scans("scan_id")) == 40
        assert set(device.scans("state")) == {(ScanState.DONE,)}


def test_files_that_wait_for_bytes_hold_few_files_open(device: Device) -> None:
    process = psutil.Process()
    device.round()
    for n in range(30):
        path = write(noise(n, 4.5), device.inbox, f"GC{n:02d}")
        os.truncate(path, path.stat().st_size * 9 // 10)
    before = process.num_fds()
    for _ in range(8):
        device.round(after_s=SETTLE_S)

    assert process.num_fds() <= before + MAX_OPEN
    assert set(device.scans("state")) == {(ScanState.GROWING,)}


def test_a_look_at_scans_that_wait_unchanged_opens_none_of_them(device: Device) -> None:
    path = write(core_lines(), device.inbox, "GC01")
    os.truncate(path, path.stat().st_size * 2 // 3)
    device.rest()
    looks = []
    device.scheduler._on_step = lambda ingest: looks.append(ingest.has_worked)
    for _ in range(3):
        device.round()

    assert looks == [False] * 3


def test_done_scans_are_not_opened_again_after_a_restart(device: Device) -> None:
    for n in range(3):
        write(noise(n), device.inbox, f"GC{n:02d}")
    device.rest()
    n_announced = device.all("SELECT count(*) FROM outbox")
    stepped: list[ScanIngest] = []
    device.on_step = stepped.append
    device.restart()
    device.rest()

    assert stepped == []
    assert device.all("SELECT count(*) FROM outbox") == n_announced


def test_a_file_that_goes_between_look_and_opening_is_no_bad_file(device: Device) -> None:
    device.round()
    path = write(core_lines(), device.inbox, "GC01")
    content = path.read_bytes()
    seen = list_inbox(device.inbox, limits=ListingLimits())
    path.unlink()
    device.scheduler.run_once(seen, frozenset([path]))
    device.round()
    assert device.reasons() == {}

    path.write_bytes(content)
    device.rest()

    assert device.only_log() == expected_log(core_lines())


def test_a_look_that_found_no_inbox_changes_nothing(device: Device) -> None:
    write(core_lines(), device.inbox, "GC01")
    device.round()
    device.inbox.rename(device.home / "away")
    after = device.round()
    (device.home / "away").rename(device.inbox)
    device.rest()

    assert not after.has_more
    assert device.only_log() == expected_log(core_lines())


def test_a_wall_clock_that_jumps_and_stamps_from_the_future_change_nothing(
    device: Device,
) -> None:
    device.round()
    for n, step in enumerate(
        pattern_named("growing-tiff").write(job_of(core_lines(), device.inbox))
    ):
        stamp = (2**62, 1, 10**18)[n % 3]
        os.utime(step.path, ns=(stamp, stamp))
        device.round()
    device.rest()

    assert device.only_log() == expected_log(core_lines())
    assert device.scans("state") == [(ScanState.DONE,)]


def test_rows_do_not_wait_for_events(device: Device) -> None:
    device.round()
    write(core_lines(), device.inbox, "GC01")
    device.round()
    device.round()

    assert n_rows_of(device, "GC01") > 0, "expected rows before the file has been still"
    device.rest()
    assert device.clock.now_s - 1000.0 < GIVE_UP_S, "expected an end by stillness alone"
    assert device.scans("state") == [(ScanState.DONE,)]


def test_a_full_disk_is_not_held_against_the_file_it_came_over(device: Device) -> None:
    write(core_lines(), device.inbox, "GC01")
    for _ in range(MAX_DEATHS + 2):
        device.restart()
        database = device.station.store._database
        pages = database.execute("PRAGMA page_count").fetchone()[0]
        database.execute(f"PRAGMA max_page_count = {pages}").fetchone()
        with pytest.raises(StoreError, match="full"):
            device.rest()
    device.restart()
    device.rest()

    assert device.reasons() == {}, "the file was set aside for what the disk lacked"
    assert device.only_log() == expected_log(core_lines())


def test_a_stop_ends_a_round_before_the_next_scan_has_its_turn(device: Device) -> None:
    for n in range(3):
        write(noise(n), device.inbox, f"GC0{n}")
    stepped: list[str] = []
    scheduler = Scheduler(
        device.station,
        lambda ingest: stepped.append(ingest.name.section_id),
        is_stopping=lambda: bool(stepped),
    )
    for after_s in (0.0, SETTLE_S):
        device.clock.now_s += after_s
        seen = list_inbox(device.inbox, limits=ListingLimits())
        closed = frozenset(file.path for file in seen.files) if after_s else frozenset()
        scheduler.run_once(seen, closed)
    scheduler.close()

    assert len(stepped) == 1, f"expected one turn before the stop, got {stepped}"


def test_a_database_deleted_under_a_station_ends_it_at_the_next_look_with_no_row_in_it(
    device: Device,
) -> None:
    device.round()
    write(noise(1), device.inbox, "GC01")
    device.round()
    device.database.unlink()

    with pytest.raises(StoreError, match="deleted while downcore was running") as got:
        device.round()

    assert exit_code_of(got.value) == BAD_STORE
    assert not device.database.exists()
