"""Colour profiles in the store: added with the rows of their slices, read by section."""

import itertools
import sqlite3
from collections.abc import Iterator, Sequence

from downcore.store.transaction import Transaction
from downcore.strata.slice_profile import BYTES, SliceProfile, packed_profiles, unpacked_profiles


def add(transaction: Transaction, scan_id: str, profiles: Sequence[SliceProfile]) -> None:
    """Add profiles of consecutive slices, those that are not there yet."""
    stored = transaction.connection.execute(
        f"SELECT first_slice, length(numbers) / {BYTES} FROM colour_profile WHERE scan_id = ?",  # noqa: S608 - a constant
        (scan_id,),
    )
    known = [range(first, first + n) for first, n in stored]
    new = [
        one
        for one in sorted(profiles, key=_index)
        if not any(one.index in there for there in known)
    ]
    for first, run in _runs(new):
        transaction.connection.execute(
            "INSERT INTO colour_profile (scan_id, first_slice, numbers) VALUES (?, ?, ?)",
            (scan_id, first, packed_profiles(run)),
        )


def profiles_of(connection: sqlite3.Connection, scan_id: str) -> list[SliceProfile]:
    """Return the profiles of a scan, top first; none from a store of an older schema."""
    known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'colour_profile'")
    if known.fetchone() is None:
        return []
    rows = connection.execute(
        "SELECT first_slice, numbers FROM colour_profile WHERE scan_id = ? ORDER BY first_slice",
        (scan_id,),
    )
    return [one for first, numbers in rows for one in unpacked_profiles(first, numbers)]


class ProfileQueries:
    """The part of :class:`~downcore.store.Reader` that knows of colour profiles."""

    _connection: sqlite3.Connection

    def colour_profiles(self, scan_id: str) -> list[SliceProfile]:
        """Return the colour profiles of a scan's slices, top first; none of older scans."""
        return profiles_of(self._connection, scan_id)


def _index(one: SliceProfile) -> int:
    return one.index


def _runs(profiles: Sequence[SliceProfile]) -> Iterator[tuple[int, list[SliceProfile]]]:
    """Yield unbroken runs with their first slice."""
    numbered = enumerate(profiles)
    for _, group in itertools.groupby(numbered, key=lambda pair: pair[1].index - pair[0]):
        run = [one for _, one in group]
        yield run[0].index, run
