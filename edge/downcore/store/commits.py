"""Rows on their way into the record: with cursor and announcement, or not at all."""

from dataclasses import dataclass

from downcore.store import colour_profiles, standing
from downcore.store.rows import (
    ESTIMATE_COLUMNS,
    SLICE_COLUMNS,
    Cell,
    row_of_estimate,
    row_of_slice,
)
from downcore.store.transaction import Transaction
from downcore.strata.depthlog import SliceRow
from downcore.strata.errors import StoreError
from downcore.strata.record import LogBatch
from downcore.strata.slice_profile import SliceProfile

_INSERT_SLICE = (
    f"INSERT INTO slice (scan_id, {', '.join(SLICE_COLUMNS)}, run_id)"  # noqa: S608 - the columns are constants
    f" VALUES ({', '.join('?' * (len(SLICE_COLUMNS) + 2))}) ON CONFLICT DO NOTHING"
)
_SELECT_SLICE = (
    f"SELECT {', '.join(SLICE_COLUMNS)} FROM slice WHERE scan_id = ? AND slice_index = ?"  # noqa: S608 - the columns are constants
)
_INSERT_ESTIMATE = (
    f"INSERT INTO estimate (scan_id, slice_index, {', '.join(ESTIMATE_COLUMNS)}, run_id)"  # noqa: S608 - the columns are constants
    f" VALUES ({', '.join('?' * (len(ESTIMATE_COLUMNS) + 3))}) ON CONFLICT DO NOTHING"
)
_SELECT_ESTIMATE = (
    f"SELECT {', '.join(ESTIMATE_COLUMNS)} FROM estimate"  # noqa: S608 - the columns are constants
    " WHERE scan_id = ? AND slice_index = ? AND property = ? AND bundle_id = ?"
)


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one scan on their way into the record."""

    scan_id: str
    run_id: int
    rows: tuple[SliceRow, ...]
    n_lines_done: int
    prefix_digest: str
    profiles: tuple[SliceProfile, ...] = ()
    """Of the slices of the rows; none where nobody made them."""


def commit(transaction: Transaction, batch: Batch) -> int:
    """Write what is new of ``batch``, move the cursor, announce; return how many rows were new."""
    status, _ = transaction.status(batch.scan_id)
    new = tuple(row for row in batch.rows if _insert(transaction, batch, row))
    if new and status.n_slices == 0:
        standing.supersede_older(transaction, status)
    if batch.n_lines_done > status.n_lines_done:
        transaction.connection.execute(
            "UPDATE scan SET n_lines_done = ?, prefix_digest = ?, updated_utc = ?"
            " WHERE scan_id = ?",
            (batch.n_lines_done, batch.prefix_digest, transaction.now_utc, batch.scan_id),
        )
    colour_profiles.add(transaction, batch.scan_id, batch.profiles)
    if new:
        top = transaction.connection.execute(
            "SELECT section_top_um FROM scan WHERE scan_id = ?", (batch.scan_id,)
        ).fetchone()[0]
        transaction.announce(
            LogBatch(status.section_id, batch.scan_id, top, transaction.now_utc, new)
        )
    return len(new)


def _insert(transaction: Transaction, batch: Batch, row: SliceRow) -> bool:
    """Whether the slice or one of its estimates was new."""
    key = (batch.scan_id, int(row.core_slice.index))
    cells = row_of_slice(row.core_slice)
    is_new = _insert_or_compare(
        transaction,
        (_INSERT_SLICE, (batch.scan_id, *cells, batch.run_id)),
        (_SELECT_SLICE, key),
        cells,
    )
    for estimate in row.estimates:
        cells = row_of_estimate(estimate)
        is_new |= _insert_or_compare(
            transaction,
            (_INSERT_ESTIMATE, (*key, *cells, batch.run_id)),
            (_SELECT_ESTIMATE, (*key, estimate.property, estimate.bundle_id)),
            cells,
        )
    return is_new


def _insert_or_compare(
    transaction: Transaction,
    insert: tuple[str, tuple[Cell, ...]],
    select: tuple[str, tuple[Cell, ...]],
    cells: tuple[Cell, ...],
) -> bool:
    if transaction.connection.execute(*insert).rowcount == 1:
        return True
    kept = transaction.connection.execute(*select).fetchone()
    if tuple(kept) != cells:
        raise StoreError(
            f"expected the cell {select[1]} as it was committed, {tuple(kept)}, got {cells}; "
            "the same scan must always give the same values"
        )
    return False
