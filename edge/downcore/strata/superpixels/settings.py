"""How superpixels are cut, and how large a cell is at the scale of a scan."""

import math
from dataclasses import dataclass

from downcore.strata.depth import SLICE_UM, LineScale

MIN_CELL_PX = 4
"""Smallest cell; below it there is no shape to find, so coarse scans get larger cells."""

MAX_CELL_PX = 256
"""Largest cell; keeps every sum of a cell within 32 bits."""


@dataclass(frozen=True, slots=True)
class SuperpixelSettings:
    """How superpixels are cut."""

    cell_um: int = 1_000
    """Pitch of the grid of cells, in micrometres of core; one superpixel begins in each."""
    compactness: float = 10.0
    """Colour distance, in L*a*b* units, that weighs as much as one cell of distance; above 0."""
    iterations: int = 8
    """Times that pixels choose among the nine cells around them; the last time every pixel does."""
    row_step: int = 4
    """All but the last time, only every so many-th row of pixels chooses; 1, for all rows, to 4."""
    smallest_part: float = 0.25
    """Parts below this share of a cell's area join a neighbour; 0 to 1."""
    stretch_cells: int = 20
    """Rows of cells that are finished and given out together."""
    halo_cells: int = 3
    """Rows of cells below them that must have arrived; 3 or more."""

    def cell_px(self, scale: LineScale) -> int:
        """
        Return the pitch of the grid in pixels, at least :data:`MIN_CELL_PX`.

        Raises
        ------
        ValueError
            If it is above :data:`MAX_CELL_PX`.
        """
        pitch = max(MIN_CELL_PX, round(scale.px_per_cm * self.cell_um / SLICE_UM))
        if pitch > MAX_CELL_PX:
            raise ValueError(
                f"expected cells of at most {MAX_CELL_PX} px, got {pitch} px "
                f"from cell_um {self.cell_um} at {float(scale.px_per_cm):g} px/cm"
            )
        return pitch

    def halo_lines(self, scale: LineScale) -> int:
        """Return how many lines below a stretch must have arrived before it is given out."""
        return self.halo_cells * self.cell_px(scale)

    def stretch_lines(self, scale: LineScale) -> int:
        """Return how many lines are given out together; the last stretch may differ."""
        return self.stretch_cells * self.cell_px(scale)

    def smallest_area_px(self, scale: LineScale) -> int:
        """Return the area in pixels below which a part joins a neighbour."""
        return math.ceil(self.smallest_part * self.cell_px(scale) ** 2)
