"""Network inputs of one slice: squares of 1 cm, side by side over the sediment."""

import itertools
import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from downcore.strata.bundle import TILE_PX
from downcore.strata.mask.classes import MaskClass
from downcore.strata.segment import Pixels

MIN_SEDIMENT_FRACTION = 0.5
"""Smallest share of a tile's pixels that must be sediment for a network to use it."""

MAX_TILES = 8
"""Default for the number of tiles a slice gives at most."""

MIN_COLUMN_FRACTION = 0.5
"""Smallest share of sediment in a column for it to count towards the width covered by tiles."""


@dataclass(frozen=True, slots=True, eq=False)
class Tiles:
    """The tiles of one slice, a network's input."""

    pixels: NDArray[np.uint8]
    """RGB, shape (n_tiles, 200, 200, 3); lines run down the core. ``n_tiles`` may be 0."""

    across_px: tuple[int, ...]
    """Column of the scan at which each tile begins, ascending."""

    sediment_fraction: NDArray[np.float32]
    """Share of each tile's own pixels that are sediment, shape (n_tiles,), 0.5 to 1."""


def cut_tiles(
    lines: Pixels, classes: NDArray[np.uint8], px_per_cm: float, *, max_tiles: int = MAX_TILES
) -> Tiles:
    """
    Cut the tiles of one slice.

    The row of tiles covers the whole width of the sediment, without overlap and
    centred on it; sediment narrower than 1 cm but at least half as wide gives one
    tile. Tiles with too little sediment are left out, and where more than ``max_tiles``
    remain, ``max_tiles`` of them are taken, evenly spread. At 200 px/cm a tile is a copy
    of the scan; at any other scale it is resampled. Pixels of 16 bit keep their
    upper 8, so that a scan gives the same tiles at either depth. A short last slice
    is completed by reflecting its lines, not stretched.

    Parameters
    ----------
    lines : ndarray, shape (n_lines, n_across, 3)
        The slice's own scan lines, 8 or 16 bit.
    classes : ndarray, shape (n_lines, n_across)
        Its mask, values of :class:`MaskClass`.
    px_per_cm : float
        Scale of the scan, the same along and across.
    max_tiles : int, default 8
        Tiles to return at most.

    Returns
    -------
    Tiles
        With no tile where there is too little sediment.

    Raises
    ------
    ValueError
        If ``lines`` and ``classes`` differ in size, or ``max_tiles`` is below 1.
    """
    if lines.shape[:2] != classes.shape:
        raise ValueError(
            f"expected a mask of the size of the lines, {lines.shape[:2]}, got {classes.shape}"
        )
    if max_tiles < 1:
        raise ValueError(f"expected max_tiles of 1 or more, got {max_tiles}")
    n_lines = len(classes)
    # As a plain number: compared with a member of an enumeration, the classes would be converted.
    is_sediment = classes == int(MaskClass.SEDIMENT)
    n_sediment = is_sediment.sum(axis=0, dtype=np.int32)
    spans = _spans(n_sediment, n_lines, px_per_cm)
    shares = [
        int(n_sediment[left:right].sum()) / (n_lines * (right - left)) for left, right in spans
    ]
    kept = [i for i, share in enumerate(shares) if share >= MIN_SEDIMENT_FRACTION]
    kept = _spread(kept, max_tiles)
    pixels = np.empty((len(kept), TILE_PX, TILE_PX, 3), np.uint8)
    for tile, i in zip(pixels, kept, strict=True):
        left, right = spans[i]
        tile[:] = _resample(lines[:, left:right], px_per_cm)
    return Tiles(
        pixels=pixels,
        across_px=tuple(spans[i][0] for i in kept),
        sediment_fraction=np.array([shares[i] for i in kept], np.float32),
    )


def _spans(n_sediment: NDArray[np.int32], n_lines: int, px_per_cm: float) -> list[tuple[int, int]]:
    """
    Return the columns [left, right) of every tile that the sediment's width has room for.

    ``n_sediment`` are the pixels of sediment in each column.
    """
    n_across = n_sediment.size
    columns = np.flatnonzero(n_sediment >= MIN_COLUMN_FRACTION * max(n_lines, 1))
    if not columns.size or n_lines == 0:
        return []
    start, stop = int(columns[0]), int(columns[-1]) + 1
    # A small tolerance, so that a width of exactly n tiles does not round down to n - 1.
    count = math.floor((stop - start) / px_per_cm + 1e-6)
    if count == 0 and stop - start >= MIN_SEDIMENT_FRACTION * px_per_cm:
        count = 1
    first = (start + stop - count * px_per_cm) / 2
    first = max(min(first, n_across - count * px_per_cm), 0.0)
    edges = [round(first + i * px_per_cm) for i in range(count + 1)]
    return [
        (left, min(max(right, left + 1), n_across))
        for left, right in itertools.pairwise(edges)
        if left < n_across
    ]


def _spread(kept: list[int], max_tiles: int) -> list[int]:
    if len(kept) <= max_tiles:
        return kept
    if max_tiles == 1:
        return [kept[len(kept) // 2]]
    return [kept[i * (len(kept) - 1) // (max_tiles - 1)] for i in range(max_tiles)]


def _resample(part: Pixels, px_per_cm: float) -> NDArray[np.uint8]:
    """Return ``part`` as one tile of 8 bit."""
    eight = (part >> 8 if part.dtype == np.uint16 else part).astype(np.uint8, copy=False)
    n_lines = eight.shape[0]
    if n_lines < math.floor(px_per_cm):
        missing = round(px_per_cm) - n_lines
        eight = np.pad(eight, ((0, missing), (0, 0), (0, 0)), mode="symmetric")
    if eight.shape[:2] == (TILE_PX, TILE_PX):
        return eight
    shrinks = min(eight.shape[:2]) >= TILE_PX
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    # OpenCV needs contiguous memory, which a view of columns is not.
    square = cv2.resize(
        np.ascontiguousarray(eight), (TILE_PX, TILE_PX), interpolation=interpolation
    )
    return np.asarray(square, np.uint8)
