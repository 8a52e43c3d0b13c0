"""Files that are damaged, that lie, or that are no scans: refused with a reason, and soon."""

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

from downcore.sources import Limits, Reading, format_of, formats, head_of
from downcore.sources.readers.input_file import InputFile
from downcore.strata.errors import GrowingError, HostileFileError, SegmentError

READING = Reading(px_per_cm="20")
LINES = np.random.default_rng(3).integers(1, 255, (24, 9, 3), dtype=np.uint8)


def open_and_read(path: Path, reading: Reading = READING) -> np.ndarray[Any, Any]:
    fmt = format_of(path, head_of(path))
    assert fmt is not None, f"no format claims {path.name}"
    with closing(fmt.open((path,), reading)) as scan:
        n_lines, is_complete = scan.refresh(is_still=True)
        assert is_complete
        return scan.read(0, n_lines).lines


def write_tiff(path: Path, pixels: np.ndarray[Any, Any] = LINES, **how: Any) -> Path:
    tifffile.imwrite(path, pixels, metadata=None, **({"photometric": "rgb"} | how))
    return path


@pytest.mark.parametrize(
    ("pixels", "how", "reason"),
    [
        (LINES[:, :, 0], {"photometric": "minisblack"}, "got grey.*radiograph or CT"),
        (LINES[:, :, 0].astype(np.uint16), {"photometric": "minisblack"}, "got grey"),
        (LINES[:, :, 0] > 99, {"photometric": "minisblack"}, "1 bit black and white"),
        (np.dstack([LINES, LINES[:, :, :1]]), {"photometric": "separated"}, "CMYK"),
        (
            LINES[:, :, 0],
            {"photometric": "palette", "colormap": np.zeros((3, 256), np.uint16)},
            "a palette.*export it as RGB",
        ),
        (LINES.astype(np.float32), {}, r"8 or 16 bits a channel, got \[32"),
        (LINES, {"compression": "jpeg"}, "got JPEG|YCbCr"),
    ],
    ids=["grey", "ct", "1-bit", "cmyk", "palette", "float", "jpeg"],
)
def test_a_tiff_that_is_no_colour_scan_is_refused_by_what_it_is(
    tmp_path: Path, pixels: np.ndarray[Any, Any], how: dict[str, Any], reason: str
) -> None:
    path = write_tiff(tmp_path / "section.tif", pixels, **how)

    with pytest.raises(SegmentError, match=reason) as refused:
        open_and_read(path)

    assert not isinstance(refused.value, GrowingError | HostileFileError)
    assert "section.tif" in str(refused.value)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".jpg"])
def test_a_grey_image_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"section{suffix}"
    cv2.imwrite(str(path), LINES[:, :, 0])

    with pytest.raises(SegmentError, match="colour"):
        open_and_read(path)


def lying_tiff(path: Path, width: int, height: int) -> Path:
    write_tiff(path, LINES)
    raw = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tiff:
        tags = tiff.pages[0].tags
        for code, value in ((256, width), (257, height), (278, height)):
            where = tags[code].valueoffset
            raw[where : where + 4] = value.to_bytes(4, "little")[
                : 2 * (1 + (tags[code].dtype == 4))
            ].ljust(4, b"\0")
    path.write_bytes(raw)
    return path


@pytest.mark.timeout(20)
def test_a_header_of_60000_by_60000_with_few_bytes_is_refused_at_once(tmp_path: Path) -> None:
    path = lying_tiff(tmp_path / "section.tif", 60_000, 60_000)

    with pytest.raises(HostileFileError, match="60000 x 60000"):
        open_and_read(path)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("suffix", [".png", ".bmp"])
def test_a_lying_header_is_refused_before_anything_is_decoded(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"section{suffix}"
    cv2.imwrite(str(path), LINES)
    raw = bytearray(path.read_bytes())
    if suffix == ".png":
        raw[16:24] = struct.pack(">II", 60_000, 60_000)
        raw[29:33] = struct.pack(">I", zlib.crc32(raw[12:29]))
    else:
        raw[18:26] = struct.pack("<ii", 60_000, 60_000)
    path.write_bytes(raw)

    with pytest.raises(HostileFileError, match="60000 x 60000"):
        open_and_read(path)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("suffix", "reason"),
    [(".bmp", "bytes of a file with such an image"), (".png", "save it as TIFF")],
)
def test_an_image_followed_by_a_hole_of_100_gb_is_refused_without_reading_the_hole(
    tmp_path: Path, suffix: str, reason: str
) -> None:
    path = tmp_path / f"section{suffix}"
    cv2.imwrite(str(path), LINES)
    os.truncate(path, 100 * 1000**3)

    with pytest.raises(HostileFileError, match=reason):
        open_and_read(path)


