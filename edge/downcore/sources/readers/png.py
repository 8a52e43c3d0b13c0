"""PNG images; complete when every chunk up to the last has a correct checksum."""

import zlib

import cv2
import numpy as np
from numpy.typing import NDArray

from downcore.sources.format import Limits
from downcore.sources.readers.decoders import decode_image
from downcore.sources.readers.input_file import InputFile
from downcore.sources.readers.orientation import exif_orientation, oriented
from downcore.sources.readers.raster import Raster
from downcore.sources.readers.whole_image import WholeImage, WholeRaster, check_encoded
from downcore.sources.readers.written_extent import Extent, WrittenExtent
from downcore.strata.errors import GrowingError, HostileFileError, SegmentError

MAGIC = b"\x89PNG\r\n\x1a\n"

_HEADER_END = 33
_PIECE = 1 << 20
_MAX_EXIF = 65_536
_COLOURS = {0: "grey", 3: "a palette", 4: "grey with transparency"}
_RGB, _RGBA = 2, 6


def png_raster(file: InputFile, limits: Limits) -> Raster:
    """
    Open a PNG image, turned as its EXIF says.

    Raises
    ------
    GrowingError
        If its header is not written yet.
    HostileFileError
        If the header is damaged or beyond the limits.
    SegmentError
        If the image is grey or has a palette.
    """
    head = file.read_at(0, _HEADER_END)
    check_encoded(file, limits)
    if WrittenExtent(file, limits).extent().written <= _HEADER_END:
        raise GrowingError(f"expected a PNG header and pixels, got none yet: {file.path}")
    if head[8:16] != b"\0\0\0\x0dIHDR" or not _is_sound(head[12:29], head[29:33]):
        raise HostileFileError(
            f"expected a PNG header, got one with a wrong checksum: {file.path}; copy it again"
        )
    bits, colour = head[24], head[25]
    if colour not in {_RGB, _RGBA}:
        raise SegmentError(
            f"expected a colour PNG (RGB), got {_COLOURS.get(colour, f'colour type {colour}')}: "
            f"{file.path}; export it as RGB, 8 or 16 bit"
        )
    image = WholeImage(
        width=int.from_bytes(head[16:20]),
        height=int.from_bytes(head[20:24]),
        bits=16 if bits == 16 else 8,  # noqa: PLR2004 - bits
        notes=(
            ("the alpha channel is dropped; transparent pixels keep their colour",)
            if colour == _RGBA
            else ()
        ),
    )
    chunks = _Chunks(file, limits)
    orientation = chunks.orientation_before_pixels()
    raster = WholeRaster(file, image, limits, has_end=chunks.reach_end, decode=_decode)
    return oriented(raster, orientation)


def _is_sound(checked: bytes, checksum: bytes) -> bool:
    return zlib.crc32(checked) == int.from_bytes(checksum)


def _decode(raw: bytes) -> NDArray[np.uint8] | NDArray[np.uint16]:
    return decode_image(raw, cv2.IMREAD_UNCHANGED)


class _Chunks:
    """Walks through the chunks as they are written; each is checked once."""

    def __init__(self, file: InputFile, limits: Limits) -> None:
        self._file = file
        self._limits = limits
        self._at = len(MAGIC)
        self._n_chunks = 0
        self._orientation = 1

    def orientation_before_pixels(self) -> int:
        """
        Return the orientation that stands before the pixels, 1 if there is none.

        Raises
        ------
        GrowingError
            If not all before the pixels is written yet.
        """
        at, written = len(MAGIC), WrittenExtent(self._file, self._limits).extent().written
        for _ in range(self._limits.max_chunks):
            head = self._file.read_at(at, 8)
            if at + 8 > written:
                raise GrowingError(
                    f"expected PNG pixels, got {at} bytes without any: {self._file.path}"
                )
            end = at + 12 + int.from_bytes(head[:4])
            if head[4:] in {b"IDAT", b"IEND"}:
                break
            if head[4:] == b"eXIf":
                exif = self._file.read_at(at + 8, min(end - at - 12, _MAX_EXIF))
                self._orientation = exif_orientation(exif)
            at = end
        return self._orientation

    def _check_later_orientation(self, start: int, end: int) -> None:
        exif = self._file.read_at(start, min(end - start, _MAX_EXIF))
        if exif_orientation(exif) not in {1, self._orientation}:
            raise SegmentError(
                f"expected the orientation of a PNG before its pixels, got one after them: "
                f"{self._file.path}; save it upright"
            )

    def reach_end(self, extent: Extent) -> bool:
        """Return whether the last chunk is there; raise where a written one is damaged."""
        while self._at + 12 <= extent.written:
            head = self._file.read_at(self._at, 8)
            end = self._at + 12 + int.from_bytes(head[:4])
            if end > extent.written:
                # The last chunk's checksum ends in a byte that is not zero.
                return False
            if self._checksum(self._at + 4, end - 4) != self._file.read_at(end - 4, 4):
                raise HostileFileError(
                    f"expected the PNG chunk at byte {self._at} to match its checksum, got "
                    f"another: {self._file.path}; the file is damaged, copy it again"
                )
            if head[4:] == b"eXIf":
                self._check_later_orientation(self._at + 8, end - 4)
            if head[4:] == b"IEND":
                return True
            self._at = end
            self._n_chunks += 1
            if self._n_chunks > self._limits.max_chunks:
                raise HostileFileError(
                    f"expected at most {self._limits.max_chunks} PNG chunks, got more: "
                    f"{self._file.path}; export it again"
                )
        return False

    def _checksum(self, start: int, end: int) -> bytes:
        crc = 0
        for at in range(start, end, _PIECE):
            crc = zlib.crc32(self._file.read_at(at, min(_PIECE, end - at)), crc)
        return crc.to_bytes(4)
