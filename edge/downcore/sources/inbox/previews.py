"""Images of one name in one folder: which is the scan, and which a preview of it."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from downcore.sources.format import Reading, SegmentFormat
from downcore.sources.inbox.listing import SeenFile
from downcore.strata.errors import SegmentError

PREVIEW_SHARE = 0.9
"""Share of another image's pixels below which an image of the same name is its preview."""

_LOSSLESS = (".raw", ".tif", ".tiff", ".bmp", ".png")
"""Endings of images that keep every pixel, the likeliest scan first."""


@dataclass(frozen=True, slots=True)
class Twin:
    """One of several images of the same name in the same folder."""

    file: SeenFile
    format: SegmentFormat


def scan_among(twins: Sequence[Twin], n_pixels: Callable[[Twin], int | None]) -> Twin:
    """
    Return which of the images of one name is the scan: the larger, lossless one.

    Parameters
    ----------
    twins : sequence of Twin
        At least one.
    n_pixels : callable
        Tells an image's pixels; None where its header cannot be read, or not yet.
    """
    best, *others = sorted(twins, key=_rank)
    most = n_pixels(best)
    for other in others:
        if most is None:
            # While the likeliest scan is being written, nothing else takes its place.
            break
        found = n_pixels(other)
        if found is not None and most < PREVIEW_SHARE * found:
            best, most = other, found
    return best


class PixelCounts:
    """Pixels of images by their headers, which are read once while a file stays the same."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, int, int], int | None]] = {}

    def of(self, twin: Twin) -> int | None:
        """Return an image's pixels; None where its header cannot be read, or not yet."""
        file = twin.file
        state = (file.inode, file.size, file.mtime_ns)
        known = self._known.get(file.path)
        if known is None or known[0] != state:
            known = self._known[file.path] = (state, _n_pixels(twin))
        return known[1]

    def keep_only(self, paths: set[Path]) -> None:
        """Forget the files that are not among ``paths``."""
        self._known = {path: known for path, known in self._known.items() if path in paths}


def _n_pixels(twin: Twin) -> int | None:
    try:
        # The number of pixels does not depend on the scale, so any will do.
        lines = twin.format.open((twin.file.path,), Reading(px_per_cm="100"))
    except SegmentError:
        return None
    with contextlib.closing(lines):
        n_lines = lines.n_lines_expected
        return None if n_lines is None else n_lines * lines.n_across


def _rank(twin: Twin) -> tuple[int, int, bytes]:
    ending = twin.file.path.suffix.lower()
    rank = _LOSSLESS.index(ending) if ending in _LOSSLESS else len(_LOSSLESS)
    return rank, -twin.file.size, bytes(twin.file.path)
