"""How a training run reports its progress."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

_PLAIN_EVERY_S = 30.0
"""Seconds between two lines where a bar cannot be drawn."""


class Report(Protocol):
    """Receives the progress of a run."""

    def at(self, share: float, text: str) -> None:
        """Report the share done, 0 to 1, and the current activity."""
        ...

    def note(self, text: str) -> None:
        """Report a line that stays on the screen."""
        ...


class Plain:
    """
    One line at a time, for files and pipes.

    Parameters
    ----------
    console : Console
        Where the lines go.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last_s = -_PLAIN_EVERY_S

    def at(self, share: float, text: str) -> None:
        """Write a line, unless the last one was a moment ago."""
        now_s = time.monotonic()
        if now_s - self._last_s >= _PLAIN_EVERY_S:
            self._last_s = now_s
            self.note(f"{share:6.1%}  {text}")

    def note(self, text: str) -> None:
        """Write a line."""
        self._console.print(text, soft_wrap=True, highlight=False, markup=False)


class Bar:
    """
    A bar that moves, with notes above it.

    Parameters
    ----------
    progress : Progress
        Started and stopped by the caller.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=1.0)

    def at(self, share: float, text: str) -> None:
        """Move the bar."""
        self._progress.update(self._task, completed=share, description=text)

    def note(self, text: str) -> None:
        """Write a line above the bar."""
        self._progress.console.print(text, soft_wrap=True, highlight=False, markup=False)


def bar_columns() -> tuple[TextColumn, BarColumn, TextColumn, TimeElapsedColumn]:
    """Return the columns of the bar of a training run."""
    return (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>5.1f} %"),
        TimeElapsedColumn(),
    )


@contextmanager
def shown_report(console: Console) -> Iterator[Report]:
    """Yield a bar on a terminal, else lines."""
    if not console.is_terminal:
        yield Plain(console)
        return
    with Progress(*bar_columns(), console=console) as progress:
        yield Bar(progress)
