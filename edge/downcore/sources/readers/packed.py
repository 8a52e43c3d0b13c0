"""Uncompressed rows at a fixed distance, as in a BMP, a raw file or a TIFF strip."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from downcore.sources.format import Limits
from downcore.sources.readers.input_file import InputFile
from downcore.sources.readers.written_extent import Extent, WrittenExtent
from downcore.strata.errors import SegmentError
from downcore.strata.segment import Pixels


@dataclass(frozen=True, slots=True)
class PackedLayout:
    """Where uncompressed rows lie in a file."""

    offset: int
    """Byte at which the first stored row starts."""

    stride: int
    """Bytes from one stored row to the next."""

    width: int
    height: int | None
    """Pixels; the height may be unknown until the file is finished."""

    samples: int
    """Stored channels."""

    dtype: np.dtype[np.uint8] | np.dtype[np.uint16]
    """Of a stored channel, byte order included."""

    is_bgr: bool = False
    """Whether blue comes first; what follows the third channel is dropped."""

    is_bottom_up: bool = False
    """Whether the first stored row is the image's bottom."""

    is_interleaved_by_line: bool = False
    """Whether a row is stored as a line of each channel, rather than pixel by pixel."""

    n_read: int = 3
    """Channels that are read, the first ones; 4 with an alpha channel that is needed."""

    @property
    def used(self) -> int:
        """Bytes of a row up to the end of the last channel that is read."""
        item = self.dtype.itemsize
        n_used = min(self.samples, self.n_read)
        if self.is_interleaved_by_line:
            return self.width * n_used * item
        return ((self.width - 1) * self.samples + n_used) * item


def pixels_of(buffer: bytes, layout: PackedLayout, n_rows: int) -> Pixels:
    """Return a copy of stored rows, shape (n_rows, width, n_read), (..., 1) for one channel."""
    item = layout.dtype.itemsize
    stored = np.ndarray(
        (n_rows, layout.width * layout.samples),
        dtype=layout.dtype,
        buffer=buffer,
        strides=(layout.stride, item),
    )
    if layout.is_interleaved_by_line:
        shaped = stored.reshape(n_rows, layout.samples, layout.width).transpose(0, 2, 1)
    else:
        shaped = stored.reshape(n_rows, layout.width, layout.samples)
    rgb = shaped[:, :, 2::-1] if layout.is_bgr else shaped[:, :, : layout.n_read]
    return native(rgb.copy())


def native(pixels: NDArray[Any]) -> Pixels:
    """Return the pixels contiguous and in the machine's own byte order."""
    dtype = np.uint8 if pixels.dtype.itemsize == 1 else np.uint16
    return cast("Pixels", np.ascontiguousarray(pixels, dtype=dtype))


def joined(parts: Sequence[Pixels], *, axis: int = 0) -> Pixels:
    """Return pieces of an image side by side; all of one bit depth."""
    return parts[0] if len(parts) == 1 else cast("Pixels", np.concatenate(parts, axis=axis))


def no_rows(width: int, bits: int) -> Pixels:
    """Return no rows of an image, shape (0, width, 3)."""
    return native(np.empty((0, width, 3), dtype=f"u{bits // 8}"))


class PackedRaster:
    """A file of nothing but rows at a fixed distance, after a header; a ``Raster``."""

    def __init__(
        self,
        file: InputFile,
        written: WrittenExtent,
        layout: PackedLayout,
        *,
        limits: Limits,
        notes: tuple[str, ...] = (),
    ) -> None:
        self._file = file
        self._written = written
        self._limits = limits
        self._lay_out(layout)
        self.width = layout.width
        self.height = layout.height
        self.bits: Literal[8, 16] = 8 if layout.dtype.itemsize == 1 else 16
        self.notes = notes

    def _lay_out(self, layout: PackedLayout) -> None:
        """Set where rows lie and bound the file's size, by the limits if the height is unknown."""
        self._layout = layout
        height = layout.height or max(self._limits.max_pixels // layout.width, 1)
        self._written.expect(layout.offset + height * layout.stride)

    def refresh(self, *, is_still: bool = False, is_closed: bool = False) -> tuple[int, bool]:
        """Return how many rows can be trusted by now, and whether these are all."""
        n_rows, is_complete = self._rows_held(self._written.extent())
        if is_still and not is_complete:
            # Zeros at the end of a finished file may be pixels, if they complete the image.
            extent = self._written.extent(is_still=True, is_closed=is_closed)
            finished = self._rows_held(extent)
            n_rows, is_complete = finished if finished[1] else (n_rows, False)
        return n_rows, is_complete

    def _rows_held(self, extent: Extent) -> tuple[int, bool]:
        layout = self._layout
        n_rows = extent.whole_rows(layout.offset, layout.stride, layout.used)
        if layout.height is None:
            end = layout.offset + n_rows * layout.stride
            return n_rows, extent.is_still and n_rows > 0 and extent.size == end
        is_complete = n_rows >= layout.height
        if layout.is_bottom_up and not is_complete:
            return 0, False
        return min(n_rows, layout.height), is_complete

    def rows(self, first: int, n_rows: int) -> Pixels:
        """Return trusted rows, shape (n_rows, width, 3)."""
        layout = self._layout
        if layout.is_bottom_up and layout.height is not None:
            first = layout.height - first - n_rows
        n_bytes = n_rows * layout.stride
        buffer = read_padded(self._file, layout.offset + first * layout.stride, n_bytes)
        pixels = pixels_of(buffer, layout, n_rows)
        return pixels[::-1].copy() if layout.is_bottom_up else pixels

    def columns(self, first: int, n_columns: int) -> Pixels:
        """Return columns of the complete image, shape (n_columns, height, 3)."""
        if self.height is None or self._layout.is_interleaved_by_line:
            raise SegmentError(
                f"expected pixel-interleaved rows of a known number, since the core lies along "
                f"them, got lines of channels or an open end: {self._file.path}; "
                f"export it with interleave = bip and its number of lines"
            )
        pixels = packed_columns(self._file, self._layout, first, n_columns)
        return pixels[:, ::-1].copy() if self._layout.is_bottom_up else pixels

    def close(self) -> None:
        """Close the file; harmless when called again."""
        self._file.close()


def packed_columns(file: InputFile, layout: PackedLayout, first: int, n_columns: int) -> Pixels:
    """Return columns in the order rows are stored, shape (n_columns, n_rows, 3), a piece a row."""
    pixel = layout.samples * layout.dtype.itemsize
    start, n_bytes = layout.offset + first * pixel, n_columns * pixel
    height = layout.height or 0
    buffer = b"".join(
        read_padded(file, start + row * layout.stride, n_bytes) for row in range(height)
    )
    part = replace(layout, width=n_columns, stride=n_bytes)
    return native(pixels_of(buffer, part, height).transpose(1, 0, 2))


def read_padded(file: InputFile, offset: int, n_bytes: int) -> bytes:
    """Return the bytes, with zeros for the padding that a writer left out at the file's end."""
    return file.read_at(offset, n_bytes).ljust(n_bytes, b"\0")
