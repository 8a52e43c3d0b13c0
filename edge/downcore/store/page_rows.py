"""What the live page reads of a scan: columns of numbers in place of a value for each row."""

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from downcore.store.connection import as_store_error, open_reader
from downcore.store.schema import refuse_empty, refuse_foreign

CLASS_NAMES = ("sediment", "tray", "void", "foam", "tag", "glare", "outside")
"""Of the columns ``fraction_*``."""


@dataclass(frozen=True, slots=True)
class SliceColumns:
    """Slices of a scan within a span of depth, from the top down."""

    top_um: tuple[int, ...]
    bottom_um: tuple[int, ...]
    linear_rgb: tuple[tuple[float | None, float | None, float | None], ...]
    """Mean colour of the sediment, linear light; ``None`` where there is none."""
    fractions: tuple[tuple[float, ...], ...]
    """In the order of :data:`CLASS_NAMES`."""
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EstimateColumns:
    """Values of one property by one bundle, from the top down."""

    property: str
    bundle_id: str
    top_um: tuple[int, ...]
    bottom_um: tuple[int, ...]
    value: tuple[float | None, ...]
    lower: tuple[float | None, ...]
    upper: tuple[float | None, ...]
    status: tuple[str, ...]
    reason: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShareColumns:
    """Share of one mineral group, from the top down; all groups have the same slices."""

    group: str
    top_um: tuple[int, ...]
    bottom_um: tuple[int, ...]
    fraction: tuple[float | None, ...]


@contextlib.contextmanager
def page_connection(path: Path) -> Iterator[sqlite3.Connection]:
    """
    Open the record for one answer of the page, and close it.

    Raises
    ------
    StoreError
        If there is none, it is not one that this version can read, or reading fails.
    """
    with contextlib.closing(open_reader(path)) as connection, as_store_error(path, "read"):
        refuse_foreign(connection, path)
        refuse_empty(connection, path)
        yield connection


def slice_columns(
    connection: sqlite3.Connection, scan_id: str, top_um: int, bottom_um: int
) -> SliceColumns:
    """Return the slices of a scan that touch a span of depth."""
    fractions = ", ".join(f"fraction_{name}" for name in CLASS_NAMES)
    rows = connection.execute(
        "SELECT top_um, bottom_um, linear_r_mean, linear_g_mean, linear_b_mean,"  # noqa: S608 - the columns are constants
        f" {fractions}, flags FROM slice"
        " WHERE scan_id = ? AND bottom_um > ? AND top_um < ? ORDER BY slice_index",
        (scan_id, top_um, bottom_um),
    ).fetchall()
    return SliceColumns(
        tuple(row[0] for row in rows),
        tuple(row[1] for row in rows),
        tuple(row[2:5] for row in rows),
        tuple(row[5:-1] for row in rows),
        tuple(row[-1] for row in rows),
    )


def estimate_columns(
    connection: sqlite3.Connection, scan_id: str, top_um: int, bottom_um: int
) -> list[EstimateColumns]:
    """Return the values of a scan that touch a span of depth, by property and bundle."""
    rows = connection.execute(
        "SELECT property, bundle_id, top_um, bottom_um, value, lower, upper, status, reason"
        " FROM slice JOIN estimate USING (scan_id, slice_index)"
        " WHERE scan_id = ? AND bottom_um > ? AND top_um < ? ORDER BY slice_index",
        (scan_id, top_um, bottom_um),
    ).fetchall()
    groups: dict[tuple[str, str], list[tuple[object, ...]]] = {}
    for row in rows:
        groups.setdefault((row[0], row[1]), []).append(row[2:])
    return [
        EstimateColumns(name, bundle_id, *zip(*cells, strict=True))
        for (name, bundle_id), cells in sorted(groups.items())
    ]


def share_columns(
    connection: sqlite3.Connection, scan_id: str, top_um: int, bottom_um: int
) -> list[ShareColumns]:
    """Return the mineral groups of a scan within a span of depth, by the composer that ran last."""
    if not connection.execute(
        "SELECT 1 FROM sqlite_master WHERE name = 'composed_slice'"
    ).fetchone():
        return []
    newest = connection.execute(
        "SELECT composer_id FROM composed_slice JOIN composer USING (composer_id)"
        " WHERE scan_id = ? GROUP BY composer_id"
        " ORDER BY max(slice_index) DESC, last_run_id DESC LIMIT 1",
        (scan_id,),
    ).fetchone()
    if newest is None:
        return []
    rows = connection.execute(
        "SELECT mineral_group, top_um, bottom_um, fraction FROM slice"
        " JOIN composition USING (scan_id, slice_index)"
        " WHERE scan_id = ? AND composer_id = ? AND NOT is_sum_of_groups"
        " AND bottom_um > ? AND top_um < ? ORDER BY slice_index, position",
        (scan_id, newest[0], top_um, bottom_um),
    ).fetchall()
    # Slices may have been composed with different tables, whose groups are not the same.
    spans = list(dict.fromkeys((top, bottom) for _, top, bottom, _ in rows))
    known: dict[str, dict[int, float | None]] = {}
    for group, top, _, fraction in rows:
        known.setdefault(group, {})[top] = fraction
    tops, bottoms = tuple(top for top, _ in spans), tuple(bottom for _, bottom in spans)
    return [
        ShareColumns(group, tops, bottoms, tuple(fractions.get(top) for top in tops))
        for group, fractions in known.items()
    ]


def bundle_names(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the network and precision of every bundle, by identity."""
    return {
        bundle_id: f"{network}, {precision}"
        for bundle_id, network, precision in connection.execute(
            "SELECT bundle_id, network, precision FROM bundle WHERE bundle_id <> ''"
        )
    }
