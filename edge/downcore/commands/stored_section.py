"""A section of the store by its name, or what to ask for instead."""

import difflib

from downcore.store import Reader
from downcore.store.queries import StoredScan
from downcore.strata.errors import SectionError


def stored_section(reader: Reader, section: str) -> StoredScan:
    """
    Return the scan that stands for a section.

    Raises
    ------
    SectionError
        If the store has no such section; names the nearest, and says which there are.
    """
    scan = reader.standing_scan(section)
    if scan is not None:
        return scan
    for copy in reader.scans(section):
        original = reader.scan(copy.status.duplicate_of or "")
        if original is not None:
            raise SectionError(
                f"section {section!r} is a copy of {original.scan.section_id!r}, "
                "whose log stands for both"
            )
    known = [stored.scan.section_id for stored in reader.sections()]
    nearest = difflib.get_close_matches(section, known, n=1)
    hint = f", nearest is {nearest[0]!r}" if nearest else ""
    raise SectionError(
        f"expected a section of the store, got {section!r}{hint}; known: "
        f"{', '.join(known) or 'none yet'}"
    )
