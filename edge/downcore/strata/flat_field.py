"""
Flat field: colours relative to the white board beside the core, centimetre by centimetre.

On photographs of a core table the light falls off down the section and the film or the camera has
a cast; the board in the same line shows both. Counts are taken to linear light, divided by
the board's, and encoded again, so that the board gets one colour everywhere.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from downcore.strata.colour import counts_of_linear, linear_of_counts
from downcore.strata.core_view import SliceView, sediment_columns

BOARD_COUNTS = 240.0
"""sRGB counts that the board has after the correction, in every channel."""

RELATIVE_TO_BOARD = "colours relative to the white board"
"""Said of a value that was found by corrected colours."""

_LEAST_COUNTS = 150
"""Darkest channel of a board's pixel."""
_MOST_CAST_COUNTS = 45
"""Largest difference between the channels of a board's pixel."""
_LEAST_PX = 40
"""Fewest pixels of a view, at 20 px/cm, that make a board: a strip 1 mm wide."""

_COUNTS = np.arange(256, dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Lighting:
    """What a slice's colours were divided by."""

    board_counts: tuple[float, float, float] | None = None
    """Median sRGB counts of the white board; ``None`` where none was seen from the top on."""
    is_held: bool = False
    """Whether the board is that of a slice above, since this one shows none."""

    @property
    def remark(self) -> str:
        """What is said of a value that was found by these colours; empty without a board."""
        if self.board_counts is None:
            return ""
        return RELATIVE_TO_BOARD + (" of a slice above" if self.is_held else "")


def white_board(view: SliceView) -> tuple[float, float, float] | None:
    """
    Return the median colour of the white board beside the core, sRGB counts.

    The board is bright, nearly neutral, and further out than any sediment of the slice.

    Returns
    -------
    tuple of float or None
        ``None`` where the slice shows no sediment or no board.
    """
    first, stop = view.core_columns or sediment_columns(view.is_sediment)
    if stop == 0:
        return None
    outside = np.concatenate([view.rgb[:, :first], view.rgb[:, stop:]], axis=1).reshape(-1, 3)
    lowest, highest = outside.min(axis=1), outside.max(axis=1)
    board = outside[(lowest >= _LEAST_COUNTS) & (highest - lowest <= _MOST_CAST_COUNTS)]
    if len(board) < _LEAST_PX:
        return None
    red, green, blue = np.median(board, axis=0).tolist()
    return float(red), float(green), float(blue)


class FlatField:
    """The flat field of one section, slice by slice from its top."""

    def __init__(self) -> None:
        self._board: tuple[float, float, float] | None = None
        self._tables: NDArray[np.uint8] | None = None

    def correct(self, view: SliceView) -> tuple[SliceView, Lighting]:
        """
        Return the next slice with its colours relative to the board, and what they relate to.

        A slice without a board is divided by the last one seen; before the first, nothing is
        changed.
        """
        board = white_board(view)
        if board is not None and board != self._board:
            self._board, self._tables = board, _tables_of(board)
        if self._tables is None:
            return view, Lighting()
        rgb = np.stack([self._tables[c][view.rgb[..., c]] for c in range(3)], axis=-1)
        return replace(view, rgb=rgb), Lighting(self._board, is_held=board is None)


def _tables_of(board: tuple[float, float, float]) -> NDArray[np.uint8]:
    """Return each channel's corrected counts by its counts, shape (3, 256)."""
    light = linear_of_counts(_COUNTS).astype(np.float64)
    wanted = np.interp(BOARD_COUNTS, _COUNTS, light)
    return np.stack(
        [counts_of_linear(light * (wanted / np.interp(level, _COUNTS, light))) for level in board]
    )
