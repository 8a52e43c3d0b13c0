"""Files that grow in ways the samples do not show: holes, strips out of order, much of it."""

import os
import tracemalloc
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

from downcore.sources import Limits, Reading, formats
from downcore.sources.readers.input_file import InputFile
from downcore.sources.readers.written_extent import BLOCK_BYTES, WrittenExtent
from downcore.strata.errors import GrowingError, SegmentError

READING = Reading(px_per_cm="200")
RNG = np.random.default_rng(11)


def lines_of(n_lines: int, n_across: int) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    return RNG.integers(1, 255, (n_lines, n_across, 3), dtype=np.uint8)


def test_a_block_that_a_copy_has_not_written_yet_is_a_hole_not_black_core(tmp_path: Path) -> None:
    lines = lines_of(1000, 400)
    path = tmp_path / "section.tif"
    tifffile.imwrite(path, lines, photometric="rgb", rowsperstrip=4)
    whole = path.read_bytes()
    holed = bytearray(whole)
    holed[3 * BLOCK_BYTES : 5 * BLOCK_BYTES] = bytes(2 * BLOCK_BYTES)
    path.write_bytes(holed)

    with closing(formats()["plain_tiff"].open((path,), READING)) as scan:
        n_lines, is_complete = scan.refresh()
        assert not is_complete
        assert n_lines * 1200 <= 3 * BLOCK_BYTES
        np.testing.assert_array_equal(scan.read(0, n_lines).lines, lines[:n_lines])

        path.write_bytes(whole)
        assert scan.refresh() == (1000, True)


def test_a_stalled_copy_gives_no_half_line_however_long_it_is_still(tmp_path: Path) -> None:
    lines = lines_of(40, 30)
    path = tmp_path / "section.tif"
    tifffile.imwrite(path, lines, photometric="rgb")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - 20 * 90 - 45].ljust(len(whole), b"\0"))

    with closing(formats()["plain_tiff"].open((path,), READING)) as scan:
        assert scan.refresh(is_still=True) == (19, False)
        np.testing.assert_array_equal(scan.read(0, 19).lines, lines[:19])


def test_black_pixels_at_the_end_are_believed_once_the_file_is_still(tmp_path: Path) -> None:
    lines = lines_of(10, 30)
    lines[-1, 20:] = 0
    path = tmp_path / "section.tif"
    tifffile.imwrite(path, lines, photometric="rgb")

    with closing(formats()["plain_tiff"].open((path,), READING)) as scan:
        assert scan.refresh() == (9, False)
        assert scan.refresh(is_still=True) == (10, True)


def test_the_written_extent_ends_at_the_last_byte_before_the_first_hole(tmp_path: Path) -> None:
    path = tmp_path / "a.raw"
    for n_written in (0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES):
        path.write_bytes((b"\1" * n_written).ljust(6 * BLOCK_BYTES, b"\0"))
        with InputFile(path) as file:
            extent = WrittenExtent(file, Limits()).extent()
        assert (extent.written, extent.size) == (n_written, 6 * BLOCK_BYTES)


def test_a_block_that_begins_with_a_black_line_is_no_hole(tmp_path: Path) -> None:
    path = tmp_path / "a.raw"
    block = bytes(BLOCK_BYTES - 1) + b"\1"
    path.write_bytes(3 * block + bytes(2 * BLOCK_BYTES))

    with InputFile(path) as file:
        assert WrittenExtent(file, Limits()).extent().written == 3 * BLOCK_BYTES


class CountedFile(InputFile):
    """A file that counts the bytes that are read of it."""

    n_read = 0

    def read_at(self, offset: int, n_bytes: int) -> bytes:
        self.n_read += n_bytes
        return super().read_at(offset, n_bytes)


def test_a_long_file_full_of_core_is_opened_without_reading_it_through(tmp_path: Path) -> None:
    path = tmp_path / "a.raw"
    path.write_bytes(b"\1" * (64 * BLOCK_BYTES))

    with CountedFile(path) as file:
        assert WrittenExtent(file, Limits()).extent().written == 64 * BLOCK_BYTES
        assert file.n_read < 8 * BLOCK_BYTES


