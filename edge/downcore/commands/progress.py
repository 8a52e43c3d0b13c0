"""Progress of long work: a bar on a terminal, plain lines everywhere else."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

PLAIN_EVERY = 100
"""Slices between two plain lines."""

PLAIN_SCANS_EVERY = 1000
"""Scans looked at between two plain lines."""


@contextmanager
def slice_progress() -> Iterator[Callable[[str, int, int | None], None]]:
    """
    Show how many centimetres of each section are done.

    What the block is given is called with the section, its slices done and its slices in all,
    ``None`` while it grows.
    """
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("cm"),
    )
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:

        def advance(section_id: str, done: int, total: int | None) -> None:
            if console.is_terminal:
                if section_id not in tasks:
                    tasks[section_id] = bar.add_task(section_id, total=total)
                bar.update(tasks[section_id], completed=done, total=total)
            elif done == total or done % PLAIN_EVERY == 0:
                sys.stderr.write(f"{section_id}: {done} of {total or '?'} cm\n")

        yield advance


@contextmanager
def scan_progress() -> Iterator[Callable[[int, int], None]]:
    """
    Show how many scans have been looked at, with the time left.

    What the block is given is called with the number of scans looked at, and of all.
    """
    console = Console(stderr=True)
    columns = (
        TextColumn("looking at scans"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("scans", total=None)

        def advance(done: int, total: int) -> None:
            if console.is_terminal:
                bar.update(task, completed=done, total=total)
            elif done % PLAIN_SCANS_EVERY == 0:
                sys.stderr.write(f"looked at {done} of {total} scans\n")

        yield advance


@contextmanager
def page_progress() -> Iterator[Callable[[int, int], None]]:
    """Show how much of a database is copied; the block is given what takes done and total."""
    console = Console(stderr=True)
    columns = (TextColumn("copying"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("pages", total=None)

        def advance(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield advance