def test_a_scan_that_got_a_hole_while_it_was_open_is_refused(tmp_path: Path) -> None:
    for suffix in (".bmp", ".png"):
        path = tmp_path / f"section{suffix}"
        cv2.imwrite(str(path), LINES)
        whole = path.read_bytes()
        path.write_bytes(whole[:-20])
        fmt = formats()[suffix[1:]]
        with closing(fmt.open((path,), READING)) as scan:
            assert not scan.refresh(is_still=True)[1]
            os.truncate(path, 100 * 1000**3)
            with pytest.raises(HostileFileError, match="got 100000000000"):
                scan.refresh(is_still=True)


@pytest.mark.timeout(40)
@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"section{suffix}"
    blank = np.full((9_000, 3_000, 3), 255, dtype=np.uint8)
    if suffix == ".tif":
        write_tiff(path, blank, compression="zlib", rowsperstrip=3_000)
    else:
        cv2.imwrite(str(path), blank, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    assert path.stat().st_size < 300_000

    with pytest.raises(HostileFileError, match="decoded bytes for each byte"):
        open_and_read(path)


def test_one_huge_compressed_strip_is_refused_by_what_it_would_hold(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "section.tif", compression="lzw", rowsperstrip=24)

    with pytest.raises(HostileFileError, match="at most 500 bytes to decode at once, got 648"):
        open_and_read(path, Reading(px_per_cm="20", limits=Limits(max_held_bytes=500)))


def test_strips_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "section.tif", rowsperstrip=1)
    raw = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tiff:
        tag = tiff.pages[0].tags["StripOffsets"]
        kind, first = ("<I", 4) if tag.dtype == 4 else ("<H", 2)
        for i in range(24):
            struct.pack_into(kind, raw, tag.valueoffset + i * first, 16)
    path.write_bytes(raw[:600])

    with pytest.raises(HostileFileError, match="side by side"):
        open_and_read(path)


@pytest.mark.timeout(20)
def test_a_list_of_images_that_runs_in_a_loop_is_refused(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "section.tif")
    raw = bytearray(path.read_bytes())
    first = struct.unpack_from("<I", raw, 4)[0]
    n_tags = struct.unpack_from("<H", raw, first)[0]
    struct.pack_into("<I", raw, first + 2 + 12 * n_tags, first)
    path.write_bytes(raw)

    with pytest.raises(HostileFileError, match="loop"):
        open_and_read(path)


@pytest.mark.parametrize("compression", ["zlib", "packbits"])
def test_a_damaged_strip_is_refused_with_its_rows(tmp_path: Path, compression: str) -> None:
    path = write_tiff(tmp_path / "section.tif", compression=compression, rowsperstrip=8)
    raw = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        where, count = page.dataoffsets[1], page.databytecounts[1]
    raw[where : where + count] = b"\x7f" * count
    path.write_bytes(raw)

    with pytest.raises(HostileFileError, match="rows from 8 on"):
        open_and_read(path)


def test_a_png_with_a_flipped_bit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "section.png"
    cv2.imwrite(str(path), LINES)
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 4
    path.write_bytes(raw)

    with pytest.raises(HostileFileError, match="checksum"):
        open_and_read(path)


def test_a_png_named_tif_opens_as_what_it_is_and_says_so(tmp_path: Path) -> None:
    png = tmp_path / "section.png"
    cv2.imwrite(str(png), LINES[:, :, ::-1])
    path = png.rename(tmp_path / "section.tif")
    fmt = format_of(path, head_of(path))
    assert fmt is not None

    with closing(fmt.open((path,), READING)) as scan:
        assert scan.refresh() == (24, True)
        np.testing.assert_array_equal(scan.read(0, 24).lines, LINES)
        assert scan.description.warnings == ("named .tif, but it is png",)


