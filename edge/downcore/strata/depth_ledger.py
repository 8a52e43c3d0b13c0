"""
The depth ledger: what sidecars, files and people said of where the sections of a core lie.

Nothing is replaced: each import and each edit is a version, and of each number the newest version
that says it counts.
"""

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

UM_PER_CM = 10_000
UM_PER_M = 1_000_000


_Entry = TypeVar("_Entry", "SectionEntry", "CoreEntry")


class DepthSource(enum.StrEnum):
    """What a version of the ledger was made from."""

    SIDECAR = "sidecar"
    """The file that a scanner writes beside an image."""
    SUMMARY = "summary file"
    """A section summary of IODP or ODP: tops below the sea floor."""
    TABLE = "table"
    """A table with the columns of ``downcore depths show --csv``."""
    COMPOSITE = "composite table"
    """An affine table: a shift for each core."""
    TYPED = "typed"
    """A person, on the command line."""


class Datum(enum.StrEnum):
    """From where the depth of a section's top counts."""

    CORE = "core"
    """From the core's top."""
    HOLE = "hole"
    """From the top of the hole: the sea or lake floor, as CSF-A, mbsf and mblf do."""


@dataclass(frozen=True, slots=True, order=True)
class CoreName:
    """Which core: its names in the record."""

    expedition: str
    """Empty where it is not known."""
    core: str

    def __str__(self) -> str:
        return "-".join(filter(None, (self.expedition, self.core)))


@dataclass(frozen=True, slots=True)
class SectionEntry:
    """What a version says of one section; ``None`` where it says nothing."""

    core: CoreName
    section: str
    """As :func:`section_key` writes it."""
    top_um: int | None = None
    """Depth of its top below the datum, 0 or more."""
    datum: Datum = Datum.CORE
    gap_above_um: int | None = None
    """Core that is missing between the section above and this one, in place of a top."""
    curated_length_um: int | None = None
    """How much of the core's depth the section takes, more than 0."""
    expanded_length_um: int | None = None
    """How long the section was when it was scanned, where it had expanded to that."""
    is_withdrawal: bool = False
    """Whether earlier versions do not count any more for this section, but for its sidecars."""

    def __post_init__(self) -> None:
        if self.top_um is not None and self.gap_above_um is not None:
            raise ValueError(f"expected a top or a gap above section {self.section}, got both")
        if min(self.top_um or 0, self.gap_above_um or 0) < 0:
            raise ValueError(f"expected a depth of 0 or more for section {self.section}")
        lengths = (self.curated_length_um, self.expanded_length_um)
        if any(length is not None and length <= 0 for length in lengths):
            raise ValueError(f"expected a length above 0 for section {self.section}")


@dataclass(frozen=True, slots=True)
class CoreEntry:
    """What a version says of a whole core; ``None`` where it says nothing."""

    core: CoreName
    top_um: int | None = None
    """Depth of the core's top in the hole."""
    shift_um: int | None = None
    """From depth in the hole to composite depth: the affine or cumulative offset, of any sign."""
    is_withdrawal: bool = False
    """Whether earlier versions do not count any more for the core's top and shift."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A version that is not in the record yet."""

    source: DepthSource
    made_by: str
    """Name of the user at the operating system."""
    why: str = ""
    file_name: str = ""
    """Empty where it was typed."""
    file_sha256: str = ""
    sections: tuple[SectionEntry, ...] = ()
    cores: tuple[CoreEntry, ...] = ()

    @property
    def entries(self) -> tuple[SectionEntry | CoreEntry, ...]:
        """All that it says, of sections first."""
        return (*self.sections, *self.cores)


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the ledger in the record."""

    number: int
    """Counts up; 0 for what a scan's own sidecar said, which comes before all others."""
    made_utc: str
    draft: Draft

    def __str__(self) -> str:
        """Say it in words: what it was made from, by whom, when."""
        draft = self.draft
        what = " ".join(filter(None, (draft.source.value, draft.file_name)))
        by = f" by {draft.made_by}" if draft.made_by else ""
        return f"{what}{by}, {self.made_utc[:10]}"


@dataclass(frozen=True, slots=True)
class Said:
    """A number and the version that says it."""

    value_um: int
    version: Version


