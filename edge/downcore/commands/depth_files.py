"""Files that say where sections lie: section summaries, affine tables, plain tables, sidecars."""

import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from downcore.commands.depth_columns import DepthColumns, Field, columns_of, is_header
from downcore.file_names import printable
from downcore.sources.formats.geotek import geotek_sidecar
from downcore.strata.core_depths import missing_numbers
from downcore.strata.depth_ledger import (
    CoreEntry,
    CoreName,
    Datum,
    DepthSource,
    Draft,
    SectionEntry,
    in_m,
    section_key,
    section_order,
)
from downcore.strata.errors import DepthLedgerError, SegmentError
from downcore.strata.input_text import name_text, shown

_MAX_BYTES = 16 * 1024 * 1024
_MAX_TITLE_ROWS = 12
_ROUNDING_UM = 10_000
"""By how much depths that are rounded to centimetres may disagree."""


@dataclass(frozen=True, slots=True)
class ReadDepths:
    """What a file says, before it is compared with the record."""

    draft: Draft
    """An expedition that the file does not name is empty."""
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Table:
    """What was read of a table so far."""

    columns: DepthColumns
    sections: dict[tuple[CoreName, str], SectionEntry] = field(default_factory=dict)
    cores: dict[CoreName, CoreEntry] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def cell(self, row: Sequence[str], name: Field) -> str:
        """Return a cell without blanks around it; empty where there is no such column."""
        column = self.columns.of.get(name)
        return row[column.at].strip() if column is not None and column.at < len(row) else ""

    def length_um(self, row: Sequence[str], name: Field, where: str) -> int | None:
        """Return a length of any sign; ``None`` where there is none."""
        column = self.columns.of.get(name)
        return None if column is None else column.length_um(self.cell(row, name), where)


def read_depths(path: Path, made_by: str, why: str) -> ReadDepths:
    """
    Read a section summary, an affine table, a plain table or a Geotek sidecar.

    Parameters
    ----------
    path : Path
        The file; one that ends in ``.xml`` is a sidecar.
    made_by, why : str
        Who imports it, and why.

    Raises
    ------
    DepthLedgerError
        If it cannot be read, or what it says cannot be; names the line.
    """
    raw = _bytes_of(path)
    digest = hashlib.sha256(raw).hexdigest()
    name = printable(path.name)
    if path.suffix.lower() == ".xml":
        return _sidecar(path, Draft(DepthSource.SIDECAR, made_by, why, name, digest))
    table = _table_of(raw, name)
    sections = tuple(table.sections.values())
    cores = tuple(entry for entry in table.cores.values() if _says_something(entry))
    table.notes += _checked_order(sections, name)
    draft = Draft(_source_of(table), made_by, why, name, digest, sections, cores)
    return ReadDepths(draft, (*table.columns.notes, *table.notes))


