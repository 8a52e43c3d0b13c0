"""Which scans and files a person means who corrects something."""

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from downcore.commands.section_lookup import (
    listed,
    nearest,
    quoted,
    scan_named,
    sections_of_file,
    standing_scan,
)
from downcore.store import Reader
from downcore.store.stored_values import StoredScan
from downcore.strata.errors import UnknownSectionError
from downcore.strata.record import ScanState
from downcore.strata.scan_corrections import Verb

_WILDCARDS = frozenset("*?[")
_MIN_IDENTITY = 6
"""Fewest digits of a scan's identity that are taken for one."""


@dataclass(frozen=True, slots=True)
class Targets:
    """What an argument means: scans, and files of which no scan is known."""

    scan_ids: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    """The sections of the scans, each once."""
    scan_paths: tuple[str, ...] = ()
    """The files of the scans, each once, as the record shows them."""
    paths: tuple[str, ...] = ()
    """Files that were set aside before they became scans."""
    pattern: str = ""
    """Pattern of the sections, where that is accepted for scans to come, too."""

    @property
    def words(self) -> str:
        """The sections and files, for a person."""
        return listed([*self.sections, *self.paths])


def find_targets(db: Path, verb: Verb, asked: str) -> Targets:
    """
    Return the scans and files that an argument means.

    Parameters
    ----------
    db : Path
        The store.
    verb : Verb
        What is to be done with them.
    asked : str
        A section, a pattern of sections such as ``GC01_*``, or, to leave one scan out or take it
        in again, how its identity begins; or the file of one, by its name or path. For ``redo``
        and ``release`` also a file that was set aside, by its name or a pattern.

    Raises
    ------
    UnknownSectionError
        If it means nothing; names what comes near.
    SectionError
        If it names a section that is a copy of another, or is left out.
    """
    with Reader.open(db) as reader:
        asked = _section_meant(reader, asked)
        if verb is Verb.INCLUDE:
            targets = _left_out(reader, asked)
        elif verb in (Verb.EXCLUDE, Verb.FORGET):
            targets = _targets_of(_whole(reader, asked))
        elif verb is Verb.RELEASE:
            states = (one for one in reader.scans() if _fits(asked, one.scan.section_id))
            scans = [one for one in states if one.status.state is ScanState.QUARANTINED]
            targets = _targets_of(scans, _files(reader, asked))
        elif verb is Verb.ACCEPT:
            targets = _targets_of(_questioned(reader, asked))
            if targets != Targets() and _is_pattern(asked):
                targets = replace(targets, pattern=asked)
        else:
            files = _files(reader, asked) if verb is Verb.REDO else ()
            targets = _targets_of(_standing(reader, asked, is_needed=not files), files)
        if targets == Targets():
            raise _nothing_meant(reader, verb, asked)
        if verb is Verb.RENAME and len(targets.sections) > 1:
            raise UnknownSectionError(
                f"expected one section to be renamed, since a name is that of one, got "
                f"{asked!r}, which fits {len(targets.sections)}: {listed(targets.sections)}"
            )
        return targets


def _section_meant(reader: Reader, asked: str) -> str:
    """Return the section of the file that is asked for; what was asked where it names no file."""
    if _is_pattern(asked) or reader.scans(asked):
        return asked
    found = sections_of_file(reader, asked)
    if len(found) > 1:
        raise UnknownSectionError(
            f"expected one section, got {asked!r}, the name of the files of {len(found)}: "
            f"{listed([quoted(one) for one in found])}; give one of these"
        )
    return found[0] if found else asked


def _standing(reader: Reader, asked: str, *, is_needed: bool) -> list[StoredScan]:
    """Return the scans of the sections that are meant: those that wait, else those that stand."""
    scans = _questioned(reader, asked)
    waiting = {one.scan.section_id for one in scans}
    scans += [
        one
        for one in reader.sections()
        if _fits(asked, one.scan.section_id)
        and one.scan.section_id not in waiting
        and one.status.state is not ScanState.EXCLUDED
    ]
    if not scans and is_needed and not _is_pattern(asked):
        return [standing_scan(reader, asked)]  # says what it is, if it is not there
    return scans


