"""What the daemon tells systemd, and whether its work still moves."""

import os
import socket
import threading
from dataclasses import dataclass, field

from downcore.ports import Clock

STUCK_AFTER_S = 180.0
"""A stage that is busy this long without a tick is stuck; the watchdog is then left to bite."""


def notify_systemd(message: str) -> bool:
    """
    Send one datagram to the service manager, such as ``READY=1`` or ``STATUS=...``.

    Returns
    -------
    bool
        Whether it was told; False outside systemd, or where the manager does not listen.

    Notes
    -----
    Source: sd_notify(3).

    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.sendto(message.encode(), address)
    except OSError:
        # The record does not depend on being heard.
        return False
    return True


@dataclass
class Heartbeat:
    """Ticks of every stage; the watchdog is fed only while all of them tick."""

    clock: Clock
    _last_s: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def tick(self, stage: str) -> None:
        """Say that ``stage`` is alive; idle rounds count."""
        with self._lock:
            self._last_s[stage] = self.clock.monotonic_s()

    def stuck(self) -> list[str]:
        """Return the stages that have not ticked for too long, sorted; empty when all is well."""
        now = self.clock.monotonic_s()
        with self._lock:
            return sorted(s for s, t in self._last_s.items() if now - t > STUCK_AFTER_S)

    def feed_watchdog(self, status: str) -> bool:
        """Feed systemd's watchdog unless a stage is stuck; returns whether it was fed."""
        late = self.stuck()
        if late:
            notify_systemd(f"STATUS=stuck: {', '.join(late)}")
            return False
        notify_systemd(f"WATCHDOG=1\nSTATUS={status}")
        return True
