"""A release: section images and core-logger files, matched by depth."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from downcore.strata.colour_profile import PROFILE_NAMES, profile_of_lines
from downcore.strata.errors import DowncoreError, SegmentError
from downcore_training.bench.core import BenchCore
from downcore_training.bench.layouts._layout import Found, Layout
from downcore_training.datasets.folders import release_cores
from downcore_training.datasets.matched_core import MatchedCore
from downcore_training.datasets.proposed_rules import UnmatchedFolderError
from downcore_training.datasets.slice_images import SliceImages


@dataclass(slots=True, eq=False)
class ReleaseImages:
    """The section images of a matched core, opened when asked for."""

    core: MatchedCore
    _open: SliceImages | None = None

    def lines_and_classes(self, i: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
        """Return the pixels of slice ``i`` and their classes."""
        if self._open is None:
            self._open = self.core.images()
        return self._open.lines_and_classes(i)

    def close(self) -> None:
        """Close the files."""
        if self._open is not None:
            self._open.close()
            self._open = None


def knows(folder: Path) -> bool:
    """Return whether the folder has images and possible logs, at any depth."""
    endings = {path.suffix.lower() for path in folder.rglob("*") if path.is_file()}
    return bool(endings & _IMAGES) and bool(endings & _LOGS)


_IMAGES = frozenset({".tif", ".tiff", ".png", ".bmp", ".jpg", ".jpeg"})
_LOGS = frozenset({".csv", ".txt", ".out", ".raw", ".dat"})


def read(folder: Path) -> Found:
    """Return the cores of a release; a core that cannot be read becomes a note."""
    cores: list[BenchCore] = []
    notes: list[str] = []
    try:
        for matched in release_cores(folder):
            notes += [f"{matched.name}: {warning}" for warning in matched.warnings]
            try:
                cores.append(_core_of(matched))
            except SegmentError as error:
                notes.append(f"{matched.name} is left out: {error}")
    except UnmatchedFolderError as error:
        return Found((), (*notes, error.reason), error.proposal)
    except DowncoreError as error:
        notes.append(str(error))
    return Found(tuple(cores), tuple(notes))


LAYOUT = Layout("release", "a release of section images with core-logger files", 20, knows, read)


def _core_of(matched: MatchedCore) -> BenchCore:
    images = ReleaseImages(matched)
    n = matched.depth_cm.size
    profile = np.full((n, len(PROFILE_NAMES)), np.nan)
    scales = np.array([section.px_per_cm for section in matched.sections])[matched.section]
    for i in range(n):
        cut = images.lines_and_classes(i)
        if cut is not None:
            profile[i] = profile_of_lines(*cut, float(scales[i]))
    images.close()
    return BenchCore(
        name=matched.name,
        site=matched.site,
        depth_cm=matched.depth_cm - 0.5,
        run=matched.run,
        profile=profile,
        labels=matched.labels,
        px_per_cm=float(np.median(scales)) if n else None,
        image=images,
    )
