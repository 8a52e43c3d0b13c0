"""What a person should know of depths: what they change, what they lack, what does not fit."""

from collections.abc import Callable, Iterator

from downcore.commands.core_lookup import CoreIndex
from downcore.store import Reader
from downcore.store.stored_cores import StoredCore
from downcore.strata.core_depths import NEGLIGIBLE_UM
from downcore.strata.depth_ledger import (
    UM_PER_CM,
    CoreEntry,
    CoreSaid,
    Datum,
    Draft,
    Said,
    SectionEntry,
    SectionSaid,
    in_cm,
    in_m,
    is_other_place,
)


def changes(index: CoreIndex, draft: Draft) -> list[str]:
    """Return what a draft says that the ledger does not say yet, in sentences."""
    found: list[str] = []
    for entry in draft.sections:
        said = index.core(entry.core).depths.said
        section = next((one for one in said.sections if one.section == entry.section), None)
        what = f"section {entry.section} of core {entry.core}"
        found += [f"{what}: {text}" for text in _section_changes(entry, section)]
    for core in draft.cores:
        said = index.core(core.core).depths.said
        found += [f"core {core.core}: {text}" for text in _core_changes(core, said)]
    return found


def place_words(entry: SectionEntry) -> str:
    """Return a top or a gap in words."""
    if entry.gap_above_um is not None:
        return f"{in_cm(entry.gap_above_um)} cm below the section above"
    if entry.top_um is None:
        return "no top"
    return top_words(entry.top_um, entry.datum)


def top_words(top_um: int, datum: Datum) -> str:
    """Return a top in words, in the unit of its datum."""
    if datum is Datum.HOLE:
        return f"top {in_m(top_um)} m in the hole"
    return f"top {in_cm(top_um)} cm in the core"


def coverage_notes(core: StoredCore, draft: Draft) -> Iterator[str]:
    """Yield which sections a file has that the store lacks, and the other way round."""
    in_file = [entry.section for entry in draft.sections if entry.core == core.name]
    in_store = list(dict.fromkeys(one.section for one in core.scans))
    if not in_file:
        if not in_store:
            yield f"core {core.name}: no section of it is in the store; its depths are kept"
        return
    absent = [section for section in in_file if section not in in_store]
    if absent:
        yield (
            f"core {core.name}: not in the store: section {', '.join(absent)}; the depths are kept"
        )
    unsaid = [section for section in in_store if section not in in_file]
    if unsaid:
        yield f"core {core.name}: {draft.file_name} lacks section {', '.join(unsaid)} of the store"


def length_notes(reader: Reader, core: StoredCore) -> Iterator[str]:
    """Yield where the rows of sections do not reach to their ends, or reach below them."""
    too_long: list[str] = []
    too_short: list[str] = []
    for one in core.scans:
        section = core.depths.section(one.section)
        length_um = None if section is None else section.scanned_length_um
        newest = reader.latest(one.stored.scan.section_id)
        if length_um is None or newest is None:
            continue
        over_um = newest.row.core_slice.bottom_um - length_um
        name = one.stored.scan.section_id
        if over_um >= NEGLIGIBLE_UM:
            too_long.append(f"{name} by {in_cm(over_um)} cm")
        elif -over_um > UM_PER_CM:
            too_short.append(f"{name} by {in_cm(-over_um)} cm")
    if too_long:
        yield (
            "rows reach below the length of their section, and are left out of depth in the core: "
            f"{', '.join(too_long)}"
        )
    if too_short:
        yield f"rows end above the length of their section: {', '.join(too_short)}"


def _section_changes(entry: SectionEntry, said: SectionSaid | None) -> Iterator[str]:
    before = said or SectionSaid(entry.section)
    if entry.top_um is not None or entry.gap_above_um is not None:
        was = SectionEntry(
            entry.core,
            entry.section,
            None if before.top is None else before.top.value_um,
            before.datum if before.top is not None else Datum.CORE,
            None if before.gap_above is None else before.gap_above.value_um,
        )
        if is_other_place(was, entry):
            source = before.top or before.gap_above
            yield place_words(entry) + (
                "" if source is None else f"; was {place_words(was)} ({source.version})"
            )
    yield from _number_change(
        "curated length", entry.curated_length_um, before.curated_length, in_cm, "cm"
    )
    yield from _number_change(
        "expanded length", entry.expanded_length_um, before.expanded_length, in_cm, "cm"
    )


def _core_changes(entry: CoreEntry, said: CoreSaid) -> Iterator[str]:
    yield from _number_change("top in the hole", entry.top_um, said.top, in_m, "m")
    yield from _number_change("shift to composite depth", entry.shift_um, said.shift, in_m, "m")


def _number_change(
    what: str, now_um: int | None, was: Said | None, text: Callable[[int], str], unit: str
) -> Iterator[str]:
    if now_um is None or (was is not None and was.value_um == now_um):
        return
    before = "" if was is None else f"; was {text(was.value_um)} {unit} ({was.version})"
    yield f"{what} {text(now_um)} {unit}{before}"
