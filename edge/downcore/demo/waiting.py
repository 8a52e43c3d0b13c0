"""How long the demo waits: for rows while they still come, and then for the end of the scans."""

import time
from collections.abc import Callable
from typing import Protocol

from downcore.ports import Clock

QUIET_S = 120.0
"""Seconds without a new row, or without the end of the scans, after which waiting ends."""

LOOK_S = 1.0
"""Seconds between two looks at whether rows came."""


class ArrivingRows(Protocol):
    """Rows that arrive while others look on."""

    @property
    def n_rows(self) -> int:
        """How many different rows have arrived."""
        ...

    def wait_for(self, n_rows: int, timeout_s: float) -> bool:
        """Wait until so many have arrived; return whether they did."""
        ...


def wait_while_rows_come(
    rows: ArrivingRows, n_rows: int, *, clock: Clock, has_ended: Callable[[], bool]
) -> bool:
    """
    Wait for rows for as long as new ones arrive; return whether all did.

    Parameters
    ----------
    rows : ArrivingRows
        Those that arrive.
    n_rows : int
        How many there will be.
    clock : Clock
        Tells how long none has arrived.
    has_ended : callable
        Whether what makes the rows has ended, so that no more come.
    """
    n_seen, since_s = rows.n_rows, clock.monotonic_s()
    while not rows.wait_for(n_rows, LOOK_S):
        now_s = clock.monotonic_s()
        if rows.n_rows > n_seen:
            n_seen, since_s = rows.n_rows, now_s
        elif has_ended() or now_s - since_s >= QUIET_S:
            return False
    return True


def wait_until_done(
    is_done: Callable[[], bool],
    *,
    clock: Clock,
    has_ended: Callable[[], bool],
    pause: Callable[[float], None] = time.sleep,
) -> bool:
    """
    Wait for the end of scans whose rows have all arrived; return whether it came.

    Parameters
    ----------
    is_done : callable
        Whether every scan is done, its composition included.
    clock : Clock
        Tells how long that takes.
    has_ended : callable
        Whether what ends the scans has ended itself.
    pause : callable, optional
        Waits so many seconds.
    """
    since_s = clock.monotonic_s()
    while not is_done():
        if has_ended() or clock.monotonic_s() - since_s >= QUIET_S:
            return False
        pause(LOOK_S)
    return True
