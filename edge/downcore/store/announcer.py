"""Who writes what the store announces."""

from typing import Protocol

from downcore.strata.record import Announced, CompositionBatch, LogBatch, OutboxKind, ScanStatus


class Announcer(Protocol):
    """Writes what is announced, as JSON objects; the module of payloads is one."""

    def log_payload(self, batch: LogBatch) -> str:
        """Return the announcement of rows, without epoch and seq."""
        ...

    def composition_payload(self, batch: CompositionBatch) -> str:
        """Return the announcement of compositions, without epoch and seq."""
        ...

    def state_payload(self, status: ScanStatus) -> str:
        """Return the announcement of a scan's state, without epoch and seq."""
        ...


def payload_of(announcer: Announcer | None, what: Announced) -> tuple[OutboxKind, str] | None:
    """Return the announcement of something with its kind; ``None`` where nothing is announced."""
    if announcer is None:
        return None
    if isinstance(what, LogBatch):
        return OutboxKind.LOG, announcer.log_payload(what)
    if isinstance(what, CompositionBatch):
        return OutboxKind.COMPOSITION, announcer.composition_payload(what)
    return OutboxKind.STATE, announcer.state_payload(what)
