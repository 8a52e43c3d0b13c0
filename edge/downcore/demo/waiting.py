"""How long the demo waits for the last rows: while rows still come."""

from collections.abc import Callable
from typing import Protocol

from downcore.ports import Clock

QUIET_S = 120.0
"""Seconds without a new row after which no more are waited for."""

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
