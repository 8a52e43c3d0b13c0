"""Images with tags, pages, alpha channels, black ends and damage, as laboratories have them."""

import os
import struct
import zlib
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from downcore.ports import ScanLines
from downcore.sources import Reading, format_of, head_of
from downcore.sources.readers.jpeg_warnings import jpeg_warnings
from downcore.strata.errors import HostileFileError, SegmentError

RNG = np.random.default_rng(11)
CORE = RNG.integers(1, 255, (120, 40, 3), dtype=np.uint8)


def stored(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return pixels as a file of an orientation stores them."""
    across = pixels.transpose(1, 0, 2)
    return {
        1: pixels, 2: pixels[:, ::-1], 3: pixels[::-1, ::-1], 4: pixels[::-1],
        5: across, 6: across[::-1], 7: across[::-1, ::-1], 8: across[:, ::-1],
    }[orientation]  # fmt: skip


def opened(path: Path, *, px_per_cm: str | None = "20", top: Any = None) -> ScanLines:
    fmt = format_of(path, head_of(path))
    assert fmt is not None
    return fmt.open((path,), Reading(px_per_cm=px_per_cm, top=top))


def lines_in(path: Path, *, top: Any = None) -> tuple[NDArray[Any], str]:
    """Return every line of a finished scan, and its warnings."""
    with closing(opened(path, top=top)) as scan:
        n_lines, is_complete = scan.refresh(is_still=True)
        assert is_complete
        return scan.read(0, n_lines).lines, "; ".join(scan.description.warnings)


def write_tiff(path: Path, pixels: NDArray[Any], **options: Any) -> Path:
    tifffile.imwrite(path, pixels, photometric="rgb", metadata=None, **options)
    return path


def exif(orientation: int, *, is_big: bool = False) -> bytes:
    order = ">" if is_big else "<"
    head = b"MM\0*" if is_big else b"II*\0"
    entry = struct.pack(f"{order}HHIHH", 274, 3, 1, orientation, 0)
    return head + struct.pack(f"{order}IH", 8, 1) + entry + bytes(4)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


# -- F10: orientation ----------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    "options",
    [
        {"rowsperstrip": 7},
        {"compression": "lzw", "rowsperstrip": 7},
        {"tile": (16, 16)},
        {"planarconfig": "separate"},
        {"bigtiff": True, "byteorder": ">"},
    ],
    ids=["strips", "lzw", "tiles", "planes", "big endian BigTIFF"],
)
def test_a_tiff_is_read_as_its_orientation_says_and_the_note_says_so(
    orientation: int, options: dict[str, Any], tmp_path: Path
) -> None:
    pixels = np.ascontiguousarray(stored(CORE, orientation))
    if options.get("planarconfig"):
        pixels = np.ascontiguousarray(pixels.transpose(2, 0, 1))
    path = write_tiff(
        tmp_path / "a.tif", pixels, extratags=[(274, 3, 1, orientation, True)], **options
    )
    lines, warnings = lines_in(path)

    np.testing.assert_array_equal(lines, CORE)
    assert ("orientation" in warnings) == (orientation != 1)
    np.testing.assert_array_equal(lines_in(path, top="left")[0], CORE.transpose(1, 0, 2))
    right = CORE.transpose(1, 0, 2)[::-1]
    np.testing.assert_array_equal(lines_in(path, top="right")[0], right)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_is_read_as_its_exif_says(orientation: int, tmp_path: Path) -> None:
    smooth = cv2.GaussianBlur(CORE, (0, 0), 6)
    plain = cv2.imencode(".jpg", smooth, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    (tmp_path / "plain.jpg").write_bytes(plain)
    upright, _ = lines_in(tmp_path / "plain.jpg")
    # Turned as pixels, so that both files are one picture but for the loss.
    turned = np.ascontiguousarray(stored(upright, orientation)[..., ::-1])
    raw = cv2.imencode(".jpg", turned, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    block = b"Exif\0\0" + exif(orientation, is_big=orientation % 2 == 0)
    app1 = b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block
    (tmp_path / "a.jpg").write_bytes(raw[:2] + app1 + raw[2:])

    lines, warnings = lines_in(tmp_path / "a.jpg")

    assert lines.shape == upright.shape
    assert np.abs(lines.astype(int) - upright).mean() < 3
    assert ("orientation" in warnings) == (orientation != 1)


@pytest.mark.parametrize("orientation", [3, 6])
def test_a_png_is_read_as_its_exif_says_before_its_pixels_and_refused_after(
    orientation: int, tmp_path: Path
) -> None:
    pixels = np.ascontiguousarray(stored(CORE, orientation)[..., ::-1])
    raw = cv2.imencode(".png", pixels)[1].tobytes()
    chunk = png_chunk(b"eXIf", exif(orientation))
    (tmp_path / "a.png").write_bytes(raw[:33] + chunk + raw[33:])
    lines, warnings = lines_in(tmp_path / "a.png")

    np.testing.assert_array_equal(lines, CORE)
    assert f"orientation {orientation}" in warnings
    (tmp_path / "b.png").write_bytes(raw[:-12] + chunk + raw[-12:])
    with closing(opened(tmp_path / "b.png")) as scan, pytest.raises(SegmentError, match="upright"):
        scan.refresh(is_still=True)


def test_an_orientation_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif", CORE, extratags=[(274, 3, 1, 9, True)])

    with pytest.raises(SegmentError, match="orientation"):
        opened(path)


def test_a_growing_scan_that_is_stored_head_down_gives_no_line_before_its_end(
    tmp_path: Path,
) -> None:
    path = write_tiff(tmp_path / "a.tif", CORE[::-1], extratags=[(274, 3, 1, 4, True)])
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with closing(opened(path)) as scan:
        assert scan.refresh() == (0, False)
        path.write_bytes(whole)
        assert scan.refresh() == (120, True)
        np.testing.assert_array_equal(scan.read(0, 120).lines, CORE)


# -- F11: pages ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [1, 0], ids=["said to be reduced", "not said"])
@pytest.mark.parametrize("place", ["before", "after", "scan within", "preview within"])
def test_the_scan_is_read_wherever_its_preview_stands(
    place: str, kind: int, tmp_path: Path
) -> None:
    path, small = tmp_path / "a.tif", CORE[::4, ::4]
    order = [(small, kind), (CORE, 0)]
    if place in {"after", "preview within"}:
        order.reverse()
    with tifffile.TiffWriter(path) as tiff:
        for i, (pixels, subfile) in enumerate(order):
            within = {"subifds": 1} if "within" in place and i == 0 else {}
            tiff.write(pixels, photometric="rgb", subfiletype=subfile, metadata=None, **within)

    lines, warnings = lines_in(path)

    np.testing.assert_array_equal(lines, CORE)
    assert "40 x 120 px" in warnings


@pytest.mark.parametrize("n_smaller", [2, 3, 5])
def test_smaller_and_smaller_copies_within_a_scan_are_no_loop(
    n_smaller: int, tmp_path: Path
) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(CORE, photometric="rgb", metadata=None, subifds=n_smaller)
        for i in range(n_smaller):
            step = 2 << i
            tiff.write(CORE[::step, ::step], photometric="rgb", subfiletype=1, metadata=None)

    np.testing.assert_array_equal(lines_in(path)[0], CORE)


def test_pages_that_may_be_parts_of_one_scan_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    for parts in ((CORE[:60], CORE[60:]), (CORE[:80], CORE[80:]), (CORE, CORE)):
        with tifffile.TiffWriter(path) as tiff:
            for part in parts:
                tiff.write(part, photometric="rgb", metadata=None)
        with pytest.raises(SegmentError, match="parts of one"):
            opened(path)


def test_a_file_of_nothing_but_a_preview_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SegmentError, match="smaller copies"):
        opened(write_tiff(tmp_path / "a.tif", CORE, subfiletype=1))


def test_a_grey_page_beside_the_scan_is_no_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(CORE[..., 0], photometric="minisblack", metadata=None)
        tiff.write(CORE, photometric="rgb", metadata=None)

    np.testing.assert_array_equal(lines_in(path)[0], CORE)


# -- F12: alpha and bits -------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [{}, {"compression": "lzw"}, {"planarconfig": "separate"}, {"tile": (16, 16)}],
    ids=["strips", "lzw", "planes", "tiles"],
)
@pytest.mark.parametrize("bits", [8, 16])
def test_colours_multiplied_by_alpha_are_divided_by_it(
    bits: int, options: dict[str, Any], tmp_path: Path
) -> None:
    full = (1 << bits) - 1
    core = CORE.astype(np.uint16) * 257 if bits == 16 else CORE
    half = full // 2 + 1
    mixed = np.dstack([np.round(core * (half / full)), np.full(core.shape[:2], half)])
    mixed = mixed.astype(core.dtype)
    if options.get("planarconfig"):
        mixed = np.ascontiguousarray(mixed.transpose(2, 0, 1))
    path = write_tiff(tmp_path / "a.tif", mixed, extrasamples=["assocalpha"], **options)
    lines, warnings = lines_in(path)

    assert np.abs(lines.astype(int) - core).max() <= 1
    assert "divided" in warnings
    across = lines_in(path, top="left")[0]
    np.testing.assert_array_equal(across, lines.transpose(1, 0, 2))


def test_an_opaque_alpha_channel_changes_no_colour(tmp_path: Path) -> None:
    opaque = np.dstack([CORE, np.full(CORE.shape[:2], 255, np.uint8)])
    for kind in ("assocalpha", "unassalpha"):
        path = write_tiff(tmp_path / f"{kind}.tif", opaque, extrasamples=[kind])
        np.testing.assert_array_equal(lines_in(path)[0], CORE)


def test_twelve_bits_stored_in_sixteen_are_stretched_where_the_file_says_so(tmp_path: Path) -> None:
    twelve = (CORE.astype(np.uint16) * 257) >> 4
    tag = (281, 3, 3, (4095, 4095, 4095), True)
    lines, warnings = lines_in(write_tiff(tmp_path / "a.tif", twelve, extratags=[tag]))

    assert np.abs(lines / 257.0 - CORE).max() < 0.1
    assert "4095" in warnings


def test_pixels_that_are_not_square_are_said(tmp_path: Path) -> None:
    square = write_tiff(tmp_path / "a.tif", CORE, resolution=(200.0, 200.0), resolutionunit=3)
    oblong = write_tiff(tmp_path / "b.tif", CORE, resolution=(400.0, 200.0), resolutionunit=3)

    assert "square" not in lines_in(square)[1]
    assert "not square, 2 times" in lines_in(oblong)[1]


def test_floats_palettes_and_inks_are_refused_by_name(tmp_path: Path) -> None:
    floats = write_tiff(tmp_path / "a.tif", CORE.astype(np.float32) / 255)
    with pytest.raises(SegmentError, match=r"bits|format"):
        opened(floats)
    inks = tmp_path / "b.tif"
    tifffile.imwrite(inks, np.dstack([CORE, CORE[..., :1]]), photometric="separated", metadata=None)
    with pytest.raises(SegmentError, match="CMYK"):
        opened(inks)


# -- F13: black ends -----------------------------------------------------------------------


@pytest.mark.parametrize("n_black", [1, 3, 30, 60])
def test_black_lines_at_the_end_are_believed_once_the_file_is_still_and_closed(
    n_black: int, tmp_path: Path
) -> None:
    core = CORE.copy()
    core[-n_black:] = 0
    path = write_tiff(tmp_path / "a.tif", core, rowsperstrip=8)
    for top_down in (core, core[::-1]):
        cv2.imwrite(str(tmp_path / f"{top_down is core}.bmp"), top_down[..., ::-1])

    with closing(opened(path)) as scan:
        assert not scan.refresh(is_still=True)[1], "a copy may have stalled here"
        assert scan.refresh(is_still=True, is_closed=True) == (120, True)
        np.testing.assert_array_equal(scan.read(0, 120).lines, core)
    for name, pixels in (("True.bmp", core), ("False.bmp", core[::-1])):
        with closing(opened(tmp_path / name)) as scan:
            assert scan.refresh(is_still=True, is_closed=True) == (120, True)
            np.testing.assert_array_equal(scan.read(0, 120).lines, pixels)


def test_a_hole_or_more_than_half_of_a_file_is_not_believed_to_be_black(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif", np.tile(CORE, (30, 1, 1)), rowsperstrip=8)
    whole = path.read_bytes()
    with path.open("wb") as file:
        file.write(whole[: len(whole) * 3 // 4])
        file.truncate(len(whole))
    with closing(opened(path)) as scan:
        assert not scan.refresh(is_still=True, is_closed=True)[1]
    path.write_bytes(whole[: len(whole) // 3].ljust(len(whole), b"\0"))
    with closing(opened(path)) as scan:
        assert not scan.refresh(is_still=True, is_closed=True)[1]


# -- F14: damaged JPEG ---------------------------------------------------------------------


def jpeg_of(*options: int) -> bytes:
    smooth = cv2.resize(CORE, (240, 720), interpolation=cv2.INTER_CUBIC)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 92, *options]
    return cv2.imencode(".jpg", smooth, quality)[1].tobytes()


@pytest.mark.parametrize(
    "options",
    [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (cv2.IMWRITE_JPEG_RST_INTERVAL, 4)],
    ids=["baseline", "progressive", "restarts"],
)
@pytest.mark.parametrize("damage", ["cut and closed", "a part is missing", "zeros", "noise"])
def test_a_damaged_jpeg_with_an_end_mark_is_set_aside_and_makes_no_row(
    damage: str, options: tuple[int, ...], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = jpeg_of(*options)
    middle, third = len(whole) // 2, len(whole) // 3
    noise = RNG.integers(0, 255, 2000, dtype=np.uint8).tobytes()
    raw = {
        "cut and closed": whole[:middle] + b"\xff\xd9",
        "a part is missing": whole[:third] + whole[third + 3000 :],
        "zeros": whole[:middle] + bytes(len(whole) - middle - 2) + b"\xff\xd9",
        "noise": whole[:middle] + noise + whole[middle + 2000 :],
    }[damage]
    (tmp_path / "a.jpg").write_bytes(raw)

    with closing(opened(tmp_path / "a.jpg")) as scan:
        n_lines, is_complete = scan.refresh(is_still=True)
        assert is_complete
        with pytest.raises(HostileFileError, match="damaged"):
            scan.read(0, n_lines)
    assert "Corrupt" not in capfd.readouterr().err


def test_a_sound_jpeg_is_read_and_what_others_print_meanwhile_is_passed_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for i, options in enumerate([(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)]):
        (tmp_path / f"{i}.jpg").write_bytes(jpeg_of(*options))
        assert lines_in(tmp_path / f"{i}.jpg")[0].shape == (720, 240, 3)
    with jpeg_warnings() as found:
        os.write(2, b"another thread\nCorrupt JPEG data: 2 extraneous bytes before marker 0xd9\n")
    assert found == []
    assert capfd.readouterr().err == "another thread\n"
