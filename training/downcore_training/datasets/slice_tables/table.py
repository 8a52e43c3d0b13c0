"""Tables named ``*_slices_1cm.csv``: their rows as text, by core, and their site."""

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from downcore.loggers import Numbers, decimal_of, in_our_unit, numbers_of, table_text
from downcore_training.datasets.slice_tables.columns import Columns, columns_of

Values = NDArray[np.float64]
Rows = list[dict[str, str]]

ENDING = "_slices_1cm.csv"
MAX_DEPTH_CM = 1e6
"""10 km; no core comes from deeper, and deeper numbers are typing errors."""

_NEAR_TOP_CM = 20.0
"""A section's first row is at most this far below its top."""
_MAX_TABLES = 2_000


@dataclass(frozen=True, slots=True)
class Table:
    """A table, or the rows of one of its cores."""

    path: Path
    sha256: str
    """Of the file's bytes."""
    columns: Columns
    rows: Rows


def tables_below(folder: Path) -> list[Path]:
    """Return the slice tables at any depth below ``folder``, in the order of their paths."""
    found = (p for p in folder.rglob("*.csv") if p.name.lower().endswith(ENDING))
    return sorted(p for p in found if p.is_file())[:_MAX_TABLES]


def read_table(path: Path) -> Table | str:
    """Return a table, or the reason for which it cannot be read."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    text = table_text(raw)
    if text is None:
        return "is no table"
    first = text.lstrip().partition("\n")[0]
    if not first:
        return "is empty"
    separator = max(",;\t", key=first.count)
    try:
        lines = io.StringIO(text.lstrip(), newline="")
        read_rows = list(csv.DictReader(lines, delimiter=separator, restkey="", restval=""))
    except csv.Error as error:
        return f"is no table: {error}"
    rows = [{k: v if isinstance(v, str) else "" for k, v in row.items() if k} for row in read_rows]
    if not rows or not rows[0]:
        return "has no row"
    return Table(path, hashlib.sha256(raw).hexdigest(), columns_of(list(rows[0])), rows)


def by_core(table: Table) -> dict[str, Table]:
    """Return the part of each core; without a column of that name the table is one core."""
    column = table.columns.core
    alone = table.path.name[: -len(ENDING)] or table.path.parent.name
    found: dict[str, Rows] = {}
    for row in table.rows:
        name = row[column].strip() if column else ""
        found.setdefault(name or alone, []).append(row)
    return {
        name: Table(table.path, table.sha256, table.columns, rows) for name, rows in found.items()
    }


def site_of(table: Table, folder: Path) -> str:
    """Return the site: the column of that name, else the folder below DATA, else from the name."""
    if table.columns.site:
        name = table.rows[0][table.columns.site].strip()
        if name:
            return name
    below = table.path.relative_to(folder).parts
    if len(below) > 1:
        return below[0]
    # In a flat folder the part of a name before the first break is the cruise or lake.
    return table.path.name.removesuffix(ENDING).split("-")[0].split("_")[0]


def is_depth_in_section(parts_cm: Sequence[Values]) -> bool:
    """
    Return whether depth begins anew with each part of a core: all begin near 0, and they overlap.

    Parameters
    ----------
    parts_cm : sequence of ndarray
        Depths of the rows of each section or image, at least one each.
    """
    starts = sorted(float(part.min()) for part in parts_cm)
    ends = sorted(float(part.max()) for part in parts_cm)
    return len(parts_cm) > 1 and starts[-1] < min(ends[0], _NEAR_TOP_CM)


def image_named(folder: Path, name: str) -> Path | None:
    """Return the file of that name in or below ``folder``; ``None`` if there is none."""
    try:
        path = (folder / name).resolve()
        return path if name and path.is_relative_to(folder) and path.is_file() else None
    except (OSError, ValueError):  # a name that no file can have
        return None


def numbers(rows: Rows, column: str) -> Values:
    """Return a column as numbers, NaN where a cell holds none or a fill value."""
    return _numbers(rows, column, huge=np.inf).values


def depths_cm(rows: Rows, column: str) -> Values:
    """Return a column of depths in cm, by the unit at the end of its name."""
    return in_our_unit("depth", column, numbers(rows, column))[0]


def measured(rows: Rows, column: str, prop: str) -> tuple[Values, tuple[str, ...]]:
    """Return a column of a property, fill values as blanks, and a note that counts them."""
    got = _numbers(rows, column, is_zero_blank=prop != "ms")
    if not got.n_fills:
        return got.values, ()
    fills = ", ".join(got.fills)
    return got.values, (f"{column}: {got.n_fills} fill values ({fills}) are taken as blanks",)


def _numbers(
    rows: Rows, column: str, *, is_zero_blank: bool = False, huge: float = 1e10
) -> Numbers:
    cells = [row.get(column, "").strip() for row in rows]
    return numbers_of(cells, decimal_of(cells), is_zero_blank=is_zero_blank, huge=huge)
