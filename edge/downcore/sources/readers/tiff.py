"""TIFF images, classic and BigTIFF, read strip by strip as their bytes become complete."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from downcore.sources.format import Limits
from downcore.sources.readers.decoders import DECODER_FAULTS, decode_strip
from downcore.sources.readers.input_file import InputFile
from downcore.sources.readers.orientation import oriented
from downcore.sources.readers.packed import (
    PackedLayout,
    joined,
    native,
    packed_columns,
    pixels_of,
)
from downcore.sources.readers.raster import Raster, check_held, check_ratio
from downcore.sources.readers.tiff_index import Compression, index_of
from downcore.sources.readers.tiff_tags import TagTable
from downcore.sources.readers.written_extent import Extent, WrittenExtent
from downcore.strata.errors import HostileFileError, SegmentError
from downcore.strata.segment import Pixels

MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


_SQUARE = (0.99, 1.01)
"""Ratios of a pixel's sides that are taken as rounding."""


def tiff_raster(file: InputFile, limits: Limits) -> Raster:
    """
    Open a TIFF image, turned as its orientation says.

    Raises
    ------
    GrowingError
        If its index is not written yet.
    HostileFileError
        If it is beyond the limits, or contradicts itself.
    SegmentError
        If the image is of a kind that is not read, or the file holds several.
    """
    raster = TiffRaster(file, limits)
    return oriented(raster, raster.orientation)


