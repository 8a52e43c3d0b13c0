"""Scan lines as they come from a scanner."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
"""RGB counts, 8 or 16 bit, sRGB encoded."""


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Consecutive scan lines of one section, as the scanner wrote them."""

    lines: Pixels
    """Pixels, shape (n_lines, n_across, 3), RGB; lines run down the core."""

    first_line: int
    """Index of ``lines[0]``, counted from the top of the section."""

    def __post_init__(self) -> None:
        if self.lines.ndim != 3 or self.lines.shape[2] != 3:  # noqa: PLR2004 - RGB
            raise ValueError(f"expected lines of shape (n, across, 3), got {self.lines.shape}")
        if self.lines.dtype not in (np.uint8, np.uint16):
            raise ValueError(f"expected 8 or 16 bit pixels, got {self.lines.dtype}")
        if self.first_line < 0:
            raise ValueError(f"expected a first line of 0 or more, got {self.first_line}")
