"""``downcore depths show``: what the ledger says of a core, and which version says it."""

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from rich.table import Table

from downcore.commands.core_lookup import CoreIndex
from downcore.commands.depth_notes import length_notes, place_words
from downcore.commands.log_table import print_table
from downcore.store import Reader
from downcore.store.stored_cores import StoredCore
from downcore.strata.core_depths import DepthScale, PlacedSection
from downcore.strata.depth_ledger import Datum, Said, SectionSaid, Version, in_cm, in_m

CSV_COLUMNS = (
    "expedition", "core", "section", "top_in_core_cm", "top_in_hole_m", "gap_above_cm",
    "curated_length_cm", "expanded_length_cm", "core_top_in_hole_m", "shift_m",
)  # fmt: skip
"""Of the table that ``depths import`` reads again; a top stands under the datum it counts from."""


def list_cores(db: Path, out: TextIO) -> None:
    """Print the cores of a store, with how many sections have a depth in the core."""
    table = Table(box=None, pad_edge=False)
    for name in (
        "core",
        "sections",
        "in the store",
        "with a depth",
        "top in hole (m)",
        "shift (m)",
    ):
        table.add_column(name)
    with Reader.open(db) as reader:
        index = CoreIndex.of(reader)
        for core in map(index.core, index.names):
            depths = core.depths
            table.add_row(
                str(core.name),
                str(len(depths.sections)),
                str(len({one.section for one in core.scans})),
                str(sum(one.top_um is not None for one in depths.sections)),
                "" if depths.top_um is None else in_m(depths.top_um),
                "" if depths.shift_um is None else in_m(depths.shift_um),
            )
    print_table(table, out)


def show_depths(db: Path, name: str, out: TextIO, *, history: bool = False) -> None:
    """
    Print what the ledger says of a core, or of the cores of a hole.

    Parameters
    ----------
    db : Path
        The record.
    name : str
        Of the core or the hole.
    out : TextIO
        Where to print.
    history : bool, default False
        Whether every version is listed, too.

    Raises
    ------
    UnknownSectionError
        If the store has no such core.
    """
    with Reader.open(db) as reader:
        index = CoreIndex.of(reader)
        for core in index.find(name):
            notes = [*core.notes, *core.depths.notes, *length_notes(reader, core)]
            out.write(f"core {core.name}{_of_core(core)}\n")
            print_table(_table(core), out)
            out.writelines(f"note: {line}\n" for line in (*_overruled(core), *notes))
            if history:
                out.writelines(f"{line}\n" for line in _history(index.history(core.name), core))


def write_depths_csv(db: Path, name: str, out: TextIO) -> None:
    """
    Write what counts for a core as the table that ``depths import`` reads.

    Raises
    ------
    UnknownSectionError
        If the store has no such core.
    """
    with Reader.open(db) as reader:
        cores = CoreIndex.of(reader).find(name)
    csv.writer(out, lineterminator="\n").writerows(csv_rows(cores))


def csv_rows(cores: Sequence[StoredCore]) -> Iterator[Sequence[str]]:
    """Yield the header and a row for each section: exact numbers, as they count."""
    yield CSV_COLUMNS
    for core in cores:
        said = core.depths.said
        # A core of which only its top and shift are known has a row without a section.
        for one in said.sections or (SectionSaid(""),):
            is_in_hole = one.datum is Datum.HOLE
            yield (
                core.name.expedition,
                core.name.core,
                one.section,
                "" if is_in_hole else _text(one.top, in_cm),
                _text(one.top, in_m) if is_in_hole else "",
                *(
                    _text(n, in_cm)
                    for n in (one.gap_above, one.curated_length, one.expanded_length)
                ),
                *(_text(number, in_m) for number in (said.top, said.shift)),
            )


def _text(said: Said | None, unit: Callable[[int], str]) -> str:
    return "" if said is None else unit(said.value_um)


def _of_core(core: StoredCore) -> str:
    depths = core.depths
    words = []
    if depths.top_um is not None:
        source = depths.said.top
        by = f"({source.version})" if source is not None else "(the top of its first section)"
        words.append(f"top {in_m(depths.top_um)} m in the hole {by}")
    if depths.said.shift is not None:
        shift = depths.said.shift
        words.append(f"shift to composite depth {in_m(shift.value_um)} m ({shift.version})")
    return f": {', '.join(words)}" if words else ""


def _table(core: StoredCore) -> Table:
    table = Table(box=None, pad_edge=False)
    for head in ("section", "top in core (cm)", "top in hole (m)", "composite top (m)",
                 "curated (cm)", "expanded (cm)", "scanned (cm)"):  # fmt: skip
        table.add_column(head, justify="right")
    table.add_column("top said by")
    table.add_column("length said by")
    for one in core.depths.sections:
        said = one.said
        rows = max(
            (scan.stored.status.n_slices for scan in core.scans if scan.section == one.section),
            default=None,
        )
        table.add_row(
            one.section,
            "" if one.top_um is None else in_cm(one.top_um),
            _on(one, core, DepthScale.HOLE),
            _on(one, core, DepthScale.COMPOSITE),
            "" if said.curated_length is None else in_cm(said.curated_length.value_um),
            "" if said.expanded_length is None else in_cm(said.expanded_length.value_um),
            "not in the store" if rows is None else str(rows),
            _source(said.top or said.gap_above),
            _source(said.curated_length or said.expanded_length),
        )
    return table


def _on(one: PlacedSection, core: StoredCore, scale: DepthScale) -> str:
    offset_um = core.depths.offset_um(scale)
    return "" if one.top_um is None or offset_um is None else in_m(one.top_um + offset_um)


def _source(said: Said | None) -> str:
    return "" if said is None else str(said.version)


def _overruled(core: StoredCore) -> Iterator[str]:
    for one in core.depths.said.sections:
        counts = one.top or one.gap_above
        for entry, version in one.overruled:
            if counts is not None:
                yield (
                    f"section {one.section}: {_place_of(one)} ({counts.version}) stands before "
                    f"{place_words(entry)} ({version})"
                )


def _place_of(one: SectionSaid) -> str:
    if one.gap_above is not None:
        return f"{in_cm(one.gap_above.value_um)} cm below the section above"
    top_um = 0 if one.top is None else one.top.value_um
    if one.datum is Datum.HOLE:
        return f"top {in_m(top_um)} m in the hole"
    return f"top {in_cm(top_um)} cm in the core"


def _history(versions: Sequence[Version], core: StoredCore) -> Iterator[str]:
    for version in versions:
        draft = version.draft
        sections = [one.section for one in draft.sections if one.core == core.name]
        of = f"section {', '.join(sections)}" if sections else "the whole core"
        withdrawn = any(one.is_withdrawal for one in draft.entries if one.core == core.name)
        why = f": {draft.why}" if draft.why else ""
        yield f"version {version.number}: {version}, {of}{', withdrawn' * withdrawn}{why}"
