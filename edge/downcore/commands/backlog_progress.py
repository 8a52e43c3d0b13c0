"""Progress of a whole inbox: a bar with the time left on a terminal, nothing elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from downcore.service.backlog import Backlog, in_words


@contextmanager
def backlog_progress() -> Iterator[Callable[[Backlog], None]]:
    """
    Show how many scans of the inbox are done, and how long the others will take.

    What the block is given is called with how far the backlog has come. Elsewhere than on a
    terminal the daemon's log says it.
    """
    console = Console(stderr=True)
    columns = (
        TextColumn("scans"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(
        *columns,
        console=console,
        disable=not console.is_terminal,
        # Rows that go into a file must not be taken to the terminal.
        redirect_stdout=sys.stdout.isatty(),
    ) as bar:
        task = bar.add_task("scans", total=None, left="")

        def advance(backlog: Backlog) -> None:
            seconds = backlog.seconds_left
            left = "" if seconds is None else f"about {in_words(seconds)} left"
            total = backlog.n_done + backlog.n_left
            bar.update(task, completed=backlog.n_done, total=total or None, left=left)

        yield advance
