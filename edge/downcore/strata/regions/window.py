"""A stretch of superpixels that is refined to regions together."""

from dataclasses import dataclass

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
