"""JPEG images; complete when the end mark of the picture itself is there."""

import re
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from downcore.sources.format import Limits
from downcore.sources.readers.decoders import decode_image
from downcore.sources.readers.input_file import InputFile
from downcore.sources.readers.jpeg_warnings import jpeg_warnings
from downcore.sources.readers.orientation import exif_orientation, oriented
from downcore.sources.readers.raster import Raster
from downcore.sources.readers.whole_image import WholeImage, WholeRaster, check_encoded
from downcore.sources.readers.written_extent import Extent, WrittenExtent
from downcore.strata.errors import GrowingError, HostileFileError, SegmentError

MAGIC = b"\xff\xd8\xff"

_END = 0xD9
_START_OF_SCAN = 0xDA
_APP1 = 0xE1
_FRAMES = (0xC0, 0xC1, 0xC2)
_OTHER_FRAMES = (0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF)
_MAX_SEGMENTS = 10_000
_MAX_EXIF = 65_536
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""A marker between compressed pixels; stuffed zeros, restarts and fill bytes are not markers."""


def jpeg_raster(file: InputFile, limits: Limits) -> Raster:
    """
    Open a JPEG image, turned as its EXIF says.

    Raises
    ------
    GrowingError
        If its header is not written yet.
    HostileFileError
        If the header is damaged or beyond the limits.
    SegmentError
        If the image is grey, CMYK or of a rare kind.
    """
    check_encoded(file, limits)
    markers = _Markers(file, limits)
    frame = markers.frame()
    if frame.mark not in _FRAMES or frame.precision != 8:  # noqa: PLR2004 - bits
        raise SegmentError(
            f"expected a baseline or progressive JPEG of 8 bits, got kind {frame.mark:#x} with "
            f"{frame.precision} bits: {file.path}; export it as PNG or TIFF"
        )
    if frame.channels != 3:  # noqa: PLR2004 - colour
        words = {1: "grey", 4: "CMYK inks"}.get(frame.channels, f"{frame.channels} channels")
        raise SegmentError(
            f"expected a colour JPEG, got {words}: {file.path}; export it in colour (RGB)"
        )
    notes = ["a JPEG has lost detail and fine colour; prefer the TIFF of this scan"]
    image = WholeImage(frame.width, frame.height, 8, tuple(notes))
    raster = WholeRaster(file, image, limits, has_end=markers.reach_end, decode=_decode)
    return oriented(raster, markers.orientation)


def _decode(raw: bytes) -> NDArray[np.uint8]:
    with jpeg_warnings() as warnings:
        pixels = decode_image(raw, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if warnings:
        raise RuntimeError("; ".join(warnings))
    return pixels


@dataclass(frozen=True, slots=True)
class _Frame:
    mark: int
    precision: int
    height: int
    width: int
    channels: int


class _Markers:
    """Walks through the markers of a JPEG file."""

    def __init__(self, file: InputFile, limits: Limits) -> None:
        self._file = file
        self._limits = limits
        self.orientation = 1
        self._scan_at = 0

    def frame(self) -> _Frame:
        """Return what the frame header says, and remember where the first scan starts."""
        at, found = 2, None
        written = WrittenExtent(self._file, self._limits).extent().written
        for _ in range(_MAX_SEGMENTS):
            head = self._file.read_at(at, 10)
            if at + len(head) > written or len(head) < 10:  # noqa: PLR2004 - as read
                raise GrowingError(f"expected a JPEG header, got {at} bytes: {self._file.path}")
            if head[0] != 0xFF:  # noqa: PLR2004 - every mark starts so
                raise self._damaged(at)
            mark, length = head[1], int.from_bytes(head[2:4])
            if mark == 0xFF:  # noqa: PLR2004 - a fill byte
                at += 1
                continue
            if mark in _FRAMES + _OTHER_FRAMES:
                found = _Frame(
                    mark, head[4], int.from_bytes(head[5:7]), int.from_bytes(head[7:9]), head[9]
                )
            if mark == _APP1 and head[4:8] == b"Exif" and self.orientation == 1:
                exif = self._file.read_at(at + 10, min(length, _MAX_EXIF))
                self.orientation = exif_orientation(exif)
            if mark == _START_OF_SCAN and found is not None:
                self._scan_at = at
                return found
            if length < 2 or mark in {_END, _START_OF_SCAN}:  # noqa: PLR2004 - its own length
                raise self._damaged(at)
            at += 2 + length
        raise self._damaged(at)

    def _damaged(self, at: int) -> HostileFileError:
        return HostileFileError(
            f"expected a JPEG mark at byte {at}, got something else: {self._file.path}; "
            f"the file is damaged, copy it again"
        )

    def reach_end(self, extent: Extent) -> bool:
        """Return whether the picture's own end mark is there, not that of a thumbnail in it."""
        if not extent.is_still and self._file.read_at(max(extent.written - 2, 0), 2) != b"\xff\xd9":
            return False
        raw = self._file.read_at(self._scan_at, extent.written - self._scan_at)
        at = 0
        while (mark := _MARKER.search(raw, at)) is not None:
            if raw[mark.start() + 1] == _END:
                return True
            at = mark.end() + int.from_bytes(raw[mark.end() : mark.end() + 2])
        return False