def _bytes_of(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise DepthLedgerError(f"expected a file of depths, got none: {printable(path)}")
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise DepthLedgerError(f"cannot read {printable(path)}: {error.strerror}") from None
    if len(raw) > _MAX_BYTES:
        raise DepthLedgerError(f"expected at most {_MAX_BYTES} bytes in {printable(path)}")
    return raw


def _sidecar(path: Path, draft: Draft) -> ReadDepths:
    try:
        sidecar = geotek_sidecar(path, None)
    except SegmentError as error:
        raise DepthLedgerError(str(error)) from None
    if not sidecar.core or not sidecar.section or sidecar.section_top_um is None:
        lacking = [
            what
            for what, is_there in (
                ("core", sidecar.core),
                ("section", sidecar.section),
                ("physical-top", sidecar.section_top_um is not None),
            )
            if not is_there
        ]
        said = "".join(f"; {one}" for one in sidecar.warnings)
        raise DepthLedgerError(
            f"expected core, section and physical-top in {draft.file_name}, got no usable "
            f"{', '.join(lacking)}{said}; enter the top with 'downcore depths edit'"
        )
    if sidecar.section_top_um < 0:
        raise DepthLedgerError(f"{draft.file_name}: expected a physical-top of 0 or more")
    entry = SectionEntry(
        CoreName("", sidecar.core), section_key(sidecar.section), sidecar.section_top_um
    )
    read = Draft(
        draft.source, draft.made_by, draft.why, draft.file_name, draft.file_sha256, (entry,)
    )
    return ReadDepths(read, sidecar.warnings)


def _table_of(raw: bytes, name: str) -> _Table:
    rows = _rows_of(raw, name)
    at = next((i for i, (_, row) in enumerate(rows[:_MAX_TITLE_ROWS]) if is_header(row)), None)
    if at is None:
        raise DepthLedgerError(
            f"{name}: expected a header with core or section and a depth with its unit, such as "
            "core,section,top_cm; got none"
        )
    table = _Table(columns_of(rows[at][1], name))
    _check_columns(table.columns, name)
    for line, row in rows[at + 1 :]:
        _take(table, row, f"{name}, line {line}")
    if not table.cores:
        raise DepthLedgerError(f"{name}: expected rows below the header, got none")
    return table


def _rows_of(raw: bytes, name: str) -> list[tuple[int, list[str]]]:
    """Return the rows that are not blank with the number of their line."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = raw.decode("utf-16", errors="replace")
    else:
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = raw.decode("latin-1")
    if "\0" in text:
        raise DepthLedgerError(f"{name}: expected a table as text, such as CSV; got other bytes")
    start = text[:4000]
    delimiter = max("\t;,", key=lambda one: (start.count(one) > 0, one != ",", start.count(one)))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise DepthLedgerError(f"{name}, line {reader.line_num}: {error}") from None


def _check_columns(columns: DepthColumns, name: str) -> None:
    has = set(columns.of)
    named = {Field.SITE, Field.HOLE, Field.CORE, Field.TYPE}
    if Field.SITE in has and not named <= has:
        lacking = ", ".join(sorted(one.value for one in named - has))
        raise DepthLedgerError(
            f"{name}: expected columns site, hole, core and type, lacks {lacking}"
        )
    if Field.CORE not in has:
        raise DepthLedgerError(f"{name}: expected a column core, got none")
    of_core = {Field.CORE_TOP, Field.SHIFT}
    of_section = {Field.TOP_IN_CORE, Field.TOP_IN_HOLE, Field.GAP_ABOVE,
                  Field.CURATED_LENGTH, Field.EXPANDED_LENGTH}  # fmt: skip
    if Field.SECTION in has and not has & (of_section | of_core):
        raise DepthLedgerError(f"{name}: expected tops or lengths of sections, got none")
    if Field.SECTION not in has and not has & of_core:
        raise DepthLedgerError(
            f"{name}: expected a column section with tops, or for whole cores a cumulative "
            "offset or core_top_in_hole; got neither"
        )
    if {Field.TOP_IN_CORE, Field.TOP_IN_HOLE} <= has and Field.SITE in has:
        raise DepthLedgerError(
            f"{name}: expected tops below the core's top or below the hole's, got both: "
            f"{columns.of[Field.TOP_IN_CORE].written!r}, {columns.of[Field.TOP_IN_HOLE].written!r}"
        )


def _take(table: _Table, row: Sequence[str], where: str) -> None:
    core = _core_name(table, row, where)
    _take_core(table, core, row, where)
    if Field.SECTION not in table.columns.of:
        return
    section = name_text(table.cell(row, Field.SECTION))
    if section is None and _says_something(table.cores[core]):
        return
    if section is None:
        raise DepthLedgerError(f"{where}: expected a section, got none")
    entry = _section_entry(table, row, (core, section_key(section)), where)
    key = (core, entry.section)
    if key in table.sections:
        if table.sections[key] != entry:
            raise DepthLedgerError(
                f"{where}: section {section} of core {core} is there twice, with other numbers; "
                "leave one of them out"
            )
        table.notes.append(f"section {section} of core {core} is there twice, the same")
    table.sections[key] = entry


def _core_name(table: _Table, row: Sequence[str], where: str) -> CoreName:
    parts = [table.cell(row, name) for name in (Field.SITE, Field.HOLE, Field.CORE, Field.TYPE)]
    site, hole, core, kind = parts
    if Field.SITE in table.columns.of:
        if not all(parts):
            raise DepthLedgerError(f"{where}: expected site, hole, core and type, got {parts}")
        core = f"{site}{hole}-{core}{kind}"
    name = name_text(core)
    if name is None:
        raise DepthLedgerError(f"{where}: expected the name of a core, got {shown(core)}")
    return CoreName(table.cell(row, Field.EXPEDITION), name)


def _take_core(table: _Table, core: CoreName, row: Sequence[str], where: str) -> None:
    top_um = table.length_um(row, Field.CORE_TOP, where)
    shift_um = table.length_um(row, Field.SHIFT, where)
    _refuse_negative("core top", top_um, where)
    depth_um = table.length_um(row, Field.DEPTH, where)
    composite_um = table.length_um(row, Field.COMPOSITE_DEPTH, where)
    before_um = top_um if depth_um is None else depth_um
    if shift_um is not None and before_um is not None and composite_um is not None:
        off_um = before_um + shift_um - composite_um
        if abs(off_um) > _ROUNDING_UM:
            raise DepthLedgerError(
                f"{where}: depth {in_m(before_um)} m and offset {in_m(shift_um)} m "
                f"give {in_m(before_um + shift_um)} m, but the composite depth is "
                f"{in_m(composite_um)} m"
            )
    known = table.cores.get(core, CoreEntry(core))
    for was, now, what in (
        (known.top_um, top_um, "top"),
        (known.shift_um, shift_um, "shift"),
    ):
        if was is not None and now is not None and was != now:
            raise DepthLedgerError(
                f"{where}: core {core} has two values for its {what}: {in_m(was)} m and "
                f"{in_m(now)} m"
            )
    table.cores[core] = CoreEntry(
        core,
        known.top_um if top_um is None else top_um,
        known.shift_um if shift_um is None else shift_um,
    )


def _section_entry(
    table: _Table, row: Sequence[str], key: tuple[CoreName, str], where: str
) -> SectionEntry:
    core, section = key
    numbers = {
        name: table.length_um(row, name, where)
        for name in (
            Field.TOP_IN_CORE,
            Field.TOP_IN_HOLE,
            Field.BOTTOM_IN_HOLE,
            Field.GAP_ABOVE,
            Field.CURATED_LENGTH,
            Field.EXPANDED_LENGTH,
        )
    }
    for name, value in numbers.items():
        _refuse_negative(f"{name.value} of section {section}", value, where)
    curated, expanded = numbers[Field.CURATED_LENGTH], numbers[Field.EXPANDED_LENGTH]
    if curated == 0 or expanded == 0:
        raise DepthLedgerError(f"{where}: expected a length above 0 for section {section}, got 0")
    places = [numbers[Field.TOP_IN_CORE], numbers[Field.TOP_IN_HOLE], numbers[Field.GAP_ABOVE]]
    if sum(one is not None for one in places) > 1:
        raise DepthLedgerError(
            f"{where}: expected one of top_in_core, top_in_hole and gap_above for section "
            f"{section}, got more"
        )
    in_hole, bottom = numbers[Field.TOP_IN_HOLE], numbers[Field.BOTTOM_IN_HOLE]
    if in_hole is not None and bottom is not None and curated is not None:
        off_um = in_hole + curated - bottom
        if abs(off_um) > _ROUNDING_UM:
            table.notes.append(
                f"section {section} of core {core}: top and curated length give a bottom of "
                f"{in_m(in_hole + curated)} m, the file says {in_m(bottom)} m; "
                "the length counts"
            )
    return SectionEntry(
        core=core,
        section=section,
        top_um=numbers[Field.TOP_IN_CORE] if in_hole is None else in_hole,
        datum=Datum.CORE if in_hole is None else Datum.HOLE,
        gap_above_um=numbers[Field.GAP_ABOVE],
        curated_length_um=curated,
        expanded_length_um=expanded,
    )


def _refuse_negative(what: str, value_um: int | None, where: str) -> None:
    if value_um is not None and value_um < 0:
        raise DepthLedgerError(f"{where}: expected a {what} of 0 or more, got {in_m(value_um)} m")


def _source_of(table: _Table) -> DepthSource:
    has = set(table.columns.of)
    if Field.SECTION not in has:
        return DepthSource.COMPOSITE if Field.SHIFT in has else DepthSource.TABLE
    is_summary = {Field.SITE, Field.TOP_IN_HOLE} <= has and Field.SHIFT not in has
    return DepthSource.SUMMARY if is_summary else DepthSource.TABLE


def _says_something(entry: CoreEntry) -> bool:
    return entry.top_um is not None or entry.shift_um is not None


def _checked_order(sections: Sequence[SectionEntry], name: str) -> Iterator[str]:
    """Refuse sections that lie above the one before them; yield what is missing."""
    for core in dict.fromkeys(entry.core for entry in sections):
        of_core = sorted(
            (entry for entry in sections if entry.core == core),
            key=lambda entry: section_order(entry.section),
        )
        for datum in Datum:
            placed = [
                (entry.section, entry.top_um)
                for entry in of_core
                if entry.top_um is not None and entry.datum is datum
            ]
            for (above, high), (below, low) in pairwise(placed):
                if low <= high:
                    raise DepthLedgerError(
                        f"{name}: sections of core {core} are out of order: section {below} has "
                        f"its top at {in_m(low)} m, not below that of section {above} at "
                        f"{in_m(high)} m; look whether two sections are swapped"
                    )
        missing = missing_numbers([entry.section for entry in of_core])
        if missing:
            yield f"core {core} lacks section {', '.join(missing)}"
