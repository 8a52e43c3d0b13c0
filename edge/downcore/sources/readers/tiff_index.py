"""Where the pixels of a TIFF's image lie, checked before any of them is touched."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from downcore.sources.format import Limits
from downcore.sources.readers.raster import check_dimensions, check_held
from downcore.sources.readers.tiff_tags import Tag, TagTable
from downcore.strata.errors import SegmentError


class Compression(IntEnum):
    """Compressions that are read."""

    NONE = 1
    LZW = 5
    DEFLATE = 8
    PACKBITS = 32773
    OLD_DEFLATE = 32946


_SEPARATE_PLANES = 2
_PREMULTIPLIED = 1
_POWERS_WITHIN_16 = frozenset(1 << n for n in range(9, 16))
_HORIZONTAL = 2
_RGB = 2
_COLOURS = {
    0: "grey",
    1: "grey",
    3: "a palette",
    4: "a transparency mask",
    5: "CMYK inks",
    6: "YCbCr",
    8: "CIE L*a*b*",
}
_OTHER_COMPRESSIONS = {2: "fax", 3: "fax", 4: "fax", 6: "JPEG", 7: "JPEG", 50000: "Zstandard"}


@dataclass(frozen=True, slots=True)
class TiffShape:
    """The part of an index that may not change while the file grows."""

    byte_order: str
    """``<`` or ``>``."""

    width: int
    height: int
    bits: Literal[8, 16]
    samples: int
    compression: Compression
    has_predictor: bool
    is_planar: bool
    """Whether each channel lies by itself."""

    is_premultiplied: bool
    """Whether colours were multiplied by the alpha channel, and have to be divided by it."""

    max_value: int
    """The largest number of a channel, such as 4095 for 12 bits stored in 16."""

    orientation: int
    """1 to 8, how the image is to be seen."""

    pixel_ratio: float
    """Height of a pixel over its width by the resolution; 1 where that is not given."""

    is_tiled: bool
    chunk_width: int
    chunk_height: int
    """Pixels of a strip or tile; the last strip is shorter, edge tiles are padded."""

    @property
    def n_planes(self) -> int:
        """Planes in which the image is stored: one for each channel if planar, else 1."""
        return self.samples if self.is_planar else 1

    @property
    def chunk_samples(self) -> int:
        """Channels in a chunk."""
        return 1 if self.is_planar else self.samples

    @property
    def n_planes_read(self) -> int:
        """Planes that are needed: red, green, blue, and alpha if colours are divided by it."""
        return self.n_planes if self.is_premultiplied else min(self.n_planes, 3)

    @property
    def n_bands(self) -> int:
        """Strips, or rows of tiles, from top to bottom."""
        return -(-self.height // self.chunk_height)

    @property
    def n_chunks_across(self) -> int:
        """Tiles side by side; 1 for strips."""
        return -(-self.width // self.chunk_width)

    @property
    def row_bytes(self) -> int:
        """Decoded bytes of one row of a chunk."""
        return self.chunk_width * self.chunk_samples * self.bits // 8

    def rows_stored(self, band: int) -> int:
        """Return the rows that a chunk of a band holds, padding included."""
        if self.is_tiled:
            return self.chunk_height
        return min(self.chunk_height, self.height - band * self.chunk_height)


@dataclass(frozen=True, slots=True, eq=False)
class TiffIndex:
    """Where the pixels lie."""

    shape: TiffShape

    offsets: NDArray[np.int64]
    """Byte at which each chunk starts, shape (n_planes, n_bands, n_chunks_across); 0: not yet."""

    counts: NDArray[np.int64]
    """Bytes of each chunk, same shape; 0: not yet."""

    is_sure: bool
    """Whether all of it is known to be written."""

    n_images: int
    """Images in the file; only the one of full size is read."""

    @property
    def is_pending(self) -> bool:
        """Whether a part of it is still to be written."""
        return not self.is_sure or bool((self.offsets == 0).any() or (self.counts == 0).any())


def index_of(table: TagTable, limits: Limits) -> TiffIndex:
    """
    Return where the pixels lie.

    Raises
    ------
    GrowingError
        If what matters is not written yet.
    HostileFileError
        If the index is beyond the limits, or contradicts itself.
    SegmentError
        If the image is of a kind that is not read, such as grey or CMYK.
    """
    shape = _shape(table, limits)
    grid = (shape.n_planes, shape.n_bands, shape.n_chunks_across)
    offsets = _places(table, Tag.TILE_OFFSETS if shape.is_tiled else Tag.STRIP_OFFSETS, grid)
    counts_tag = Tag.TILE_COUNTS if shape.is_tiled else Tag.STRIP_COUNTS
    if shape.compression is not Compression.NONE:
        counts = _places(table, counts_tag, grid)
    else:
        rows = np.array([shape.rows_stored(band) for band in (0, shape.n_bands - 1)])
        needed = np.full(grid, rows[0] * shape.row_bytes, dtype=np.int64)
        needed[:, -1] = rows[1] * shape.row_bytes
        counts = needed
        if table.has(counts_tag):
            given = _places(table, counts_tag, grid)
            error = table.hostile(f"{rows[0] * shape.row_bytes} bytes in a strip or tile", "fewer")
            is_right = bool(((given >= needed) | (given == 0)).all())
            table.require(counts_tag, error, is_right=is_right)
    return TiffIndex(shape, offsets, counts, is_sure=table.is_sure, n_images=table.n_images)


def _shape(table: TagTable, limits: Limits) -> TiffShape:
    width, height = table.value(Tag.WIDTH), table.value(Tag.HEIGHT)
    for tag, pixels in ((Tag.WIDTH, width), (Tag.HEIGHT, height)):
        error = table.hostile(f"a {tag.name} of 1 px or more", pixels)
        table.require(tag, error, is_right=pixels > 0)
    check_dimensions(table.path, width, height, limits)
    samples = table.value(Tag.SAMPLES, 1)
    is_tiled = table.has(Tag.TILE_OFFSETS)
    if is_tiled:
        across, down = table.value(Tag.TILE_WIDTH), table.value(Tag.TILE_LENGTH)
    else:
        across, down = width, min(table.value(Tag.ROWS_PER_STRIP, height), height)
    down_tag = Tag.TILE_LENGTH if is_tiled else Tag.ROWS_PER_STRIP
    error = table.hostile("strips or tiles of 1 px or more", f"{across} x {down}")
    table.require(down_tag, error, is_right=across > 0 and down > 0)
    shape = TiffShape(
        byte_order=table.byte_order,
        width=width,
        height=height,
        bits=_bits(table, samples),
        samples=samples,
        compression=_compression(table),
        has_predictor=_has_predictor(table),
        is_planar=table.value(Tag.PLANAR, 1) == _SEPARATE_PLANES,
        is_premultiplied=samples > 3 and table.value(Tag.EXTRA_SAMPLES, 0) == _PREMULTIPLIED,  # noqa: PLR2004 - RGB
        max_value=_max_value(table),
        orientation=table.value(Tag.ORIENTATION, 1),
        pixel_ratio=_pixel_ratio(table),
        is_tiled=is_tiled,
        chunk_width=across,
        chunk_height=down,
    )
    n_chunks = shape.n_planes * shape.n_bands * shape.n_chunks_across
    error = table.hostile(f"at most {limits.max_chunks} strips or tiles", n_chunks)
    table.require(down_tag, error, is_right=n_chunks <= limits.max_chunks)
    if is_tiled or shape.compression is not Compression.NONE:
        check_held(table.path, shape.row_bytes * down * shape.n_chunks_across, limits)
    return shape


def _unread(table: TagTable, expected: str, got: str, todo: str) -> SegmentError:
    return SegmentError(f"expected {expected}, got {got}: {table.path}; {todo}")


def _bits(table: TagTable, samples: int) -> Literal[8, 16]:
    """Return the bits of a channel of a colour image; refuse every other image."""
    colour = table.value(Tag.PHOTOMETRIC)
    found = _COLOURS.get(colour, f"photometric interpretation {colour}")
    bits = table.values(Tag.BITS) if table.has(Tag.BITS) else np.array([1])
    if colour in {0, 1} and bits[0] == 1:
        found = "1 bit black and white"
    todo = (
        "a radiograph or CT slice has no colour to read"
        if colour in {0, 1}
        else "export it as RGB, 8 or 16 bit"
    )
    error = _unread(table, "a colour image (RGB)", found, todo)
    table.require(Tag.PHOTOMETRIC, error, is_right=colour == _RGB)
    error = _unread(table, "3 or 4 channels", f"{samples}", "export it as RGB")
    table.require(Tag.SAMPLES, error, is_right=samples in {3, 4})
    error = _unread(table, "8 or 16 bits a channel", f"{bits.tolist()[:4]}", "export it so")
    is_right = bool(bits[0] in (8, 16) and (bits == bits[0]).all())
    table.require(Tag.BITS, error, is_right=is_right)
    if table.has(Tag.SAMPLE_FORMAT):
        formats = table.values(Tag.SAMPLE_FORMAT)
        error = _unread(table, "whole numbers without sign", f"format {formats[0]}", "export it so")
        table.require(Tag.SAMPLE_FORMAT, error, is_right=bool((formats == 1).all()))
    return 8 if bits[0] == 8 else 16  # noqa: PLR2004 - bits


def _compression(table: TagTable) -> Compression:
    number = table.value(Tag.COMPRESSION, 1)
    found = _OTHER_COMPRESSIONS.get(number, f"compression {number}")
    todo = "save it as LZW, deflate or uncompressed"
    error = _unread(table, "no compression, LZW, deflate or packbits", found, todo)
    table.require(Tag.COMPRESSION, error, is_right=number in set(Compression))
    order = table.value(Tag.FILL_ORDER, 1)
    error = _unread(table, "bits in the usual order", f"fill order {order}", todo)
    table.require(Tag.FILL_ORDER, error, is_right=order == 1)
    return Compression(number)


def _has_predictor(table: TagTable) -> bool:
    number = table.value(Tag.PREDICTOR, 1)
    error = _unread(table, "no or the horizontal predictor", f"{number}", "save it without")
    table.require(Tag.PREDICTOR, error, is_right=number in {1, _HORIZONTAL})
    return number == _HORIZONTAL


def _max_value(table: TagTable) -> int:
    """Return the largest number of a channel where that is 9 to 15 bits, else that of all bits."""
    bits = int(table.value(Tag.BITS))
    given = table.value(Tag.MAX_VALUE, 0)
    is_narrower = bits == 16 and given + 1 in _POWERS_WITHIN_16  # noqa: PLR2004 - bits
    return given if is_narrower else (1 << bits) - 1


def _pixel_ratio(table: TagTable) -> float:
    ratios: list[float] = []
    for tag in (Tag.X_RESOLUTION, Tag.Y_RESOLUTION):
        if not table.has(tag):
            return 1.0
        above, below = table.values(tag).tolist()[:2]
        if above <= 0 or below <= 0:
            return 1.0
        ratios.append(above / below)
    return ratios[0] / ratios[1]


def _places(table: TagTable, tag: Tag, grid: tuple[int, int, int]) -> NDArray[np.int64]:
    values = table.values(tag)
    n_chunks = grid[0] * grid[1] * grid[2]
    error = table.hostile(f"{n_chunks} entries in {tag.name}", len(values))
    table.require(tag, error, is_right=len(values) >= n_chunks and bool((values >= 0).all()))
    return values[:n_chunks].reshape(grid)
