"""Rules that ``init`` proposes: as few as give every scan its scale, and its folder's name."""

import glob
import os.path
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from downcore.commands.inbox_survey import Survey, SurveyedScan
from downcore.commands.scale_evidence import scale_evidence
from downcore.file_names import printable
from downcore.sources.inbox.naming import name_apart
from downcore.sources.inbox.rules import InboxRule

MIN_PREFIX = 3
"""Characters that names must begin with alike to be told by that."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a scan needs to be told."""

    px_per_cm: str = ""
    expedition: str = ""
    because: str = field(default="", compare=False)
    """Why, for the comment above the rule."""
    name_part: str = field(default="", compare=False)
    """Part of the name that tells the scans; empty where none does."""
    asks_scale_of: str = ""
    """Scanner whose scale nothing tells, so that a person must; empty where it is known."""


@dataclass(frozen=True, slots=True)
class ProposedRule:
    """A rule for the settings, and why it is proposed."""

    folder: str
    name: str
    effect: Effect
    n_scans: int

    @property
    def is_ready(self) -> bool:
        """Whether it does something as it is; one that only asks for a scale is a comment."""
        return bool(self.effect.px_per_cm or self.effect.expedition)

    @property
    def lines(self) -> list[str]:
        """The rule as lines of the settings file, with its reason before it."""
        keys = {
            "folder": self.folder,
            "name": self.name,
            "px_per_cm": self.effect.px_per_cm,
            "expedition": self.effect.expedition,
        }
        table = [
            "[[inbox.rule]]",
            *(f"{key} = {quoted(value)}" for key, value in keys.items() if value),
        ]
        if self.effect.asks_scale_of:
            table.append(f'{"# " if self.is_ready else ""}px_per_cm = "..."')
        return [
            f"# For {self.n_scans} scan{'s' if self.n_scans > 1 else ''}: {self.effect.because}.",
            *(table if self.is_ready else [f"# {line}" for line in table]),
        ]

    @property
    def rule(self) -> InboxRule:
        """The rule as it decides whom it fits."""
        return InboxRule(0, folder=self.folder, name=self.name)


def quoted(text: str) -> str:
    """Return a text as TOML writes it."""
    escaped = "".join(c if c.isprintable() and c not in '\\"' else _escaped(c) for c in text)
    return f'"{escaped}"'


def propose_rules(survey: Survey) -> tuple[ProposedRule, ...]:
    """
    Return the rules under which every scan that can be placed gets its scale and its name.

    Parameters
    ----------
    survey : Survey
        Of the inbox, without rules.

    Returns
    -------
    tuple of ProposedRule
        In the order in which they must stand; those that only ask for a scale do nothing until a
        person fills it in.
    """
    effects = _effects(survey)
    groups: dict[Effect, list[SurveyedScan]] = {}
    for scan in survey.scans:
        if scan.place in effects:
            groups.setdefault(effects[scan.place], []).append(scan)
    others = _Others(survey.scans, effects)
    proposed = [rule for effect, scans in groups.items() for rule in _cover(effect, scans, others)]
    return tuple(proposed)


def _effects(survey: Survey) -> dict[Path, Effect]:
    """Return what must be said of each scan, by its place."""
    scales = scale_evidence(survey.scans)
    expeditions = dict(_expeditions(survey))
    found: dict[Path, Effect] = {}
    for scan in survey.scans:
        scale, expedition = scales.get(scan.place), expeditions.get(scan.place, "")
        asks_scale_of = _scanner_of(scan) if scale is None and scan.needs_scale else ""
        if scale is None and not expedition and not asks_scale_of:
            continue
        reasons = [scale.because] if scale else []
        if expedition:
            reasons.append("other folders have scans of the same names")
        if asks_scale_of:
            reasons.append(
                f"{asks_scale_of}, whose scale nothing says; fill in px_per_cm and take '# ' away"
            )
        found[scan.place] = Effect(
            px_per_cm=scale.px_per_cm if scale else "",
            expedition=expedition,
            because="; ".join(reasons),
            name_part=scale.name_part if scale else "",
            asks_scale_of=asks_scale_of,
        )
    return found


def _scanner_of(scan: SurveyedScan) -> str:
    """Return whose scale a person would say at once: a format in a folder of the inbox."""
    parts = scan.place.parent.parts
    where = f"the folder {parts[0]}" if parts else "the inbox itself"
    return printable(f"{scan.files.format.title} in {where}")


