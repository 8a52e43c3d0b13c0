"""Images beside a slice table: opened on demand, masked as on the device."""

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from downcore.strata.depth import LineScale
from downcore.strata.mask.masker import MASK_HALO_UM, SectionMasker
from downcore.strata.section import SectionBuffer
from downcore.strata.segment import Segment

Pixels8 = NDArray[np.uint8]

MAX_PIXELS = 400_000_000
"""Largest image that is opened."""


@dataclass(frozen=True, slots=True)
class Place:
    """Position of a slice in an image."""

    path: Path
    first_px: float
    last_px: float


@dataclass(slots=True, eq=False)
class TableImages:
    """
    The images of one core; the last one used stays in memory.

    Parameters
    ----------
    places : tuple
        Position of each slice, ``None`` where it has no image.
    is_along_rows : bool
        Whether the core runs down the images.
    px_per_cm : float
        Along the core.
    """

    places: tuple[Place | None, ...]
    is_along_rows: bool
    px_per_cm: float
    _path: Path | None = None
    _lines: Pixels8 = field(default_factory=lambda: np.empty((0, 0, 3), np.uint8))
    _classes: Pixels8 = field(default_factory=lambda: np.empty((0, 0), np.uint8))

    def lines_and_classes(self, i: int) -> tuple[Pixels8, Pixels8] | None:
        """Return the pixels of slice ``i`` and their classes, core top first; or ``None``."""
        place = self.places[i]
        if place is None:
            return None
        if self._path != place.path:
            self._open(place.path)
        low, high = sorted((place.first_px, place.last_px))
        first, last = max(round(low), 0), min(max(round(high), round(low) + 1), len(self._lines))
        if first >= last:
            return None
        # Where pixels run up the core, the slice is reversed.
        step = 1 if place.first_px <= place.last_px else -1
        return self._lines[first:last][::step], self._classes[first:last][::step]

    def close(self) -> None:
        """Release the memory of the last image."""
        self._path = None
        self._lines = np.empty((0, 0, 3), np.uint8)
        self._classes = np.empty((0, 0), np.uint8)

    def _open(self, path: Path) -> None:
        lines = read_rgb(path)
        if lines is None:
            lines = np.empty((0, 1, 3), np.uint8)
        if not self.is_along_rows:
            lines = np.ascontiguousarray(lines.transpose(1, 0, 2))
        self._path, self._lines = path, lines
        self._classes = mask_of(lines, self.px_per_cm)


def read_rgb(path: Path) -> Pixels8 | None:
    """Return an image as RGB of 8 bit, shape (rows, columns, 3); ``None`` where unreadable."""
    try:
        found = cv2.imread(str(path), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    if found is None or found.shape[0] * found.shape[1] > MAX_PIXELS:
        return None
    return np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), np.uint8)


def mask_of(lines: Pixels8, px_per_cm: float) -> Pixels8:
    """Return the device's mask of a section, shape (n_lines, n_across)."""
    classes = np.zeros(lines.shape[:2], np.uint8)
    scale = LineScale.of(round(max(px_per_cm, 1.0), 6))
    buffer = SectionBuffer(scale, halo_um=MASK_HALO_UM)
    masker = SectionMasker(scale)
    if not len(lines):
        return classes
    for cut in (*buffer.push(Segment(lines=lines, first_line=0)), *buffer.finish()):
        classes[cut.first_line : cut.first_line + cut.n_lines] = masker.mask(cut)
    return classes
