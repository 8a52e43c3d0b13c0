"""Images that can only be decoded whole, once their end is there."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from downcore.sources.format import Limits
from downcore.sources.readers.decoders import DECODER_FAULTS
from downcore.sources.readers.input_file import InputFile
from downcore.sources.readers.packed import native
from downcore.sources.readers.raster import check_dimensions, check_held, check_ratio
from downcore.sources.readers.written_extent import Extent, WrittenExtent
from downcore.strata.errors import HostileFileError
from downcore.strata.segment import Pixels


@dataclass(frozen=True, slots=True)
class WholeImage:
    """The header of an image that is decoded whole."""

    width: int
    height: int
    bits: Literal[8, 16]
    notes: tuple[str, ...] = ()


class WholeRaster:
    """
    An image that is decoded whole when its first row is asked for; a ``Raster``.

    Parameters
    ----------
    file : InputFile
        The file; closed with the raster.
    image : WholeImage
        What its header says.
    limits : Limits
        Checked here, before anything is decoded.
    has_end : callable
        Whether the whole image is there, from the file's extent; its own checksums
        or end marks decide.
    decode : callable
        Decodes the bytes of the file to RGB or RGBA, or raises one of
        ``DECODER_FAULTS``.

    Raises
    ------
    HostileFileError
        If the image is beyond the limits.
    """

    def __init__(
        self,
        file: InputFile,
        image: WholeImage,
        limits: Limits,
        *,
        has_end: Callable[[Extent], bool],
        decode: Callable[[bytes], NDArray[np.uint8] | NDArray[np.uint16]],
    ) -> None:
        self._file = file
        self._limits = limits
        self._written = WrittenExtent(file, limits)
        self._has_end = has_end
        self._decode = decode
        self._is_complete = False
        self._whole: Pixels | None = None
        self.width = image.width
        self.height = image.height
        self.bits: Literal[8, 16] = image.bits
        self.notes = image.notes
        check_dimensions(file.path, image.width, image.height, limits)
        check_held(file.path, self._n_decoded, limits)

    @property
    def _n_decoded(self) -> int:
        return self.width * self.height * 3 * self.bits // 8

    def refresh(self, *, is_still: bool = False, is_closed: bool = False) -> tuple[int, bool]:
        """Return all rows or none, and whether the image is complete."""
        del is_closed  # its end mark or checksums decide
        if not self._is_complete:
            check_encoded(self._file, self._limits)
            self._is_complete = self._has_end(self._written.extent(is_still=is_still))
        return (self.height if self._is_complete else 0), self._is_complete

    def _pixels(self) -> Pixels:
        if self._whole is None:
            raw = self._file.read_at(0, self._file.size())
            check_ratio(self._file.path, self._n_decoded, len(raw), self._limits)
            self._whole = self._decoded(raw)
        return self._whole

    def _decoded(self, raw: bytes) -> Pixels:
        expected = (self.height, self.width, self.bits)
        try:
            pixels = self._decode(raw)
        except DECODER_FAULTS as error:
            why = str(error) or type(error).__name__
            raise HostileFileError(
                f"expected an image of {self.width} x {self.height} px, got a damaged one "
                f"({why}): {self._file.path}; copy or export it again"
            ) from error
        got = (*pixels.shape[:2], pixels.dtype.itemsize * 8)
        if pixels.ndim != 3 or got != expected or pixels.shape[2] < 3:  # noqa: PLR2004 - RGB
            raise HostileFileError(
                f"expected {self.width} x {self.height} px of {self.bits} bits, got an array of "
                f"{pixels.shape}, {pixels.dtype}: {self._file.path}; export it again"
            )
        return native(pixels[:, :, :3])

    def rows(self, first: int, n_rows: int) -> Pixels:
        """Return rows of the complete image, shape (n_rows, width, 3)."""
        return self._pixels()[first : first + n_rows].copy()

    def columns(self, first: int, n_columns: int) -> Pixels:
        """Return columns of the complete image, shape (n_columns, height, 3)."""
        return native(self._pixels()[:, first : first + n_columns].transpose(1, 0, 2))

    def close(self) -> None:
        """Close the file and free the pixels; harmless when called again."""
        self._file.close()
        self._whole = None


def check_encoded(file: InputFile, limits: Limits) -> None:
    """
    Refuse a file that is too large to be decoded whole, before any of it is read.

    Raises
    ------
    HostileFileError
        If it is.
    """
    n_bytes = file.size()
    if n_bytes > limits.max_encoded_bytes:
        raise HostileFileError(
            f"expected at most {limits.max_encoded_bytes} bytes, got {n_bytes}: {file.path}; "
            f"save it as TIFF"
        )
