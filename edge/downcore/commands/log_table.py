"""``downcore log``: the store's rows as a table or CSV, for people and spreadsheets."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.table import Table

from downcore.commands.log_columns import LOG_COLUMNS, Column, Row, log_rows
from downcore.commands.section_lookup import standing_scan
from downcore.store import Reader
from downcore.store.queries import StoredRow
from downcore.strata.depth import SLICE_UM
from downcore.strata.depthlog import Estimate
from downcore.strata.properties import PROPERTIES

PLAIN_WIDTH = 240
"""Columns of a table that goes into a file or a pipe."""


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
                f"{status.state} {status.reason}".strip(),
                str(status.n_slices),
                scan.format,
                f"{float(scan.px_per_cm):g}",
                status.updated_utc,
            )
        refused = reader.quarantined()
    print_table(table, out)
    for file in refused:
        if file.reason:
            out.write(f"set aside: {file.path}: {file.reason}\n")


def write_table(db: Path, section: str, out: TextIO) -> None:
    """
    Print the depth log of a section, one line a centimetre and bundle.

    A reason that holds for a run of rows is said in the first of them.

    Raises
    ------
    SectionError
        If the store has no such section.
    """
    table = Table(box=None, pad_edge=False)
    table.add_column("cm", justify="right")
    table.add_column("sediment", justify="right")
    for one in PROPERTIES:
        table.add_column(f"{one.name} ({one.unit})", justify="right")
    table.add_column("status, bundle")
    said_above: dict[str, list[str]] = {}
    for row in rows_of(db, section):
        core_slice = row.row.core_slice
        for bundle_id, estimates in _by_bundle(row.row.estimates):
            known = {estimate.property: estimate for estimate in estimates}
            said = sorted({f"{e.status}: {e.reason}" if e.reason else e.status for e in estimates})
            table.add_row(
                f"{core_slice.top_um / SLICE_UM:g}",
                f"{100 * core_slice.valid_fraction:.0f} %",
                *(_cell(known.get(one.name)) for one in PROPERTIES),
                f"{_said_once(said, estimates, said_above.get(bundle_id))} {bundle_id[:8]}",
            )
            said_above[bundle_id] = said
    print_table(table, out)


def write_csv(db: Path, section: str, out: TextIO) -> None:
    """
    Write the depth log of a section as CSV, one line for each slice, property and bundle.

    Raises
    ------
    SectionError
        If the store has no such section.
    """
    stored = rows_of(db, section)
    scan_id = stored[0].scan_id if stored else ""
    print_csv(LOG_COLUMNS, log_rows(section, scan_id, (one.row for one in stored)), out)


def rows_of(db: Path, section: str) -> list[StoredRow]:
    """
    Return the depth log of a section.

    Raises
    ------
    UnknownSectionError, SectionError
        As :func:`~downcore.commands.section_lookup.standing_scan` does.
    """
    with Reader.open(db) as reader:
        return list(reader.scan_log(standing_scan(reader, section).scan.scan_id))


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


def _cell(estimate: Estimate | None) -> str:
    if estimate is None or estimate.value is None:
        return "-"
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
