"""Images whose file says that they are stored turned or mirrored: as a viewer shows them."""

from typing import Literal

from downcore.sources.readers.packed import native
from downcore.sources.readers.raster import Raster
from downcore.strata.errors import SegmentError
from downcore.strata.segment import Pixels

_TAG = 274
_SHORT = 3
_IN_WORDS = {
    2: "mirrored left to right",
    3: "turned by 180 degrees",
    4: "mirrored top to bottom",
    5: "mirrored along its diagonal",
    6: "turned by 90 degrees to the right",
    7: "mirrored along its other diagonal",
    8: "turned by 90 degrees to the left",
}
_TRANSPOSED = frozenset({5, 6, 7, 8})
_UPSIDE_DOWN = frozenset({3, 4, 7, 8})
_MIRRORED = frozenset({2, 3, 6, 7})


def oriented(raster: Raster, orientation: int) -> Raster:
    """
    Return a raster as its orientation, 1 to 8 as in TIFF and EXIF, says that it is to be seen.

    Raises
    ------
    SegmentError
        If the orientation is another number, or the height of a turned image is unknown.
    """
    if orientation in {0, 1}:
        return raster
    if orientation not in _IN_WORDS or raster.height is None:
        raise SegmentError(
            f"expected an orientation of 1 to 8 in the image, got {orientation}; save it upright"
        )
    return OrientedRaster(raster, orientation, raster.height)


class OrientedRaster:
    """
    An image as it is to be seen; a ``Raster``.

    One that is stored with its top elsewhere than in its first row gives no row before it is
    complete.

    Parameters
    ----------
    raster : Raster
        The image as it is stored; closed with this one.
    orientation : int
        2 to 8, as in TIFF and EXIF.
    height : int
        Rows as stored.
    """

    def __init__(self, raster: Raster, orientation: int, height: int) -> None:
        self._raster = raster
        self._is_transposed = orientation in _TRANSPOSED
        self._is_upside_down = orientation in _UPSIDE_DOWN
        self._is_mirrored = orientation in _MIRRORED
        sides = (raster.width, height)
        self.width, self._height = sides[::-1] if self._is_transposed else sides
        self.height: int | None = self._height
        self.bits: Literal[8, 16] = raster.bits
        self.notes = (
            *raster.notes,
            (
                f"the file says that its image is to be seen {_IN_WORDS[orientation]} "
                f"(orientation {orientation}); it is read so, and top counts from there"
            ),
        )

    def refresh(self, *, is_still: bool = False, is_closed: bool = False) -> tuple[int, bool]:
        """Return how many rows can be trusted by now, and whether these are all."""
        n_rows, is_complete = self._raster.refresh(is_still=is_still, is_closed=is_closed)
        if is_complete:
            return self._height, True
        return (0 if self._is_transposed or self._is_upside_down else n_rows), False

    def rows(self, first: int, n_rows: int) -> Pixels:
        """Return trusted rows, shape (n_rows, width, 3)."""
        start = self._height - first - n_rows if self._is_upside_down else first
        get = self._raster.columns if self._is_transposed else self._raster.rows
        return self._turned(get(start, n_rows), self._is_upside_down, self._is_mirrored)

    def columns(self, first: int, n_columns: int) -> Pixels:
        """Return columns of the complete image, shape (n_columns, height, 3)."""
        start = self.width - first - n_columns if self._is_mirrored else first
        get = self._raster.rows if self._is_transposed else self._raster.columns
        return self._turned(get(start, n_columns), self._is_mirrored, self._is_upside_down)

    def close(self) -> None:
        """Close the file; harmless when called again."""
        self._raster.close()

    def _turned(self, pixels: Pixels, first: bool, second: bool) -> Pixels:  # noqa: FBT001 - of the two axes
        turned = pixels[::-1] if first else pixels
        return native(turned[:, ::-1] if second else turned)


def exif_orientation(raw: bytes) -> int:
    """Return the orientation in the bytes of an EXIF block, which is a small TIFF; 1 if none."""
    order: Literal["little", "big"] | None = (
        "little" if raw.startswith(b"II*\0") else "big" if raw.startswith(b"MM\0*") else None
    )
    if order is None:
        return 1
    at = int.from_bytes(raw[4:8], order)
    n_entries = int.from_bytes(raw[at : at + 2], order)
    for i in range(n_entries):
        entry = raw[at + 2 + 12 * i : at + 14 + 12 * i]
        if len(entry) == 12 and int.from_bytes(entry[:2], order) == _TAG:  # noqa: PLR2004 - TIFF's
            is_short = int.from_bytes(entry[2:4], order) == _SHORT
            return int.from_bytes(entry[8:10] if is_short else entry[8:12], order)
    return 1
