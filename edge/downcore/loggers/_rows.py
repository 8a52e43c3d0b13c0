"""The rows of data below a header; what is left out of them is counted."""

from dataclasses import dataclass
from pathlib import Path

from downcore.file_names import printable
from downcore.loggers._cells import Decimal, decimal_of, is_number, number
from downcore.loggers._layout import FIELDS, Header, Layout, is_calibration_cell
from downcore.loggers._log import LogError
from downcore.loggers._table import column_of


@dataclass(slots=True)
class Tally:
    """Counts of rows that the warnings mention."""

    n_calibration: int = 0
    n_short: int = 0
    n_repeated_headers: int = 0
    n_without_depth: int = 0


@dataclass(frozen=True, slots=True)
class DataRows:
    """The rows of data of one file."""

    rows: tuple[tuple[str, ...], ...]
    where: dict[str, int | None]
    """Column of each of :data:`FIELDS`; None where the file has none."""
    decimal: Decimal
    parts: tuple[int, ...]
    """Rows before which the header stands once more."""
    tally: Tally

    def column(self, field: str) -> list[str]:
        """Return the cells of a field, "" where there is none."""
        return [cell_of(row, self.where[field]) for row in self.rows]


def cell_of(row: tuple[str, ...], column: int | None) -> str:
    """Return a cell, "" where the row is too short or the column unknown."""
    return "" if column is None or column >= len(row) else row[column]


def data_rows(header: Header, layout: Layout, path: Path) -> DataRows:
    """
    Return the rows of data below a header.

    Raises
    ------
    LogError
        If there are none, another table follows, or commas stand both between and in numbers.
    """
    where = {field: column_of(header.written, layout.columns.of(field))[0] for field in FIELDS}
    width = max((at for at in where.values() if at is not None), default=0) + 1
    tally = Tally()
    kept: list[tuple[str, ...]] = []
    parts: list[int] = []
    for row in header.table.rows[header.first_row :]:
        if any(is_calibration_cell(cell_of(row, where[field])) for field in ("core", "section")):
            tally.n_calibration += 1
        elif row == header.table.rows[header.row]:
            tally.n_repeated_headers += 1
            parts.append(len(kept))
        elif _is_header(row, layout, where):
            raise LogError(
                f"expected one log, got another header after {len(kept)} rows: {printable(path)}; "
                f"split the file where its columns change"
            )
        elif not (parts and row in header.unit_rows):
            tally.n_short += len(row) < width
            kept.append(row)
    if not kept:
        raise LogError(f"expected rows of data below the header, got none: {printable(path)}")
    _check_commas(kept, header, path)
    watched = [at for field, at in where.items() if field not in FIELDS[:2] and at is not None]
    decimal = decimal_of(cell_of(row, at) for row in kept for at in watched)
    return DataRows(tuple(kept), where, decimal, tuple(parts), tally)


def _is_header(row: tuple[str, ...], layout: Layout, where: dict[str, int | None]) -> bool:
    depths = [where[field] for field in ("section_depth", "core_depth")]
    texts = [cell_of(row, at) for at in depths if at is not None]
    if any(is_number(text) or number(text) is not None for text in texts):
        return False
    fields = (layout.columns.depths, layout.columns.measured)
    return all(column_of(row, stems)[0] is not None for stems in fields)


def _check_commas(rows: list[tuple[str, ...]], header: Header, path: Path) -> None:
    if header.table.delimiter != ",":
        return
    n_names = max((i for i, name in enumerate(header.written) if name), default=0) + 1
    n_wide = sum(
        max((i for i, cell in enumerate(row) if cell), default=0) + 1
        >= n_names + max(n_names // 2, 2)
        for row in rows
    )
    if 2 * n_wide > len(rows):
        raise LogError(
            f"expected {n_names} cells in a row as in the header, got more in {n_wide} of "
            f"{len(rows)} rows: {printable(path)}; with a decimal comma, separate columns by "
            f"semicolons or tabs"
        )
