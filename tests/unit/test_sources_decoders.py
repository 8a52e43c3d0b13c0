"""Compressed strips of a TIFF: every pixel as it was scanned, and damaged ones refused."""

import struct
import zlib
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
import pytest
import tifffile

from downcore.sources import Reading, formats
from downcore.sources.readers.decoders import DECODER_FAULTS, decode_image, decode_strip
from downcore.sources.readers.tiff_index import Compression

RNG = np.random.default_rng(11)
STRIP = RNG.integers(0, 9, 3001, dtype=np.uint8).tobytes()
"""An odd number of bytes that compresses a little, as core does."""

ENCODED = {
    Compression.LZW: bytes(imagecodecs.lzw_encode(STRIP)),
    Compression.DEFLATE: zlib.compress(STRIP),
    Compression.PACKBITS: bytes(imagecodecs.packbits_encode(STRIP)),
}
PACKED = pytest.mark.parametrize("compression", list(ENCODED), ids=lambda kind: kind.name.lower())


def decoded(raw: bytes, compression: Compression, n_bytes: int = len(STRIP)) -> bytes:
    return bytes(decode_strip(raw, compression, n_bytes=n_bytes, max_bytes=len(STRIP)))


@pytest.mark.parametrize(
    "how",
    [
        {"compression": "lzw"},
        {"compression": "lzw", "predictor": True},
        {"compression": "zlib"},
        {"compression": "zlib", "predictor": True},
        {"compression": "packbits"},
    ],
    ids=["lzw", "lzw predicted", "deflate", "deflate predicted", "packbits"],
)
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("rowsperstrip", [1, 5, 64])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_a_compressed_scan_is_read_as_it_was_taken(
    tmp_path: Path, how: dict[str, Any], bits: int, rowsperstrip: int, byteorder: str
) -> None:
    core = RNG.integers(0, 2**bits, (37, 113, 3)).astype(f"u{bits // 8}")
    core[4:9] //= 16
    core[20:30] = 0
    path = tmp_path / "section.tif"
    tifffile.imwrite(
        path,
        core,
        photometric="rgb",
        rowsperstrip=rowsperstrip,
        byteorder=byteorder,
        **how,
    )

    with closing(formats()["plain_tiff"].open((path,), Reading(px_per_cm="20"))) as scan:
        assert scan.refresh(is_still=True) == (37, True)
        np.testing.assert_array_equal(scan.read(0, 37).lines, core)


@PACKED
@pytest.mark.parametrize("n_bytes", [1, 2, 3, 1023, 1024, 1025, 3000, 3001])
def test_a_strip_of_any_length_is_decoded_to_its_last_byte(
    compression: Compression, n_bytes: int
) -> None:
    assert decoded(ENCODED[compression], compression, n_bytes)[:n_bytes] == STRIP[:n_bytes]


@PACKED
def test_a_strip_cut_short_gives_no_pixels_that_were_not_scanned(compression: Compression) -> None:
    for stop in range(0, len(ENCODED[compression]) - 4, 97):
        try:
            part = decoded(ENCODED[compression][:stop], compression)
        except DECODER_FAULTS:
            continue
        assert len(part) < len(STRIP), "a strip of the needed length would be taken for core"
        assert STRIP.startswith(part)


@PACKED
def test_bytes_that_are_no_strip_are_refused(compression: Compression) -> None:
    with pytest.raises(DECODER_FAULTS):
        decoded(b"\x12no strip at all" * 40, compression)


def test_a_strip_that_holds_more_than_its_rows_is_refused() -> None:
    longer = STRIP + b"\7"
    for compression, raw in (
        (Compression.DEFLATE, zlib.compress(longer)),
        (Compression.PACKBITS, bytes(imagecodecs.packbits_encode(longer))),
    ):
        with pytest.raises(RuntimeError):
            decoded(raw, compression)


def test_a_deflated_strip_with_a_wrong_checksum_is_refused() -> None:
    raw = bytearray(ENCODED[Compression.DEFLATE])
    raw[-1] ^= 1

    with pytest.raises(RuntimeError, match="check"):
        decoded(bytes(raw), Compression.DEFLATE)


def test_the_byte_that_makes_a_packbits_strip_even_is_no_pixel() -> None:
    assert decoded(ENCODED[Compression.PACKBITS] + b"\0", Compression.PACKBITS) == STRIP


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("n_channels", [3, 4])
@pytest.mark.parametrize(
    "says",
    [
        b"",
        chunk(b"gAMA", struct.pack(">I", 45455)),
        chunk(b"pHYs", struct.pack(">IIB", 1000, 3000, 1)),
        chunk(b"sBIT", b"\5\6\5"),
        chunk(b"tRNS", struct.pack(">HHH", 5, 7, 9)),
        chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"),
    ],
    ids=["plain", "gamma", "dpi", "few bits", "transparent colour", "turned"],
)
def test_nothing_that_a_png_says_of_itself_changes_a_pixel(
    bits: int, n_channels: int, says: bytes
) -> None:
    if n_channels == 4 and says[4:8] in {b"tRNS", b"sBIT"}:
        pytest.skip("such a PNG is not valid")
    core = RNG.integers(0, 2**bits, (7, 5, n_channels)).astype(f">u{bits // 8}")
    core[2, :, 3:] = 0
    header = struct.pack(">IIBBBBB", 5, 7, bits, 2 if n_channels == 3 else 6, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in core)
    raw = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + says
    raw += chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")

    np.testing.assert_array_equal(decode_image(raw, cv2.IMREAD_UNCHANGED), core[:, :, :3])
