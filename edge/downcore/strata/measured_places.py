"""Where a logger's rows lie: its names and depths, matched to sections by the depth ledger."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from downcore.strata.core_depths import CoreDepths, PlacedSection
from downcore.strata.depth_ledger import CoreName, in_cm, section_key

_SLACK_UM = 10_000
"""By how much a row may lie outside a core: sensors are not placed more exactly than that."""
_BEYOND_UM = 1_000_000
"""Depths so far below a core's end count from the top of the hole, where that fits."""


@dataclass(frozen=True, slots=True)
class KnownSection:
    """A section of which the record has a scan."""

    section_id: str
    core: CoreName | None
    """``None`` where nothing says a core."""
    section: str
    """Its name in the depth ledger."""
    is_whole_core: bool
    """Whether the core was not cut, so that depth in the core is depth in the section."""
    length_um: int
    """Of its rows so far."""


@dataclass(frozen=True, slots=True)
class RowPlace:
    """What a logger's file says of where a row lies."""

    core: str
    section: str
    section_depth_um: int | None
    core_depth_um: int | None


@dataclass(frozen=True, slots=True)
class Match:
    """Where a row lies in the record."""

    section_id: str = ""
    depth_um: int | None = None
    frame: str = ""
    """Which of the row's depths was used, and from where it counts."""
    unmatched: str = ""
    """Why there is no section."""


NameParts = Callable[[str], tuple[str, str]]
"""Returns the core and the section that a file's name stands for, empty where it says none."""


class MeasuredPlaces:
    """
    Matches rows to the sections of a record.

    Parameters
    ----------
    sections : sequence of KnownSection
        In the order they were met; the first of several halves is taken.
    depths : mapping of CoreName to CoreDepths
        What the depth ledger says of each of their cores.
    name_parts : callable
        Reads names that are no core's, by the patterns of the inbox.
    """

    def __init__(
        self,
        sections: Sequence[KnownSection],
        depths: Mapping[CoreName, CoreDepths],
        name_parts: NameParts,
    ) -> None:
        self._depths = depths
        self._name_parts = name_parts
        self._by_core: dict[CoreName, dict[str, KnownSection]] = {}
        self._by_id: dict[str, KnownSection] = {}
        for one in sections:
            self._by_id.setdefault(_squashed(one.section_id), one)
            if one.core is not None:
                self._by_core.setdefault(one.core, {}).setdefault(one.section, one)
        self._core_of = cache(self._find_core)

    def match(self, row: RowPlace, deepest_um: int | None = None) -> Match:
        """
        Return where a row lies.

        Parameters
        ----------
        row : RowPlace
            What the file says.
        deepest_um : int, optional
            The greatest depth in the core among the rows of the same core, which tells depth in
            the core from depth in the hole.
        """
        alone = self._by_id.get(_squashed(row.core + row.section))
        if alone is not None:
            return _in_section(alone, row)
        core, section, why = self._core_of(row.core)
        if core is None:
            return Match(unmatched=why)
        return self._in_core(core, section_key(row.section or section), row, deepest_um)

    def _in_core(self, core: CoreName, name: str, row: RowPlace, deepest_um: int | None) -> Match:
        mine = self._by_core[core]
        only = next(iter(mine.values())) if len(mine) == 1 else None
        if only is not None and only.is_whole_core and row.core_depth_um is not None:
            return _at(only, row.core_depth_um, "core")
        if name and row.section_depth_um is not None:
            known = mine.get(name)
            if known is None:
                return Match(unmatched=f"no scan of section {name} of core {core} is in the store")
            return _at(known, row.section_depth_um, "section")
        if row.core_depth_um is not None:
            return self._by_depth(core, row.core_depth_um, deepest_um)
        if row.section_depth_um is not None and only is not None:
            return _at(only, row.section_depth_um, "section")
        lacking = "section" if row.section_depth_um is not None else "depth"
        return Match(unmatched=f"the row of core {core} has no {lacking}")

    def _find_core(self, text: str) -> tuple[CoreName | None, str, str]:
        """Return the core that a file means, the section in the name, and why there is no core."""
        core, section = self._name_parts(text)
        for asked in dict.fromkeys(filter(None, (text, core))):
            folded = _folded(asked)
            whole = [one for one in self._by_core if _folded(str(one)) == folded]
            found = whole or [one for one in self._by_core if _folded(one.core) == folded]
            if len(found) == 1:
                return found[0], "" if asked == text else section, ""
            if found:
                several = " and ".join(map(str, found))
                return None, "", f"core {text} may be {several}; nothing says which"
        return None, "", f"no scan of core {text} is in the store"

    def _by_depth(self, core: CoreName, depth_um: int, deepest_um: int | None) -> Match:
        depths, mine = self._depths[core], self._by_core[core]
        placed = [one for one in depths.sections if one.top_um is not None]
        if not placed:
            known = next(iter(mine.values()))
            if len(mine) == 1 and known.section == "1":
                return _at(known, depth_um, "core")
            return Match(unmatched=f"nothing says where the sections of core {core} lie")
        placed.sort(key=lambda one: one.top_um or 0)
        ends = [_end_um(one, mine.get(one.section)) for one in placed]
        frame, in_core_um = "core", depth_um
        top_um, deepest_um = depths.top_um or 0, max(deepest_um or 0, depth_um)
        beyond_um = max(max(ends) + _BEYOND_UM, top_um)
        if top_um and beyond_um < deepest_um <= top_um + max(ends) + _BEYOND_UM:
            frame, in_core_um = "hole", depth_um - top_um
        above = [i for i, one in enumerate(placed) if (one.top_um or 0) <= in_core_um]
        if not above:
            return Match(unmatched=f"{in_cm(depth_um)} cm lies above the sections of core {core}")
        one, end_um = placed[above[-1]], ends[above[-1]]
        if in_core_um > end_um + _SLACK_UM:
            return Match(
                unmatched=f"{in_cm(depth_um)} cm lies below section {one.section} of core {core}"
            )
        section = mine.get(one.section)
        if section is None:
            return Match(
                unmatched=f"no scan of section {one.section} of core {core} is in the store"
            )
        return _at(section, _in_section_um(one, in_core_um), frame)


def _end_um(one: PlacedSection, scanned: KnownSection | None) -> int:
    top_um = one.top_um or 0
    if one.length_um is not None:
        return top_um + one.length_um
    return top_um + (0 if scanned is None else scanned.length_um)


def _in_section_um(one: PlacedSection, in_core_um: int) -> int:
    """Return the depth in a section of a depth in the core; an expanded section is stretched."""
    offset_um = in_core_um - (one.top_um or 0)
    length, scanned = one.length_um, one.scanned_length_um
    if length is None or scanned is None or length == scanned:
        return offset_um
    return (2 * offset_um * scanned + length) // (2 * length)


def _in_section(section: KnownSection, row: RowPlace) -> Match:
    if row.section_depth_um is not None:
        return _at(section, row.section_depth_um, "section")
    if row.core_depth_um is None:
        return Match(unmatched=f"the row of section {section.section_id} has no depth")
    return _at(section, row.core_depth_um, "core")


def _at(section: KnownSection, depth_um: int, frame: str) -> Match:
    if depth_um < 0:
        return Match(
            frame=frame,
            unmatched=f"{in_cm(depth_um)} cm lies above the top of section {section.section_id}",
        )
    return Match(section.section_id, depth_um, frame)


def _folded(name: str) -> str:
    return re.sub(r"[-_ ]+", "-", name.strip()).casefold()


def _squashed(name: str) -> str:
    return re.sub(r"[-_ .]+", "", name).casefold()
