"""
Long work done in turns.

Between two turns the scheduler serves other scans, feeds the watchdog and obeys a request to stop.
"""

from collections.abc import Generator
from typing import TypeAlias, TypeVar

Result = TypeVar("Result")

Turns: TypeAlias = Generator[None, None, Result]
"""Work that pauses at each ``yield`` and returns its result at the end."""

TURN_BYTES = 64 * 1024 * 1024
"""Bytes read in one turn: a tenth of a second from a disk, a second or two from a slow share."""


def at_once(turns: Turns[Result]) -> Result:
    """Run the work to its end without a pause, and return its result."""
    while True:
        try:
            next(turns)
        except StopIteration as ended:
            result: Result = ended.value
            return result
