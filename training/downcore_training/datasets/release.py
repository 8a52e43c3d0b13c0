"""The content of a release by core: section images with scale and depth, and logs."""

import contextlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from downcore.file_names import printable
from downcore.loggers import CoreLog, LogError, log_format_of, read_log
from downcore.ports import ScanLines
from downcore.sources import (
    Reading,
    SectionName,
    SegmentFormat,
    format_of,
    formats,
    geotek_sidecar_path,
    head_of,
    is_not_yet,
    read_geotek_tags,
    section_name,
)
from downcore.strata.errors import SegmentError, SettingsError
from downcore_training.datasets.matching_rules import FILE_NAME, MatchingRules

_LOG_ENDINGS = frozenset({".csv", ".txt", ".tsv", ".out", ".raw", ".dat"})
_MAX_FILES = 200_000
_NOT_LIGHT = re.compile(rb"<image-type>\s*(?:ct|x-?ray|radiograph|slabbed)", re.IGNORECASE)
_PISTON_KINDS = frozenset({"PC", "JPC", "TC", "JTC", "PTC", "TWC"})
"""Coring tools lowered on one wire: a piston corer and its trigger corer."""


@dataclass(frozen=True, slots=True)
class SectionImage:
    """The image of one section, with the content of its sidecar."""

    name: str
    """The image's name without its ending."""
    paths: tuple[Path, ...]
    format_name: str
    px_per_cm: Fraction
    n_lines: int
    expedition: str
    core: str
    section: str
    """As in the name or the sidecar, such as ``01``."""
    length_cm: float | None
    """Of the section by the sidecar; None if it does not say."""
    top_cm: float | None
    """Depth of the section's top in the core by the sidecar, or None."""
    warnings: tuple[str, ...]

    @property
    def image_cm(self) -> float:
        """Length of core that the image shows."""
        return float(self.n_lines / self.px_per_cm)

    def open(self) -> ScanLines:
        """
        Open the image; the caller closes it.

        Raises
        ------
        SegmentError
            If it cannot be read.
        """
        reading = Reading(px_per_cm=str(self.px_per_cm))
        scan = formats()[self.format_name].open(self.paths, reading)
        scan.refresh(is_still=True)
        return scan


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
    image_paths, logs = _sorted_out(folder, warnings)
    images = list(_images_of(image_paths, folder, rules, warnings))
    by_core: dict[str, list[SectionImage]] = defaultdict(list)
    for image in images:
        by_core[core_name(image)].append(image)
    logs_of, unused = _logs_by_core(logs, by_core)
    warnings += unused
    cores = []
    for name in sorted(by_core):
        if not logs_of[name]:
            warnings.append(f"{name}: images but no log; left out")
            continue
        sections = tuple(_one_a_section(by_core[name], warnings))
        site = rules.sites.get(name.lower()) or site_of(sections[0].expedition, sections[0].core)
        cores.append(ReleaseCore(name, site or name, sections, tuple(logs_of[name])))
    return Release(tuple(cores), tuple(warnings))


def core_name(image: SectionImage) -> str:
    """Return the name of an image's core."""
    return "-".join(part for part in (image.expedition, image.core) if part)


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


def _sorted_out(folder: Path, warnings: list[str]) -> tuple[list[Path], list[CoreLog]]:
    if not folder.is_dir():
        raise SettingsError(f"expected a folder with images and logs, got {printable(folder)}")
    images: list[Path] = []
    logs: list[CoreLog] = []
    for count, path in enumerate(sorted(folder.rglob("*"))):
        if count >= _MAX_FILES:
            raise SettingsError(f"expected at most {_MAX_FILES} files in {printable(folder)}")
        hidden = any(is_not_yet(part) for part in path.relative_to(folder).parts)
        if hidden or path.is_symlink() or not path.is_file() or path.name == FILE_NAME:
            continue
        if path.suffix.lower() in _LOG_ENDINGS:
            try:
                if log_format_of(path) is not None:
                    logs.append(read_log(path))
                    continue
            except LogError as error:
                warnings.append(str(error))
        images.append(path)
    return images, logs