def _expeditions(survey: Survey) -> Iterator[tuple[Path, str]]:
    """Yield the folder's name for all scans of folders that share names with other folders."""
    named: dict[str, str] = {}
    for scans in survey.collisions():
        for scan in scans:
            others = [other for other in scans if other.folder != scan.folder]
            if others and scan.folder != ".":
                apart = name_apart(scan.name, scan.place, [other.place for other in others])
                named[scan.folder] = apart.expedition
    for scan in survey.scans:
        if scan.folder in named:
            yield scan.place, named[scan.folder]


class _Others:
    """All scans of the inbox, and whom a rule would harm."""

    def __init__(self, scans: Sequence[SurveyedScan], effects: dict[Path, Effect]) -> None:
        self._effects = effects
        self._below: dict[str, list[SurveyedScan]] = {"": list(scans)}
        for scan in scans:
            for folder in (scan.place.parent, *scan.place.parent.parents):
                self._below.setdefault(_escaped_folder(folder.as_posix()), []).append(scan)

    def harms(self, rule: ProposedRule) -> bool:
        """Return whether a rule fits a scan that needs something else."""
        fits = rule.rule.fits
        return any(
            fits(scan.place) and self._is_harmed(scan, rule.effect)
            for scan in self._below[rule.folder]
        )

    def _is_harmed(self, scan: SurveyedScan, effect: Effect) -> bool:
        needed = self._effects.get(scan.place)
        if needed is not None:
            return needed != effect
        # Where a sidecar says the scale, that of a rule changes nothing.
        return bool(effect.expedition) or scan.description is None


def _cover(effect: Effect, scans: list[SurveyedScan], others: _Others) -> Iterator[ProposedRule]:
    """Yield rules that fit all of ``scans`` and harm no other."""
    for folder, name in _patterns(scans, effect.name_part):
        rule = ProposedRule(folder, name, effect, len(scans))
        fits = rule.rule.fits
        if all(fits(scan.place) for scan in scans) and not others.harms(rule):
            yield rule
            return
    parts = _split(scans)
    if len(parts) == 1:
        for scan in scans:
            folder, name = _escaped_folder(scan.folder), glob.escape(scan.place.name)
            yield ProposedRule(folder, name, effect, 1)
        return
    for part in parts:
        yield from _cover(effect, part, others)


def _patterns(scans: list[SurveyedScan], name_part: str) -> Iterator[tuple[str, str]]:
    """Yield patterns of folder and name that fit all of ``scans``, the plainest first."""
    folders = [scan.folder for scan in scans]
    common = os.path.commonpath(folders)
    # Of scans that lie in the inbox itself alone, the common path is empty, too.
    top = "." if set(folders) == {"."} else ""
    folder = _escaped_folder(common) if common else top
    if name_part and all(name_part in scan.place.name for scan in scans):
        yield "", f"*{glob.escape(name_part)}*"
    if folder not in {"", "."}:
        yield folder, ""
    prefix = _common_start([scan.place.stem for scan in scans]).rstrip("0123456789")
    endings = {scan.place.suffix.lower() for scan in scans}
    ending = endings.pop() if len(endings) == 1 else ""
    if len(prefix) >= MIN_PREFIX:
        pattern = f"{glob.escape(prefix)}*{ending}"
        yield ("" if folder == "." else folder), pattern
        if folder == ".":
            yield folder, pattern
    yield folder, f"*{ending}" if ending else "*"


def _split(scans: list[SurveyedScan]) -> list[list[SurveyedScan]]:
    """Return scans by the first folder that tells them apart, or by how their names begin."""
    common = os.path.commonpath([scan.folder for scan in scans])
    depth = 0 if common in {"", "."} else len(PurePosixPath(common).parts)
    parts: dict[str, list[SurveyedScan]] = {}
    for scan in scans:
        folders = scan.place.parent.parts
        parts.setdefault("/".join(folders[: depth + 1]), []).append(scan)
    if len(parts) == 1:
        parts = {}
        for scan in scans:
            parts.setdefault(scan.place.name[:MIN_PREFIX], []).append(scan)
    return list(parts.values())


def _common_start(names: list[str]) -> str:
    """Return what all names begin with."""
    first, last = min(names), max(names)
    n_same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), None)
    return first if n_same is None else first[:n_same]


def _escaped_folder(folder: str) -> str:
    return "/".join(glob.escape(part) for part in folder.split("/"))


def _escaped(character: str) -> str:
    if character in '\\"':
        return f"\\{character}"
    return f"\\U{ord(character):08x}"


def rules_text(rules: Iterable[ProposedRule]) -> list[str]:
    """Return rules as lines of the settings file."""
    return [line for rule in rules for line in (*rule.lines, "")]
