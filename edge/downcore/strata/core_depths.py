"""
Where the sections of a core lie, from what the depth ledger says.

Depth below the section's top is what the record holds and is never changed. Depth in the core, in
the hole and in the composite are worked out from it on reading, in whole micrometres.
"""

import enum
from dataclasses import dataclass
from itertools import pairwise

from downcore.strata.depth_ledger import (
    CoreName,
    CoreSaid,
    Datum,
    SectionSaid,
    in_cm,
    in_m,
    section_order,
)

NEGLIGIBLE_UM = 1_000
"""Gaps and overlaps below 1 mm are not mentioned."""


class DepthScale(enum.StrEnum):
    """From where depth counts."""

    SECTION = "section"
    """Below the section's top."""
    CORE = "core"
    """Below the core's top."""
    HOLE = "hole"
    """Below the top of the hole, as CSF-A, mbsf or mblf."""
    COMPOSITE = "composite"
    """Depth in the hole, shifted so that the cores of several holes agree."""


@dataclass(frozen=True, slots=True)
class PlacedSection:
    """A section of the ledger and where it lies."""

    said: SectionSaid
    top_um: int | None
    """Depth of its top in the core; ``None`` where nothing says it."""
    overlap_um: int = 0
    """By how much the section above reaches below this one's top."""

    @property
    def section(self) -> str:
        """Name of the section."""
        return self.said.section

    @property
    def length_um(self) -> int | None:
        """How much of the core's depth it takes; ``None`` where nothing says it."""
        curated, expanded = self.said.curated_length, self.said.expanded_length
        if curated is not None:
            return curated.value_um
        return None if expanded is None else expanded.value_um

    @property
    def scanned_length_um(self) -> int | None:
        """Depth in the section at which it ends; ``None`` where nothing says it."""
        expanded = self.said.expanded_length
        return self.length_um if expanded is None else expanded.value_um

    def depth_in_core_um(self, depth_um: int) -> int | None:
        """
        Return the depth in the core of a depth in the section.

        An expanded section is compressed evenly to its curated length.

        Parameters
        ----------
        depth_um : int
            Below the section's top, 0 or more.

        Returns
        -------
        int or None
            ``None`` where the section's top is not known.
        """
        if self.top_um is None:
            return None
        length, scanned = self.length_um, self.scanned_length_um
        if length is None or scanned is None or length == scanned:
            return self.top_um + depth_um
        return self.top_um + (2 * depth_um * length + scanned) // (2 * scanned)


@dataclass(frozen=True, slots=True)
class CoreDepths:
    """A core, its sections in the order of their names, and where they lie."""

    core: CoreName
    said: CoreSaid
    sections: tuple[PlacedSection, ...]
    top_um: int | None
    """Depth of the core's top in the hole; ``None`` where nothing says it."""
    shift_um: int | None
    """From depth in the hole to composite depth; ``None`` where nothing says it."""
    notes: tuple[str, ...]
    """What a person should know, a sentence each."""

    def section(self, name: str) -> PlacedSection | None:
        """Return a section by its name in the ledger; ``None`` if the ledger lacks it."""
        return next((one for one in self.sections if one.section == name), None)

    def offset_um(self, scale: DepthScale) -> int | None:
        """Return what is added to depth in the core; ``None`` where it is not known."""
        if scale in {DepthScale.SECTION, DepthScale.CORE}:
            return 0
        if scale is DepthScale.HOLE or self.top_um is None or self.shift_um is None:
            return self.top_um if scale is DepthScale.HOLE else None
        return self.top_um + self.shift_um


def core_depths(said: CoreSaid) -> CoreDepths:
    """Return where the sections of a core lie."""
    notes: list[str] = []
    core_top_um = _core_top(said, notes)
    placed: list[PlacedSection] = []
    for one in said.sections:
        above = placed[-1] if placed else None
        placed.append(PlacedSection(one, _top(one, core_top_um, above)))
    notes += _unplaced(placed)
    notes += [
        f"section {one.section} lies {in_cm(-one.top_um)} cm above the core's top"
        for one in placed
        if one.top_um is not None and one.top_um < 0
    ]
    notes += _out_of_order(placed)
    return CoreDepths(
        core=said.core,
        said=said,
        sections=tuple(_with_overlaps(placed, notes)),
        top_um=core_top_um,
        shift_um=None if said.shift is None else said.shift.value_um,
        notes=tuple(notes),
    )


def missing_numbers(sections: list[str]) -> list[str]:
    """Return the numbers that are skipped from 1 to the highest of numbered sections."""
    numbers = {int(one) for one in sections if one.isascii() and one.isdecimal()}
    return [str(one) for one in range(1, max(numbers, default=0)) if one not in numbers]


def _core_top(said: CoreSaid, notes: list[str]) -> int | None:
    if said.top is not None:
        return said.top.value_um
    tops = [
        (one.top.value_um, one.section)
        for one in said.sections
        if one.top is not None and one.datum is Datum.HOLE
    ]
    if not tops:
        return None
    top_um, section = min(tops, key=lambda pair: (pair[0], section_order(pair[1])))
    if missing_numbers([section]):
        notes.append(
            f"the core's top is taken as that of section {section}, "
            f"{in_m(top_um)} m in the hole, since the ledger has none above it"
        )
    return top_um


def _top(said: SectionSaid, core_top_um: int | None, above: PlacedSection | None) -> int | None:
    """Return the depth of a section's top in the core."""
    if said.top is not None:
        if said.datum is Datum.CORE:
            return said.top.value_um
        return None if core_top_um is None else said.top.value_um - core_top_um
    if said.gap_above is None:
        return None
    if above is None:
        return said.gap_above.value_um
    if above.top_um is None or above.length_um is None:
        return None
    return above.top_um + above.length_um + said.gap_above.value_um


def _unplaced(placed: list[PlacedSection]) -> list[str]:
    unknown = [one for one in placed if one.top_um is None]
    bare = [one.section for one in unknown if one.said.gap_above is None]
    hanging = [one.section for one in unknown if one.said.gap_above is not None]
    notes = [f"nothing says the top of section {', '.join(bare)}"] if bare else []
    if hanging:
        notes.append(
            f"section {', '.join(hanging)} has a gap above it, but the top or length of the "
            "section above is not known"
        )
    return notes


def _out_of_order(placed: list[PlacedSection]) -> list[str]:
    known = [(one.section, one.top_um) for one in placed if one.top_um is not None]
    return [
        f"section {below} lies above section {above}: "
        f"{in_cm(low)} cm in the core against {in_cm(high)} cm"
        for (above, high), (below, low) in pairwise(known)
        if low < high
    ]


def _with_overlaps(placed: list[PlacedSection], notes: list[str]) -> list[PlacedSection]:
    found = {one.section: one for one in placed}
    by_depth = sorted(
        (one for one in placed if one.top_um is not None), key=lambda one: one.top_um or 0
    )
    for above, below in pairwise(by_depth):
        if above.top_um is None or below.top_um is None or above.length_um is None:
            continue
        overlap_um = above.top_um + above.length_um - below.top_um
        if overlap_um >= NEGLIGIBLE_UM:
            notes.append(
                f"sections {above.section} and {below.section} overlap by {in_cm(overlap_um)} cm"
            )
            found[below.section] = PlacedSection(below.said, below.top_um, overlap_um)
    return list(found.values())