def _images_of(
    paths: Iterable[Path], folder: Path, rules: MatchingRules, warnings: list[str]
) -> Iterator[SectionImage]:
    groups: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for path in paths:
        with contextlib.suppress(SegmentError):
            fmt = format_of(path, head_of(path))
            if fmt is not None:
                groups[fmt.name, fmt.grouping(path)].append(path)
    for (fmt_name, _), members in groups.items():
        stem = members[0].stem
        if rules.of_section(stem).skip or not _shows_light(members[0]):
            continue
        try:
            yield _image_of(formats()[fmt_name], tuple(members), folder, rules)
        except SegmentError as error:
            warnings.append(f"{printable(members[0].name)} is left out: {error}")


def _shows_light(path: Path) -> bool:
    """Return whether an image is not, by its sidecar, made with X-rays."""
    beside = geotek_sidecar_path(path)
    if beside is None:
        return True
    try:
        return _NOT_LIGHT.search(beside.read_bytes()[:65_536]) is None
    except OSError:
        return True


def _image_of(
    fmt: SegmentFormat, paths: tuple[Path, ...], folder: Path, rules: MatchingRules
) -> SectionImage:
    with contextlib.closing(_opened(fmt, paths, rules)) as scan:
        n_lines, is_complete = scan.refresh(is_still=True)
        description = scan.description
        scale = scan.scale.px_per_cm
    if not is_complete or n_lines == 0:
        raise SegmentError(f"expected a complete image, got {n_lines} lines")
    name = section_name(paths[0].relative_to(folder))
    expedition, core, section = _place_of(name, description.core, description.section)
    if not core:
        raise SegmentError(
            "neither its name nor its sidecar says which core it shows; rename it as "
            "EXPEDITION_CORE_SECTION"
        )
    length, notes = _length_of(paths[0])
    top_um = description.section_top_um
    return SectionImage(
        name=printable(paths[0].stem),
        paths=paths,
        format_name=fmt.name,
        px_per_cm=scale,
        n_lines=n_lines,
        expedition=expedition,
        core=core,
        section=section or "1",
        length_cm=length,
        top_cm=None if top_um is None else top_um / 10_000,
        warnings=description.warnings + notes,
    )


def _opened(fmt: SegmentFormat, paths: tuple[Path, ...], rules: MatchingRules) -> ScanLines:
    try:
        return fmt.open(paths, Reading())
    except SegmentError:
        if rules.px_per_cm is None:
            raise
        return fmt.open(paths, Reading(px_per_cm=rules.px_per_cm))


def _place_of(
    name: SectionName, sidecar_core: str | None, sidecar_section: str | None
) -> tuple[str, str, str]:
    """Return expedition, core and section, by the name, else by the sidecar."""
    if name.core:
        return name.expedition, name.core, name.section or sidecar_section or ""
    if name.pattern and name.section:
        # A folder for each section: the section is all that is known of the core.
        return "", name.section, ""
    return "", sidecar_core or "", sidecar_section or ""


def _length_of(image: Path) -> tuple[float | None, tuple[str, ...]]:
    beside = geotek_sidecar_path(image)
    if beside is None:
        return None, ()
    try:
        tags = read_geotek_tags(beside)
    except SegmentError as error:
        return None, (str(error),)
    return (None if not tags.height_cm else float(tags.height_cm)), ()


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


def section_key(text: str) -> str:
    """Return the key of a section's spellings: ``01`` and ``Sect 1`` are ``1``."""
    digits = re.findall(r"\d+", text)
    return str(int(digits[-1])) if digits else text.strip().upper()


def _logs_by_core(
    logs: list[CoreLog], by_core: dict[str, list[SectionImage]]
) -> tuple[dict[str, list[CoreLog]], list[str]]:
    found: dict[str, list[CoreLog]] = defaultdict(list)
    unused: list[str] = []
    for log in logs:
        for written in sorted(set(log.core)):
            fits = [name for name, images in by_core.items() if _is_core(written, images[0])]
            if fits:
                found[max(fits, key=len)].append(_rows_of(log, written))
            else:
                unused.append(f"{log.source}: no image shows core {printable(written)}")
    return found, unused


def _is_core(written: str, image: SectionImage) -> bool:
    """Return whether a log's core name is that of an image; a digit may not follow."""
    written_key = _key(written)
    for name in (core_name(image), image.core):
        key = _key(name)
        rest = written_key.removeprefix(key)
        if written_key == key or (rest != written_key and len(key) > 4 and not rest[0].isdigit()):  # noqa: PLR2004 - GC01 begins many names
            return True
    return False


def _key(text: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", text.upper())


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
