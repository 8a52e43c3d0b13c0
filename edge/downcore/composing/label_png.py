"""Labels as a small picture and back: ``R + 256 G + 65536 B``, as the COCO panoptic format."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from downcore.strata.composed import LabelTile
from downcore.strata.errors import StoreError

MAX_LABEL = (1 << 24) - 1
"""Highest label that a pixel of three channels holds."""

MAX_PX_PER_CM = 50.0
"""Finest picture that is kept; of a finer scan every so many-th pixel is."""


def label_tile(labels: NDArray[np.int32], px_per_cm: float) -> LabelTile:
    """
    Return a picture of labels, shape (n_lines, n_across), from a scan of ``px_per_cm``.

    Raises
    ------
    ValueError
        If a label is below 0 or above :data:`MAX_LABEL`.
    """
    if labels.size and not 0 <= int(labels.min()) <= int(labels.max()) <= MAX_LABEL:
        raise ValueError(
            f"expected labels of 0 to {MAX_LABEL}, got {labels.min()} to {labels.max()}"
        )
    step = max(1, int(np.ceil(px_per_cm / MAX_PX_PER_CM)))
    # The pixel in the middle of each square stands for it; a mean of labels would mean nothing.
    first, left = (min(step // 2, n - 1) for n in labels.shape)
    some = labels[first::step, left::step]
    blue_first = np.stack([some >> 16, (some >> 8) & 0xFF, some & 0xFF], axis=-1).astype(np.uint8)
    _, png = cv2.imencode(".png", np.ascontiguousarray(blue_first))
    return LabelTile(px_per_cm / step, png.tobytes())


def labels_of(tile: LabelTile) -> NDArray[np.int32]:
    """
    Return the labels of a picture, shape (n_rows, n_across).

    Raises
    ------
    StoreError
        If it is no such picture.
    """
    picture = cv2.imdecode(np.frombuffer(tile.png, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise StoreError("expected a PNG of labels, got something else: the record is damaged")
    wide = np.asarray(picture, np.int32)
    labels: NDArray[np.int32] = (wide[..., 0] << 16) | (wide[..., 1] << 8) | wide[..., 2]
    return labels


def label_strip(tiles: Sequence[LabelTile | None]) -> NDArray[np.int32] | None:
    """
    Return the labels of consecutive slices as one picture, shape (n_rows, n_across).

    ``None`` where a slice has none, or there is no slice.

    Raises
    ------
    StoreError
        As :func:`labels_of`.
    """
    known = [labels_of(one) for one in tiles if one is not None]
    return np.concatenate(known) if known and len(known) == len(tiles) else None
