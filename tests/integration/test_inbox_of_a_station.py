"""An inbox under a running station: a share that goes, names that folders share, copies."""

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest
from mixed_inbox import core_pixels, write_tiff, write_xml
from played_device import Device, core_lines, job_of

from downcore.commands.inbox_survey import survey
from downcore.service.station_setup import scan_settings
from downcore.settings import load_settings
from downcore.simulator.scanner import pattern_named
from downcore.sources.formats import _beside
from downcore.sources.inbox.grouping import ScanFilesFinder
from downcore.sources.inbox.listing import ListingLimits, list_inbox
from downcore.strata.record import ScanState


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    with Device(tmp_path) as device:
        yield device


def write(device: Device, place: str, seed: int = 7) -> Path:
    path = device.inbox / place
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = core_lines(seed=seed)
    for _ in pattern_named("growing-tiff").write(
        job_of(pixels, path.parent, path.stem, may_replace=True)
    ):
        pass
    return path


def sections(device: Device) -> list[str]:
    return sorted(section for (section,) in device.scans("section_id"))


def test_a_share_that_goes_and_leaves_an_empty_folder_makes_no_scan_missing(
    device: Device,
) -> None:
    device.round()
    for n in range(3):
        path = write(device, f"GC0{n}_01.tif", seed=n)
        os.truncate(path, path.stat().st_size // 2)
    device.round()
    device.round()
    away = device.home / "away"
    device.inbox.rename(away)
    device.inbox.mkdir()

    device.round()

    assert "the inbox is empty, and held 3 files" in device.scheduler.doubt
    assert {state for (state,) in device.scans("state")} == {ScanState.GROWING}
    device.inbox.rmdir()
    away.rename(device.inbox)
    device.round()
    assert device.scheduler.doubt == ""
    assert {state for (state,) in device.scans("state")} == {ScanState.GROWING}


def test_the_same_name_in_another_folder_is_another_section_and_said_loudly(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    write(device, "Exp401/2026_005_FA_GC03_01.tif", seed=1)
    device.rest()
    with caplog.at_level(logging.WARNING):
        write(device, "Exp402/2026_005_FA_GC03_01.tif", seed=2)
        device.rest()

    assert sections(device) == ["2026_005_FA_GC03_01", "Exp402-2026_005_FA_GC03_01"]
    assert {state for (state,) in device.scans("state")} == {ScanState.DONE}
    assert "section '2026_005_FA_GC03_01' is that of Exp401/" in caplog.text
    assert "ignores_folder" in caplog.text
    assert any("ignores_folder" in reason for (reason,) in device.scans("reason")), "in its state"


def test_a_scan_that_is_moved_to_another_folder_stays_the_same_section(device: Device) -> None:
    path = write(device, "new/2026_005_FA_GC03_01.tif")
    device.rest()
    (device.inbox / "done").mkdir()
    path.rename(device.inbox / "done" / path.name)

    device.rest()

    assert sections(device) == ["2026_005_FA_GC03_01"]


def test_a_scan_again_in_its_own_folder_still_takes_the_place_of_the_older(device: Device) -> None:
    write(device, "Exp401/2026_005_FA_GC03_01.tif", seed=1)
    device.rest()
    write(device, "Exp402/2026_005_FA_GC03_01.tif", seed=2)
    device.rest()
    for folder in ("Exp401", "Exp402"):
        (device.inbox / folder / "2026_005_FA_GC03_01.tif").unlink()
        write(device, f"{folder}/2026_005_FA_GC03_01.tif", seed=int(folder[-1]) + 10)
        device.rest()

    assert sections(device) == [
        "2026_005_FA_GC03_01", "2026_005_FA_GC03_01",
        "Exp402-2026_005_FA_GC03_01", "Exp402-2026_005_FA_GC03_01",
    ]  # fmt: skip


def test_a_copy_under_another_sections_name_is_said_in_the_log_and_in_its_state(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(device, "2026_005_FA_GC03_01.tif")
    device.rest()
    with caplog.at_level(logging.WARNING):
        shutil.copy(path, device.inbox / "2026_005_FA_GC03_02.tif")
        device.rest()

    assert "section 2026_005_FA_GC03_02" in caplog.text
    assert "of section 2026_005_FA_GC03_01" in caplog.text
    reasons = [reason for (reason,) in device.scans("reason")]
    assert any("of section 2026_005_FA_GC03_01" in reason for reason in reasons), reasons


def test_many_images_with_sidecars_are_told_by_one_listing_of_their_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_pairs = 300
    for n in range(n_pairs):
        image = tmp_path / f"GC{n:03d}_01.tif"
        image.write_bytes(b"II*\0" + bytes(100))
        write_xml(image.with_suffix(".xml"), core="GC", section=n, px_per_cm=20, n_lines=9)
    n_listed = 0
    iterdir = Path.iterdir

    def counted(folder: Path) -> Iterator[Path]:
        nonlocal n_listed
        n_listed += 1
        return iterdir(folder)

    monkeypatch.setattr(_beside.Path, "iterdir", counted)

    scans, _ = ScanFilesFinder().find(list_inbox(tmp_path, limits=ListingLimits()).files)

    assert len(scans) == n_pairs
    assert {scan.format.name for scan in scans} == {"geotek"}
    assert n_listed <= 1, "the folder was listed for every image"


class ManyEntries:
    """A folder that would take a disk minutes to hold."""

    def __init__(self, n_entries: int, like: Path) -> None:
        self._state = like.stat()
        self._n_entries = n_entries

    def __call__(self, _folder: Path) -> AbstractContextManager[Iterator["ManyEntries.File"]]:
        return nullcontext(
            ManyEntries.File(f"GC{n:06d}_01.tif", self._state) for n in range(self._n_entries)
        )

    class File:
        def __init__(self, name: str, state: os.stat_result) -> None:
            self.name = name
            self._state = state

        def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
            del follow_symlinks
            return self._state


def test_all_of_210000_entries_of_an_inbox_are_seen(tmp_path: Path) -> None:
    like = tmp_path / "one.tif"
    like.write_bytes(b"II*\0")

    listing = list_inbox(tmp_path, limits=ListingLimits(), list_folder=ManyEntries(210_000, like))

    assert len(listing.files) == 210_000
    assert listing.problems == ()


ESC = "\x1b]0;owned\x07\x1b[31m"


@pytest.mark.parametrize("kind", ["header", "scale", "document", "sidecar", "name", "xml"])
def test_escape_sequences_in_headers_and_sidecars_reach_neither_terminal_nor_journal(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with Device(tmp_path) as device:
        inbox = device.inbox

        if kind in {"header", "scale"}:
            (inbox / "GC01_01.raw").write_bytes(bytes(3000))
            scale = f"pixels per cm = {ESC}\n" if kind == "scale" else "pixels per cm = 20\n"
            odd = f"interleave = {ESC}\n" if kind == "header" else "interleave = bip\n"
            (inbox / "GC01_01.hdr").write_text(
                f"ENVI\nsamples = 10\nlines = 100\nbands = 3\ndata type = 1\n{odd}{scale}"
            )
        elif kind == "document":
            write_tiff(inbox / "LP1" / "optical.tif", core_pixels(1, 60, 80))
            (inbox / "LP1" / "document.txt").write_text(f"a\tb\n{ESC}\t{ESC}\t{ESC}\n")
        else:
            stem = f"GC01{ESC.replace('/', '')}" if kind == "name" else "GC01_01"
            write_tiff(inbox / f"{stem}.tif", core_pixels(1, 60, 80))
            text = {"sidecar": "&#27;", "name": "1", "xml": ESC}[kind]
            (inbox / f"{stem}.xml").write_text(
                f"<geotek-image><coreID>{text}</coreID><section-number>{text}</section-number>"
                f"<pixels-per-CM>{text}</pixels-per-CM></geotek-image>"
            )
        with caplog.at_level(logging.DEBUG):
            device.rest()
        found = survey(inbox, scan_settings(load_settings(None, inbox={"path": inbox})))
        said = [caplog.text, *capsys.readouterr(), *device.reasons().values()]
        payloads = [payload for (payload,) in device.all("SELECT payload FROM outbox")]
    assert found.scans
    assert not any("\x1b" in text for text in (*said, *payloads))
    assert not any("\x07" in text for text in said)
