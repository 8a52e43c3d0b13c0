"""What an inbox holds besides scans, and is left out: by the names of files and folders."""

import fnmatch
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from downcore.file_names import printable
from downcore.sources.inbox.leave_out_names import BY_KIND
from downcore.strata.errors import SettingsError

DEFAULTS = "defaults"
"""What stands for all built-in patterns in the setting."""

OWN = "names that the settings leave out"
"""The kind of a pattern that is not built in."""

IMAGE_ENDINGS = frozenset({".tif", ".tiff", ".bmp", ".png", ".jpg", ".jpeg", ".raw", ".img"})
"""Endings of files that a technician expects to be read, lower case."""

MAX_NAMED = 8
"""Names in one sentence; further ones are counted."""

_SCAN = "{scan}"
_WILDCARD = re.compile(r"\{scan\}|\*|\?|\[!?\]?[^\]]*\]")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file or folder of the inbox that is not read because of its name or of what lies beside."""

    path: Path
    is_folder: bool
    """Whether it is a folder, which was not looked into."""
    kind: str
    """What it is, such as ``recycle bins``."""


@dataclass(frozen=True, slots=True)
class _Pattern:
    kind: str
    regex: re.Pattern[str]
    literals: tuple[str, ...]
    """What stands before, between and after its wildcards, lower case; one where it has none."""
    is_keep: bool
    is_folders: bool
    is_beside_scan: bool


class LeaveOut:
    """
    Decides by names what is left out of an inbox.

    Parameters
    ----------
    patterns : sequence of str
        As ``inbox.leave_out`` has them: ``defaults`` stands for the built-in ones, and a pattern
        after ``!`` keeps what it fits. Where several fit, the last one counts.

    Raises
    ------
    SettingsError
        If a pattern is empty, holds a ``/`` but at its end, or names the scan twice.
    """

    def __init__(self, patterns: Sequence[str] = (DEFAULTS,)) -> None:
        found: list[_Pattern] = []
        for given in patterns:
            if given == DEFAULTS:
                for kind, built_in in BY_KIND.items():
                    found += [_pattern(kind, one) for one in built_in]
            else:
                found.append(_pattern(OWN, given))
        self._for_folders = _Screened(p for p in found if not p.is_beside_scan)
        self._for_files = _Screened(p for p in found if not p.is_folders)
        self._certain = _Screened(p for p in found if not (p.is_folders or p.is_beside_scan))

    def folder_kind(self, name: str) -> str:
        """Return what a folder is that is left out; empty where it is not."""
        return self._for_folders.kind_of(name, frozenset())

    def file_kind(self, name: str, stems: frozenset[str]) -> str:
        """
        Return what a file is that is left out; empty where it is not.

        Parameters
        ----------
        name : str
            The file's name.
        stems : frozenset of str
            Names of the images in its folder; see :meth:`stems_of`.
        """
        return self._for_files.kind_of(name, stems)

    def stems_of(self, names: Iterable[str]) -> frozenset[str]:
        """Return the images among names, without endings and in lower case."""
        return frozenset(
            _image_stem(name)[0].lower()
            for name in names
            if _image_stem(name)[1] and not self._certain.kind_of(name, frozenset())
        )


class _Screened:
    """Patterns behind a test that costs little: nearly no name fits any of them."""

    def __init__(self, patterns: Iterable[_Pattern]) -> None:
        self._patterns = list(patterns)
        self._of_name = _Screen(p.literals for p in self._patterns if not p.is_beside_scan)
        self._of_stem = _Screen(p.literals for p in self._patterns if p.is_beside_scan)

    def kind_of(self, name: str, stems: frozenset[str]) -> str:
        """Return the kind of the last pattern that fits a name; empty for none."""
        low = name.lower()
        stem, is_image = _image_stem(low)
        if not self._of_name.may_fit(low) and not (is_image and self._of_stem.may_fit(stem)):
            return ""
        for pattern in reversed(self._patterns):
            if pattern.is_beside_scan:
                found = pattern.regex.fullmatch(stem) if is_image else None
                fits = found is not None and found["scan"] in stems
            else:
                fits = pattern.regex.fullmatch(low) is not None
            if fits:
                return "" if pattern.is_keep else pattern.kind
        return ""


class _Screen:
    """The literal parts of patterns, one of which each name that fits must have in its place."""

    def __init__(self, literals: Iterable[tuple[str, ...]]) -> None:
        given = list(literals)
        self._exact = frozenset(found[0] for found in given if len(found) == 1)
        split = [found for found in given if len(found) > 1]
        self._starts = tuple({found[0] for found in split if found[0]})
        rest = [found for found in split if not found[0]]
        self._ends = tuple({found[-1] for found in rest if found[-1]})
        self._inside = tuple({max(found, key=len) for found in rest if not found[-1]})

    def may_fit(self, low: str) -> bool:
        """Return whether a lower-case text may fit one of the patterns."""
        return (
            low in self._exact
            or low.startswith(self._starts)
            or low.endswith(self._ends)
            or any(literal in low for literal in self._inside)
        )


def left_out_sentences(left_out: Iterable[LeftOut], inbox: Path) -> list[str]:
    """Return one sentence for each kind of what was left out, with names and how many there are."""
    by_kind: dict[str, list[LeftOut]] = {}
    for one in left_out:
        by_kind.setdefault(one.kind, []).append(one)
    return [_sentence(kind, found, inbox) for kind, found in by_kind.items()]


def _sentence(kind: str, found: list[LeftOut], inbox: Path) -> str:
    n_folders = sum(one.is_folder for one in found)
    n_files = len(found) - n_folders
    counts = [
        f"{n} {word}{'s' if n > 1 else ''}"
        for n, word in ((n_folders, "folder"), (n_files, "file"))
        if n
    ]
    shown = [
        printable(one.path.relative_to(inbox) if one.path.is_relative_to(inbox) else one.path)
        + ("/" if one.is_folder else "")
        for one in found[:MAX_NAMED]
    ]
    more = f" and {len(found) - MAX_NAMED} more" if len(found) > MAX_NAMED else ""
    return f"left out: {kind}: {' and '.join(counts)}: {', '.join(shown)}{more}"


def _pattern(kind: str, given: str) -> _Pattern:
    is_keep = given.startswith("!")
    text = given[is_keep:]
    is_folders = text.endswith("/")
    text = text.removesuffix("/")
    if not text or "/" in text or text.count(_SCAN) > 1:
        raise SettingsError(
            "inbox.leave_out: expected a name with *, ? and [...], '/' at the end for folders "
            f"alone, {_SCAN} at most once, '!' before it to keep, or {DEFAULTS!r}, got {given!r}"
        )
    text = text.lower()
    before, has_scan, after = text.partition(_SCAN)
    regex = _translated(before) + (r"(?P<scan>.+)" if has_scan else "") + _translated(after)
    return _Pattern(
        kind=kind,
        regex=re.compile(regex, re.DOTALL),
        literals=tuple(_WILDCARD.split(text)),
        is_keep=is_keep,
        is_folders=is_folders,
        is_beside_scan=bool(has_scan),
    )


def _translated(glob: str) -> str:
    """Return the regular expression of a pattern, without the end that fnmatch adds."""
    return fnmatch.translate(glob).removeprefix("(?s:").removesuffix(r")\Z")


def _image_stem(name: str) -> tuple[str, bool]:
    """Return a name without its ending, and whether that is an image's."""
    stem, dot, ending = name.rpartition(".")
    return (stem, True) if dot and stem and f".{ending.lower()}" in IMAGE_ENDINGS else (name, False)
