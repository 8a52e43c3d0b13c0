"""What a sink is: a place to which the announcements of the record are carried."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    # The settings read this module, and need none of what sinks need at work.
    from downcore.ports import Clock
    from downcore.publish.payloads import Birth, StationStatus
    from downcore.strata.depth_ledger import Version
    from downcore.strata.record import OutboxEntry, OutboxKind, StoreOrigin


class OutboxReader(Protocol):
    """Reads the announcements of the record, in order; the store's reader is one."""

    def origin(self) -> "StoreOrigin":
        """Return which store this is and its newest announcement."""
        ...

    def entries(self, after_seq: int, limit: int) -> "list[OutboxEntry]":
        """Return the announcements that follow ``after_seq``, in order, at most ``limit``."""
        ...

    def newest(self, kind: "OutboxKind", after_seq: int = 0) -> "list[OutboxEntry]":
        """Return the newest announcement of a kind for each section, newer than ``after_seq``."""
        ...

    def newest_depth_version(self) -> int:
        """Return the number of the newest version of the depth ledger; 0 without any."""
        ...

    def depth_versions(self) -> "list[Version]":
        """Return the versions of the depth ledger, the oldest first."""
        ...


class Acks(Protocol):
    """Keeps how far each sink has come; the store is one. Called from the sinks' threads."""

    def acked_seq(self, sink: str) -> int:
        """Return up to which announcement a sink has delivered everything; 0 for nothing."""
        ...

    def ack(self, sink: str, seq: int) -> None:
        """Record that a sink has delivered everything up to ``seq``."""
        ...


class Wake:
    """
    Wakes every waiting thread when something was committed.

    Waiters remember the count they have seen, so that no call of ``notify`` is lost
    between looking and waiting.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._count = 0

    @property
    def count(self) -> int:
        """How often there was something."""
        with self._condition:
            return self._count

    def notify(self) -> None:
        """Wake every waiter; may be called from any thread and never fails."""
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def wait(self, seen: int, timeout_s: float) -> None:
        """Wait until ``count`` is past ``seen``, or for ``timeout_s`` at most."""
        with self._condition:
            self._condition.wait_for(lambda: self._count != seen, timeout_s)


@dataclass(frozen=True, slots=True, eq=False)
class Feed:
    """What every sink is given."""

    open_outbox: Callable[[], AbstractContextManager[OutboxReader]]
    """Opens a reader; called in the thread that will use it."""
    acks: Acks
    wake: Wake
    """To be notified by the store on each commit."""
    clock: "Clock"
    birth: "Birth"
    vessel: str
    """The settings' ``[station] vessel``."""
    station: str
    """The settings' ``[station] station``."""


@dataclass(frozen=True, slots=True)
class SinkHealth:
    """How a sink fares."""

    is_connected: bool
    """Whether what is committed now arrives; not yet true while a first connection is made."""
    problem: str = ""
    """Why not, in words for the technician; empty while nothing has failed."""
    warning: str = ""
    """What makes the station degraded although all arrives, such as another one of its name."""
    remark: str = ""
    """What may be wrong and cannot be told from here; said in the log and by ``status``."""


class RunningSink(Protocol):
    """A sink at work in threads of its own."""

    def report(self, status: "StationStatus") -> None:
        """Make known how the station fares; returns at once."""
        ...

    def health(self) -> SinkHealth:
        """Return how the sink fares."""
        ...

    def stop(self) -> None:
        """Deliver what can be delivered in 2 s, say goodbye, and end; again is a no-op."""
        ...


class SinkSettings(BaseModel):
    """A sink's section of the settings file; a sink derives its own from this."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, coerce_numbers_to_str=True, allow_inf_nan=False
    )

    enabled: bool = Field(default=False, description="Carry the record there as well.")


@dataclass(frozen=True, slots=True)
class Address:
    """Under which names a station publishes."""

    vessel: str
    station: str
    instance_id: str = ""
    """Of its store; empty while there is none."""


class Probe(Protocol):
    """Says what answers on the far side, for ``downcore doctor``; else raises OSError."""

    def __call__(self, settings: Any, address: Address = ..., /) -> str:
        """Return it in one sentence."""
        ...


def _nothing_to_check(_settings: Any) -> None:
    """Accept settings that their types have checked."""


@dataclass(frozen=True, slots=True)
class Sink:
    """A kind of place that announcements can be carried to."""

    name: str
    """Its section of the settings; its cursor is kept under this name too."""
    settings: type[SinkSettings]
    """Every key has a default and a description."""
    open: Callable[[Any, Feed], RunningSink]
    """Starts it, given its settings; raises SettingsError where they cannot be used."""
    example: SinkSettings
    """Settings with which the contract tests open it; the far side may be away."""
    check: Callable[[Any], None] = _nothing_to_check
    """Checks what the types of its settings cannot, without reaching out; raises SettingsError."""
    probe: Probe | None = None
    """Called with its settings, and with the station's names."""
