"""Finding a section or scan of the record by its name, or saying which names come near."""

import difflib
import fnmatch
import shlex
import unicodedata
from collections.abc import Sequence
from pathlib import Path, PurePath

from downcore.file_names import printable
from downcore.store import Reader
from downcore.store.stored_values import StoredScan
from downcore.strata.errors import SectionError, UnknownSectionError
from downcore.strata.record import ScanState

MAX_LISTED = 40
"""Names that a message lists; of more it says how many."""


def standing_scan(reader: Reader, section: str) -> StoredScan:
    """
    Return the scan of a section that stands, its newest with rows.

    Raises
    ------
    UnknownSectionError
        If the record lacks the section; names the nearest, and those there are.
    SectionError
        If the section is a copy of another, whose log stands for both, or is left out.
    """
    known = {one.scan.section_id: one for one in reader.sections()}
    if section in known:
        found = known[section]
        if found.status.state is ScanState.EXCLUDED:
            raise SectionError(
                f"section {section!r} is left out ({found.status.reason}); "
                f"`downcore include {quoted(section)}` brings it back, "
                f"`downcore log --scan {found.scan.scan_id[:8]}` shows its rows"
            )
        return found
    for one in reader.scans(section) if isinstance(section, str) else ():
        original = reader.scan(one.status.duplicate_of or "")
        if original is not None:
            raise SectionError(
                f"section {section!r} is a copy of {original.scan.section_id!r}, "
                "whose log stands for both"
            )
        later = reader.scan(one.status.superseded_by or "")
        if later is not None:
            raise UnknownSectionError(
                f"section {section!r} is now {later.scan.section_id!r}; its earlier rows: "
                f"`downcore log --scan {one.scan.scan_id[:8]}`"
            )
    raise UnknownSectionError(
        f"expected a section of the store, got {section!r}; {_set_aside(reader, str(section))}"
        f"{nearest(str(section), list(known))}known: {listed(list(known)) or 'none yet'}"
    )


def section_named(reader: Reader, name: str) -> str:
    """
    Return the section that a person means.

    The one of that name, else the one whose scan has the file's name or path, else the only one
    that fits: a pattern with ``*`` or ``?``, or a part of the section's or the file's name, in
    whatever case and however its letters are composed.

    Raises
    ------
    UnknownSectionError
        If several sections fit; lists them as a shell takes them.
    """
    scans = reader.scans()
    known = list(dict.fromkeys(one.scan.section_id for one in scans))
    if name in known or not name:
        return name
    found = (
        sections_of_file(reader, name)
        or [one for one in known if _fits(name, one)]
        or [one.scan.section_id for one in scans if _fits(name, PurePath(one.scan.path).stem)]
    )
    found = list(dict.fromkeys(found))
    if len(found) > 1:
        raise UnknownSectionError(
            f"expected one section, got {printable(name)!r}, which fits {len(found)}: "
            f"{listed([quoted(one) for one in found])}; give one of these"
        )
    return found[0] if found else name


def sections_of_file(reader: Reader, name: str) -> list[str]:
    """Return the sections whose scans have a file's name, with its ending or without, or path."""
    found = [one.scan.section_id for one in reader.scans() if _is_file(name, one.scan.path)]
    return list(dict.fromkeys(found))


def quoted(name: str) -> str:
    """Return a name as a shell takes it, for a command that can be pasted."""
    return shlex.quote(printable(name))


def _is_file(name: str, path: str) -> bool:
    asked, file = PurePath(_folded(name)), PurePath(_folded(path))
    if len(asked.parts) > 1:
        return file.parts[-len(asked.parts) :] == asked.parts or file == asked
    return asked.name in {file.name, file.stem}


def _fits(name: str, section: str) -> bool:
    asked, known = _folded(name), _folded(section)
    if set(asked) & set("*?"):
        return fnmatch.fnmatchcase(known, asked)
    return asked in known


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def scan_named(reader: Reader, scan: str, section: str | None = None) -> StoredScan:
    """
    Return the scan whose identity begins with ``scan``, superseded or not.

    Raises
    ------
    UnknownSectionError
        If there is none, or are several; names them. If the section is not in the record.
    SectionError
        If it is a copy, and another scan has the rows.
    """
    scans = reader.scans(section)
    if section is not None and not scans:
        return standing_scan(reader, section)  # raises, and says which sections there are
    found = [one for one in scans if scan and one.scan.scan_id.startswith(scan.lower())]
    if len(found) != 1:
        known = [f"{one.scan.scan_id[:8]} ({one.scan.section_id})" for one in found or scans]
        of = "" if section is None else f" of section {section!r}"
        meant = nearest(scan, [one.scan.scan_id for one in scans])
        raise UnknownSectionError(
            f"expected the identity of one scan{of}, got {scan!r}, which "
            f"{'several begin with' if found else 'none begins with'}: {meant}{listed(known)}"
        )
    original = found[0].status.duplicate_of
    if original is not None:
        raise SectionError(
            f"scan {found[0].scan.scan_id} of section {found[0].scan.section_id!r} is a copy of "
            f"scan {original}, whose log stands for both"
        )
    return found[0]


def chosen_scan(reader: Reader, section: str | None, scan: str | None) -> StoredScan:
    """
    Return the scan that was asked for: by its identity, else the one of the section that stands.

    Raises
    ------
    UnknownSectionError, SectionError
        As :func:`scan_named` and :func:`standing_scan` do.
    """
    if scan is not None:
        return scan_named(reader, scan, section)
    return standing_scan(reader, str(section))


def listed(names: Sequence[str]) -> str:
    """Return names with commas between; of many, the first ones and how many more there are."""
    more = len(names) - MAX_LISTED
    return ", ".join(names[:MAX_LISTED]) + (f" and {more} more" if more > 0 else "")


def nearest(name: str, known: Sequence[str]) -> str:
    """Return the question whether a known name was meant; empty where none is near."""
    folded = {one.casefold(): one for one in reversed(known)}
    near = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.5)
    return f"did you mean {folded[near[0]]!r}? " if near else ""


def _set_aside(reader: Reader, name: str) -> str:
    """Say that a file of this name was set aside, and why; empty where none was."""
    for file in reader.quarantined():
        if file.reason and name.casefold() in Path(file.path).stem.casefold() and name:
            return (
                f"{printable(file.path)} was set aside: {file.reason}; "
                f"`downcore release {quoted(Path(file.path).name)}` has it tried again; "
            )
    return ""
