"""A transaction of the writer that is open, and what it announces once it is committed."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field

from downcore.store.rows import STATUS_COLUMNS, status_of_row
from downcore.strata.errors import StoreError
from downcore.strata.record import Announced, OutboxKind, ScanStatus


@dataclass(slots=True)
class Transaction:
    """A transaction that is open, and what it will have announced once it is committed."""

    connection: sqlite3.Connection
    now_utc: str
    payload_of: Callable[[Announced], tuple[OutboxKind, str] | None]
    has_announced: bool = field(default=False, init=False)

    def claim(self) -> None:
        """Take the write lock at once, so that waiting for it happens here and nowhere else."""
        self.connection.execute("UPDATE meta SET epoch = epoch WHERE FALSE")

    def status(self, scan_id: str) -> tuple[ScanStatus, str]:
        """
        Return where a scan stands, and its prefix digest.

        Raises
        ------
        StoreError
            If the scan is unknown.
        """
        row = self.connection.execute(
            f"SELECT {STATUS_COLUMNS}, prefix_digest FROM scan WHERE scan_id = ?",  # noqa: S608 - the columns are constants
            (scan_id,),
        ).fetchone()
        if row is None:
            raise StoreError(f"expected an opened scan, got {scan_id!r}, which the store lacks")
        return status_of_row(row[:-1]), row[-1]

    def announce_state(self, scan_id: str) -> None:
        """Announce where a scan stands now."""
        self.announce(self.status(scan_id)[0])

    def announce(self, what: Announced) -> None:
        """Announce rows, compositions or where a scan stands, once all is committed."""
        announced = self.payload_of(what)
        if announced is not None:
            kind, payload = announced
            self.connection.execute(
                "INSERT INTO outbox (kind, section_id, payload, created_utc) VALUES (?, ?, ?, ?)",
                (kind.value, what.section_id, payload, self.now_utc),
            )
            self.has_announced = True
