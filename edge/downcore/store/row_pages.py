"""Rows of a scan and its compositions, read a page at a time, so that no transaction is long."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from downcore.store.composition_rows import COMPOSED_COLUMNS, SHARE_COLUMNS, composed_of_rows
from downcore.store.rows import (
    ESTIMATE_COLUMNS,
    SLICE_COLUMNS,
    estimate_of_row,
    slice_of_row,
)
from downcore.store.stored_values import StoredRow
from downcore.strata.composed import ComposedSlice
from downcore.strata.depthlog import SliceRow

Ask = Callable[..., list[Any]]
"""Runs a statement with its arguments and returns its rows."""

_PAGE = 500
"""Slices read in one short transaction."""


def rows_of(ask: Ask, scan_id: str) -> Iterator[StoredRow]:
    """Yield the rows of a scan, top first."""
    after = -1
    while page := log_page(ask, scan_id, after):
        yield from page
        after = page[-1].row.core_slice.index


def compositions_of(ask: Ask, scan_id: str, composer_id: str) -> Iterator[ComposedSlice]:
    """Yield what a composer said of the slices of a scan, top first."""
    after = -1
    while page := _composition_page(ask, scan_id, composer_id, after):
        yield from page
        after = page[-1].index


def log_page(ask: Ask, scan_id: str, after: int) -> list[StoredRow]:
    """Return the rows that follow slice ``after``, a page at most."""
    n = len(SLICE_COLUMNS)
    columns = ", ".join(
        (*(f"slice.{x}" for x in SLICE_COLUMNS), "slice.run_id",
         *(f"estimate.{x}" for x in ESTIMATE_COLUMNS))
    )  # fmt: skip
    rows = ask(
        f"SELECT {columns} FROM (SELECT * FROM slice WHERE scan_id = ? AND slice_index > ?"  # noqa: S608 - the columns are constants
        " ORDER BY slice_index LIMIT ?) AS slice"
        " LEFT JOIN estimate USING (scan_id, slice_index)"
        " ORDER BY slice.slice_index, estimate.property, estimate.bundle_id",
        scan_id,
        after,
        _PAGE,
    )
    page: list[StoredRow] = []
    for _, group in itertools.groupby(rows, key=lambda row: row[0]):
        cells = list(group)
        estimates = tuple(estimate_of_row(c[n + 1 :]) for c in cells if c[n + 1] is not None)
        row = SliceRow(slice_of_row(cells[0][:n]), estimates)
        page.append(StoredRow(scan_id, cells[0][n], row))
    return page


def _composition_page(ask: Ask, scan_id: str, composer_id: str, after: int) -> list[ComposedSlice]:
    n = len(COMPOSED_COLUMNS)
    columns = ", ".join(
        "guard_report.report" if one == "guard_id" else f"composed.{one}"
        for one in COMPOSED_COLUMNS
    )
    shares = ", ".join(f"composition.{one}" for one in SHARE_COLUMNS)
    rows = ask(
        f"SELECT {columns}, slice.top_um, slice.bottom_um, {shares} FROM"  # noqa: S608 - the columns are constants
        " (SELECT * FROM composed_slice WHERE scan_id = ? AND composer_id = ?"
        " AND slice_index > ? ORDER BY slice_index LIMIT ?) AS composed"
        " JOIN slice USING (scan_id, slice_index)"
        " JOIN composition USING (scan_id, slice_index, composer_id)"
        " LEFT JOIN guard_report USING (guard_id)"
        " ORDER BY composed.slice_index, composition.position",
        scan_id,
        composer_id,
        after,
        _PAGE // 5,
    )
    page: list[ComposedSlice] = []
    for _, group in itertools.groupby(rows, key=lambda row: row[0]):
        cells = list(group)
        first = cells[0]
        page.append(
            composed_of_rows(first[:n], (first[n], first[n + 1]), [one[n + 2 :] for one in cells])
        )
    return page
