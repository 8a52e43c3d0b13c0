"""The resolution and orientation that an image file carries; hints, never a reason to refuse it."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from downcore.sources.readers.input_file import InputFile
from downcore.strata.errors import SegmentError

_ORIENTATION, _X, _Y, _UNIT = 274, 282, 283, 296
_CM_PER_UNIT = {2: Fraction(254, 100), 3: Fraction(1)}
_MAX_TAGS = 512
_MAX_SEGMENTS = 64
_SHORT, _RATIONAL = 3, 5
_APP0, _APP1 = 0xE0, 0xE1


@dataclass(frozen=True, slots=True)
class ImageTags:
    """What the file says."""

    x_per_cm: Fraction | None = None
    """Pixels per centimetre along a row; ``None`` without a unit."""
    pixel_aspect: Fraction | None = None
    """Width over height of a pixel; ``None`` where the file does not say."""
    orientation: int = 1
    """1 to 8 as in TIFF and Exif; 1 is upright."""


NO_TAGS = ImageTags()


def image_tags(path: Path) -> ImageTags:
    """Return the tags of an image file; none where it has none, or they are not written yet."""
    try:
        with InputFile(path) as file:
            return _tags(file)
    except (SegmentError, struct.error):
        return NO_TAGS


def _tags(file: InputFile) -> ImageTags:
    head = file.read_at(0, 64)
    if head[:4] in (b"II*\0", b"MM\0*"):
        return _of_tiff(file, 0)
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return _of_png(file)
    if head.startswith(b"\xff\xd8\xff"):
        return _of_jpeg(file)
    if head.startswith(b"BM") and len(head) >= 46:  # noqa: PLR2004 - up to both resolutions
        x, y = struct.unpack("<ii", head[38:46])
        return _resolved(Fraction(x), Fraction(y), Fraction(100))
    return NO_TAGS


def _of_tiff(file: InputFile, base: int) -> ImageTags:
    order = "<" if file.read_at(base, 2) == b"II" else ">"
    (first,) = struct.unpack(f"{order}I", file.read_at(base + 4, 4))
    (n_tags,) = struct.unpack(f"{order}H", file.read_at(base + first, 2))
    raw = file.read_at(base + first + 2, 12 * min(n_tags, _MAX_TAGS))
    found: dict[int, Fraction] = {}
    for tag, kind, count, value in struct.iter_unpack(f"{order}HHI4s", raw):
        if count == 1 and kind == _SHORT and tag in (_ORIENTATION, _UNIT):
            found[tag] = Fraction(struct.unpack(f"{order}H", value[:2])[0])
        elif count == 1 and kind == _RATIONAL and tag in (_X, _Y):
            (at,) = struct.unpack(f"{order}I", value)
            above, below = struct.unpack(f"{order}II", file.read_at(base + at, 8))
            if below:
                found[tag] = Fraction(above, below)
    orientation = int(found.get(_ORIENTATION, Fraction(1)))
    unit = _CM_PER_UNIT.get(int(found.get(_UNIT, Fraction(2))))
    return _resolved(found.get(_X), found.get(_Y), unit, orientation)


def _of_png(file: InputFile) -> ImageTags:
    at = 8
    for _ in range(_MAX_SEGMENTS):
        head = file.read_at(at, 8)
        n_bytes, kind = int.from_bytes(head[:4]), head[4:]
        if kind == b"pHYs":
            x, y, unit = struct.unpack(">IIB", file.read_at(at + 8, 9))
            return _resolved(Fraction(x), Fraction(y), Fraction(100) if unit == 1 else None)
        if kind in (b"IDAT", b"") or len(head) < 8:  # noqa: PLR2004 - a chunk's head
            break
        at += 12 + n_bytes
    return NO_TAGS


def _of_jpeg(file: InputFile) -> ImageTags:
    tags = NO_TAGS
    for at, marker in _jpeg_segments(file):
        start = file.read_at(at, 16)
        if marker == _APP0 and start.startswith(b"JFIF\0"):
            unit, x, y = struct.unpack(">BHH", start[7:12])
            tags = _resolved(Fraction(x), Fraction(y), _CM_PER_UNIT.get(unit + 1))
        elif marker == _APP1 and start.startswith(b"Exif\0\0"):
            exif = _of_tiff(file, at + 6)
            tags = exif if tags.x_per_cm is None else ImageTags(
                tags.x_per_cm, tags.pixel_aspect, exif.orientation
            )  # fmt: skip
    return tags


def _jpeg_segments(file: InputFile) -> Iterator[tuple[int, int]]:
    """Yield where each segment before the picture starts, and its marker."""
    at = 2
    for _ in range(_MAX_SEGMENTS):
        head = file.read_at(at, 4)
        if len(head) < 4 or head[0] != 0xFF or head[1] == 0xDA:  # noqa: PLR2004 - JPEG's marks
            return
        yield at + 4, head[1]
        at += 2 + int.from_bytes(head[2:])


def _resolved(
    x: Fraction | None, y: Fraction | None, units_per_cm: Fraction | None, orientation: int = 1
) -> ImageTags:
    """Return tags from pixels per unit along rows and columns; a zero says nothing."""
    if not x or not y or x < 0 or y < 0:
        return ImageTags(orientation=orientation)
    return ImageTags(None if units_per_cm is None else x / units_per_cm, y / x, orientation)
