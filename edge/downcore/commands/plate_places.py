"""Which sections a plate shows, and where the depth ledger says they lie along its axis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from downcore.commands.core_log import chosen_halves
from downcore.commands.core_lookup import CoreIndex
from downcore.store.stored_values import StoredScan
from downcore.strata.core_depths import DepthScale, PlacedSection
from downcore.strata.errors import SectionError

DEPTH_NAMES: Mapping[DepthScale, str] = MappingProxyType(
    {
        DepthScale.SECTION: "Depth in section",
        DepthScale.CORE: "Depth in core",
        DepthScale.HOLE: "Depth in hole",
        DepthScale.COMPOSITE: "Composite depth",
    }
)
"""What the axis of a plate is called."""


@dataclass(frozen=True, slots=True)
class SectionPlace:
    """Where a section lies along the axis of a plate."""

    offset_um: int | None
    """Added to depth in the core, or to depth in the section where no section is placed; ``None``
    where there is no such depth."""
    section: PlacedSection | None = None
    scale: DepthScale = DepthScale.CORE

    def depth_um(self, depth_um: int) -> int | None:
        """Return the depth on the axis of a depth in the section; ``None`` if it is not known."""
        if self.offset_um is None:
            return None
        in_core_um = depth_um if self.section is None else self.section.depth_in_core_um(depth_um)
        return None if in_core_um is None else in_core_um + self.offset_um

    @property
    def scanned_length_um(self) -> int | None:
        """Depth in the section at which it ends; ``None`` where nothing says it."""
        return None if self.section is None else self.section.scanned_length_um


def sections_of_names(index: CoreIndex, names: Sequence[str], notes: list[str]) -> list[str]:
    """
    Return the sections that names mean: sections themselves, or those of a core or hole.

    Raises
    ------
    SectionError
        If a core has no section with rows.
    """
    known = {one.scan.section_id for one in index.scans}
    found: list[str] = []
    for name in names:
        if name in known or not index.has(name):
            found.append(name)
            continue
        of_core: list[str] = []
        for core in index.find(name):
            notes += [*core.notes, *core.depths.notes]
            of_core += [one.stored.scan.section_id for one in chosen_halves(core, notes)]
        if not of_core:
            raise SectionError(f"core {name} has no section with rows in the store")
        found += of_core
    return list(dict.fromkeys(found))


def default_scale(index: CoreIndex, stored: Sequence[StoredScan]) -> DepthScale:
    """Return depth in the core for sections of one core, in the hole for those of several."""
    cores = {None if (place := index.place_of(one)) is None else place[0] for one in stored}
    return DepthScale.CORE if len(cores) <= 1 else DepthScale.HOLE


def section_places(
    index: CoreIndex, stored: Sequence[StoredScan], scale: DepthScale
) -> list[SectionPlace]:
    """Return where sections lie along an axis."""
    found = []
    for one in stored:
        place = index.place_of(one)
        if place is None:
            found.append(SectionPlace(None, scale=scale))
            continue
        depths = index.core(place[0]).depths
        found.append(SectionPlace(depths.offset_um(scale), depths.section(place[1]), scale))
    return found
