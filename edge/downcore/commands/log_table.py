"""``downcore log``: the store's rows as a table or CSV, for people and spreadsheets."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.table import Table

from downcore.commands.stored_section import stored_section
from downcore.store import Reader
from downcore.store.queries import StoredRow
from downcore.strata.depth import SLICE_UM
from downcore.strata.depthlog import Estimate
from downcore.strata.properties import PROPERTIES

CSV_HEADER = (
    "section", "scan", "slice", "top (cm)", "bottom (cm)", "valid fraction", "L*", "a*", "b*",
    "flags", "property", "unit", "value", "lower 90 %", "upper 90 %", "heterogeneity",
    "status", "reason", "bundle",
)  # fmt: skip
"""Columns of ``downcore log --csv``; one line for each slice, property and bundle."""

PLAIN_WIDTH = 240
"""Columns of a table that goes into a file or a pipe."""

_UNITS = {one.name: one.unit for one in PROPERTIES}


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
    for row in rows_of(db, section):
        core_slice = row.row.core_slice
        for bundle_id, estimates in _by_bundle(row.row.estimates):
            known = {estimate.property: estimate for estimate in estimates}
            said = sorted({f"{e.status}: {e.reason}" if e.reason else e.status for e in estimates})
            table.add_row(
                f"{core_slice.top_um / SLICE_UM:g}",
                f"{100 * core_slice.valid_fraction:.0f} %",
                *(_cell(known.get(one.name)) for one in PROPERTIES),
                f"{'; '.join(said)} {bundle_id[:8]}",
            )
    print_table(table, out)


def write_csv(db: Path, section: str, out: TextIO) -> None:
    """
    Write the depth log of a section as CSV, one line for each slice, property and bundle.

    Raises
    ------
    SectionError
        If the store has no such section.
    """
    rows = rows_of(db, section)
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    for one in rows:
        core_slice = one.row.core_slice
        lab = core_slice.colour.lab_mean if core_slice.colour else ("", "", "")
        for estimate in one.row.estimates:
            writer.writerow(
                [
                    section,
                    one.scan_id,
                    core_slice.index,
                    core_slice.top_um / SLICE_UM,
                    core_slice.bottom_um / SLICE_UM,
                    core_slice.valid_fraction,
                    *lab,
                    " ".join(core_slice.flags),
                    estimate.property,
                    _UNITS.get(estimate.property, ""),
                    estimate.value,
                    estimate.lower,
                    estimate.upper,
                    estimate.heterogeneity,
                    estimate.status.value,
                    estimate.reason,
                    estimate.bundle_id,
                ]
            )


def rows_of(db: Path, section: str) -> list[StoredRow]:
    """
    Return the depth log of a section.

    Raises
    ------
    SectionError
        If the store has no such section; says which there are.
    """
    with Reader.open(db) as reader:
        stored_section(reader, section)
        return list(reader.depth_log(section))


def _by_bundle(estimates: Iterable[Estimate]) -> Iterator[tuple[str, list[Estimate]]]:
    groups: dict[str, list[Estimate]] = {}
    for estimate in estimates:
        groups.setdefault(estimate.bundle_id, []).append(estimate)
    return iter(groups.items())


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
