"""The ``matching.toml`` that a release lacks: a text to paste, with what could be inferred."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from downcore.file_names import printable
from downcore.loggers import CoreLog
from downcore.strata.depth import MAX_PX_PER_CM, MIN_PX_PER_CM
from downcore.strata.errors import SettingsError
from downcore_training.datasets.image_files import UnscaledImage
from downcore_training.datasets.matching_rules import FILE_NAME
from downcore_training.datasets.release import Release
from downcore_training.datasets.section_image import is_core, section_key
from downcore_training.datasets.section_summary import row_of

_APART_CM = 20.0
"""Sections that differ by less in length say nothing about what images show beyond them."""
_MAX_BEYOND_CM = 20.0
"""Most that an image may show beyond its section for the inference to be believed."""


class UnmatchedFolderError(SettingsError):
    """Raised where a folder has no core that can be used; may propose the missing settings."""

    def __init__(self, reason: str, proposal: str) -> None:
        super().__init__(f"{reason}\n\n{proposal}" if proposal else reason)
        self.reason = reason
        """Without the proposal."""
        self.proposal = proposal
        """Text to paste, or ""."""


@dataclass(frozen=True, slots=True)
class _Inferred:
    """A scale that follows from the heights of images and the lengths of their sections."""

    px_per_cm: float
    beyond_cm: float
    """Length that the images show beyond their sections."""
    n_images: int
    from_what: str


def proposed_rules(folder: Path, release: Release) -> str:
    """
    Return the ``matching.toml`` that gives images their scale, or "" where none lacks it.

    Its ``px_per_cm`` is inferred from curated lengths in a section summary, else from the deepest
    rows of the logs; without either, or where they contradict one another, it is left to fill in.
    It is never used before a person has put it into the folder.
    """
    if not release.unscaled:
        return ""
    inferred = _from_summary(release) or _from_logs(release.unscaled, release.logs)
    n = len(release.unscaled)
    images = "1 image has" if n == 1 else f"{n} images have"
    if inferred is None:
        known = (
            f"# {images} no scale, and nothing in the folder says how long the sections are.\n"
            "# Fill in the pixels along the core in a centimetre, measured on a ruler in the image."
        )
        line = 'px_per_cm = ""'
    else:
        known = (
            f"# {images} no scale. This one is inferred, not measured: from the lines in "
            f"{inferred.n_images} of them\n# and {inferred.from_what};\n"
            f"# by it, images are {inferred.beyond_cm:.1f} cm longer than their sections. "
            "Check it against a ruler in the image."
        )
        line = f'px_per_cm = "{float(f"{inferred.px_per_cm:.3g}"):g}"'
    place = printable(folder / FILE_NAME)
    return f"To read it, put this into {place} and run the same again:\n\n{known}\n{line}\n"


def _from_summary(release: Release) -> _Inferred | None:
    pairs = []
    sources: list[str] = []
    for image in release.unscaled:
        row = row_of(release.summary, image.expedition, image.core, image.section)
        if row is not None:
            pairs.append((row.length_cm, image.n_lines))
            sources.append(row.source)
    names = ", ".join(sorted(set(sources)))
    return _fitted(pairs, f"the curated lengths in {names}")


def _from_logs(images: Sequence[UnscaledImage], logs: Sequence[CoreLog]) -> _Inferred | None:
    pairs = [
        (deepest, image.n_lines)
        for image in images
        if (deepest := _deepest_cm(image, logs)) is not None
    ]
    return _fitted(pairs, "the deepest row of each section in the logs, which is not quite its end")


def _deepest_cm(image: UnscaledImage, logs: Sequence[CoreLog]) -> float | None:
    key = section_key(image.section)
    deepest = [
        depth
        for log in logs
        for core, section, depth in zip(log.core, log.section, log.section_depth_cm, strict=True)
        if section and section_key(section) == key and is_core(core, image.expedition, image.core)
    ]
    known = [depth for depth in deepest if np.isfinite(depth)]
    return max(known, default=None)


def _fitted(pairs: list[tuple[float, int]], from_what: str) -> _Inferred | None:
    """
    Return the scale at which images are as long as their sections and the same length more.

    Of sections of different length, the median slope between two is not misled by a tray or an end
    cap that every image shows below its section.
    """
    pairs = [(length, lines) for length, lines in pairs if length > 0.0]
    if not pairs:
        return None
    slopes = [
        (lines - other_lines) / (length - other_length)
        for (length, lines), (other_length, other_lines) in itertools.combinations(pairs, 2)
        if abs(length - other_length) >= _APART_CM
    ]
    scale = median(slopes) if slopes else median(lines / length for length, lines in pairs)
    if not MIN_PX_PER_CM <= scale <= MAX_PX_PER_CM:
        return None
    beyond = median(lines / scale - length for length, lines in pairs)
    if abs(beyond) > _MAX_BEYOND_CM:
        return None
    return _Inferred(scale, beyond, len(pairs), from_what)
