"""Names of cores and sections in a file of depths, as the record writes them."""

import re
from collections.abc import Iterable
from dataclasses import replace

from downcore.commands.core_lookup import CoreIndex
from downcore.commands.depth_files import ReadDepths
from downcore.store.stored_cores import core_of_scan
from downcore.strata.depth_ledger import CoreName, SectionEntry
from downcore.strata.errors import DepthLedgerError


def named_as_stored(index: CoreIndex, read: ReadDepths) -> ReadDepths:
    """
    Return what a file says under the names of the record.

    A core is found by its name, and by its expedition where the file says it. A section may also be
    named as a whole, as ``downcore log`` lists it.

    Raises
    ------
    DepthLedgerError
        If a core may be one of several, or a section is of another core.
    """
    draft, notes = read.draft, list(read.notes)
    named = dict.fromkeys(entry.core for entry in draft.entries)
    names = {name: _core(index, name, draft.file_name, notes) for name in named}
    sections = tuple(
        _section(index, entry, names[entry.core], draft.file_name) for entry in draft.sections
    )
    cores = tuple(replace(entry, core=names[entry.core]) for entry in draft.cores)
    _refuse_twice(((e.core, e.section) for e in sections), draft.file_name)
    return ReadDepths(replace(draft, sections=sections, cores=cores), tuple(notes))


def _core(index: CoreIndex, name: CoreName, file_name: str, notes: list[str]) -> CoreName:
    same = [one for one in index.names if _folded(one.core) == _folded(name.core)]
    # The expedition may stand before the core's name, too.
    whole = [one for one in index.names if _folded(str(one)) == _folded(str(name))]
    exact = whole or [one for one in same if _folded(one.expedition) == _folded(name.expedition)]
    if len(exact) == 1:
        return exact[0]
    if name.expedition:
        nameless = [one for one in same if not one.expedition]
        if len(nameless) == 1:
            notes.append(f"core {name} is taken for {nameless[0]} of the store")
            return nameless[0]
        return name
    if len(same) > 1:
        raise DepthLedgerError(
            f"{file_name}: expected one core called {name}, the store has "
            f"{', '.join(map(str, same))}; add a column expedition"
        )
    return same[0] if same else name


def _section(index: CoreIndex, entry: SectionEntry, core: CoreName, file_name: str) -> SectionEntry:
    stored = next((one for one in index.scans if one.scan.section_id == entry.section), None)
    place = None if stored is None else core_of_scan(stored)
    if place is None or place == (core, entry.section):
        return replace(entry, core=core)
    own_names = {one.section for one in index.core(core).scans}
    if place[0] != core and entry.section not in own_names:
        raise DepthLedgerError(
            f"{file_name}: section {entry.section} is of core {place[0]} by its name, and of core "
            f"{core} by the file"
        )
    section = place[1] if place[0] == core else entry.section
    return replace(entry, core=core, section=section)


def _refuse_twice(keys: Iterable[tuple[CoreName, str]], file_name: str) -> None:
    seen = set()
    for key in keys:
        if key in seen:
            raise DepthLedgerError(
                f"{file_name}: section {key[1]} of core {key[0]} is there under two names"
            )
        seen.add(key)


def _folded(name: str) -> str:
    return re.sub(r"[-_ ]+", "-", name.strip()).casefold()