def test_a_hole_of_gigabytes_after_a_raw_scan_is_not_read_to_find_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.raw"
    path.write_bytes(b"\1" * 1000)
    os.truncate(path, 5 * 1024**3)

    with CountedFile(path) as file:
        extent = WrittenExtent(file, Limits()).extent(is_still=True)
        assert (extent.written, extent.size) == (1000, 5 * 1024**3)
        assert file.n_read < 64 * BLOCK_BYTES


def strips_in(
    folder: Path, lines: np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]
) -> list[Path]:
    paths = []
    for i in range(4):
        paths.append(folder / f"JPC40_strip_{i + 1:04}.tif")
        cv2.imwrite(str(paths[-1]), lines[i * 5 : i * 5 + 5, :, ::-1])
    return paths


def test_strips_out_of_order_wait_for_the_one_that_is_missing(tmp_path: Path) -> None:
    lines = lines_of(20, 9)
    paths = strips_in(tmp_path, lines)
    aside = tmp_path / "aside"
    aside.mkdir()
    paths[1].rename(aside / paths[1].name)

    with closing(formats()["strips"].open((paths[0],), READING)) as scan:
        assert scan.refresh() == (5, False)
        assert scan.refresh(is_still=True) == (5, False), "a gap in the numbers is not complete"
        (aside / paths[1].name).rename(paths[1])
        assert scan.refresh() == (20, False), "more strips may follow"
        assert scan.refresh(is_still=True) == (20, True)
        np.testing.assert_array_equal(scan.read(0, 20).lines, lines)


def test_strips_without_the_first_are_waited_for(tmp_path: Path) -> None:
    paths = strips_in(tmp_path, lines_of(20, 9))
    paths[0].unlink()

    with pytest.raises(GrowingError, match="strip 1"):
        formats()["strips"].open(tuple(paths[1:]), READING)


def test_strips_numbered_from_0_are_read_from_there(tmp_path: Path) -> None:
    lines = lines_of(25, 9)
    paths = strips_in(tmp_path, lines[5:])
    zero = tmp_path / "JPC40_strip_0000.tif"
    with closing(formats()["strips"].open(tuple(paths), READING)) as scan:
        cv2.imwrite(str(zero), lines[:5, :, ::-1])
        with pytest.raises(SegmentError, match="number 0"):
            scan.refresh()

    with closing(formats()["strips"].open((zero, *paths), READING)) as scan:
        assert scan.refresh(is_still=True) == (25, True)
        np.testing.assert_array_equal(scan.read(3, 22).lines, lines[3:])


def test_a_strip_of_another_width_is_refused(tmp_path: Path) -> None:
    paths = strips_in(tmp_path, lines_of(20, 9))
    cv2.imwrite(str(paths[2]), lines_of(5, 8))

    with (
        closing(formats()["strips"].open(tuple(paths), READING)) as scan,
        pytest.raises(SegmentError, match="another scan"),
    ):
        scan.refresh()


def test_two_files_for_one_strip_are_refused(tmp_path: Path) -> None:
    paths = strips_in(tmp_path, lines_of(20, 9))
    (tmp_path / "JPC40_strip_1.tif").write_bytes(paths[0].read_bytes())

    with pytest.raises(SegmentError, match="one file for strip 1"):
        formats()["strips"].open(tuple(paths), READING)


@pytest.mark.parametrize("rowsperstrip", [None, 2], ids=["one strip", "strips of two"])
def test_reading_a_long_core_centimetre_by_centimetre_holds_little(
    tmp_path: Path, rowsperstrip: int | None
) -> None:
    lines = lines_of(10_000, 600)
    path = tmp_path / "section.tif"
    tifffile.imwrite(path, lines, photometric="rgb", rowsperstrip=rowsperstrip)
    del lines

    tracemalloc.start()
    try:
        with closing(formats()["plain_tiff"].open((path,), READING)) as scan:
            n_lines, _ = scan.refresh(is_still=True)
            for first in range(0, n_lines, 200):
                scan.read(first, min(200, n_lines - first))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert n_lines == 10_000
    assert peak < 4e6, f"expected less than 4 MB of an 18 MB image at once, got {peak / 1e6:.1f} MB"
