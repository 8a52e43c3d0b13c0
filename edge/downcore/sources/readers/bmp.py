"""BMP images of 24 or 32 bits, read row by row; older core scanners write them."""

import numpy as np

from downcore.sources.format import Limits
from downcore.sources.readers.input_file import InputFile
from downcore.sources.readers.packed import PackedLayout, PackedRaster
from downcore.sources.readers.raster import check_dimensions
from downcore.sources.readers.written_extent import WrittenExtent
from downcore.strata.errors import GrowingError, HostileFileError, SegmentError

MAGIC = b"BM"

_CORE_HEADER = 12
_BIT_FIELDS = 3
_BLUE_GREEN_RED = (0x00FF0000, 0x0000FF00, 0x000000FF)


def bmp_raster(file: InputFile, limits: Limits) -> PackedRaster:
    """
    Open a BMP image.

    An image stored from the bottom up, as most are, gives no row before it is complete.

    Raises
    ------
    GrowingError
        If the header is not written yet.
    HostileFileError
        If the header is beyond the limits, or no BMP header.
    SegmentError
        If the image has a palette or is compressed.
    """
    written = WrittenExtent(file, limits)
    head = file.read_at(0, 70)
    offset = int.from_bytes(head[10:14], "little")
    # Black rows may stand first, so that the header alone must be there.
    if len(head) < 34 or written.extent().written <= 28:  # noqa: PLR2004 - up to the bits
        raise GrowingError(f"expected a BMP header and pixels, got none yet: {file.path}")
    header = int.from_bytes(head[14:18], "little")
    if header <= _CORE_HEADER:
        raise SegmentError(
            f"expected a BMP header of 40 bytes or more, got {header}: {file.path}; save it anew"
        )
    width = int.from_bytes(head[18:22], "little", signed=True)
    height = int.from_bytes(head[22:26], "little", signed=True)
    check_dimensions(file.path, width, abs(height), limits)
    bits = int.from_bytes(head[28:30], "little")
    compression = int.from_bytes(head[30:34], "little")
    masks = tuple(int.from_bytes(head[at : at + 4], "little") for at in (54, 58, 62))
    is_plain = compression == 0 or (compression == _BIT_FIELDS and masks == _BLUE_GREEN_RED)
    if bits not in {24, 32} or not is_plain:
        raise SegmentError(
            f"expected a colour BMP of 24 or 32 bits, not compressed, got {bits} bits, compression "
            f"{compression}: {file.path}; save it as 24 bit"
        )
    if offset < 14 + header:
        raise HostileFileError(
            f"expected pixels after the header of {14 + header} bytes, got them at {offset}: "
            f"{file.path}; the file is damaged, export it again"
        )
    layout = PackedLayout(
        offset=offset,
        stride=(width * bits + 31) // 32 * 4,
        width=width,
        height=abs(height),
        samples=bits // 8,
        dtype=np.dtype(np.uint8),
        is_bgr=True,
        is_bottom_up=height > 0,
    )
    return PackedRaster(file, written, layout, limits=limits)
