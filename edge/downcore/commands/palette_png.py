"""
A palette PNG, which neither OpenCV nor imagecodecs writes.

Source: W3C, Portable Network Graphics specification, chapters 5 and 11.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PALETTE_COLOUR = 3
_BITS = 8
_ROWS_AT_A_TIME = 1024


def write_palette_png(
    out: Path, indices: NDArray[np.uint8], palette: Sequence[tuple[int, int, int]]
) -> None:
    """
    Write one palette index per pixel.

    Parameters
    ----------
    out : Path
        File to write.
    indices : ndarray, shape (height, width)
        Indices into ``palette``.
    palette : sequence of (r, g, b)
        8-bit sRGB, 1 to 256 colours.

    Raises
    ------
    ValueError
        If an index has no colour, or there is no pixel.
    """
    if not indices.size or int(indices.max()) >= len(palette):
        raise ValueError(f"expected indices below {len(palette)} and at least one pixel")
    height, width = indices.shape
    header = struct.pack(">IIBBBBB", width, height, _BITS, _PALETTE_COLOUR, 0, 0, 0)
    with out.open("wb") as file:
        file.write(SIGNATURE)
        file.write(_chunk(b"IHDR", header))
        file.write(_chunk(b"PLTE", bytes(value for colour in palette for value in colour)))
        for part in _packed(indices):
            file.write(_chunk(b"IDAT", part))
        file.write(_chunk(b"IEND", b""))


def is_palette_png(path: Path) -> bool:
    """Return whether a file is what :func:`write_palette_png` writes, by its first bytes."""
    with path.open("rb") as file:
        head = file.read(26)
    return head.startswith(SIGNATURE) and head[24:26] == bytes([_BITS, _PALETTE_COLOUR])


def _packed(indices: NDArray[np.uint8]) -> Iterator[bytes]:
    packer = zlib.compressobj(6)
    for first in range(0, len(indices), _ROWS_AT_A_TIME):
        rows = indices[first : first + _ROWS_AT_A_TIME]
        # Every row begins with its filter; 0 is none, the best one for a palette.
        yield packer.compress(np.pad(rows, ((0, 0), (1, 0))).tobytes())
    yield packer.flush()


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)
