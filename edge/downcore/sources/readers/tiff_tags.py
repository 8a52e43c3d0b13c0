"""
The table of tags of a TIFF file that may still be growing, or be damaged.

TIFF libraries read finished files: they trust the table, or give an empty image
where it is missing. Here every offset is checked against the file before it is
used, and each value carries whether all of its bytes are known to be written.
"""

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from downcore.sources.format import Limits
from downcore.sources.readers.input_file import InputFile
from downcore.sources.readers.tiff_images import ImageInFile, chosen_image
from downcore.sources.readers.written_extent import Extent
from downcore.strata.errors import GrowingError, HostileFileError, SegmentError


class Tag(IntEnum):
    """The tags that are used; of the resolution (DPI), a constant, only whether it is equal."""

    NEW_SUBFILE_TYPE = 254
    SUBFILE_TYPE = 255
    WIDTH = 256
    HEIGHT = 257
    BITS = 258
    COMPRESSION = 259
    PHOTOMETRIC = 262
    FILL_ORDER = 266
    STRIP_OFFSETS = 273
    ORIENTATION = 274
    SAMPLES = 277
    ROWS_PER_STRIP = 278
    STRIP_COUNTS = 279
    MAX_VALUE = 281
    X_RESOLUTION = 282
    Y_RESOLUTION = 283
    PLANAR = 284
    PREDICTOR = 317
    TILE_WIDTH = 322
    TILE_LENGTH = 323
    TILE_OFFSETS = 324
    TILE_COUNTS = 325
    SUB_IMAGES = 330
    EXTRA_SAMPLES = 338
    SAMPLE_FORMAT = 339


_USED = {int(tag): tag for tag in Tag}

_SMALL = frozenset(
    {
        Tag.BITS,
        Tag.PHOTOMETRIC,
        Tag.FILL_ORDER,
        Tag.NEW_SUBFILE_TYPE,
        Tag.SUBFILE_TYPE,
        Tag.ORIENTATION,
        Tag.EXTRA_SAMPLES,
        Tag.SAMPLES,
        Tag.PLANAR,
        Tag.PREDICTOR,
        Tag.SAMPLE_FORMAT,
    }
)
"""Tags of which only values below 256 are accepted, so that their high byte is always zero."""

_WHOLE_NUMBERS = {1: "u1", 3: "u2", 4: "u4", 13: "u4", 16: "u8", 18: "u8"}
"""TIFF's types of whole numbers and places; the tags above but for the resolution have no other."""

_RESOLUTIONS = frozenset({Tag.X_RESOLUTION, Tag.Y_RESOLUTION})
_RATIONAL = 5

_RGB = 2
_REDUCED, _MASK, _OLD_REDUCED = 1, 4, 2
_MAX_ENTRIES = 4096
_HEADER_BYTES = 16
_BIG_TIFF = 43


@dataclass(frozen=True, slots=True)
class _Widths:
    """Bytes of the parts of a table."""

    count: int
    entry: int
    pointer: int


_CLASSIC = _Widths(count=2, entry=12, pointer=4)
_BIG = _Widths(count=8, entry=20, pointer=8)


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """The values of one tag."""

    values: NDArray[np.int64]
    """One or more."""

    is_sure: bool
    """Whether all are known to be written; zeros at their end may be bytes to come."""


