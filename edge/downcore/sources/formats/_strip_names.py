"""Names of numbered strip files, and which of them belong to one section."""

import re
from dataclasses import dataclass
from pathlib import Path

from downcore.strata.errors import HostileFileError, SegmentError

_PATTERNS = (
    re.compile(r"(?P<key>.+?)[-_. ]strip[-_ ]?(?P<number>[0-9]{1,6})", re.IGNORECASE),
    re.compile(
        r"(?P<key>.+?)[-_. ](?P<number>[0-9]{1,6})[-_ ]?of[-_ ]?(?P<total>[0-9]{1,6})",
        re.IGNORECASE,
    ),
    re.compile(r"(?P<key>.+)\.(?P<number>[0-9]{3,6})"),
)


@dataclass(frozen=True, slots=True)
class StripName:
    """The parts of the name of a strip file."""

    group: str
    """Equal for the strips of one section in one folder."""

    number: int
    total: int | None
    """Number of strips of the section, or None when the names do not give it."""


def strip_name(path: Path) -> StripName | None:
    """Return the parts of a strip file's name, or None if it is another file's."""
    for i, pattern in enumerate(_PATTERNS):
        found = pattern.fullmatch(path.stem)
        if found is not None:
            parts = found.groupdict()
            group = f"{path.parent / parts['key']}.*{i}{path.suffix.lower()}"
            total = parts.get("total")
            return StripName(group, int(parts["number"]), None if total is None else int(total))
    return None


@dataclass(frozen=True, slots=True)
class StripFiles:
    """The strip files of one section that exist by now."""

    paths: dict[int, Path]
    """By their number."""

    total: int | None


def strip_files(folder: Path, group: str, *, most: int) -> StripFiles:
    """
    Return the strip files of a group.

    Raises
    ------
    HostileFileError
        If there are more than ``most``.
    SegmentError
        If the folder cannot be listed, or two files have the same number.
    """
    paths: dict[int, Path] = {}
    total: int | None = None
    try:
        beside = list(folder.iterdir())
    except OSError as error:
        raise SegmentError(
            f"expected to list the strips in {folder}, got {error.strerror}; look at the share"
        ) from error
    for path in beside:
        name = strip_name(path)
        if name is None or name.group != group:
            continue
        if name.number in paths:
            raise SegmentError(
                f"expected one file for strip {name.number}, got {paths[name.number].name} and "
                f"{path.name} in {folder}; move the wrong one away"
            )
        paths[name.number] = path
        total = name.total if total is None else total
        if len(paths) > most:
            raise HostileFileError(
                f"expected at most {most} strips, got more: {folder}; look at what fills it"
            )
    return StripFiles(paths, total)
