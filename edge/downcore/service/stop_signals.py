"""SIGTERM and Ctrl-C: they end the daemon in good order, and a start within seconds."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Protocol, Self

from downcore.exit_codes import OK
from downcore.health import notify_systemd

logger = logging.getLogger(__name__)

START_STOP_S = 5.0
"""How long a start may take to heed a stop; then the process ends as it is."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stoppable(Protocol):
    """What is asked to stop."""

    @property
    def is_starting(self) -> bool:
        """Whether nothing is under way yet."""
        ...

    def stop(self) -> None:
        """Ask it to end after the step it is in."""
        ...


class StopSignals:
    """
    Pass SIGTERM and SIGINT on as a stop, for as long as the block lasts.

    While the daemon starts, nothing is under way, and compiling may take more than a minute: the
    start is interrupted. A compiler may swallow that, turn it into an error of its own, or not
    return in time; the first two are no errors here, and after ``patience_s`` the process ends.

    Parameters
    ----------
    daemon : Stoppable
        The daemon.
    patience_s : float
        Seconds that an interrupted start may take to end.
    leave : callable, optional
        Ends the process with an exit code, without waiting for anything.
    """

    def __init__(
        self,
        daemon: Stoppable,
        *,
        patience_s: float = START_STOP_S,
        leave: Callable[[int], object] = os._exit,
    ) -> None:
        self._daemon = daemon
        self._patience_s = patience_s
        self._leave = leave
        self._has_ended = threading.Event()
        self.has_stopped_start = False
        """Whether a stop came while the daemon started, and that ended the block."""
        self._is_asked = False

    def __enter__(self) -> Self:
        self._woken, self._waker = socket.socketpair()
        self._waker.settimeout(0.0)
        # Written to by the signal itself, even while the main thread is inside a compiler.
        self._fd_before = signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        self._before = {one: signal.signal(one, self._stop) for one in _SIGNALS}
        threading.Thread(target=self._watch, name="stop-watch", daemon=True).start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> bool:
        self._has_ended.set()
        signal.set_wakeup_fd(self._fd_before)
        self._waker.close()
        for one, before in self._before.items():
            signal.signal(one, before)
        self.has_stopped_start = error is not None and self._is_asked and self._daemon.is_starting
        if self.has_stopped_start:
            logger.info("stopped while starting")
        return self.has_stopped_start

    def _stop(self, _signum: int, _frame: FrameType | None) -> None:
        self._is_asked = True
        notify_systemd("STOPPING=1")
        self._daemon.stop()
        if self._daemon.is_starting:
            raise KeyboardInterrupt

    def _watch(self) -> None:
        """End the process where a start does not heed a signal."""
        with self._woken:
            while (numbers := self._woken.recv(64)) and not set(numbers) & set(_SIGNALS):
                pass
        if not numbers or self._has_ended.wait(self._patience_s):
            return
        if self._daemon.is_starting:
            logger.warning("stopped while starting, in the middle of a long step")
            self._leave(OK)
