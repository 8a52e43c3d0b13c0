"""
Compressed bytes as decoded ones: whole PNG and JPEG files, and single strips of a TIFF file.

A TIFF file is decoded strip by strip, since it may still be growing, and no library reads such a
file. OpenCV has a decoder for LZW, but only for whole files; so it is given a TIFF file in memory
that has nothing but the strip.
"""

import struct
import zlib
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from downcore.sources.readers.tiff_index import Compression
from downcore.sources.readers.tiff_tags import Tag

DECODER_FAULTS = (RuntimeError, ValueError, OverflowError, MemoryError)
"""What decoders raise over damaged bytes. It is the file's fault, and must not end the process."""

_ROW_BYTES = 1024
"""Bytes of a row of the image in memory: 512 values of 16 bits, which are handed out as stored."""

_CLEAR = 256
"""The LZW code that empties the table, with which every strip begins."""

_NO_RUN = 128
"""The PackBits code that means nothing; below it are literal bytes, above it repeated ones."""


def decode_image(raw: bytes, flags: int) -> NDArray[Any]:
    """
    Return the pixels of a PNG or JPEG file, shape (height, width, 3), red first, without alpha.

    Parameters
    ----------
    raw : bytes
        The whole file.
    flags : int
        OpenCV's ``IMREAD_`` flags.

    Raises
    ------
    RuntimeError
        If it cannot be decoded; other ``DECODER_FAULTS`` where memory or a number overflows.
    """
    pixels = _decoded(raw, flags)
    return pixels[..., 2::-1] if pixels.ndim == 3 else pixels  # noqa: PLR2004 - colour


def decode_strip(
    raw: bytes, compression: Compression, *, n_bytes: int, max_bytes: int
) -> bytes | memoryview:
    """
    Return a strip or tile of a TIFF file decoded.

    Parameters
    ----------
    raw : bytes
        The strip as it lies in the file.
    compression : Compression
        How it is packed; what is not packed comes back as it is.
    n_bytes : int
        Decoded bytes that are needed.
    max_bytes : int
        Decoded bytes that the strip may hold: some writers pad the last strip to the height of the
        others.

    Returns
    -------
    bytes or memoryview
        Up to ``max_bytes``; there may be fewer than are needed.

    Raises
    ------
    RuntimeError
        If it is damaged; other ``DECODER_FAULTS`` where memory or a number overflows.
    """
    if compression is Compression.NONE:
        return raw
    if compression is Compression.LZW:
        return _decode_lzw(raw, n_bytes)
    if compression is Compression.PACKBITS:
        return _unpack_bits(raw, max_bytes)
    return _inflate(raw, max_bytes)


def _inflate(raw: bytes, max_bytes: int) -> bytes:
    inflater = zlib.decompressobj()
    try:
        decoded = inflater.decompress(raw, max_bytes + 1)
    except zlib.error as error:
        raise RuntimeError(str(error)) from error
    if len(decoded) > max_bytes or not inflater.eof:
        raise RuntimeError(f"no end within the {max_bytes} bytes that its rows have")
    return decoded


def _unpack_bits(raw: bytes, max_bytes: int) -> bytes:
    decoded = bytearray()
    at = 0
    while at < len(raw) and len(decoded) <= max_bytes:
        code = raw[at]
        if code == 0 and at + 1 == len(raw):
            break  # pads the strip to an even length
        if code < _NO_RUN:
            decoded += raw[at + 1 : at + 2 + code]
            at += 2 + code
        elif code > _NO_RUN:
            decoded += raw[at + 1 : at + 2] * (257 - code)
            at += 2
        else:
            at += 1
    if at > len(raw) or len(decoded) > max_bytes:
        raise RuntimeError(f"a run ends beyond its {len(raw)} bytes or {max_bytes} decoded ones")
    return bytes(decoded)


def _decode_lzw(raw: bytes, n_bytes: int) -> memoryview:
    if not raw.startswith(b"\x80"):
        raise RuntimeError("it does not begin with the code that empties the table")
    # Zeros before the strip fill the first row, so that the image holds whole rows and no more.
    n_zeros = -n_bytes % _ROW_BYTES
    zeros = _lzw_zeros(7) * (n_zeros // 7) + _lzw_zeros(n_zeros % 7)
    image = _tiff_of_one_strip(zeros + raw, (n_zeros + n_bytes) // _ROW_BYTES)
    values = _decoded(image, cv2.IMREAD_UNCHANGED).astype("<u2", copy=False)
    return values.data.cast("B")[n_zeros:]


def _lzw_zeros(n_zeros: int) -> bytes:
    """Return LZW codes for 0 to 7 zeros; 8 codes of 9 bits, so that they end with a byte."""
    codes = [_CLEAR] + [0] * n_zeros + [_CLEAR] * (7 - n_zeros)
    return int("".join(f"{code:09b}" for code in codes), 2).to_bytes(9)


def _tiff_of_one_strip(strip: bytes, n_rows: int) -> bytes:
    """Return a TIFF file of one LZW strip, whose pixels are grey values of 16 bits."""
    tags = (
        (Tag.WIDTH, _ROW_BYTES // 2),
        (Tag.HEIGHT, n_rows),
        (Tag.BITS, 16),
        (Tag.COMPRESSION, Compression.LZW),
        (Tag.PHOTOMETRIC, 1),
        (Tag.STRIP_OFFSETS, 10 + 9 * 12 + 4),
        (Tag.SAMPLES, 1),
        (Tag.ROWS_PER_STRIP, n_rows),
        (Tag.STRIP_COUNTS, len(strip)),
    )
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags))
    entries = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags]
    return b"".join((head, *entries, bytes(4), strip))


def _decoded(raw: bytes, flags: int) -> NDArray[Any]:
    try:
        pixels = cv2.imdecode(np.frombuffer(raw, dtype=np.uint8), flags)
    except cv2.error as error:
        raise RuntimeError(str(error)) from error
    if pixels is None:
        raise RuntimeError("nothing could be decoded")
    return np.asarray(pixels)
