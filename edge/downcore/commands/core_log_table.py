"""``downcore log CORE --depth``: the depth log of a whole core as a table or CSV."""

from pathlib import Path
from typing import TextIO

from rich.table import Table

from downcore.commands.core_log import read_core_log
from downcore.commands.core_log_columns import (
    CORE_LOG_COLUMNS,
    CoreLogRow,
    core_log_rows,
    depth_um,
)
from downcore.commands.log_table import PROPERTY_TITLES, log_cells, print_csv, print_table
from downcore.store import Reader
from downcore.strata.core_depths import DepthScale
from downcore.strata.core_log import CoreLog, DepthGap
from downcore.strata.depth_ledger import UM_PER_CM, UM_PER_M


def write_core_log(
    db: Path, name: str, scale: DepthScale, out: TextIO, *, as_csv: bool
) -> tuple[str, ...]:
    """
    Print the depth log of a core, or of the cores of a hole.

    Parameters
    ----------
    db : Path
        The record.
    name : str
        Name of the core or the hole.
    scale : DepthScale
        Which depth to print, and to order by.
    out : TextIO
        Where to print.
    as_csv : bool
        CSV with every depth that is known, instead of a table with one.

    Returns
    -------
    tuple of str
        What a person should know of the log.

    Raises
    ------
    SectionError
        As :func:`~downcore.commands.core_log.read_core_log` does.
    """
    with Reader.open(db) as reader:
        log = read_core_log(reader, name, scale)
    if as_csv:
        print_csv(CORE_LOG_COLUMNS, core_log_rows(log), out)
    else:
        print_table(_table(log), out)
    return log.notes


def _table(log: CoreLog) -> Table:
    table = Table(box=None, pad_edge=False)
    unit = "m" if log.scale in {DepthScale.HOLE, DepthScale.COMPOSITE} else "cm"
    table.add_column(f"{unit} in {log.scale}", justify="right")
    table.add_column("section")
    table.add_column("sediment", justify="right")
    for title in PROPERTY_TITLES:
        table.add_column(title, justify="right")
    table.add_column("status, bundle")
    for part in log.parts:
        if isinstance(part, DepthGap):
            span = _shown(part.top_um, log.scale), _shown(part.bottom_um, log.scale)
            words = f"gap to {span[1]} {unit}: {part.reason}"
            table.add_row(span[0], "", "", *([""] * len(PROPERTY_TITLES)), words)
            continue
        said_above: dict[str, list[str]] = {}
        for placed in part.rows:
            row = CoreLogRow(part, placed)
            top_um = (
                placed.row.core_slice.top_um
                if log.scale is DepthScale.SECTION
                else depth_um(row, log.scale, is_bottom=False)
            )
            for cells in log_cells(placed.row, said_above):
                table.add_row(_shown(top_um or 0, log.scale), part.section_id, *cells)
    return table


def _shown(value_um: int, scale: DepthScale) -> str:
    if scale in {DepthScale.HOLE, DepthScale.COMPOSITE}:
        return f"{value_um / UM_PER_M:.4f}"
    return f"{round(value_um / UM_PER_CM, 2):g}"
