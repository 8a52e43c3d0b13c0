"""A transaction of the writer that is open, and what it announces once it is committed."""

import sqlite3
from dataclasses import dataclass, field, replace
from typing import Protocol

from downcore.store.rows import STATUS_COLUMNS, status_of_row
from downcore.strata.errors import StoreError
from downcore.strata.flags import Alarm
from downcore.strata.measured import MeasuredBatch
from downcore.strata.record import Announced, CompositionBatch, LogBatch, OutboxKind, ScanStatus
from downcore.strata.scan_corrections import Correction

MAX_ANNOUNCED_BYTES = 16_000
"""Announcements of more rows than one are no larger; the smallest limit of a broker is 20 kB."""


class Announcer(Protocol):
    """Writes what is announced, as JSON objects without epoch and seq; ``payloads`` is one."""

    def log_payload(self, batch: LogBatch) -> str:
        """Return the announcement of rows."""
        ...

    def composition_payload(self, batch: CompositionBatch) -> str:
        """Return the announcement of compositions."""
        ...

    def state_payload(self, status: ScanStatus) -> str:
        """Return the announcement of a scan's state."""
        ...

    def correction_payload(self, correction: Correction) -> str:
        """Return the announcement of a correction."""
        ...

    def measured_payload(self, batch: MeasuredBatch) -> str:
        """Return the announcement of measured values."""
        ...

    def alarm_payload(self, alarm: Alarm) -> str:
        """Return the announcement of a section's flags."""
        ...


@dataclass(slots=True)
class Transaction:
    """A transaction that is open, and what it will have announced once it is committed."""

    connection: sqlite3.Connection
    now_utc: str
    announcer: Announcer | None
    """``None`` where nothing is announced."""
    head_seq: int = field(default=0, init=False)
    """The last of its announcements; 0 where it has none."""

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
        """
        Announce rows, compositions, measured values, flags, a correction or a scan's state.

        What would be large is announced in parts, for brokers that take small messages only.
        """
        if self.announcer is None:
            return
        if isinstance(what, LogBatch):
            kind, payload = OutboxKind.LOG, self.announcer.log_payload(what)
        elif isinstance(what, CompositionBatch):
            kind, payload = OutboxKind.COMPOSITION, self.announcer.composition_payload(what)
        elif isinstance(what, MeasuredBatch):
            kind, payload = OutboxKind.MEASURED, self.announcer.measured_payload(what)
        elif isinstance(what, Alarm):
            kind, payload = OutboxKind.ALARM, self.announcer.alarm_payload(what)
        elif isinstance(what, Correction):
            kind, payload = OutboxKind.CORRECTION, self.announcer.correction_payload(what)
        else:
            kind, payload = OutboxKind.STATE, self.announcer.state_payload(what)
        if isinstance(what, Alarm) and len(payload) > MAX_ANNOUNCED_BYTES and len(what.flags) > 1:
            self.announce(_shorter(what))
            return
        if len(payload) > MAX_ANNOUNCED_BYTES and (halves := _halves(what)):
            for half in halves:
                self.announce(half)
            return
        made = self.connection.execute(
            "INSERT INTO outbox (kind, section_id, payload, created_utc) VALUES (?, ?, ?, ?)",
            (kind.value, what.section_id, payload, self.now_utc),
        )
        self.head_seq = int(made.lastrowid or 0)


def _shorter(alarm: Alarm) -> Alarm:
    """Return an alarm without the lower half of its flags: it is one retained message."""
    kept = alarm.flags[: len(alarm.flags) // 2]
    return replace(alarm, flags=kept, n_left_out=alarm.n_left_out + len(alarm.flags) - len(kept))


def _halves(what: Announced) -> tuple[Announced, ...]:
    """Return the upper and the lower rows; nothing of a single row or a state."""
    if isinstance(what, LogBatch) and len(what.rows) > 1:
        middle = len(what.rows) // 2
        return (replace(what, rows=what.rows[:middle]), replace(what, rows=what.rows[middle:]))
    if isinstance(what, CompositionBatch) and len(what.slices) > 1:
        middle = len(what.slices) // 2
        parts = (what.slices[:middle], what.slices[middle:])
        return tuple(replace(what, slices=part) for part in parts)
    if isinstance(what, MeasuredBatch):
        return _parts_of_measured(what)
    return ()


def _parts_of_measured(what: MeasuredBatch) -> tuple[MeasuredBatch, ...]:
    """Return what does not count any more and what is new by themselves, else halves of each."""
    if what.withdrawn and what.values:
        return (replace(what, values=()), replace(what, withdrawn=()))
    middle = max(len(what.values), len(what.withdrawn)) // 2
    if middle == 0:
        return ()
    return (
        replace(what, values=what.values[:middle], withdrawn=what.withdrawn[:middle]),
        replace(what, values=what.values[middle:], withdrawn=what.withdrawn[middle:]),
    )
