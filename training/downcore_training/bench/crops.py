"""Crops without sediment, from which no property of the core may be predictable."""

import numpy as np
from numpy.typing import NDArray

from downcore.strata.mask.classes import MaskClass

Pixels8 = NDArray[np.uint8]

BACKGROUND = "background-only"
CARD = "colour-card"
KINDS = (BACKGROUND, CARD)

_MIN_SHARE = 0.02
"""Smallest share of background among a slice's pixels for a crop."""

_MIN_CARD_SHARE = 0.15
"""Smallest share of a slice's columns with a tag or card; below it a card is drawn."""

_MIN_COLUMNS = 2

_PATCHES = np.array(
    [
        [60, 60, 60], [90, 90, 90], [122, 122, 122], [160, 160, 160], [200, 200, 200],
        [243, 243, 242], [115, 82, 68], [194, 150, 130], [98, 122, 157], [87, 108, 67],
        [133, 128, 177], [103, 189, 170], [214, 126, 44], [80, 91, 166], [193, 90, 99],
        [94, 60, 108], [157, 188, 64], [224, 163, 46], [56, 61, 150], [70, 148, 73],
        [175, 54, 60], [231, 199, 31], [187, 86, 149], [8, 133, 161],
    ],
    np.uint8,
)  # fmt: skip
"""sRGB of the patches of a card with 24 fields, similar to commercial ones."""


def crop_of(kind: str, lines: Pixels8, classes: Pixels8, i: int) -> tuple[Pixels8, Pixels8] | None:
    """
    Return a crop of a slice with a mask that is all sediment, or ``None``.

    ``background-only`` keeps the columns beside the core and whatever else lies around it: tray,
    liner, and what is outside. ``colour-card`` keeps columns with a tag or card; where the slice
    shows none, a card is drawn, another field on every slice.

    Parameters
    ----------
    kind : str
        One of :data:`KINDS`.
    lines : ndarray of uint8, shape (n_lines, n_across, 3)
        The slice.
    classes : ndarray of uint8, shape (n_lines, n_across)
        Its mask.
    i : int
        Number of the slice.
    """
    if kind == BACKGROUND:
        return _columns_of(lines, (classes == MaskClass.TRAY) | (classes == MaskClass.OUTSIDE))
    found = _columns_of(lines, classes == MaskClass.TAG, min_share=_MIN_CARD_SHARE)
    if found is not None:
        return found
    shade = np.clip(_PATCHES[i % len(_PATCHES)].astype(np.int16), 0, 255).astype(np.uint8)
    drawn = np.broadcast_to(shade, lines.shape).copy()
    return drawn, np.full(classes.shape, MaskClass.SEDIMENT, np.uint8)


def _columns_of(
    lines: Pixels8, wanted: NDArray[np.bool_], *, min_share: float = _MIN_SHARE
) -> tuple[Pixels8, Pixels8] | None:
    """Return the columns that are mostly ``wanted``, pushed together, without the rest of them."""
    columns = np.flatnonzero(wanted.mean(axis=0) > 0.5)  # noqa: PLR2004 - mostly
    if columns.size < _MIN_COLUMNS or columns.size < min_share * wanted.shape[1]:
        return None
    cut = np.ascontiguousarray(lines[:, columns])
    keep = wanted[:, columns]
    return cut, np.where(keep, MaskClass.SEDIMENT, MaskClass.OUTSIDE).astype(np.uint8)
