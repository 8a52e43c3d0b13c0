"""A stored image as rows of RGB pixels, top row first, independent of the file format."""

from typing import Literal, Protocol

from downcore.sources.format import Limits
from downcore.strata.errors import HostileFileError
from downcore.strata.segment import Pixels

_RATIO_FROM_BYTES = 64 * 1024 * 1024
"""Decoded bytes from which the ratio to the file's bytes is judged; less does no harm."""


class Raster(Protocol):
    """An image file opened for its pixels; ``refresh`` as in :class:`downcore.ports.ScanLines`."""

    notes: tuple[str, ...]
    """What a technician should know about how the pixels are read."""

    @property
    def width(self) -> int:
        """Pixels in a row."""
        ...

    @property
    def height(self) -> int | None:
        """Rows, or None while that is unknown."""
        ...

    @property
    def bits(self) -> Literal[8, 16]:
        """Bits per channel."""
        ...

    def refresh(self, *, is_still: bool = False, is_closed: bool = False) -> tuple[int, bool]:
        """Return how many rows can be trusted by now, and whether these are all."""
        ...

    def rows(self, first: int, n_rows: int) -> Pixels:
        """Return trusted rows, shape (n_rows, width, 3)."""
        ...

    def columns(self, first: int, n_columns: int) -> Pixels:
        """Return columns of the complete image, shape (n_columns, height, 3)."""
        ...

    def close(self) -> None:
        """Close the file; harmless when called again."""
        ...


def check_dimensions(path: object, width: int, height: int | None, limits: Limits) -> None:
    """
    Refuse an image that is empty or larger than the limits, before anything is decoded.

    Raises
    ------
    HostileFileError
        If it is.
    """
    tall = height if height is not None else 1
    if width < 1 or tall < 1:
        raise HostileFileError(
            f"expected an image of at least 1 x 1 px, got {width} x {height}: {path}"
        )
    if min(width, tall) > limits.max_across or width * tall > limits.max_pixels:
        raise HostileFileError(
            f"expected at most {limits.max_pixels} px in an image, and {limits.max_across} across, "
            f"got {width} x {height}: {path}; if it is a scan, cut it into sections"
        )


def check_held(path: object, n_bytes: int, limits: Limits) -> None:
    """
    Refuse to hold more decoded bytes at once than the limits allow.

    Raises
    ------
    HostileFileError
        If that would be needed.
    """
    if n_bytes > limits.max_held_bytes:
        raise HostileFileError(
            f"expected at most {limits.max_held_bytes} bytes to decode at once, got {n_bytes}: "
            f"{path}; save it as a TIFF with few rows per strip, or uncompressed"
        )


def check_ratio(path: object, n_decoded: int, n_bytes: int, limits: Limits) -> None:
    """
    Refuse compressed pixels that would become more decoded bytes than a scan's can.

    Raises
    ------
    HostileFileError
        If they would.
    """
    if n_decoded > max(limits.max_ratio * n_bytes, _RATIO_FROM_BYTES):
        raise HostileFileError(
            f"expected at most {limits.max_ratio} decoded bytes for each byte in the file, got "
            f"{n_decoded // max(n_bytes, 1)}: {path}; no scan compresses so well, look at what it "
            f"is"
        )
