"""``downcore log``: the store's rows as a table or CSV, for people and spreadsheets."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.table import Table

from downcore.commands.beside_rows import beside_of
from downcore.commands.flag_words import flag_notes, marks_of
from downcore.commands.log_columns import LOG_COLUMNS, Column, Row, log_rows
from downcore.commands.measured_slices import measured_notes
from downcore.commands.section_lookup import chosen_scan
from downcore.store import Reader
from downcore.store.stored_values import StoredRow, StoredScan
from downcore.store.waiting_corrections import waiting_corrections
from downcore.strata.depth import SLICE_UM
from downcore.strata.depthlog import Estimate, SliceRow
from downcore.strata.measured_slices import Beside, MeasuredSlice
from downcore.strata.properties import PROPERTIES
from downcore.strata.record import ScanState
from downcore.strata.scan_corrections import Correction

PLAIN_WIDTH = 240
"""Columns of a table that goes into a file or a pipe."""

PROPERTY_TITLES = tuple(f"{one.name} ({one.unit})" for one in PROPERTIES)
"""Heads of the columns of properties in a table."""


def list_sections(db: Path, out: TextIO) -> None:
    """Print the sections of a store, with how far each has come."""
    table = Table(box=None, pad_edge=False)
    for name in ("section", "scan", "state", "cm", "format", "px/cm", "updated (UTC)"):
        table.add_column(name)
    with Reader.open(db) as reader:
        for one in reader.sections():
            status, scan = one.status, one.scan
            table.add_row(
                scan.section_id,
                scan.scan_id[:8],
                # A question is too long for a column; it follows the table.
                status.state
                if status.state is ScanState.QUESTIONED
                else f"{status.state} {status.reason}".strip(),
                str(status.n_slices),
                scan.format,
                f"{float(scan.px_per_cm):g}",
                status.updated_utc,
            )
        refused = reader.quarantined()
        questioned = reader.questioned()
        copies = [
            f"{one.scan.section_id}: a copy of {original.scan.section_id}, whose log is for both"
            for one in reader.scans()
            if (original := reader.scan(one.status.duplicate_of or "")) is not None
            and original.scan.section_id != one.scan.section_id
        ]
        n_corrections = sum(one.scan_id is not None for one in reader.corrections())
        waiting = waiting_corrections(reader)
    print_table(table, out)
    out.writelines(f"{line}\n" for line in copies)
    for one in questioned:
        scan = one.scan
        out.write(f"{scan.section_id} waits (scan {scan.scan_id[:8]}): {one.status.reason}\n")
    if n_corrections:
        out.write(f"corrections: {n_corrections}; `downcore corrections` lists them\n")
    out.writelines(f"correction: {one}; `downcore run` does it\n" for one in waiting)
    for file in refused:
        if file.reason:
            out.write(f"set aside: {file.path}: {file.reason}\n")


def write_table(db: Path, section: str | None, out: TextIO, *, scan: str | None = None) -> None:
    """
    Print the depth log of a section, one line a centimetre and bundle, after its corrections.

    Parameters
    ----------
    db : Path
        The store.
    section : str or None
        Section; ``None`` where ``scan`` says which.
    out : TextIO
        Where it is written.
    scan : str, optional
        Identity of a scan, or how it begins; superseded ones may be asked for as well.

    A reason that holds for a run of rows is said in the first of them.

    Raises
    ------
    SectionError
        If the store has no such section or scan.
    """
    _, rows, notes, beside = _log_of(db, section, scan)
    out.writelines(f"{line}\n" for line in (*notes, *flag_notes(beside.flags)))
    measured, flags = beside.measured, beside.flags
    logged = [one for one in PROPERTIES if any(name == one.name for _, name in measured)]
    table = Table(box=None, pad_edge=False)
    table.add_column("cm", justify="right")
    table.add_column("sediment", justify="right")
    for title in PROPERTY_TITLES:
        table.add_column(title, justify="right")
    for prop in logged:
        table.add_column(f"measured {prop.name}", justify="right")
        table.add_column(f"{prop.name} with it", justify="right")
    if any(not one.is_cleared for one in flags):
        table.add_column("flags")
    table.add_column("status, bundle")
    said_above: dict[str, list[str]] = {}
    for row in rows:
        index = row.row.core_slice.index
        marks = [marks_of(flags, index)] if any(not one.is_cleared for one in flags) else []
        bundles = [bundle for bundle, _ in _by_bundle(row.row.estimates)]
        for bundle, (*cells, said) in zip(bundles, log_cells(row.row, said_above), strict=True):
            logs = [
                cell
                for prop in logged
                for cell in (
                    _measured_cell(measured.get((index, prop.name))),
                    _cell(beside.profile.get((index, prop.name, bundle)), none=""),
                )
            ]
            table.add_row(f"{row.row.core_slice.top_um / SLICE_UM:g}", *cells, *logs, *marks, said)
    print_table(table, out)


def log_cells(row: SliceRow, said_above: dict[str, list[str]]) -> Iterator[tuple[str, ...]]:
    """
    Yield the cells of a slice in a table, but for its depth: one line for each bundle.

    ``said_above`` holds what the last line said of each bundle, which is not said again.
    """
    for bundle_id, estimates in _by_bundle(row.estimates):
        known = {estimate.property: estimate for estimate in estimates}
        said = sorted({f"{e.status}: {e.reason}" if e.reason else e.status for e in estimates})
        yield (
            f"{100 * row.core_slice.valid_fraction:.0f} %",
            *(_cell(known.get(one.name)) for one in PROPERTIES),
            f"{_said_once(said, estimates, said_above.get(bundle_id))} {bundle_id[:8]}",
        )
        said_above[bundle_id] = said


def write_csv(db: Path, section: str | None, out: TextIO, *, scan: str | None = None) -> None:
    """
    Write the depth log of a section as CSV, one line for each slice, property and bundle.

    Parameters and errors are those of :func:`write_table`.
    """
    stored, rows, _, beside = _log_of(db, section, scan)
    found = stored.scan
    slices = (one.row for one in rows)
    lines = log_rows(found.section_id, found.scan_id, slices, beside)
    print_csv(LOG_COLUMNS, lines, out)


def write_corrections(db: Path, section: str | None, out: TextIO) -> None:
    """Print what people corrected, the oldest first: of one section or of all."""
    table = Table(box=None, pad_edge=False)
    for name in ("no", "when (UTC)", "who", "what", "section", "file", "effect", "why"):
        table.add_column(name)
    with Reader.open(db) as reader:
        for one in reader.corrections(section):
            table.add_row(
                str(one.correction_no),
                one.made_utc,
                one.made_by,
                one.verb,
                one.section_id,
                Path(one.path).name,
                one.effect,
                one.why,
            )
    print_table(table, out)
    if not table.rows:
        out.write("no corrections\n")


def _log_of(
    db: Path, section: str | None, scan: str | None
) -> tuple[StoredScan, list[StoredRow], list[str], Beside]:
    """Return a scan, its rows, what to know before them, and what is known besides."""
    with Reader.open(db) as reader:
        stored = chosen_scan(reader, section, scan)
        found = stored.scan
        rows = list(reader.scan_log(found.scan_id))
        notes = [*_notes(stored, reader.corrections(found.section_id))]
        notes += [
            f"these rows are still those of before {one.verb} {one.asked} by {one.made_by}, "
            f"{one.made_utc}; `downcore run` makes the new ones"
            for one in waiting_corrections(reader)
            if found.section_id in one.waiting and stored.status.superseded_by is None
        ]
        notes += measured_notes(reader.measured_of(found.section_id), rows)
        known = [one.row for one in rows]
        return stored, rows, notes, beside_of(reader, found.section_id, known, stored.status.state)


def _notes(stored: StoredScan, corrections: Iterable[Correction]) -> Iterator[str]:
    """Say what a person should know of a scan before its rows."""
    scan, status = stored.scan, stored.status
    said_by = f" by {scan.px_per_cm_from}" if scan.px_per_cm_from else ""
    which = (
        f"section {scan.section_id}, scan {scan.scan_id[:8]}, "
        f"{float(scan.px_per_cm):.4g} px/cm{said_by}, top {scan.top}"
    )
    if status.superseded_by is not None:
        reason = f": {status.reason}" if status.reason else ""
        yield f"{which}; superseded by scan {status.superseded_by[:8]}{reason}"
    elif status.state in (ScanState.EXCLUDED, ScanState.QUARANTINED, ScanState.QUESTIONED):
        yield f"{which}; {status.state}: {status.reason}"
    for one in corrections:
        why = f" ({one.why})" if one.why else ""
        yield f"corrected {one.made_utc} by {one.made_by}: {one.verb}, {one.effect}{why}"


def _by_bundle(estimates: Iterable[Estimate]) -> Iterator[tuple[str, list[Estimate]]]:
    groups: dict[str, list[Estimate]] = {}
    for estimate in estimates:
        groups.setdefault(estimate.bundle_id, []).append(estimate)
    return iter(groups.items())


def _said_once(said: list[str], estimates: Sequence[Estimate], above: list[str] | None) -> str:
    """Return statuses with their reasons, without these where the row above has the same."""
    if said != above or not any(estimate.reason for estimate in estimates):
        return "; ".join(said)
    return f"{'; '.join(sorted({str(one.status) for one in estimates}))}, as above"


def _measured_cell(measured: MeasuredSlice | None) -> str:
    if measured is None:
        return ""
    flags = f" ({', '.join(measured.flags)})" if measured.flags else ""
    return f"{measured.value:.4g}{flags}"


def _cell(estimate: Estimate | None, *, none: str = "-") -> str:
    if estimate is None or estimate.value is None:
        return none
    if estimate.lower is None or estimate.upper is None:
        return f"{estimate.value:.4g}"
    return f"{estimate.value:.4g} ({estimate.lower:.4g} to {estimate.upper:.4g})"


def print_table(table: Table, out: TextIO) -> None:
    """Print a table, wide where it goes into a file or a pipe."""
    console = Console(file=out, highlight=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    console.print(table)


def print_csv(columns: Sequence[Column[Row]], rows: Iterable[Row], out: TextIO) -> None:
    """Write a table as CSV; what has no value is empty, true and false are 1 and 0."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    for row in rows:
        cells = (column.cell(row) for column in columns)
        writer.writerow([int(cell) if isinstance(cell, bool) else cell for cell in cells])