@dataclass(frozen=True, slots=True)
class SectionSaid:
    """What counts for one section."""

    section: str
    top: Said | None = None
    datum: Datum = Datum.CORE
    gap_above: Said | None = None
    curated_length: Said | None = None
    expanded_length: Said | None = None
    overruled: tuple[tuple[SectionEntry, Version], ...] = ()
    """Earlier tops that are others than the one that counts, the newest first."""


@dataclass(frozen=True, slots=True)
class CoreSaid:
    """What counts for one core."""

    core: CoreName
    sections: tuple[SectionSaid, ...]
    """In the order of their names."""
    top: Said | None = None
    """Of the core in the hole."""
    shift: Said | None = None


def in_cm(length_um: int) -> str:
    """Return a length as exact text in centimetres, without its unit."""
    return _decimal(length_um, 4)


def in_m(length_um: int) -> str:
    """Return a length as exact text in metres, without its unit."""
    return _decimal(length_um, 6)


def _decimal(length_um: int, n_decimals: int) -> str:
    whole, rest = divmod(abs(length_um), 10**n_decimals)
    decimals = f"{rest:0{n_decimals}d}".rstrip("0")
    return f"{'-' * (length_um < 0)}{whole}{'.' * bool(decimals)}{decimals}"


def section_key(section: str) -> str:
    """Return a section's name as the ledger has it: ``01`` and ``1`` are one, ``cc`` is ``CC``."""
    text = section.strip()
    if text.isascii() and text.isdecimal():
        return str(int(text))
    return "CC" if text.upper() == "CC" else text


def section_order(section: str) -> tuple[bool, list[tuple[int, str]]]:
    """Return what sections sort by: numbers as numbers, the core catcher last."""
    parts = re.findall(r"[0-9]+|[^0-9]+", section)
    return section == "CC", [(int(p), "") if p.isdecimal() else (-1, p) for p in parts]


def is_other_place(entry: SectionEntry, other: SectionEntry) -> bool:
    """Return whether two entries put a section at different places."""
    first, second = (
        (one.top_um, one.gap_above_um, one.datum if one.top_um is not None else None)
        for one in (entry, other)
    )
    return first != second


def core_said(core: CoreName, versions: Sequence[Version]) -> CoreSaid:
    """
    Return what counts for a core.

    Parameters
    ----------
    core : CoreName
        Which core.
    versions : sequence of Version
        The oldest first; of each number the last that says it counts.
    """
    entries = [
        (entry, version)
        for version in reversed(versions)
        for entry in version.draft.sections
        if entry.core == core
    ]
    names = sorted({entry.section for entry, _ in entries}, key=section_order)
    whole = _until_withdrawn(
        [
            (entry, version)
            for version in reversed(versions)
            for entry in version.draft.cores
            if entry.core == core
        ]
    )
    return CoreSaid(
        core=core,
        sections=tuple(
            _section_said(name, [(e, v) for e, v in entries if e.section == name]) for name in names
        ),
        top=_first([(entry.top_um, version) for entry, version in whole]),
        shift=_first([(entry.shift_um, version) for entry, version in whole]),
    )


def _section_said(section: str, entries: list[tuple[SectionEntry, Version]]) -> SectionSaid:
    known = _until_withdrawn(entries)
    places = [(e, v) for e, v in known if e.top_um is not None or e.gap_above_um is not None]
    place = places[0][0] if places else SectionEntry(CoreName("", ""), section)
    is_other = [is_other_place(entry, place) for entry, _ in places]
    return SectionSaid(
        section=section,
        top=_first([(entry.top_um, version) for entry, version in places[:1]]),
        datum=place.datum,
        gap_above=_first([(entry.gap_above_um, version) for entry, version in places[:1]]),
        curated_length=_first([(entry.curated_length_um, version) for entry, version in known]),
        expanded_length=_first([(entry.expanded_length_um, version) for entry, version in known]),
        overruled=tuple(one for one, other in zip(places, is_other, strict=True) if other),
    )


def _until_withdrawn(entries: list[tuple[_Entry, Version]]) -> list[tuple[_Entry, Version]]:
    """Return the entries, newest first, that came after the last withdrawal, and of sidecars."""
    for i, (entry, _) in enumerate(entries):
        if entry.is_withdrawal:
            return entries[:i] + [one for one in entries[i:] if one[1].number == 0]
    return entries


def _first(values: Sequence[tuple[int | None, Version]]) -> Said | None:
    return next((Said(value, version) for value, version in values if value is not None), None)
