"""
Which section a scan shows: by its rule, its sidecar and its name, in this order.

The names in a sidecar are used where the format's sidecars are written by the scanner's program
with the scan. Where the file's name says the same, its spelling is kept, so that people find a
section under the name that they see.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath

from downcore.ports import ScanDescription
from downcore.sources.inbox.grouping import ScanFiles
from downcore.sources.inbox.name_patterns import NamePattern
from downcore.sources.inbox.rules import InboxRule, InboxRules, place_in
from downcore.sources.inbox.section_names import SectionName, safe_id, section_name

BY_SIDECAR = "sidecar"
"""What stands as the pattern of a name that a sidecar gives."""

BY_RULE = "rule"
"""What stands as the pattern of a name whose core or section a rule gives."""

_PLAIN = re.compile(r"[^A-Z0-9]")
_NUMBER = re.compile(r"\D*0*([0-9]{1,6})")


def name_of_scan(
    scan_files: ScanFiles,
    description: ScanDescription | None,
    rules: InboxRules,
    patterns: tuple[NamePattern, ...] = (),
) -> SectionName:
    """
    Return which section a scan shows.

    Parameters
    ----------
    scan_files : ScanFiles
        Its files.
    description : ScanDescription or None
        What its sidecar says; None before it is opened.
    rules : InboxRules
        Of the inbox; they win over the sidecar.
    patterns : tuple of NamePattern
        Of the settings; they win over the sidecar, too, since a person wrote them.
    """
    path = scan_files.paths[0]
    rule = rules.rule_of(path)
    own = patterns if rule is None or rule.pattern is None else (rule.pattern, *patterns)
    name = section_name(place_in(rules.inbox, path), patterns=own)
    if (
        description is not None
        and scan_files.format.names_sections
        and name.pattern not in {pattern.name for pattern in own}
    ):
        name = _by_sidecar(name, path, description.core or "", description.section or "")
    return name if rule is None else _by_rule(name, rule)


def name_apart(
    name: SectionName, place: PurePath, others: Sequence[PurePath], *, is_whole: bool = False
) -> SectionName:
    """
    Return the name of a section whose own name is taken by scans in other folders.

    Parameters
    ----------
    name : SectionName
        The name that is taken.
    place : PurePath
        The scan's place in the inbox.
    others : sequence of PurePath
        Places of the scans that have the name, at least one.
    is_whole : bool, default False
        Take the whole path of folders, rather than the part that differs.

    Returns
    -------
    SectionName
        With the differing folder before it, which is its expedition, and a warning.
    """
    folders = list(place.parent.parts)
    if not is_whole:
        folders = _differing(folders, list(others[0].parent.parts)) or folders
    apart = safe_id(
        "-".join((*folders, name.section_id)) if folders else f"inbox-{name.section_id}"
    )
    return replace(
        name,
        expedition="-".join(folders) or name.expedition,
        section_id=apart,
        warning=(
            f"section '{name.section_id}' is that of {others[0]}, which shows something else: "
            f"{place} becomes section '{apart}'; if it is the same section, scanned again, say "
            "ignores_folder = true in an [[inbox.rule]]"
        ),
    )


def _differing(folders: list[str], others: list[str]) -> list[str]:
    """Return the parts of a path without those that begin or end the other one as well."""
    while folders and others and folders[0] == others[0]:
        folders, others = folders[1:], others[1:]
    while folders and others and folders[-1] == others[-1]:
        folders, others = folders[:-1], others[:-1]
    return folders


def _by_sidecar(name: SectionName, path: PurePath, core: str, section: str) -> SectionName:
    if not core or not section:
        return name
    number = _NUMBER.match(section)
    label = number[1] if number else section
    is_known = bool(name.pattern and name.core and name.section)
    same_core = is_known and _is_same_core(name.core, core)
    same_section = is_known and _is_same_section(name.section, label)
    # Some give the whole name of the section as that of its core.
    is_whole = _plain(core) == _plain(path.stem) or (
        is_known and _is_same_core(name.core + name.section, core)
    )
    if is_known and (is_whole or (same_core and same_section)):
        return name
    if not is_known:
        written = path.stem if is_whole else f"{core}_{label.zfill(2)}"
        return SectionName(
            expedition="",
            core=core,
            section=label,
            half="",
            section_id=safe_id(written),
            pattern=BY_SIDECAR,
            warning="",
        )
    shown = re.fullmatch(
        rf"(.*?){re.escape(name.core)}([-_. ]?){re.escape(name.section)}(.*)", name.section_id
    )
    before, between, after = shown.groups() if shown else ("", "_", "")
    named_core = name.core if same_core else core
    named = f"{before}{named_core}{between}{label.zfill(len(name.section))}{after}"
    return replace(
        name,
        core=named_core,
        section=label,
        section_id=safe_id(named),
        pattern=BY_SIDECAR,
        warning=(
            f"the name of {path.name} says core {name.core}, section {name.section}; its sidecar "
            f"says core {core}, section {section}, and counts: it becomes section '{named}'"
        ),
    )


def _by_rule(name: SectionName, rule: InboxRule) -> SectionName:
    if rule.core or rule.section:
        core, section = rule.core or name.core, rule.section or name.section
        joined = "-".join(part for part in (core, section, name.half) if part)
        name = replace(
            name,
            core=core,
            section=section,
            section_id=safe_id(joined),
            pattern=BY_RULE,
            warning="",
        )
    if rule.expedition:
        begins = name.section_id.lower().startswith(f"{rule.expedition.lower()}-")
        whole = name.section_id if begins else f"{rule.expedition}-{name.section_id}"
        name = replace(name, expedition=rule.expedition, section_id=safe_id(whole))
    return name


def _is_same_core(one: str, other: str) -> bool:
    """Return whether two spellings are one core's; either may have its expedition before it."""
    a, b = _plain(one), _plain(other)
    return bool(a and b) and (a.endswith(b) or b.endswith(a))


def _is_same_section(one: str, other: str) -> bool:
    numbers = [_NUMBER.fullmatch(text) for text in (one, other)]
    if all(numbers):
        return len({found[1] for found in numbers if found}) == 1
    return _plain(one) == _plain(other)


def _plain(text: str) -> str:
    """Return a name's letters and digits, by which spellings are compared."""
    return _PLAIN.sub("", text.upper())