@pytest.mark.parametrize("suffix", [".tif", ".png", ".jpg", ".bmp"])
@pytest.mark.parametrize("n_zeros", [0, 5, 5000], ids=["empty", "5 zeros", "5000 zeros"])
def test_a_blank_file_is_growing_not_broken(tmp_path: Path, suffix: str, n_zeros: int) -> None:
    path = tmp_path / f"section{suffix}"
    path.write_bytes(bytes(n_zeros))
    fmt = format_of(path, head_of(path))
    assert fmt is not None

    with pytest.raises(GrowingError):
        fmt.open((path,), READING)


def test_text_named_tif_and_copies_in_progress_are_nobodys(tmp_path: Path) -> None:
    text = tmp_path / "section.tif"
    text.write_text("Dear technician, the scanner is out of order.")
    copying = write_tiff(tmp_path / "a.tif").rename(tmp_path / "a.tif.part")

    assert format_of(text, head_of(text)) is None
    assert format_of(copying, head_of(copying)) is None
    with pytest.raises(SegmentError, match="other content"):
        formats()["plain_tiff"].open((text,), READING)


def test_links_folders_and_pipes_are_refused_without_waiting(tmp_path: Path) -> None:
    file = write_tiff(tmp_path / "section.tif")
    link, folder, pipe = (tmp_path / f"{name}.tif" for name in ("link", "folder", "pipe"))
    link.symlink_to(file)
    folder.mkdir()
    os.mkfifo(pipe)
    device = Path("/dev/null")

    for path, words in ((link, "link"), (folder, "folder"), (pipe, "pipe"), (device, "device")):
        with pytest.raises(HostileFileError, match=words):
            head_of(path)
        with pytest.raises(HostileFileError, match=words):
            formats()["plain_tiff"].open((path,), READING)


def test_a_name_with_a_nul_byte_is_refused() -> None:
    with pytest.raises(HostileFileError, match="file name"):
        head_of(Path("section\0.tif"))


def test_a_file_that_is_gone_or_locked_is_refused_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SegmentError, match="No such file"):
        head_of(tmp_path / "gone.tif")

    def denied(*_args: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", denied)
    with pytest.raises(SegmentError, match="let the user that runs downcore read it"):
        head_of(tmp_path / "locked.tif")


def test_a_share_that_goes_away_under_an_open_file_is_the_fault_of_the_share(
    tmp_path: Path,
) -> None:
    file = InputFile(write_tiff(tmp_path / "section.tif"))
    os.close(file._fd)  # what the kernel answers then is a failed fstat, as on a stale share

    with pytest.raises(SegmentError, match="network share") as caught:
        file.size()

    assert isinstance(caught.value.__cause__, OSError), "the service cannot tell that it may pass"
    file.close()


@pytest.mark.parametrize("fault", [RuntimeError, ValueError, OverflowError, MemoryError])
@pytest.mark.parametrize("suffix", [".tif", ".png", ".jpg"])
def test_whatever_a_decoder_raises_is_the_fault_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, fault: type[Exception]
) -> None:
    path = tmp_path / f"section{suffix}"
    if suffix == ".tif":
        write_tiff(path, compression="lzw")
    else:
        cv2.imwrite(str(path), LINES)

    def raises(*_args: object, **_options: object) -> bytes:
        raise fault

    monkeypatch.setattr(cv2, "imdecode", raises)

    with pytest.raises(HostileFileError, match=fault.__name__):
        open_and_read(path)


def test_a_file_cut_short_while_it_is_read_is_a_new_scan(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "section.tif")
    with closing(formats()["plain_tiff"].open((path,), READING)) as scan:
        scan.refresh()
        path.write_bytes(path.read_bytes()[:300])

        with pytest.raises(SegmentError, match="cut short"):
            scan.refresh()


@pytest.mark.parametrize("px_per_cm", ["0", "-3", "1e9999999", "two", "2001", "1/0"])
def test_a_scale_that_makes_no_sense_is_refused(tmp_path: Path, px_per_cm: str) -> None:
    path = write_tiff(tmp_path / "section.tif")

    with pytest.raises(SegmentError, match="from 1 to 2000"):
        formats()["plain_tiff"].open((path,), Reading(px_per_cm=px_per_cm))
