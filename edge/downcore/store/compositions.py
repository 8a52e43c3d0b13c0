"""Compositions on their way into the record: with their announcement, or not at all."""

from collections.abc import Sequence
from typing import Any

from downcore.store.composition_rows import (
    COMPOSED_COLUMNS,
    SHARE_COLUMNS,
    guard_id,
    guard_text,
    row_of_composed,
    rows_of_shares,
)
from downcore.store.transaction import Transaction
from downcore.strata.composed import ComposedSlice
from downcore.strata.errors import StoreError
from downcore.strata.record import CompositionBatch

_INSERT_SLICE = (
    f"INSERT INTO composed_slice (scan_id, {', '.join(COMPOSED_COLUMNS)}, run_id)"  # noqa: S608 - the columns are constants
    f" VALUES ({', '.join('?' * (len(COMPOSED_COLUMNS) + 2))}) ON CONFLICT DO NOTHING"
)
_INSERT_SHARE = (
    "INSERT INTO composition (scan_id, slice_index, composer_id,"  # noqa: S608 - the columns are constants
    f" {', '.join(SHARE_COLUMNS)}) VALUES ({', '.join('?' * (len(SHARE_COLUMNS) + 3))})"
)
_SELECT_SLICE = (
    f"SELECT {', '.join(COMPOSED_COLUMNS)} FROM composed_slice"  # noqa: S608 - the columns are constants
    " WHERE scan_id = ? AND slice_index = ? AND composer_id = ?"
)
_SELECT_SHARES = (
    f"SELECT {', '.join(SHARE_COLUMNS)} FROM composition"  # noqa: S608 - the columns are constants
    " WHERE scan_id = ? AND slice_index = ? AND composer_id = ? ORDER BY position"
)


def record_composer(
    transaction: Transaction, composer_id: str, description: str, run_id: int
) -> None:
    """Keep what a composer is made of, so that its id resolves for ever, and that it ran."""
    transaction.connection.execute(
        "INSERT INTO composer VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " last_run_id = max(last_run_id, excluded.last_run_id)",
        (composer_id, description, transaction.now_utc, run_id),
    )


def commit(
    transaction: Transaction, scan_id: str, run_id: int, composed: Sequence[ComposedSlice]
) -> int:
    """Write what is new of ``composed`` and announce it; return how many slices were new."""
    status, _ = transaction.status(scan_id)
    new = tuple(s for s in composed if _insert(transaction, scan_id, run_id, s))
    if new:
        top = transaction.connection.execute(
            "SELECT section_top_um FROM scan WHERE scan_id = ?", (scan_id,)
        ).fetchone()[0]
        transaction.announce(
            CompositionBatch(status.section_id, scan_id, top, transaction.now_utc, new)
        )
    return len(new)


def _insert(transaction: Transaction, scan_id: str, run_id: int, composed: ComposedSlice) -> bool:
    """Whether the slice was new."""
    connection = transaction.connection
    report = composed.composition.identifiability
    if report is not None:
        text = guard_text(report)
        connection.execute(
            "INSERT INTO guard_report VALUES (?, ?) ON CONFLICT DO NOTHING", (guard_id(text), text)
        )
    key = (scan_id, composed.index, composed.composer_id)
    cells = row_of_composed(composed)
    shares = rows_of_shares(composed.composition)
    if connection.execute(_INSERT_SLICE, (scan_id, *cells, run_id)).rowcount == 1:
        connection.executemany(_INSERT_SHARE, [(*key, *share) for share in shares])
        return True
    _refuse_others(connection.execute(_SELECT_SLICE, key).fetchone(), cells, key)
    kept = connection.execute(_SELECT_SHARES, key).fetchall()
    _refuse_others([tuple(row) for row in kept], shares, key)
    return False


def _refuse_others(kept: Any, got: Any, key: tuple[str, int, str]) -> None:
    if kept != got:
        raise StoreError(
            f"expected the composition of slice {key[1]} of scan {key[0]} by {key[2]} as it was "
            f"committed, got {_difference(kept, got)}; the same scan must always give the same "
            "values"
        )


def _difference(kept: Sequence[Any], got: Sequence[Any]) -> str:
    """Say what differs, without the bytes of pictures."""
    if len(kept) != len(got):
        return f"{len(got)} groups in place of {len(kept)}"
    pairs = [
        f"{one!r} in place of {other!r}"
        for one, other in zip(got, kept, strict=True)
        if one != other and not isinstance(one, bytes) and not isinstance(other, bytes)
    ]
    return "; ".join(pairs) or "another picture of labels"
