"""
Rules of an inbox: what is true of the scans of one scanner, by folder or by name.

The first rule that fits a file counts, and the general settings stand for what it leaves open. A
scale is used where the scan's sidecar says none; ``overrides_sidecar`` turns that round.
"""

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Literal

from downcore.sources.format import Reading
from downcore.sources.inbox.name_patterns import NamePattern

BY_RULE = "rule "
"""How the name of what said a scale begins where a rule did; its number follows."""

MAX_KNOWN = 500_000
"""Files whose rules are remembered."""


@dataclass(frozen=True, slots=True)
class InboxRule:
    """What is true of the files whose folder and name fit; what is not given stays open."""

    number: int
    """Place among the rules, from 1; for messages."""
    folder: str = ""
    """Pattern of the folder in the inbox, parts with ``/`` between; folders below fit, too."""
    name: str = ""
    """Pattern of the file's name, ending included."""
    px_per_cm: str | None = None
    top: Literal["up", "left", "right"] | None = None
    overrides_sidecar: bool = False
    """Whether the scale counts even where a sidecar says another."""
    format: str = ""
    """Name of the format that reads the files, whatever they look like."""
    exclude: bool = False
    pattern: NamePattern | None = None
    """Which parts of the names mean what."""
    expedition: str = ""
    core: str = ""
    section: str = ""
    ignores_folder: bool = False
    """Whether the same name in another folder is the same section, scanned again."""
    _folder: re.Pattern[str] = field(init=False, repr=False, compare=False)
    _name: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_folder", _folders(self.folder))
        object.__setattr__(self, "_name", _glob(self.name or "*"))

    def fits(self, place: PurePath) -> bool:
        """Return whether the rule is for a file, by its place in the inbox."""
        folder = "" if place.is_absolute() else place.parent.as_posix().lower()
        return bool(self._folder.fullmatch(folder) and self._name.fullmatch(place.name.lower()))


@dataclass(frozen=True, slots=True)
class InboxRules:
    """The rules of an inbox, in order."""

    inbox: Path
    rules: Sequence[InboxRule] = ()
    _known: dict[Path, InboxRule | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """The rule of each file that was asked about; few of them change."""

    def rule_of(self, path: Path) -> InboxRule | None:
        """Return the first rule that fits a file; None where none does."""
        if not self.rules:
            return None
        if path not in self._known:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            place = place_in(self.inbox, path)
            self._known[path] = next((rule for rule in self.rules if rule.fits(place)), None)
        return self._known[path]

    def reading_of(self, path: Path, general: Reading) -> Reading:
        """Return how a file is read: as its rule says, and for the rest as all scans are."""
        rule = self.rule_of(path)
        if rule is None:
            return general
        reading = replace(general, top=rule.top or general.top)
        if rule.px_per_cm is None:
            return reading
        said_by = f"{BY_RULE}{rule.number} of the settings"
        if rule.overrides_sidecar:
            return replace(reading, px_per_cm=rule.px_per_cm, px_per_cm_from=said_by)
        return replace(
            reading, px_per_cm=None, px_per_cm_otherwise=rule.px_per_cm, px_per_cm_from=said_by
        )


def place_in(inbox: Path, path: Path) -> Path:
    """Return a file's place in the inbox; one that is not in it stays as it is."""
    return path.relative_to(inbox) if path.is_relative_to(inbox) else path


def _folders(pattern: str) -> re.Pattern[str]:
    """Return the expression of a folder and all below it; of any folder where none is given."""
    wanted = pattern.strip("/").lower()
    if wanted in {"", "**"}:
        return re.compile(r"\.|" if pattern == "." else ".*", re.DOTALL)
    if wanted == ".":
        return re.compile(r"\.")
    parts = wanted.split("/")
    inner = "/".join(".*" if part == "**" else _one_folder(part) for part in parts)
    return re.compile(f"{inner}(?:/.*)?", re.DOTALL)


def _one_folder(part: str) -> str:
    text = fnmatch.translate(part).removeprefix("(?s:").removesuffix(r")\Z")
    return text.replace(".*", "[^/]*")


def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(pattern.lower()))
