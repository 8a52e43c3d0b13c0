"""A stretch of superpixels that is refined to regions together."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from downcore.strata.depth import LineScale
from downcore.strata.segment import Pixels

REGION_WINDOW_UM = 100_000
"""Length of core that is refined together, in micrometres; windows lie fixed in the section."""

NO_REGION = 0
"""Label of a pixel that is no sediment; regions count from 1."""


@dataclass(frozen=True, slots=True, eq=False)
class RegionWindow:
    """The lines and superpixels of one window."""

    first_line: int
    """Scan line of ``lines[0]``, counted from the section's top."""
    lines: Pixels
    """RGB, sRGB, 8 bit, shape (n_lines, n_across, 3)."""
    superpixels: NDArray[np.int32]
    """Shape (n_lines, n_across); 0 where there is no sediment, else unique over the section."""
    scale: LineScale
    """Lines per centimetre, the same along and across."""


class RegionRefiner(Protocol):
    """Joins superpixels to regions; used from one thread."""

    @property
    def name(self) -> str:
        """The name that settings choose it by."""
        ...

    def refine(self, window: RegionWindow) -> NDArray[np.int32]:
        """
        Return the region of each pixel of a window.

        Returns
        -------
        ndarray of int32, shape (n_lines, n_across)
            1, 2, ... in the order in which regions begin, without a gap; 0 exactly where the
            window has no superpixel. The window's own: the caller makes them unique.
        """
        ...