def _questioned(reader: Reader, asked: str) -> list[StoredScan]:
    """Return the scans that wait for an answer, by section, pattern or identity."""
    return [
        one
        for one in reader.questioned()
        if _fits(asked, one.scan.section_id)
        or (_is_identity(asked) and one.scan.scan_id.startswith(asked.lower()))
    ]


def _whole(reader: Reader, asked: str) -> list[StoredScan]:
    """Return every scan of the sections that are meant, or every reading of one scan."""
    scans = reader.scans()
    found = [one for one in scans if _fits(asked, one.scan.section_id)]
    if found or not _is_identity(asked):
        return found
    meant = scan_named(reader, asked).scan
    return [
        one
        for one in scans
        if one.scan.scan_id == meant.scan_id
        or (one.scan.section_id == meant.section_id and _is_same_content(one, meant.content_digest))
    ]


def _is_same_content(one: StoredScan, content_digest: str) -> bool:
    return content_digest != "" and one.scan.content_digest == content_digest


def _left_out(reader: Reader, asked: str) -> Targets:
    """Return what was excluded or forgotten; of the latter only the corrections tell."""
    last: dict[str, tuple[Verb, str, str]] = {}
    for one in reader.corrections():
        if one.scan_id is not None and one.verb in (Verb.EXCLUDE, Verb.FORGET, Verb.INCLUDE):
            last[one.scan_id] = (one.verb, one.section_id, one.path)
    found = {
        scan_id: (section, path)
        for scan_id, (verb, section, path) in last.items()
        if verb is not Verb.INCLUDE
        and (_fits(asked, section) or (_is_identity(asked) and scan_id.startswith(asked.lower())))
    }
    return Targets(
        tuple(found),
        tuple(dict.fromkeys(section for section, _ in found.values())),
        tuple(dict.fromkeys(path for _, path in found.values())),
    )


def _targets_of(scans: Sequence[StoredScan], files: Sequence[str] = ()) -> Targets:
    paths = tuple(dict.fromkeys(one.scan.path for one in scans))
    return Targets(
        tuple(one.scan.scan_id for one in scans),
        tuple(dict.fromkeys(one.scan.section_id for one in scans)),
        paths,
        tuple(path for path in dict.fromkeys(files) if path not in paths),
    )


def _files(reader: Reader, asked: str) -> tuple[str, ...]:
    """Return the files that were set aside and are meant."""
    return tuple(
        file.path
        for file in reader.quarantined()
        if file.reason
        and any(
            _fits(asked, text) for text in (file.path, Path(file.path).name, Path(file.path).stem)
        )
    )


def _fits(asked: str, name: str) -> bool:
    return name == asked or (_is_pattern(asked) and fnmatch.fnmatchcase(name, asked))


def _is_pattern(asked: str) -> bool:
    return not _WILDCARDS.isdisjoint(asked)


def _is_identity(asked: str) -> bool:
    return len(asked) >= _MIN_IDENTITY and set(asked.lower()) <= set("0123456789abcdef")


def _nothing_meant(reader: Reader, verb: Verb, asked: str) -> UnknownSectionError:
    if verb is Verb.INCLUDE:
        return UnknownSectionError(
            f"expected a section that is left out, got {asked!r}; `downcore corrections` lists "
            "what was excluded and forgotten"
        )
    if verb is Verb.ACCEPT:
        waiting = [one.scan.section_id for one in reader.questioned()]
        return UnknownSectionError(
            f"expected a section that waits for an answer, got {asked!r}; "
            f"waiting: {listed(waiting) or 'none'}"
        )
    if verb is Verb.RELEASE:
        aside = [Path(file.path).name for file in reader.quarantined() if file.reason]
        return UnknownSectionError(
            f"expected a section or file that was set aside, got {asked!r}; "
            f"set aside: {listed(aside) or 'none'}"
        )
    known = [one.scan.section_id for one in reader.sections()]
    return UnknownSectionError(
        f"expected a section of the store or a pattern of several, such as 'GC01_*', got "
        f"{asked!r}; {nearest(asked, known)}known: {listed(known) or 'none yet'}"
    )
