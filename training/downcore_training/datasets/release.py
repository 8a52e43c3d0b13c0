"""The content of a release by core: section images with scale and depth, and logs."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from downcore.file_names import printable
from downcore.loggers import CoreLog, LogError, log_format_of, read_log, why_not_a_log
from downcore.sources import format_of, head_of, is_not_yet
from downcore.strata.errors import SegmentError, SettingsError
from downcore_training.datasets.image_files import UnscaledImage, images_among
from downcore_training.datasets.matching_rules import FILE_NAME, MatchingRules
from downcore_training.datasets.section_image import (
    SectionImage,
    core_name,
    is_core,
    section_key,
)
from downcore_training.datasets.section_summary import SummaryRow, summary_rows, with_lengths
from downcore_training.datasets.slice_tables.table import ENDING

_LOG_ENDINGS = frozenset({".csv", ".txt", ".tsv", ".out", ".raw", ".dat"})
_DOCUMENTS = frozenset({"document.txt", "readme.txt", "license.txt"})
_MAX_FILES = 200_000
_PISTON_KINDS = frozenset({"PC", "JPC", "TC", "JTC", "PTC", "TWC"})
"""Coring tools lowered on one wire: a piston corer and its trigger corer."""


@dataclass(frozen=True, slots=True, eq=False)
class ReleaseCore:
    """The images and logs of one core."""

    name: str
    """Expedition and core, such as ``2019-643-FA-GC01``."""
    site: str
    """Shared by cores that were taken together."""
    images: tuple[SectionImage, ...]
    """At least one, one a section."""
    logs: tuple[CoreLog, ...]
    """At least one; only the core's own rows."""


@dataclass(frozen=True, slots=True, eq=False)
class Release:
    """The content of a folder."""

    cores: tuple[ReleaseCore, ...]
    """Cores with both, in the order of their names."""
    warnings: tuple[str, ...]
    """What was left out, and why."""
    unscaled: tuple[UnscaledImage, ...] = ()
    """Images left out because nothing says their scale."""
    logs: tuple[CoreLog, ...] = ()
    """Every log of the folder."""
    summary: tuple[SummaryRow, ...] = ()
    """Lengths of sections that the archive gives."""


def find_release(folder: Path, rules: MatchingRules) -> Release:
    """
    Find the cores of a release; images are opened for their size only.

    Parameters
    ----------
    folder : Path
        Searched to any depth; only read.
    rules : MatchingRules
        What the files leave open.

    Raises
    ------
    SettingsError
        If it is no folder, or holds more files than any release.
    """
    warnings: list[str] = []
    files = _sorted_out(folder, warnings)
    found = images_among(files.others, folder, rules)
    warnings += found.warnings
    by_core: dict[str, list[SectionImage]] = defaultdict(list)
    for image in found.images:
        by_core[core_name(image)].append(with_lengths(image, files.summary))
    logs_of, unused = _logs_by_core(files.logs, by_core)
    warnings += unused
    cores = []
    for name in sorted(by_core):
        if not logs_of[name]:
            warnings.append(f"{name}: images but no log; left out")
            continue
        sections = tuple(_one_a_section(by_core[name], warnings))
        site = rules.sites.get(name.lower()) or site_of(sections[0].expedition, sections[0].core)
        cores.append(ReleaseCore(name, site or name, sections, tuple(logs_of[name])))
    return Release(
        cores=tuple(cores),
        warnings=tuple(warnings),
        unscaled=found.unscaled,
        logs=tuple(files.logs),
        summary=tuple(files.summary),
    )


def site_of(expedition: str, core: str) -> str:
    """
    Return the site of a core: cores of one site are never split between sets.

    A piston core and the trigger core of the same number share one, and so do all holes and
    cores of an IODP site. Any other core is a site of its own.
    """
    letters, digits = re.sub(r"[^A-Z]", "", core.upper()), re.sub(r"\D", "", core)
    if letters in _PISTON_KINDS and digits:
        return f"{expedition}-P{int(digits)}"
    if iodp := re.match(r"([A-Z]{0,2}\d{3,4})[A-Z]?-\d", core.upper()):
        return f"{expedition}-{iodp[1]}"
    return f"{expedition}-{core}" if expedition else core


@dataclass(slots=True)
class _Files:
    """The files of a release, by what they are."""

    logs: list[CoreLog] = field(default_factory=list)
    summary: list[SummaryRow] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)


def _sorted_out(folder: Path, warnings: list[str]) -> _Files:
    if not folder.is_dir():
        raise SettingsError(f"expected a folder with images and logs, got {printable(folder)}")
    files = _Files()
    for count, path in enumerate(sorted(folder.rglob("*"))):
        if count >= _MAX_FILES:
            raise SettingsError(f"expected at most {_MAX_FILES} files in {printable(folder)}")
        hidden = any(is_not_yet(part) for part in path.relative_to(folder).parts)
        if hidden or path.is_symlink() or not path.is_file() or path.name == FILE_NAME:
            continue
        if path.suffix.lower() in _LOG_ENDINGS:
            try:
                if log_format_of(path) is not None:
                    files.logs.append(read_log(path))
                    continue
            except LogError as error:
                warnings.append(f"{printable(path.name)} is not used: {error}")
                continue
            if rows := summary_rows(path):
                files.summary += rows
                continue
            if not _is_known_otherwise(path):
                warnings.append(
                    f"{printable(path.name)} is not read as a log: {why_not_a_log(path)}"
                )
        files.others.append(path)
    return files


def _is_known_otherwise(path: Path) -> bool:
    """Return whether a file is a scan, a scanner's document beside one, or a slice table."""
    if path.name.lower().endswith(ENDING) or path.name.lower() in _DOCUMENTS:
        return True
    try:
        return format_of(path, head_of(path)) is not None
    except SegmentError:
        return False


def _one_a_section(images: list[SectionImage], warnings: list[str]) -> Iterator[SectionImage]:
    """Yield one image a section: the one with a sidecar, the longer, the plainer name."""
    by_section: dict[str, list[SectionImage]] = defaultdict(list)
    for image in images:
        by_section[section_key(image.section)].append(image)
    for same in by_section.values():
        best, *others = sorted(
            same,
            key=lambda image: (
                image.length_cm is None,
                -image.image_cm,
                len(image.name),
                image.name,
            ),
        )
        warnings += [
            f"{other.name} is left out: {best.name} shows the same section" for other in others
        ]
        yield best


def _logs_by_core(
    logs: list[CoreLog], by_core: dict[str, list[SectionImage]]
) -> tuple[dict[str, list[CoreLog]], list[str]]:
    found: dict[str, list[CoreLog]] = defaultdict(list)
    unused: list[str] = []
    for log in logs:
        for written in sorted(set(log.core)):
            fits = [
                name
                for name, images in by_core.items()
                if is_core(written, images[0].expedition, images[0].core)
            ]
            if fits:
                found[max(fits, key=len)].append(_rows_of(log, written))
            else:
                unused.append(f"{log.source}: no image shows core {printable(written)}")
    return found, unused


def _rows_of(log: CoreLog, core: str) -> CoreLog:
    mine = np.array([name == core for name in log.core])
    at = np.flatnonzero(mine)
    return replace(
        log,
        core=tuple(log.core[i] for i in at),
        section=tuple(log.section[i] for i in at),
        section_depth_cm=log.section_depth_cm[mine],
        core_depth_cm=log.core_depth_cm[mine],
        density=log.density[mine],
        vp=log.vp[mine],
        ms=log.ms[mine],
        flags=log.flags[mine],
    )
