"""Finding a section of the record by its name, or saying which names come near."""

import difflib
from collections.abc import Sequence

from downcore.store import Reader
from downcore.store.queries import StoredScan
from downcore.strata.errors import SectionError, UnknownSectionError


def standing_scan(reader: Reader, section: str) -> StoredScan:
    """
    Return the scan of a section that stands, its newest with rows.

    Raises
    ------
    UnknownSectionError
        If the record lacks the section; names the nearest, and those there are.
    SectionError
        If the section is a copy of another, whose log stands for both.
    """
    known = {one.scan.section_id: one for one in reader.sections()}
    if section in known:
        return known[section]
    for one in reader.scans(section) if isinstance(section, str) else ():
        original = reader.scan(one.status.duplicate_of or "")
        if original is not None:
            raise SectionError(
                f"section {section!r} is a copy of {original.scan.section_id!r}, "
                "whose log stands for both"
            )
    raise UnknownSectionError(
        f"expected a section of the store, got {section!r}; {nearest(str(section), list(known))}"
        f"known: {', '.join(known) or 'none yet'}"
    )


def nearest(name: str, known: Sequence[str]) -> str:
    """Return the question whether a known name was meant; empty where none is near."""
    folded = {one.casefold(): one for one in reversed(known)}
    near = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.5)
    return f"did you mean {folded[near[0]]!r}? " if near else ""
