"""
Waiting for file events in the inbox; the only module that uses watchdog.

Events are hints. Some are lost when many come at once, and network shares send none, so they
may only decide how soon the inbox is listed.
"""

import logging
import os
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from watchdog import events
from watchdog.observers.inotify import InotifyObserver

from downcore.file_names import printable
from downcore.sources.inbox.mounts import file_system_here, is_network_share

logger = logging.getLogger(__name__)

RETRY_S = 5.0
"""Seconds between attempts to watch an inbox that cannot be watched."""

GATHER_S = 0.01
"""Seconds for which a burst of events is collected into one hint."""

MAX_CLOSED = 10_000
"""Closed files remembered between two waits; further ones are found by listing."""

STOP_S = 5.0

# Opening and reading are left out, since our own reading would cause events without end.
_WATCHED: list[type[events.FileSystemEvent]] = [
    events.FileCreatedEvent,
    events.FileModifiedEvent,
    events.FileMovedEvent,
    events.FileClosedEvent,
    events.FileDeletedEvent,
    events.DirCreatedEvent,
    events.DirMovedEvent,
    events.DirDeletedEvent,
]


@dataclass(frozen=True, slots=True)
class Hint:
    """Why a wait ended."""

    woken: bool
    """Whether an event came; False if the time ran out."""

    closed: frozenset[Path] = frozenset()
    """Files closed or renamed into place by their writer since the wait before."""


class Follower:
    """
    Follow an inbox, as a context manager.

    Parameters
    ----------
    inbox : Path
        The folder that the scanner writes to; it may be missing, and may come and go.
    file_system : callable, default asks the kernel
        Returns the kind of file system of the inbox.
    monotonic_s : callable, default ``time.monotonic``
        A monotonic clock in seconds; decides when watching is tried again.
    """

    def __init__(
        self,
        inbox: Path,
        *,
        file_system: Callable[[Path], str] = file_system_here,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inbox = inbox
        self._file_system = file_system
        self._monotonic_s = monotonic_s
        self._gathered = _Gathered()
        self._observer: InotifyObserver | None = None
        self._watched_folder: tuple[int, int] | None = None
        self._tried_at_s: float | None = None
        self._overflow = _OverflowListener(self._gathered)

    def __enter__(self) -> Self:
        logging.getLogger("watchdog.observers").addHandler(self._overflow)
        self._watch_if_needed()
        return self

    def __exit__(self, *exception: object) -> None:
        logging.getLogger("watchdog.observers").removeHandler(self._overflow)
        self._stop()

    @property
    def is_watching(self) -> bool:
        """Whether events are received; False on a network share, or while the inbox is missing."""
        observer = self._observer
        return (
            observer is not None
            and observer.is_alive()
            and any(emitter.is_alive() for emitter in observer.emitters)
            and _folder_identity(self._inbox) == self._watched_folder
        )

    def wait(self, timeout_s: float) -> Hint:
        """
        Wait for an event in the inbox, at most ``timeout_s`` seconds.

        Does not raise when the inbox cannot be watched: the time runs out, and watching is tried
        again at a later wait.
        """
        self._watch_if_needed()
        if self._gathered.happened.wait(max(timeout_s, 0.0)):
            time.sleep(GATHER_S)
        return self._gathered.take()

    def _watch_if_needed(self) -> None:
        if self.is_watching:
            return
        now_s = self._monotonic_s()
        if self._tried_at_s is not None and now_s - self._tried_at_s < RETRY_S:
            return
        was_watching = self._observer is not None
        self._stop()
        is_first = self._tried_at_s is None
        self._tried_at_s = now_s
        has_started = self._start()
        # Events may have been missed while the inbox was not watched.
        if was_watching or (has_started and not is_first):
            self._gathered.add()

    def _start(self) -> bool:
        identity = _folder_identity(self._inbox)
        if identity is None or is_network_share(self._file_system(self._inbox)):
            return False
        observer: InotifyObserver | None = None
        try:
            # Full events distinguish a file renamed in from outside from one that was created.
            observer = InotifyObserver(generate_full_events=True)
            listener = _EventListener(self._gathered)
            observer.schedule(listener, self._inbox, recursive=True, event_filter=_WATCHED)
            observer.start()
        except OSError as error:
            logger.warning(
                "Cannot watch %s (%s); it is looked at regularly instead",
                printable(self._inbox),
                error.strerror or error,
            )
            if observer is not None:
                observer.stop()
            return False
        self._observer, self._watched_folder = observer, identity
        return True

    def _stop(self) -> None:
        observer, self._observer, self._watched_folder = self._observer, None, None
        if observer is not None:
            observer.stop()
            observer.join(STOP_S)


class _Gathered:
    """Events since the last wait; added by watchdog's threads, taken by ours."""

    def __init__(self) -> None:
        self.happened = threading.Event()
        self._lock = threading.Lock()
        self._closed: set[str] = set()

    def add(self, closed: str = "") -> None:
        with self._lock:
            if closed and len(self._closed) < MAX_CLOSED:
                self._closed.add(closed)
            self.happened.set()

    def take(self) -> Hint:
        with self._lock:
            hint = Hint(woken=self.happened.is_set(), closed=frozenset(map(Path, self._closed)))
            self._closed = set()
            self.happened.clear()
        return hint


class _EventListener(events.FileSystemEventHandler):
    """Notes each event, and does no more, since it runs in watchdog's thread."""

    def __init__(self, gathered: _Gathered) -> None:
        self._gathered = gathered

    def on_any_event(self, event: events.FileSystemEvent) -> None:
        closed: bytes | str = ""
        if isinstance(event, events.FileClosedEvent):
            closed = event.src_path
        elif isinstance(event, events.FileMovedEvent):
            closed = event.dest_path
        self._gathered.add(os.fsdecode(closed))


class _OverflowListener(logging.Handler):
    """Notes lost events, which watchdog reports only in its log."""

    def __init__(self, gathered: _Gathered) -> None:
        super().__init__(logging.WARNING)
        self._gathered = gathered

    def emit(self, record: logging.LogRecord) -> None:
        if "overflow" in str(record.msg):
            self._gathered.add()


def _folder_identity(folder: Path) -> tuple[int, int] | None:
    try:
        state = folder.stat()
    except OSError:
        return None
    return (state.st_dev, state.st_ino) if stat.S_ISDIR(state.st_mode) else None
