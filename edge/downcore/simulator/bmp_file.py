"""The bytes of an uncompressed 24 bit BMP, as older scanners write."""

import struct

import numpy as np
from numpy.typing import NDArray

HEADER_BYTES = 54
PX_PER_METRE = 11_811
"""300 dpi whatever the scale, as camera software writes it."""


def bmp_header(n_lines: int, n_across: int, *, is_bottom_up: bool) -> bytes:
    """Return the first 54 bytes of the file."""
    n_pixels = n_lines * (n_across * 3 + padding(n_across))
    start = struct.pack("<2sIHHI", b"BM", HEADER_BYTES + n_pixels, 0, 0, HEADER_BYTES)
    height = n_lines if is_bottom_up else -n_lines
    sizes = struct.pack("<IiiHHII", 40, n_across, height, 1, 24, 0, n_pixels)
    return start + sizes + struct.pack("<iiII", PX_PER_METRE, PX_PER_METRE, 0, 0)


def padding(n_across: int) -> int:
    """Return the bytes that fill a row to a multiple of four."""
    return -(n_across * 3) % 4


def bmp_rows(lines: NDArray[np.uint8], *, is_bottom_up: bool) -> bytes:
    """Return RGB lines, shape (n, across, 3), as stored rows: blue first, padded."""
    n_lines, n_across, _ = lines.shape
    rows = np.zeros((n_lines, n_across * 3 + padding(n_across)), np.uint8)
    rows[:, : n_across * 3] = lines[:, :, ::-1].reshape(n_lines, -1)
    return (rows[::-1] if is_bottom_up else rows).tobytes()
