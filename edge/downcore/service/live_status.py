"""What a running daemon says of itself, in a file beside its store, for whoever asks."""

import contextlib
import json
import logging
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from downcore.ports import Clock
from downcore.service.backlog import Backlog

logger = logging.getLogger(__name__)

SHORTEST_S = 1.0
"""Between two writes of a status that changed."""
LONGEST_S = 10.0
"""Between two writes of one that did not."""
MAX_UNDER_WAY = 20
"""Scans that are named."""


@dataclass(frozen=True, slots=True)
class ScanUnderWay:
    """A scan that is being read or waited for."""

    section_id: str
    path: str
    n_slices: int
    """In the store."""
    n_expected: int | None
    """In all, where its file says so."""
    reason: str
    """Why it waits; empty while it does not."""


@dataclass(frozen=True, slots=True)
class SinkStatus:
    """How a sink fares."""

    name: str
    is_connected: bool
    problem: str
    warning: str
    remark: str


@dataclass(frozen=True, slots=True)
class LiveStatus:
    """How the daemon fares."""

    version: str
    pid: int
    started_utc: str
    inbox: str
    reasons: tuple[str, ...]
    """Why the station is degraded; empty while all is well."""
    sinks: tuple[SinkStatus, ...]
    under_way: tuple[ScanUnderWay, ...]
    """Some of them, where there are many."""
    backlog: Backlog
    ended: str = ""
    """How it ended, in words; empty while it runs."""
    written_utc: str = ""


def status_file_of(database: Path) -> Path:
    """Return where the daemon of a store says how it fares."""
    return database.with_name(database.name + ".status")


class StatusFile:
    """
    Writes how the daemon fares; a reader finds the whole of it, or that of before.

    The record does not depend on it, so that a file that cannot be written is said once.

    Parameters
    ----------
    database : Path
        The store.
    clock : Clock
        Time.
    """

    def __init__(self, database: Path, clock: Clock) -> None:
        self._path = status_file_of(database)
        self._clock = clock
        self._written: LiveStatus | None = None
        self._written_at_s = 0.0
        self._has_failed = False

    def write(self, status: LiveStatus, *, at_once: bool = False) -> None:
        """Write it, unless one was written just now, or the same one not long ago."""
        now_s = self._clock.monotonic_s()
        if self._written is not None and not at_once:
            age_s = now_s - self._written_at_s
            if age_s < (SHORTEST_S if status != self._written else LONGEST_S):
                return
        self._written, self._written_at_s = status, now_s
        text = json.dumps(asdict(replace(status, written_utc=self._clock.utc_rfc3339())), indent=1)
        part = self._path.with_name(self._path.name + ".part")
        try:
            part.write_text(text + "\n", encoding="utf-8")
            part.replace(self._path)
        except OSError as error:
            if not self._has_failed:
                logger.warning("cannot write %s: %s", self._path, error.strerror)
            self._has_failed = True

    def end(self, how: str) -> None:
        """Say that the daemon has ended, and how."""
        if self._written is not None:
            self.write(replace(self._written, ended=how, under_way=()), at_once=True)


def read_status(database: Path) -> LiveStatus | None:
    """Return what the daemon of a store said last; ``None`` where it never did, legibly."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        said = json.loads(status_file_of(database).read_text(encoding="utf-8"))
        return _status_of(said)
    return None


def _status_of(said: dict[str, Any]) -> LiveStatus:
    return LiveStatus(
        version=str(said["version"]),
        pid=int(said["pid"]),
        started_utc=str(said["started_utc"]),
        inbox=str(said["inbox"]),
        reasons=tuple(map(str, said["reasons"])),
        sinks=tuple(SinkStatus(**one) for one in said["sinks"]),
        under_way=tuple(ScanUnderWay(**one) for one in said["under_way"]),
        backlog=Backlog(**said["backlog"]),
        ended=str(said["ended"]),
        written_utc=str(said["written_utc"]),
    )
