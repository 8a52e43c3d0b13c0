"""Files that are far too long, or long to read: the loop comes round, and other scans get on."""

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from played_device import PX_PER_CM, Device, core_lines, expected_log, job_of

from downcore.service import identity
from downcore.service.daemon import Daemon
from downcore.service.scan_ingest import ScanIngest
from downcore.service.scheduler import Scheduler
from downcore.service.status_report import StatusReport
from downcore.settings import load_settings
from downcore.simulator.scanner import pattern_named
from downcore.sources.inbox import digests as _identity
from downcore.sources.turns import Turns
from downcore.strata.record import ScanState

HOLE_BYTES = 100 * 1000**3
MAX_S = 10.0
"""Reading through the hole takes minutes."""


@cache
def core(seed: int) -> NDArray[np.uint8]:
    return core_lines(seed)


def write(pixels: NDArray[np.uint8], folder: Path, name: str) -> Path:
    path = folder / f"{name}.tif"
    for step in pattern_named("growing-tiff").write(job_of(pixels, folder, name)):
        path = step.path
    return path


def write_before(device: Device, pixels: NDArray[np.uint8], name: str) -> Path:
    """Write a scan that is followed while it grows, so that it is read whole at its end only."""
    path = device.inbox / f"{name}.tif"
    for step in pattern_named("growing-tiff").write(job_of(pixels, device.inbox, name)):
        path = step.path
        device.round()
    return path


def tiff_with_a_hole(folder: Path) -> Path:
    path = write(core(8), folder, "GC02")
    os.truncate(path, HOLE_BYTES)
    return path


def raw_with_a_hole(folder: Path) -> Path:
    path = folder / "GC02.raw"
    path.write_bytes(core(8).tobytes())
    path.with_suffix(".hdr").write_text(
        f"ENVI\nsamples = {core(8).shape[1]}\nlines = 0\nbands = 3\ndata type = 1\n"
        f"interleave = bip\npixels per cm = {PX_PER_CM}\n"
    )
    os.truncate(path, HOLE_BYTES)
    return path


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    with Device(tmp_path) as device:
        yield device


@pytest.mark.parametrize("long", [tiff_with_a_hole, raw_with_a_hole])
@pytest.mark.parametrize("is_closed", [True, False], ids=["closed", "unheard of"])
def test_a_scan_followed_by_a_hole_is_set_aside_and_its_neighbour_gets_on(
    device: Device, long: Callable[[Path], Path], *, is_closed: bool
) -> None:
    started_s = time.monotonic()
    path = long(device.inbox)
    write(core(3), device.inbox, "GC01")
    device.rest(*[path] * is_closed)

    assert time.monotonic() - started_s < MAX_S, "the hole was read"
    assert "bytes of a file with such an image, got 100000000000" in device.reasons()[path.name]
    (good,) = device.all("SELECT scan_id FROM scan WHERE state = ?", ScanState.DONE)
    assert device.log_of(good[0]) == expected_log(core(3))


def test_a_scan_that_was_done_and_then_got_a_hole_keeps_its_rows(device: Device) -> None:
    path = write(core(3), device.inbox, "GC01")
    device.rest()
    os.truncate(path, HOLE_BYTES)
    device.rest()

    assert device.scans("state") == [(ScanState.DONE,)]
    assert device.only_log() == expected_log(core(3))
    assert "copy it again" in device.reasons()[path.name]


def test_notes_of_some_size_after_the_image_are_no_reason_to_refuse_a_scan(
    device: Device,
) -> None:
    path = write(core(3), device.inbox, "GC01")
    os.truncate(path, path.stat().st_size + 300 * 1000**2)
    device.rest()

    assert device.scans("state") == [(ScanState.DONE,)]
    assert device.only_log() == expected_log(core(3))


def tiff_with_long_notes(folder: Path) -> Path:
    path = write(core(8), folder, "GC02")
    os.truncate(path, path.stat().st_size + 900 * 1000**2)
    return path


