"""
Windows: the input of networks that see the centimetres around the rows they answer.

A window holds whole slices at 20 px/cm, 10 cm across and centred on the sediment. Windows lie on
a fixed grid from the section's top, so a row depends on the section alone. Where the section
begins or ends inside a window, the rest of it is no sediment.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.core_view import VIEW_PX_PER_CM, SliceView, sediment_columns

WINDOW_ACROSS_PX = 200
"""Width of a window, 10 cm at 20 px/cm."""

WINDOW_CHANNELS = 4
"""Red, green and blue, 0 where there is no sediment; then 255 for sediment and 0 for the rest."""

MAX_WINDOW_CM = 100
"""Largest window of a bundle that is opened."""

MIN_SEDIMENT_CM2 = 0.25
"""Least sediment of a slice in a window for a row to be answered, square centimetres."""


@dataclass(frozen=True, slots=True)
class Window:
    """Which centimetres a bundle sees, and which of them it answers."""

    above_cm: int
    """Centimetres of context above the answered rows."""
    rows_cm: int
    """Rows answered together, one a centimetre; 1 or more."""
    below_cm: int
    """Centimetres of context below them; the rows wait for these while a core is scanned."""
    needs_white_board: bool = False
    """Whether it was trained on colours relative to a white board, and abstains without."""

    def __post_init__(self) -> None:
        if self.rows_cm < 1 or self.above_cm < 0 or self.below_cm < 0:
            raise ValueError(f"expected a window of 1 row or more with context >= 0, got {self}")
        if self.n_cm > MAX_WINDOW_CM:
            raise ValueError(f"expected a window of at most {MAX_WINDOW_CM} cm, got {self.n_cm}")

    @property
    def n_cm(self) -> int:
        """Length of the window, centimetres."""
        return self.above_cm + self.rows_cm + self.below_cm

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of its pixels: lines, across, channels."""
        return self.n_cm * VIEW_PX_PER_CM, WINDOW_ACROSS_PX, WINDOW_CHANNELS

    def first_row(self, index: int) -> int:
        """Return the first row that is answered together with slice ``index``."""
        return index - index % self.rows_cm


def cut_window(views: Sequence[SliceView | None], window: Window) -> NDArray[np.uint8]:
    """
    Return the pixels of a window.

    Parameters
    ----------
    views : sequence of SliceView or None
        One for each of its centimetres, core top first; ``None`` outside the section.
    window : Window
        What the bundle sees.

    Returns
    -------
    ndarray of uint8, shape ``window.shape``

    Raises
    ------
    ValueError
        If there are more or fewer views than centimetres.
    """
    if len(views) != window.n_cm:
        raise ValueError(f"expected {window.n_cm} views, got {len(views)}")
    pixels = np.zeros(window.shape, np.uint8)
    there = [(i, view) for i, view in enumerate(views) if view is not None]
    if not there:
        return pixels
    left = _left_of([view for _, view in there])
    for i, view in there:
        first, stop = max(left, 0), min(left + WINDOW_ACROSS_PX, view.rgb.shape[1])
        if stop <= first:
            continue
        lines = slice(i * VIEW_PX_PER_CM, (i + 1) * VIEW_PX_PER_CM)
        place = pixels[lines, first - left : stop - left]
        is_sediment = view.is_sediment[:, first:stop]
        place[..., :3] = view.rgb[:, first:stop] * is_sediment[..., None]
        place[..., 3] = np.where(is_sediment, np.uint8(255), np.uint8(0))
    return pixels


def _left_of(views: Sequence[SliceView]) -> int:
    """Return the column of the scan at which a window begins, so that the core is in its middle."""
    first, stop = sediment_columns(np.concatenate([view.is_sediment for view in views]))
    if stop == 0:
        first, stop = 0, views[0].rgb.shape[1]
    return (first + stop) // 2 - WINDOW_ACROSS_PX // 2
