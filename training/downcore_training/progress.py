"""How a training run is told to whoever watches."""

import time
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

_PLAIN_EVERY_S = 30.0
"""Seconds between two lines where a bar cannot be drawn."""


class Report(Protocol):
    """Hears of the run."""

    def at(self, share: float, text: str) -> None:
        """Say how far the run is, 0 to 1, and what it does."""
        ...

    def note(self, text: str) -> None:
        """Say something that stays on the screen."""
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
        """Write a line, if the last one is some time ago."""
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