@pytest.mark.parametrize("long", [tiff_with_a_hole, tiff_with_long_notes])
def test_a_daemon_that_is_stopped_beside_a_huge_file_does_not_read_it_through(
    tmp_path: Path, long: Callable[[Path], Path]
) -> None:
    with Device(tmp_path, settle_s=0.0, slices_per_step=99) as device:
        long(device.inbox)
        inbox = {"path": device.inbox, "settle_s": 0.0, "watch_events": False}
        settings = load_settings(None, inbox=inbox, store={"path": device.database})
        daemon = Daemon(settings, clock=device.clock, lack_of_room=lambda _store: "")
        n_steps = 0

        def stop(_: ScanIngest) -> None:
            nonlocal n_steps
            n_steps += 1
            daemon.stop()

        scheduler = Scheduler(device.station, stop, is_stopping=daemon._stopping.is_set)
        started_s = time.monotonic()
        report = StatusReport({}, device.clock)
        daemon._loop(scheduler, None, report, ends_when_idle=False)
        scheduler.close()

        assert n_steps == 1, "the daemon went on after it was stopped"
        assert time.monotonic() - started_s < MAX_S, "the file was read to its end"
        assert device.scans("state") != [(ScanState.DONE,)], "the scan was finished before the stop"


@pytest.fixture
def short_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_identity, "TURN_BYTES", 2000)
    monkeypatch.setattr(_identity, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(_identity, "REPLAY_LINES", 5)


@pytest.mark.usefixtures("short_turns")
def test_a_scan_that_is_hashed_in_turns_has_the_digests_of_one_that_is_not(
    device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    path = write(core(3), device.inbox, "GC01")
    device.rest()
    monkeypatch.setattr(_identity, "TURN_BYTES", 1 << 30)
    with Device(whole) as other:
        shutil.copy(path, other.inbox)
        other.rest()
        columns = ("scan_id", "content_digest", "prefix_digest", "header_digest", "state")
        assert device.scans(*columns) == other.scans(*columns)
        assert device.only_log() == other.only_log() == expected_log(core(3))


@pytest.mark.usefixtures("short_turns")
def test_a_neighbour_gets_rows_while_a_long_scan_is_compared_after_a_restart(
    device: Device,
) -> None:
    path = write(core(3), device.inbox, "GC01")
    device.rest()
    device.stop()
    os.utime(path, ns=(1, 1))
    device.start()
    device.round()
    assert device.round(after_s=20.0).has_more, "the long scan was compared at once"
    write(core(8), device.inbox, "GC02")
    for _ in range(5):
        assert device.round().has_more
    assert "GC02" in str(device.scans("section_id")), "the neighbour waited for the long scan"
    device.rest()

    assert [state for (state,) in device.scans("state")] == [ScanState.DONE] * 2


def until_final(device: Device) -> None:
    """Look until every row is made and only the digest is missing."""
    device.round()
    device.round(after_s=20.0)
    for _ in range(500):
        if device.scans("state") == [(ScanState.FINAL,)]:
            return
        assert device.round(after_s=0.0).has_more
    raise AssertionError(f"expected a scan that is final, got {device.scans('state', 'reason')}")


@pytest.mark.usefixtures("short_turns")
def test_a_file_that_changes_while_it_is_hashed_is_hashed_as_it_then_is(device: Device) -> None:
    path = write_before(device, core(3), "GC01")
    until_final(device)
    with path.open("ab") as file:
        file.write(b"a note")
    device.rest()

    (digest,) = device.scans("content_digest")[0]
    assert digest == hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
    assert device.scans("state") == [(ScanState.DONE,)]
    assert device.only_log() == expected_log(core(3))


@pytest.mark.usefixtures("short_turns")
def test_notes_that_are_written_over_while_they_are_hashed_are_hashed_from_their_start(
    device: Device,
) -> None:
    path = write_before(device, core(3), "GC01")
    n_bytes = path.stat().st_size
    with path.open("ab") as file:
        file.write(b"a" * 8000)
    until_final(device)
    # Beyond the image, but not yet at the end of what follows it.
    for _ in range(n_bytes // 2000 + 1):
        assert device.round(after_s=0.0).has_more
    assert device.scans("state", "content_digest") == [(ScanState.FINAL, "")]
    with path.open("r+b") as file:
        file.seek(n_bytes)
        file.write(b"b" * 8000)
    device.rest()

    (digest,) = device.scans("content_digest")[0]
    assert digest == hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
    assert device.scans("state") == [(ScanState.DONE,)]
    assert device.only_log() == expected_log(core(3))


def test_a_file_that_was_finished_before_it_was_seen_is_read_whole_once(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_whole: list[Path] = []
    digest = identity.content_digest

    def counted(path: Path) -> Turns[str]:
        read_whole.append(path)
        return digest(path)

    monkeypatch.setattr(identity, "content_digest", counted)
    path = write(core(3), device.inbox, "GC01")
    device.rest(path)

    assert read_whole == [path]
    assert device.scans("state") == [(ScanState.DONE,)]
    (content,) = device.scans("content_digest")[0]
    assert content == hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
