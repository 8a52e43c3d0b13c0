"""Section images among the files of a release; they are opened for their size only."""

import contextlib
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from downcore.file_names import printable
from downcore.ports import ScanLines
from downcore.sources import (
    Reading,
    SectionName,
    SegmentFormat,
    format_of,
    formats,
    geotek_sidecar_path,
    head_of,
    read_geotek_tags,
    section_name,
)
from downcore.strata.errors import SegmentError, UnknownScaleError
from downcore_training.datasets.matching_rules import MatchingRules
from downcore_training.datasets.section_image import SectionImage

_NOT_LIGHT = re.compile(rb"<image-type>\s*(?:ct|x-?ray|radiograph|slabbed)", re.IGNORECASE)
_NAMED = 4
"""Most images named in one warning."""


@dataclass(frozen=True, slots=True)
class UnscaledImage:
    """A section image that is left out because nothing says its scale."""

    name: str
    expedition: str
    core: str
    section: str
    n_lines: int


@dataclass(frozen=True, slots=True)
class ImagesFound:
    """The section images among some files."""

    images: tuple[SectionImage, ...]
    unscaled: tuple[UnscaledImage, ...]
    warnings: tuple[str, ...]
    """Why others are left out, those without a scale included."""


def images_among(paths: Iterable[Path], folder: Path, rules: MatchingRules) -> ImagesFound:
    """
    Return the section images among the files of a release.

    Parameters
    ----------
    paths : iterable of Path
        Files of any kind.
    folder : Path
        The release, below which folders may name a section.
    rules : MatchingRules
        Scale of images without one; sections to skip.
    """
    groups: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for path in paths:
        with contextlib.suppress(SegmentError):
            fmt = format_of(path, head_of(path))
            if fmt is not None:
                groups[fmt.name, fmt.grouping(path)].append(path)
    images: list[SectionImage] = []
    unscaled: list[UnscaledImage] = []
    warnings: list[str] = []
    for (fmt_name, _), members in groups.items():
        if rules.of_section(members[0].stem).skip or not _shows_light(members[0]):
            continue
        fmt = formats()[fmt_name]
        try:
            images.append(_image_of(fmt, tuple(members), folder, rules))
        except UnknownScaleError:
            unscaled += _unscaled(fmt, tuple(members), folder, warnings)
        except SegmentError as error:
            warnings.append(f"{printable(members[0].name)} is left out: {error}")
    if unscaled:
        names = ", ".join(image.name for image in unscaled[:_NAMED])
        more = ", ..." if len(unscaled) > _NAMED else ""
        warnings.append(
            f"{len(unscaled)} images are left out, nothing says their scale; give px_per_cm in "
            f"matching.toml: {names}{more}"
        )
    return ImagesFound(tuple(images), tuple(unscaled), tuple(warnings))


def _unscaled(
    fmt: SegmentFormat, paths: tuple[Path, ...], folder: Path, warnings: list[str]
) -> tuple[UnscaledImage, ...]:
    """Return an image of unknown scale, or nothing and a warning where it lacks more."""
    try:
        image = _image_of(fmt, paths, folder, MatchingRules(px_per_cm="1"))
    except SegmentError as error:
        warnings.append(f"{printable(paths[0].name)} is left out: {error}")
        return ()
    return (UnscaledImage(image.name, image.expedition, image.core, image.section, image.n_lines),)


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
        n_lines, is_complete = scan.refresh(is_still=True, is_closed=True)
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
