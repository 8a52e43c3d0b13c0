"""Long work done in turns, so that other scans, the watchdog and a stop get theirs between."""

from collections.abc import Generator
from typing import TypeAlias, TypeVar

Result = TypeVar("Result")

Turns: TypeAlias = Generator[None, None, Result]
"""Work that pauses at each ``yield`` and returns its result at the end."""

TURN_BYTES = 64 * 1024 * 1024
"""Bytes read in one turn: a tenth of a second from a disk, a second or two from a slow share."""


def at_once(turns: Turns[Result]) -> Result:
    """Do work without a pause; return its result."""
    while True:
        try:
            next(turns)
        except StopIteration as ended:
            result: Result = ended.value
            return result
