"""Depth of each section image in its section, and of the section in its core."""

import itertools
from dataclasses import dataclass

import numpy as np

from downcore.loggers import CoreLog
from downcore_training.datasets.matching_rules import MatchingRules
from downcore_training.datasets.release import ReleaseCore
from downcore_training.datasets.section_image import SectionImage, section_key

_TRIM_FROM_CM = 0.2
"""A smaller difference in length is rounding, not trimming."""
_MAX_TRIM_CM = 5.0
"""A larger difference is not trimming: it is unknown which lines are missing."""
_OVERLAP_CM = 1.0


@dataclass(frozen=True, slots=True)
class PlacedSection:
    """A section image with its place."""

    image: SectionImage
    number: int
    """Place in the core counted from its top, from 1."""
    log_section: str
    """Key of the section in logs that have sections."""
    image_top_cm: float
    """Depth below the section's top of the image's first line."""
    top_cm: float
    """Depth of the section's top in the core."""
    length_cm: float
    """Of the section."""

    @property
    def bottom_cm(self) -> float:
        """Depth of the section's bottom in the core."""
        return self.top_cm + self.length_cm


def place_sections(
    core: ReleaseCore, rules: MatchingRules
) -> tuple[tuple[PlacedSection, ...], tuple[str, ...]]:
    """
    Return the sections of a core that can be placed, top to bottom, and notes.

    A section's depth in the core is what ``matching.toml`` says, else what a log's own depths say,
    else the sidecar, else the lengths of the sections above if none of them is missing. A section
    of unknown depth is left out.

    Parameters
    ----------
    core : ReleaseCore
        Images and logs.
    rules : MatchingRules
        What a person says.
    """
    notes: list[str] = []
    placed: list[PlacedSection] = []
    chain_cm: float | None = 0.0
    expected = 1
    for number, image in _in_order(core, rules, notes):
        if number != expected:
            notes.append(f"{core.name}: no image of section {expected}")
            chain_cm = None
        expected = number + 1
        notes += [f"{image.name}: {text}" for text in image.warnings]
        log_section = _log_section(image, number)
        length = image.length_cm or image.image_cm
        top = _top_cm(core, image, log_section, rules, chain_cm)
        image_top = _image_top_cm(image, rules, notes)
        if top is None:
            notes.append(
                f"{image.name} is left out: nothing says its depth; give top_cm in matching.toml"
            )
        elif image_top is not None:
            placed.append(PlacedSection(image, number, log_section, image_top, top, length))
        chain_cm = None if top is None else top + length
    _check_overlaps(placed, notes)
    return tuple(sorted(placed, key=lambda place: place.top_cm)), tuple(notes)


def _in_order(
    core: ReleaseCore, rules: MatchingRules, notes: list[str]
) -> list[tuple[int, SectionImage]]:
    """Return the images with their number from the top, according to their names."""
    keys = [(section_key(image.section), image) for image in core.images]
    numbered = sorted(
        ((int(key), image) for key, image in keys if key.isdigit()), key=lambda pair: pair[0]
    )
    named = [image for key, image in keys if not key.isdigit()]
    if rules.section_order == "bottom-up":
        in_logs = [int(key) for log in core.logs for key in _section_keys(log) if key.isdigit()]
        most = max([number for number, _ in numbered] + in_logs, default=0)
        numbered = [(most + 1 - number, image) for number, image in reversed(numbered)]
    elif _fits_better_reversed([image for _, image in numbered], core.logs):
        notes.append(
            f"{core.name}: the sections' lengths fit the log better in the opposite order; "
            f"section_order may have to be bottom-up"
        )
    last = numbered[-1][0] if numbered else 0
    # Core catchers and other unnumbered sections are below the numbered ones.
    return numbered + [(last + 1 + i, image) for i, image in enumerate(named)]


def _section_keys(log: CoreLog) -> set[str]:
    return {section_key(text) for text in log.section if text}


def _log_section(image: SectionImage, number: int) -> str:
    key = section_key(image.section)
    return str(number) if key.isdigit() else key


def _fits_better_reversed(images: list[SectionImage], logs: tuple[CoreLog, ...]) -> bool:
    """Return whether the lengths say that image numbers count from the bottom; only reported."""
    for log in logs:
        keys = sorted(int(key) for key in _section_keys(log) if key.isdigit())
        if len(keys) != len(images) or len(keys) < 2:  # noqa: PLR2004 - one section has no order
            continue
        deepest = np.array([_deepest_cm(log, str(key)) for key in keys])
        lengths = np.array([image.length_cm or image.image_cm for image in images])
        if np.isfinite(deepest).all():
            off = float(np.abs(lengths - deepest).mean())
            off_reversed = float(np.abs(lengths[::-1] - deepest).mean())
            return off > off_reversed + 2.0
    return False


def _deepest_cm(log: CoreLog, section: str) -> float:
    mine = np.array([section_key(text) == section for text in log.section])
    depth = log.section_depth_cm[mine]
    return float(np.nanmax(depth)) if np.isfinite(depth).any() else float("nan")


def _top_cm(
    core: ReleaseCore,
    image: SectionImage,
    log_section: str,
    rules: MatchingRules,
    chain_cm: float | None,
) -> float | None:
    given_cm = rules.of_section(image.name).top_cm
    if given_cm is not None:
        return given_cm
    for log in core.logs:
        mine = np.array([bool(text) and section_key(text) == log_section for text in log.section])
        offset = (log.core_depth_cm - log.section_depth_cm)[mine]
        if np.isfinite(offset).any():
            return float(np.nanmedian(offset))
    return image.top_cm if image.top_cm is not None else chain_cm


def _image_top_cm(image: SectionImage, rules: MatchingRules, notes: list[str]) -> float | None:
    """Return the depth of the first line in the section, or None where it is unknown."""
    given_cm = rules.of_section(image.name).image_top_cm
    if given_cm is not None:
        return given_cm
    missing = 0.0 if image.length_cm is None else image.length_cm - image.image_cm
    if missing > _MAX_TRIM_CM:
        notes.append(
            f"{image.name} is left out: its sidecar says {image.length_cm:g} cm, it shows "
            f"{image.image_cm:.1f}; give image_top_cm in matching.toml"
        )
        return None
    if missing <= _TRIM_FROM_CM:
        return 0.0
    notes.append(
        f"{image.name} is {missing:.1f} cm shorter than its sidecar says; taken as trimmed at its "
        f"{rules.trimmed}"
    )
    return missing if rules.trimmed == "top" else 0.0


def _check_overlaps(placed: list[PlacedSection], notes: list[str]) -> None:
    ordered = sorted(placed, key=lambda place: place.top_cm)
    for above, below in itertools.pairwise(ordered):
        if above.bottom_cm - below.top_cm > _OVERLAP_CM:
            notes.append(
                f"{above.image.name} and {below.image.name} overlap by "
                f"{above.bottom_cm - below.top_cm:.1f} cm in depth"
            )
