"""A window of core in the square that the network looks at, and the way back."""

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from downcore.inference.segment_anything.manifest import MASK_STRIDE_PX, PAD_COUNTS
from downcore.strata.regions.window import RegionWindow

_Number = TypeVar("_Number", np.int32, np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """
    The sediment of a window, as large as it goes in the top left corner of a square.

    Whatever is no sediment has the colour of the padding, and only the sediment's extent is
    looked at: a wider cut of the tray beside the core changes nothing.
    """

    picture: NDArray[np.uint8]
    """RGB, shape (side, side, 3)."""
    top: int
    left: int
    """First line and column of the sediment's extent in the window."""
    n_lines: int
    n_across: int
    """Size of the extent in pixels of the window."""
    height: int
    width: int
    """Size of the extent in pixels of the picture."""
    is_sediment: NDArray[np.bool_]
    """Whether each pixel of a mask of the network lies on sediment, over the extent."""

    @property
    def extent(self) -> tuple[slice, slice]:
        """The extent, to index a window with."""
        return (
            slice(self.top, self.top + self.n_lines),
            slice(self.left, self.left + self.n_across),
        )

    def reduced(self, numbers: NDArray[_Number]) -> NDArray[_Number]:
        """Return ``numbers`` of the window at the picture's pixels, shape (height, width)."""
        rows = _nearest(self.n_lines, self.height)
        columns = _nearest(self.n_across, self.width)
        return numbers[self.extent][np.ix_(rows, columns)]

    def inside(self, mask: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the part of a mask that lies on the extent; far below 0 off the sediment."""
        rows, columns = self.is_sediment.shape
        return np.where(self.is_sediment, mask[:rows, :columns], np.float32(-np.inf))

    def enlarged(self, mask: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return where a mask of the network is above 0, shape (n_lines, n_across)."""
        y = self.height / self.n_lines / MASK_STRIDE_PX
        x = self.width / self.n_across / MASK_STRIDE_PX
        # Pixels are counted by their corners here and by their middles there.
        way = np.array([[x, 0.0, 0.5 * x - 0.5], [0.0, y, 0.5 * y - 0.5]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = (self.n_across, self.n_lines)
        wide = cv2.warpAffine(mask, way, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(wide) > 0.0


def fit(window: RegionWindow, side_px: int) -> Fitted | None:
    """Return the sediment of a window in a square of ``side_px``; ``None`` without any."""
    is_sediment = window.superpixels != 0
    lines = np.flatnonzero(is_sediment.any(axis=1))
    columns = np.flatnonzero(is_sediment.any(axis=0))
    if not lines.size:
        return None
    top, left = int(lines[0]), int(columns[0])
    n_lines, n_across = int(lines[-1]) + 1 - top, int(columns[-1]) + 1 - left
    extent = (slice(top, top + n_lines), slice(left, left + n_across))
    scale = side_px / max(n_lines, n_across)
    height, width = (max(1, round(scale * n)) for n in (n_lines, n_across))
    filled = window.lines[extent].astype(np.uint8)
    filled[~is_sediment[extent]] = PAD_COUNTS
    how = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR
    small = cv2.resize(filled, (width, height), interpolation=how)
    sizes = ((n_lines, height), (n_across, width))
    picture = np.empty((side_px, side_px, 3), np.uint8)
    picture[:] = PAD_COUNTS
    picture[:height, :width] = small
    rows, columns = (_nearest(n, -(-m // MASK_STRIDE_PX)) for n, m in sizes)
    on_masks = is_sediment[extent][np.ix_(rows, columns)]
    return Fitted(picture, top, left, n_lines, n_across, height, width, on_masks)


def _nearest(n: int, n_reduced: int) -> NDArray[np.int64]:
    """Return which of ``n`` pixels lies in the middle of each of ``n_reduced``."""
    return (2 * np.arange(n_reduced) + 1) * n // (2 * n_reduced)
