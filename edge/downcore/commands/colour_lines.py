"""What the colour sentinel says of the sections scanned last, in lines for people."""

from collections.abc import Iterator

from downcore.file_names import printable
from downcore.store import Reader
from downcore.strata.colour_sentinel import drift_of, reference_colour

N_EARLIEST = 10
"""Sections among which the first with a white board are looked for."""
N_NEWEST = 5
"""Sections met last that are looked at."""


def colour_lines(reader: Reader) -> Iterator[str]:
    """Yield the newest section's drift and every one above the limit; nothing without a board."""
    sections = reader.sections()
    asked = [*sections[:N_EARLIEST], *sections[N_EARLIEST:][-N_NEWEST:]]
    drifts = drift_of(
        [
            reference_colour(one.scan.section_id, reader.colour_profiles(one.scan.scan_id))
            for one in asked
        ]
    )
    known = [one for one in drifts if one.delta_e is not None]
    if known:
        last = known[-1]
        yield f"colour: white board of {printable(last.section_id)} differs by {last.delta_e:.1f}"
    for one in known:
        if one.has_drifted:
            yield f"colour: {printable(one.section_id)}: {one.sentence}"