class TiffRaster:
    """
    The image of full size of a TIFF file, as it is stored; a ``Raster``.

    Rows of an uncompressed strip are read by their place in the file, so that one
    strip for the whole image costs no more memory than many. Of compressed strips
    and of tiles, one row of them is held decoded.
    """

    def __init__(self, file: InputFile, limits: Limits) -> None:
        self._file = file
        self._limits = limits
        self._written = WrittenExtent(file, limits)
        self._index = index_of(TagTable(file, self._written.extent(), limits), limits)
        self._shape = self._index.shape
        self._expect_size()
        self._indexed_size = file.size()
        self._band: tuple[int, Pixels] | None = None
        self._whole: Pixels | None = None
        self.width = self._shape.width
        self.height = self._shape.height
        self.bits: Literal[8, 16] = self._shape.bits
        self.orientation = self._shape.orientation
        self.notes = self._notes()

    def _notes(self) -> tuple[str, ...]:
        notes: list[str] = []
        shape = self._shape
        if shape.is_premultiplied:
            notes.append("colours were multiplied by the alpha channel, and are divided by it")
        elif shape.samples > 3:  # noqa: PLR2004 - RGB
            notes.append("the alpha channel is dropped; transparent pixels keep their colour")
        if self._index.n_images > 1:
            notes.append(
                f"of {self._index.n_images} images in the file the one of full size is read, "
                f"{shape.width} x {shape.height} px"
            )
        if shape.max_value < (1 << shape.bits) - 1:
            notes.append(
                f"numbers up to {shape.max_value} are stretched to {shape.bits} bits, as the file "
                f"says"
            )
        if not _SQUARE[0] <= shape.pixel_ratio <= _SQUARE[1]:
            notes.append(
                f"the file says that its pixels are not square, {shape.pixel_ratio:.3g} times as "
                f"high as wide; px_per_cm counts along the core, and across it is taken as equal"
            )
        return tuple(notes)

    # -- what is there ---------------------------------------------------------------

    def refresh(self, *, is_still: bool = False, is_closed: bool = False) -> tuple[int, bool]:
        """Return how many rows can be trusted by now, and whether these are all."""
        n_rows = self._rows_held(self._written.extent())
        if n_rows == self.height and not self._index.is_pending:
            self._look_for_larger()
        if is_still and n_rows < self.height:
            # Zeros at the end of a finished file may be pixels, if they complete the image.
            extent = self._written.extent(is_still=True, is_closed=is_closed)
            n_still = self._rows_held(extent)
            n_rows = n_still if n_still == self.height else n_rows
        return n_rows, n_rows == self.height

    def _look_for_larger(self) -> None:
        """Read the index again if the file went on after the image, which may be a preview."""
        size = self._file.size()
        if size != self._indexed_size:
            self._indexed_size = size
            self._read_index_again(self._written.extent())

    def _read_index_again(self, extent: Extent) -> None:
        index = index_of(TagTable(self._file, extent, self._limits), self._limits)
        if index.shape != self._shape:
            raise SegmentError(
                f"expected the index as it was when the file was opened, got another: "
                f"{self._file.path}; open it again as a new scan"
            )
        self._index = index
        self._expect_size()

    def _expect_size(self) -> None:
        """Bound the file's size by its index, once that gives the place of every strip."""
        index = self._index
        if not index.is_pending:
            end = int((index.offsets + index.counts).max())
            self._written.expect(end, n_images=index.n_images)

    def _rows_held(self, extent: Extent) -> int:
        if self._index.is_pending:
            self._read_index_again(extent)
        if not self._index.is_sure:
            return 0
        offsets, counts = self._index.offsets, self._index.counts
        ends = offsets + counts
        is_held = (offsets > 0) & (counts > 0) & (ends <= extent.size)
        is_held &= offsets < extent.written if extent.is_still else ends <= extent.written
        self._check_honest(extent, counts[is_held])
        is_band_held = np.asarray(is_held.all(axis=(0, 2)))
        n_bands = len(is_band_held) if is_band_held.all() else int(is_band_held.argmin())
        if not self._is_direct:
            return min(n_bands * self._shape.chunk_height, self.height)
        # The last strip may end in blank rows, and the next one be there in part.
        last = max(n_bands - 1, 0)
        n_rows = last * self._shape.chunk_height + self._rows_of_strip(extent, last)
        if n_rows == n_bands * self._shape.chunk_height and n_rows < self.height:
            n_rows += self._rows_of_strip(extent, n_bands)
        return n_rows

    def _rows_of_strip(self, extent: Extent, band: int) -> int:
        row_bytes, most = self._shape.row_bytes, self._shape.rows_stored(band)
        strips = [int(offset) for offset in self._index.offsets[:, band, 0]]
        if not all(strips):
            return 0
        return min(most, *(extent.whole_rows(at, row_bytes, row_bytes) for at in strips))

    def _check_honest(self, extent: Extent, counts: NDArray[np.int64]) -> None:
        """Refuse strips that share their bytes, and more decoded bytes than a scan can give."""
        n_bytes = int(counts.sum())
        n_decoded = len(counts) * self._shape.row_bytes * self._shape.chunk_height
        if n_bytes > extent.size:
            raise HostileFileError(
                f"expected strips that lie side by side, got {n_bytes} bytes of them in a file of "
                f"{extent.size}: {self._file.path}; export it again"
            )
        check_ratio(self._file.path, n_decoded, n_bytes, self._limits)

    # -- pixels ----------------------------------------------------------------------

    @property
    def _is_direct(self) -> bool:
        return self._shape.compression is Compression.NONE and not self._shape.is_tiled

    def rows(self, first: int, n_rows: int) -> Pixels:
        """Return trusted rows, shape (n_rows, width, 3)."""
        parts: list[Pixels] = []
        row, stop = first, first + n_rows
        while row < stop:
            band, start = divmod(row, self._shape.chunk_height)
            end = min(start + stop - row, self._shape.chunk_height)
            parts.append(
                self._direct(band, start, end)
                if self._is_direct
                else self._decoded(band)[start:end].copy()
            )
            row += end - start
        return joined(parts)

    def columns(self, first: int, n_columns: int) -> Pixels:
        """Return columns of the complete image, shape (n_columns, height, 3)."""
        if self._is_direct and not self._shape.is_planar:
            bands = range(self._shape.n_bands)
            parts = [
                packed_columns(self._file, self._layout(band, 0), first, n_columns)
                for band in bands
            ]
            return self._true_colours(joined(parts, axis=1))
        if self._whole is None:
            check_held(self._file.path, self.width * self.height * 3 * self.bits // 8, self._limits)
            self._whole = self.rows(0, self.height)
        return native(self._whole[:, first : first + n_columns].transpose(1, 0, 2))

    def close(self) -> None:
        """Close the file; harmless when called again."""
        self._file.close()
        self._band = self._whole = None

    @property
    def _dtype(self) -> np.dtype[np.uint8] | np.dtype[np.uint16]:
        return np.dtype(f"{self._shape.byte_order}u{self.bits // 8}")

    def _layout(self, band: int, plane: int) -> PackedLayout:
        shape = self._shape
        return PackedLayout(
            offset=int(self._index.offsets[plane, band, 0]),
            stride=shape.row_bytes,
            width=shape.width,
            height=shape.rows_stored(band),
            samples=shape.chunk_samples,
            dtype=self._dtype,
            n_read=4 if shape.is_premultiplied else 3,
        )

    def _direct(self, band: int, start: int, end: int) -> Pixels:
        """Return rows of an uncompressed strip, without reading the rest of it."""
        planes: list[Pixels] = []
        for plane in range(self._shape.n_planes_read):
            layout = self._layout(band, plane)
            n_bytes = (end - start) * layout.stride
            buffer = self._file.read_at(layout.offset + start * layout.stride, n_bytes)
            if len(buffer) < n_bytes:
                raise self._damaged(band, f"{len(buffer)} of {n_bytes} bytes")
            planes.append(pixels_of(buffer, layout, end - start))
        if not self._shape.is_planar:
            return self._true_colours(planes[0])
        return self._true_colours(joined([plane[:, :, :1] for plane in planes], axis=2))

    def _decoded(self, band: int) -> Pixels:
        if self._band is None or self._band[0] != band:
            self._band = None  # freed before the next band is decoded
            shape = self._shape
            planes = [
                joined([self._chunk(plane, band, i) for i in range(shape.n_chunks_across)], axis=1)
                for plane in range(shape.n_planes_read)
            ]
            n_read = 4 if shape.is_premultiplied else 3
            pixels = native(joined(planes, axis=2)[:, : shape.width, :n_read])
            self._band = (band, self._true_colours(pixels))
        return self._band[1]

    def _true_colours(self, pixels: Pixels) -> Pixels:
        """Return RGB: divided by the alpha channel, and over all bits, where the file asks it."""
        shape = self._shape
        full = (1 << shape.bits) - 1
        if shape.max_value < full:
            pixels = native(np.minimum(pixels * np.float64(full / shape.max_value) + 0.5, full))
        if not shape.is_premultiplied:
            return pixels
        alpha = pixels[:, :, 3:].astype(np.float64)
        colour = np.divide(
            pixels[:, :, :3] * np.float64(full), alpha, out=np.zeros(pixels[:, :, :3].shape),
            where=alpha > 0,
        )  # fmt: skip
        return native(np.minimum(np.round(colour), full))

    def _chunk(self, plane: int, band: int, i: int) -> Pixels:
        shape = self._shape
        count = int(self._index.counts[plane, band, i])
        if count > self._limits.max_encoded_bytes:
            raise HostileFileError(
                f"expected at most {self._limits.max_encoded_bytes} bytes in a strip, got {count}: "
                f"{self._file.path}; save it with few rows per strip"
            )
        packed = self._file.read_at(int(self._index.offsets[plane, band, i]), count)
        n_rows = shape.rows_stored(band)
        n_bytes = n_rows * shape.row_bytes
        max_bytes = shape.chunk_height * shape.row_bytes
        try:
            raw = decode_strip(packed, shape.compression, n_bytes=n_bytes, max_bytes=max_bytes)
        except DECODER_FAULTS as error:
            why = str(error) or type(error).__name__
            raise self._damaged(band, f"{count} bytes ({why})") from error
        if len(raw) < n_bytes:
            raise self._damaged(band, f"{len(raw)} of {n_bytes} decoded bytes")
        n_values = n_rows * shape.chunk_width * shape.chunk_samples
        stored = np.frombuffer(raw, dtype=self._dtype, count=n_values)
        pixels = native(stored.reshape(n_rows, shape.chunk_width, shape.chunk_samples))
        if not shape.has_predictor:
            return pixels
        # The predictor stores differences along the row; their sum wraps as they did.
        return native(np.cumsum(pixels, axis=1, dtype=pixels.dtype))

    def _damaged(self, band: int, got: str) -> HostileFileError:
        first = band * self._shape.chunk_height
        return HostileFileError(
            f"expected to decode the strip of rows from {first} on, got {got}: {self._file.path}; "
            f"the file is damaged, copy or export it again"
        )
