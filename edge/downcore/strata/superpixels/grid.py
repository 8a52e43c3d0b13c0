"""Where the cells of a section lie: fixed by its scale and width, not by what was seen."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from downcore.strata.depth import LineScale
from downcore.strata.superpixels.settings import SuperpixelSettings


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Cells of a section; rows of cells begin every ``cell_px`` lines."""

    cell_px: int
    """Lines of a cell, and its width where the section's width allows."""
    edges: NDArray[np.int64]
    """Where columns begin and end, shape (n_columns + 1,); widths differ by at most one."""
    order: NDArray[np.int64]
    """Lines of a cell in the order in which its pixels stand, those that choose early first."""
    n_early: int
    """How many lines choose early; at least 1."""

    @classmethod
    def of(cls, settings: SuperpixelSettings, scale: LineScale, n_across: int) -> Self:
        """Return the grid of a section of ``n_across`` pixels."""
        if n_across < 1:
            raise ValueError(f"expected 1 or more pixels across, got {n_across}")
        cell_px, step = settings.cell_px(scale), settings.row_step
        n_columns = max(1, round(n_across / cell_px))
        lines = np.arange(cell_px)
        # From half a step on, so that the lines that choose lie around the cell's middle.
        is_early = lines % step == step // 2
        return cls(
            cell_px=cell_px,
            edges=np.arange(n_columns + 1) * n_across // n_columns,
            order=np.concatenate([lines[is_early], lines[~is_early]]),
            n_early=int(np.count_nonzero(is_early)),
        )

    @property
    def n_across(self) -> int:
        """Pixels of a scan line."""
        return int(self.edges[-1])

    @property
    def n_columns(self) -> int:
        """Cells side by side."""
        return len(self.edges) - 1

    @property
    def widest_px(self) -> int:
        """Width of the widest column."""
        return int(np.diff(self.edges).max())

    @property
    def shift(self) -> float:
        """Lines from the mean of those that choose early to the middle of the cell."""
        return (self.cell_px - 1) / 2.0 - float(self.order[: self.n_early].mean())

    def place(self) -> NDArray[np.float32]:
        """Return line and column within the cell of each pixel of a tile, shape (2, n_px)."""
        wide = self.widest_px
        across = np.tile(np.arange(wide), self.cell_px)
        return np.stack([np.repeat(self.order, wide), across]).astype(np.float32)
