"""Files that are damaged, lie, or are named in bad faith: each its reason, neighbours go on."""

import os
import struct
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from played_device import (
    PX_PER_CM,
    Device,
    DigestPredictor,
    bytes_below,
    core_lines,
    expected_log,
    job_of,
)

from downcore.commands.process import process_at
from downcore.service.scan_record import MAX_DEATHS
from downcore.simulator.scanner import pattern_named
from downcore.sources import Limits
from downcore.strata.record import ScanState

SMALL = Limits(max_pixels=1_000_000)


@cache
def core() -> NDArray[np.uint8]:
    return core_lines()


@cache
def neighbour() -> NDArray[np.uint8]:
    return core_lines(seed=8, length_cm=4.3)


def write(pixels: NDArray[np.uint8], folder: Path, name: str) -> Path:
    path = folder / name
    for step in pattern_named("growing-tiff").write(job_of(pixels, folder, name)):
        path = step.path
    return path


def whole(folder: Path) -> bytes:
    path = write(core(), folder, "whole")
    content = path.read_bytes()
    path.unlink()
    return content


def truncated(path: Path) -> None:
    content = whole(path.parent)
    path.write_bytes(content[: len(content) // 2 + 1])


def zero_tailed(path: Path) -> None:
    content = whole(path.parent)
    half = len(content) // 3
    path.write_bytes(content[:half] + bytes(len(content) - half))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def not_an_image(path: Path) -> None:
    path.write_bytes(b"%PDF-1.7 a report of the cruise" * 40)


def one_bit(path: Path) -> None:
    bits = np.packbits(np.indices((60, 40)).sum(axis=0) % 2, axis=1).astype(np.uint8)
    tags = [(256, 40), (257, 60), (258, 1), (259, 1), (262, 1), (273, 8), (277, 1), (278, 60)]
    tags.append((279, bits.nbytes))
    index = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    at = 8 + bits.nbytes
    path.write_bytes(
        struct.pack("<2sHI", b"II", 42, at)
        + bits.tobytes()
        + struct.pack("<H", len(tags))
        + index
        + bytes(4)
    )


def cmyk(path: Path) -> None:
    tifffile.imwrite(path, np.zeros((60, 40, 4), np.uint8), photometric="separated")


def bomb(path: Path) -> None:
    tifffile.imwrite(
        path, np.zeros((3000, 3000, 3), np.uint8), photometric="rgb", compression="zlib"
    )


def png_bomb(path: Path) -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = b""
    for kind, body in ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")):
        chunks += struct.pack(">I", len(body)) + kind + body
        chunks += struct.pack(">I", zlib.crc32(kind + body))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)


def lying_header(path: Path) -> None:
    # Its own size, but sixty thousand lines of sixty thousand pixels.
    content = bytearray(whole(path.parent))
    (at,) = struct.unpack_from("<I", content, 4)
    (n_tags,) = struct.unpack_from("<H", content, at)
    for k in range(n_tags):
        place = at + 2 + 12 * k
        if struct.unpack_from("<H", content, place)[0] in {256, 257}:
            struct.pack_into("<HI", content, place + 2, 4, 1)
            struct.pack_into("<I", content, place + 8, 60_000)
    path.write_bytes(content)


def noise_after_the_magic(path: Path) -> None:
    noise = np.random.default_rng(5).integers(0, 256, 3000, dtype=np.uint8).tobytes()
    path.write_bytes(b"II*\0" + struct.pack("<I", 100) + noise)


def cut_jpeg(path: Path) -> None:
    encoded = cv2.imencode(".jpg", core())[1].tobytes()
    path.write_bytes(encoded[: len(encoded) // 2])


BAD: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "truncated": ("bad.tif", truncated, "truncated"),
    "zero-tailed": ("bad.tif", zero_tailed, "zero-tailed|blank"),
    "empty": ("bad.tif", empty, "empty|nothing is written|truncated"),
    "not an image": ("bad.tif", not_an_image, "first bytes"),
    "an image of no format": ("bad.png", lambda p: p.write_bytes(b"GIF89a" * 50), "first bytes"),
    "one bit": ("bad.tif", one_bit, "bit|grey|RGB"),
    "CMYK": ("bad.tif", cmyk, "RGB|CMYK|colour"),
    "bomb": ("bad.tif", bomb, "at most 1000000 px"),
    "PNG bomb": ("bad.png", png_bomb, "at most 1000000 px"),
    "lying header": ("bad.tif", lying_header, "at most 1000000 px"),
    "noise": ("bad.tif", noise_after_the_magic, "expected"),
    "half a JPEG": ("bad.jpg", cut_jpeg, "truncated"),
}

every_bad = pytest.mark.parametrize(("name", "make", "reason"), BAD.values(), ids=list(BAD))


def check_reason(found: str, wanted: str) -> None:
    assert any(word in found for word in wanted.split("|")), f"expected {wanted!r} in {found!r}"


@every_bad
def test_a_bad_file_in_the_inbox_is_set_aside_with_its_reason_and_its_neighbours_go_on(
    tmp_path: Path, name: str, make: Callable[[Path], object], reason: str
) -> None:
    with Device(tmp_path, limits=SMALL) as device:
        make(device.inbox / name)
        good = write(neighbour(), device.inbox, "GC02")
        before = bytes_below(device.inbox)
        device.until_given_up()

        check_reason(device.reasons()[name], reason)
        assert set(device.reasons()) == {name}
        assert set(device.scheduler.refused) == {str(device.inbox / name)}
        check_neighbour(device, good)
        assert bytes_below(device.inbox) == before, "expected the inbox as it was"


@pytest.mark.parametrize("n_black", [1, 40])
def test_a_scan_with_black_lines_at_its_end_is_stored_once_nothing_more_comes(
    tmp_path: Path, n_black: int
) -> None:
    pixels = core().copy()
    pixels[-n_black:] = 0
    with Device(tmp_path, limits=SMALL) as device:
        path = write(pixels, device.inbox, "GC01")
        device.until_given_up()

        assert device.reasons() == {}
        assert device.all("SELECT state FROM scan WHERE path = ?", str(path)) == [(ScanState.DONE,)]


@every_bad
def test_a_bad_file_handed_over_by_a_person_is_refused_with_its_reason(
    tmp_path: Path, name: str, make: Callable[[Path], object], reason: str
) -> None:
    with Device(tmp_path, limits=SMALL) as device:
        make(device.inbox / name)
        good = write(neighbour(), device.inbox, "GC02")
        before = bytes_below(device.inbox)
        bad, kept = process_at(
            device.station, [device.inbox / name, good], on_slices=lambda *_: None
        )

        assert not bad.is_stored
        check_reason(bad.sentence, reason)
        check_reason(device.reasons()[name], reason)
        assert kept.is_stored, kept.sentence
        check_neighbour(device, good)
        assert bytes_below(device.inbox) == before, "expected the inbox as it was"


def check_neighbour(device: Device, good: Path) -> None:
    kept = device.all("SELECT scan_id, state FROM scan WHERE path = ?", str(good))
    assert [state for _, state in kept] == [ScanState.DONE], kept
    assert device.log_of(kept[0][0]) == expected_log(neighbour())


def beside_a_scan(
    folder: Path, name: str, sidecar: str, content: bytes, pixels: NDArray[np.uint8] | None = None
) -> Path:
    folder.mkdir(exist_ok=True)
    path = write(core_lines(seed=9, length_cm=3.0) if pixels is None else pixels, folder, name)
    path.with_name(sidecar).write_bytes(content)
    return path


def digits_in_an_itrax_document(inbox: Path) -> Path:
    text = f"a\nb\tc\td\nOptical Start\t{'9' * 5000}\tOptical End\t{'9' * 5001}\t\n"
    return beside_a_scan(inbox / "LP161", "optical", "document.txt", text.encode())


def zeros_in_an_itrax_document(inbox: Path) -> Path:
    text = f"a\nb\tc\td\nOptical Start\t0\tOptical End\t0.{'0' * 400}1\t\n"
    return beside_a_scan(inbox / "LP161", "optical", "document.txt", text.encode())


def digits_in_a_raw_header(inbox: Path) -> Path:
    path = beside_a_scan(inbox, "GC01", "GC01.hdr", b"")
    text = f"samples = {'9' * 5000}\nlines = 9\nbands = 3\ndata type = 1\n\x1b[2Jx = 1\n"
    path.with_name("GC01.hdr").write_text(text)
    return path.rename(path.with_suffix(".raw"))


def entities_in_utf_16(inbox: Path) -> Path:
    text = f"<!DOCTYPE g [<!ENTITY a '{'a' * 400}'>]><geotek-image>&a;</geotek-image>"
    return beside_a_scan(inbox, "GC01", "GC01.xml", text.encode("utf-16"))


HOSTILE_SIDECARS = {
    "5000 digits in an Itrax document": (digits_in_an_itrax_document, "at most 12 digits"),
    "400 zeros in an Itrax document": (zeros_in_an_itrax_document, "at most 12 digits"),
    "5000 digits in a raw header": (digits_in_a_raw_header, "at most 12 digits"),
    "entities in UTF-16": (entities_in_utf_16, "entities"),
}

every_hostile_sidecar = pytest.mark.parametrize(
    ("make", "reason"), HOSTILE_SIDECARS.values(), ids=list(HOSTILE_SIDECARS)
)


def good_scans(inbox: Path) -> list[Path]:
    xml = '<?xml version="1.0" encoding="ANSI"?><geotek-image><pixels-per-CM>{}</pixels-per-CM>'
    xml = xml.format(PX_PER_CM) + "</geotek-image>"
    return [
        beside_a_scan(inbox, name, f"{name}.xml", xml.encode(), pixels)
        for name, pixels in (("GC02", neighbour()), ("GC03", core()))
    ]


def check_good(device: Device, good: list[Path]) -> None:
    rows = "SELECT scan_id FROM scan WHERE path = ? AND state = 'done'"
    logs = [device.log_of(scan_id) for path in good for (scan_id,) in device.all(rows, str(path))]
    assert logs == [expected_log(neighbour()), expected_log(core())]


@every_hostile_sidecar
def test_a_hostile_sidecar_sets_its_own_scan_aside_and_the_daemon_goes_on(
    tmp_path: Path, make: Callable[[Path], Path], reason: str
) -> None:
    with Device(tmp_path, px_per_cm=None) as device:
        bad, good = make(device.inbox), good_scans(device.inbox)
        device.until_given_up()

        (said,) = device.scheduler.refused.values()
        assert set(device.scheduler.refused) == {str(bad)}
        check_reason(said, reason)
        assert len(said) < 500
        assert said.isprintable()
        check_good(device, good)


@every_hostile_sidecar
def test_a_hostile_sidecar_handed_over_by_a_person_does_not_lose_the_other_scans(
    tmp_path: Path, make: Callable[[Path], Path], reason: str
) -> None:
    with Device(tmp_path, px_per_cm=None) as device:
        bad, good = make(device.inbox), good_scans(device.inbox)
        outcomes = process_at(device.station, [good[0], bad, good[1]], on_slices=lambda *_: None)

        assert [one.is_stored for one in outcomes] == [True, False, True]
        check_reason(outcomes[1].sentence, reason)
        check_good(device, good)


def test_a_header_that_moves_the_cursor_is_escaped_in_its_reason(tmp_path: Path) -> None:
    with Device(tmp_path, px_per_cm=None) as device:
        path = beside_a_scan(device.inbox, "GC01", "GC01.xml", b"<geotek>\x1b[2J</geotek>")
        path.rename(device.inbox / "GC01_\x1b[2J.tif")
        path.with_suffix(".xml").rename(device.inbox / "GC01_\x1b[2J.xml")
        device.until_given_up()

        (said,) = device.scheduler.refused.values()
        assert said.isprintable()
        assert "\\x1b[2J" in said


def test_a_wrong_ending_is_read_by_its_content(tmp_path: Path) -> None:
    with Device(tmp_path) as device:
        write(core(), device.inbox, "GC01").rename(device.inbox / "GC01.bmp")
        device.rest()

        assert device.only_log() == expected_log(core())


def test_rows_read_before_a_file_turned_out_truncated_are_kept(tmp_path: Path) -> None:
    with Device(tmp_path) as device:
        truncated(device.inbox / "GC01.tif")
        device.until_given_up()

        assert len(device.only_log().slices) > 0
        assert device.only_log().begins(expected_log(core()))
        ((state, reason),) = device.scans("state", "reason")
        assert state == ScanState.QUARANTINED
        assert "truncated" in reason


NAMES = {
    "dots": b"GC..%2f..%5c..01...tif",
    "hash and plus": b"a#b+c.tif",
    "newline": b"GC\n01.tif",
    "not UTF-8": b"GC\xff\xfe01.tif",
    "right to left": "GC\u202e01.tif".encode(),
    "as long as can be": b"x" * 246 + b".tif",
    "blank": b" .tif",
    "dash": b"--db.tif",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=list(NAMES))
def test_a_name_in_bad_faith_is_a_section_with_a_safe_name(tmp_path: Path, name: bytes) -> None:
    with Device(tmp_path) as device:
        path = device.inbox / os.fsdecode(name)
        write(core(), device.inbox, "GC01").rename(path)
        before = bytes_below(tmp_path / "inbox")
        device.rest()

        ((section_id, state, shown),) = device.scans("section_id", "state", "path")
        assert state == ScanState.DONE
        assert section_id.isascii()
        assert set(section_id).isdisjoint("/#+\n\x00 "), section_id
        assert not section_id.startswith("."), section_id
        assert shown.isprintable()
        assert device.only_log() == expected_log(core())
        assert bytes_below(tmp_path / "inbox") == before
        assert sorted(p.name for p in tmp_path.iterdir() if not p.name.startswith("record")) == [
            "inbox"
        ]


def test_folders_named_in_bad_faith_do_not_lead_out_of_the_inbox(tmp_path: Path) -> None:
    with Device(tmp_path) as device:
        odd = device.inbox / "a...." / "#+"
        odd.mkdir(parents=True)
        write(core(), odd, "scan 1")
        device.rest()

        ((section_id, _),) = device.scans("section_id", "state")
        assert set(section_id).isdisjoint("/#+ ")


def test_links_pipes_and_folders_are_not_followed(tmp_path: Path) -> None:
    with Device(tmp_path) as device:
        outside = write(core(), tmp_path, "outside")
        (device.inbox / "link.tif").symlink_to(outside)
        (device.inbox / "loop.tif").symlink_to(device.inbox / "loop.tif")
        os.mkfifo(device.inbox / "pipe.tif")
        (device.inbox / "folder.tif").mkdir()
        good = write(neighbour(), device.inbox, "GC02")
        device.rest()

        assert set(device.reasons()) == {"link.tif", "loop.tif", "pipe.tif"}
        assert all("expected a regular file" in why for why in device.reasons().values())
        assert len(device.scans("path")) == 1
        check_neighbour(device, good)


def test_links_pipes_and_folders_handed_over_by_a_person_are_refused(tmp_path: Path) -> None:
    with Device(tmp_path) as device:
        (device.inbox / "link.tif").symlink_to(write(core(), tmp_path, "outside"))
        os.mkfifo(device.inbox / "pipe.tif")
        (device.inbox / "folder.tif").mkdir()
        paths = [*sorted(device.inbox.iterdir()), device.inbox / "gone.tif"]
        outcomes = process_at(device.station, paths, on_slices=lambda *_: None)

        assert [one.is_stored for one in outcomes] == [False] * 4
        assert all(Path(p).name in one.sentence for p, one in zip(paths, outcomes, strict=True))
        assert device.scans("path") == []


def test_a_file_that_may_not_be_read_is_set_aside_and_read_once_it_may(tmp_path: Path) -> None:
    with Device(tmp_path) as device:
        path = write(core(), device.inbox, "GC01")
        path.chmod(0)
        if os.access(path, os.R_OK):
            pytest.skip("this user may read every file")
        device.rest()
        assert "Permission denied" in device.reasons()["GC01.tif"]
        path.chmod(0o400)
        device.round(after_s=100.0)
        device.rest()

        assert device.only_log() == expected_log(core())
        assert device.reasons() == {}


def test_a_reason_is_recorded_once_for_each_file_however_often_it_is_refused(
    tmp_path: Path,
) -> None:
    with Device(tmp_path) as device:
        not_an_image(device.inbox / "bad.tif")
        device.rest()
        device.restart()
        device.rest()
        (device.inbox / "bad.tif").write_bytes(b"something else" * 9)
        device.rest()

        assert len(device.all("SELECT * FROM quarantine")) == 1


def test_a_bad_file_that_is_replaced_by_a_good_one_leaves_the_quarantine(tmp_path: Path) -> None:
    with Device(tmp_path) as device:
        not_an_image(device.inbox / "GC01.tif")
        device.rest()
        assert "GC01.tif" in device.reasons()
        (device.inbox / "GC01.tif").write_bytes(whole(tmp_path))
        device.rest()

        assert device.only_log() == expected_log(core())
        assert device.reasons() == {}
        assert device.scheduler.refused == {}


class Death(BaseException):
    """Stands for the end of the process: nothing catches it, and nothing is tidied up."""


class DeadlyPredictor(DigestPredictor):
    """Ends the process over the tiles of one slice."""

    def __init__(self, deadly: bytes) -> None:
        super().__init__()
        self._deadly = deadly

    def submit(self, tag: object, tiles: NDArray[np.uint8]) -> None:
        if tiles.tobytes() == self._deadly:
            raise Death
        super().submit(tag, tiles)


class RememberingPredictor(DigestPredictor):
    """Remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[bytes] = []

    def submit(self, tag: object, tiles: NDArray[np.uint8]) -> None:
        self.asked.append(tiles.tobytes())
        super().submit(tag, tiles)


def first_tiles(pixels: NDArray[np.uint8]) -> bytes:
    looking = RememberingPredictor()
    expected_log(pixels, looking)
    return looking.asked[0]


def test_a_file_that_ends_the_process_at_every_start_is_set_aside_and_neighbours_go_on(
    tmp_path: Path,
) -> None:
    with Device(tmp_path) as device:
        device.predictors = (DeadlyPredictor(first_tiles(core())),)
        write(core(), device.inbox, "GC01")
        good = write(neighbour(), device.inbox, "GC02")
        os.utime(good, ns=(2**62, 2**62))
        n_deaths = 0
        for _ in range(MAX_DEATHS + 2):
            device.restart()
            try:
                device.rest()
            except Death:
                n_deaths += 1

        assert n_deaths == MAX_DEATHS
        assert f"died {MAX_DEATHS} times" in device.reasons()["GC01.tif"]
        check_neighbour(device, good)


def test_a_start_that_ends_in_good_order_is_not_held_against_a_file(tmp_path: Path) -> None:
    with Device(tmp_path, slices_per_step=1) as device:
        device.round()
        path = write(core(), device.inbox, "GC01")
        for _ in range(MAX_DEATHS + 2):
            device.round(path)
            device.restart()
            device.round()
            path.touch()
        device.rest()

        assert device.reasons() == {}
        assert device.only_log() == expected_log(core())


def test_what_is_refused_says_what_was_expected_and_what_was_got(tmp_path: Path) -> None:
    with Device(tmp_path, px_per_cm=None) as device:
        write(core(), device.inbox, "GC01")
        device.rest()

        reason = device.reasons()["GC01.tif"]
        assert "expected" in reason
        assert "got" in reason
        assert "set px_per_cm" in reason