class TagTable:
    """
    The tags of the image of a TIFF that is the scan: the only one of full size.

    A file may hold smaller copies of it too, in any order, and as images within images.

    Raises
    ------
    GrowingError
        If a table is not written yet.
    HostileFileError
        If it is beyond the limits, or points in a loop.
    SegmentError
        If several images may be the scan or parts of it.
    """

    def __init__(self, file: InputFile, extent: Extent, limits: Limits) -> None:
        self._file = file
        self._extent = extent
        self._limits = limits
        head = file.read_at(0, _HEADER_BYTES)
        self.byte_order = {b"II": "<", b"MM": ">"}.get(head[:2], "")
        if len(head) < _HEADER_BYTES or not self.byte_order:
            raise self._growing("its header is not written yet")
        is_big = self._number(head[2:4]) == _BIG_TIFF
        self._widths = _BIG if is_big else _CLASSIC
        first = self._number(head[8:16] if is_big else head[4:8])
        self._is_end_sure = False
        tables = self._all_tables(first)
        self.n_images = len(tables)
        self._entries = tables[chosen_image([_image_in(table) for table in tables], self.path)]

    @property
    def path(self) -> Path:
        """The file, for messages."""
        return self._file.path

    @property
    def is_sure(self) -> bool:
        """Whether all used tags are known to be written."""
        return self._is_end_sure and all(entry.is_sure for entry in self._entries.values())

    def has(self, tag: Tag) -> bool:
        """Return whether the table has the tag."""
        return tag in self._entries

    def value(self, tag: Tag, default: int | None = None) -> int:
        """Return the first value of a tag, or the default; refuse a table without either."""
        entry = self._entries.get(tag)
        if entry is None and default is not None:
            return default
        return int(self.values(tag)[0])

    def values(self, tag: Tag) -> NDArray[np.int64]:
        """Return all values of a tag; refuse a table without it."""
        self.require(tag, self.hostile(f"tag {tag.name}", "none"), is_right=self.has(tag))
        return self._entries[tag].values

    def require(self, tag: Tag, error: SegmentError, *, is_right: bool) -> None:
        """
        Raise the error unless the value of the tag is right.

        Where the last bytes of the value may still be unwritten, the error is a GrowingError.
        """
        if is_right:
            return
        entry = self._entries.get(tag)
        if self._is_end_sure if entry is None else entry.is_sure:
            raise error
        raise self._growing(f"what is there says so far: {error}")

    def hostile(self, expected: str, got: object) -> HostileFileError:
        """Return the error for a file that is damaged or contradicts itself."""
        return HostileFileError(
            f"expected {expected}, got {got}: {self.path}; the file is damaged or not what it "
            f"says it is, export it again"
        )

    def _growing(self, why: str) -> GrowingError:
        return GrowingError(f"expected a whole TIFF index, but {why}: {self.path}")

    def _number(self, raw: bytes) -> int:
        return int.from_bytes(raw, "little" if self.byte_order == "<" else "big")

    def _table(self, at: int) -> tuple[int, bytes]:
        """Return where the first entry starts, and all entries with the pointer after them."""
        widths = self._widths
        if not _HEADER_BYTES // 2 <= at <= self._extent.size - widths.count:
            raise self._growing(f"it is to lie at byte {at} of {self._extent.size}")
        n_entries = self._number(self._file.read_at(at, widths.count))
        start = at + widths.count
        if n_entries == 0 and self._extent.written <= start:
            raise self._growing("it is still blank")
        if not 1 <= n_entries <= _MAX_ENTRIES:
            raise self.hostile(f"1 to {_MAX_ENTRIES} tags in the index", n_entries)
        length = n_entries * widths.entry
        raw = self._file.read_at(start, length + widths.pointer)
        if len(raw) < length:
            raise self._growing(f"it ends after {len(raw)} of {length} bytes")
        return start, raw.ljust(length + widths.pointer, b"\0")

    def _read_entries(self, at: int) -> tuple[dict[Tag, Entry], int]:
        """Return the tags that matter, and where the next image's table is to lie."""
        start, raw = self._table(at)
        width = self._widths.entry
        n_entries = len(raw) // width
        entries: dict[Tag, Entry] = {}
        for i in range(n_entries):
            entry, place = raw[i * width : (i + 1) * width], start + i * width
            if place >= self._extent.written:
                raise self._growing(f"only {i} of its {n_entries} tags are written")
            tag = _USED.get(self._number(entry[:2]))
            if tag is None:
                continue
            if tag in _RESOLUTIONS:
                entries |= self._resolution(tag, entry)
            else:
                entries[tag] = self._entry(tag, entry, place)
        self._is_end_sure = True
        return entries, self._number(raw[n_entries * width :])

    def _resolution(self, tag: Tag, entry: bytes) -> dict[Tag, Entry]:
        """Return a resolution as numerator and denominator; nothing where it is not written so."""
        at = self._number(entry[-self._widths.pointer :])
        raw = entry[-8:] if self._widths is _BIG else self._file.read_at(at, 8)
        if self._number(entry[2:4]) != _RATIONAL or len(raw) < 8:  # noqa: PLR2004 - two of 4 bytes
            return {}
        values = np.frombuffer(raw, dtype=f"{self.byte_order}u4").astype(np.int64)
        return {tag: Entry(values, is_sure=True)}

    def _entry(self, tag: Tag, entry: bytes, place: int) -> Entry:
        inline = self._widths.pointer
        count = self._number(entry[4:-inline])
        code = _WHOLE_NUMBERS.get(self._number(entry[2:4]))
        if code is None or not 1 <= count <= self._limits.max_chunks:
            most = self._limits.max_chunks
            error = self.hostile(
                f"1 to {most} whole numbers in tag {tag.name}", f"{count} of another kind"
            )
            if place + len(entry) <= self._extent.written:
                raise error
            raise self._growing(f"what is there says so far: {error}")
        n_bytes = count * np.dtype(code).itemsize
        at = place + len(entry) - inline
        if n_bytes > inline:
            at = self._number(entry[-inline:])
        if at + n_bytes > self._extent.size:
            raise self._growing(f"tag {tag.name} is to lie at byte {at} of {self._extent.size}")
        values = np.frombuffer(self._file.read_at(at, n_bytes), dtype=self.byte_order + code)
        end = at + n_bytes
        if tag in _SMALL and self.byte_order == "<":
            end -= np.dtype(code).itemsize - 1
        is_sure = self._extent.is_still or end <= self._extent.written
        return Entry(values.astype(np.int64), is_sure)

    def _all_tables(self, first: int) -> list[dict[Tag, Entry]]:
        """Return the tags of every image, the first first; an unreadable later one has none."""
        entries, following = self._read_entries(first)
        tables, seen = [entries], {first}
        waiting: list[tuple[int, tuple[int, ...]]] = [
            (at, (first,)) for at in (*self._within(entries), following)
        ]
        while waiting:
            at, above = waiting.pop(0)
            if not _HEADER_BYTES // 2 <= at <= self._extent.size - self._widths.count:
                continue
            if at in above:
                raise self.hostile("a list of images that ends", "one that runs in a loop")
            if at in seen:  # images within one image are often in a list and in a chain
                continue
            seen.add(at)
            if len(seen) > self._limits.max_ifds:
                raise self.hostile(f"at most {self._limits.max_ifds} images", "more")
            entries, following = self._later_entries(at)
            tables.append(entries)
            waiting += [(one, (*above, at)) for one in (*self._within(entries), following)]
        return tables

    def _within(self, entries: dict[Tag, Entry]) -> list[int]:
        found = entries.get(Tag.SUB_IMAGES)
        return [] if found is None else [int(at) for at in found.values[: self._limits.max_ifds]]

    def _later_entries(self, at: int) -> tuple[dict[Tag, Entry], int]:
        _, raw = self._table(at)
        try:
            return self._read_entries(at)
        except HostileFileError:
            return {}, self._number(raw[-self._widths.pointer :])


def _image_in(entries: dict[Tag, Entry]) -> ImageInFile:
    def value(tag: Tag, default: int) -> int:
        entry = entries.get(tag)
        return default if entry is None else int(entry.values[0])

    kind, old_kind = value(Tag.NEW_SUBFILE_TYPE, 0), value(Tag.SUBFILE_TYPE, 0)
    return ImageInFile(
        width=value(Tag.WIDTH, 0),
        height=value(Tag.HEIGHT, 0),
        is_colour=value(Tag.PHOTOMETRIC, 0) == _RGB,
        is_reduced=bool(kind & _REDUCED) or old_kind == _OLD_REDUCED,
        is_mask=bool(kind & _MASK),
    )
