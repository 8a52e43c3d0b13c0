"""Progress of many scans: a bar with the time left on a terminal, plain lines elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from downcore.commands.progress import PLAIN_EVERY
from downcore.service.backlog import Backlog, in_words


@contextmanager
def process_progress() -> Iterator[
    tuple[Callable[[str, int, int | None], None], Callable[[Backlog], None]]
]:
    """
    Show how far the scan in hand has come, and all of them, with the time left.

    The block is given what takes the section, its slices done and in all (``None`` while that is
    not known), and what takes how far the scans have come.
    """
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        scans = bar.add_task("scans", total=None, left="")
        in_hand = bar.add_task("", total=None, left="cm", visible=False)
        said = ""

        def on_slices(section_id: str, done: int, total: int | None) -> None:
            bar.update(in_hand, description=section_id, completed=done, total=total, visible=True)
            if not console.is_terminal and (done == total or done % PLAIN_EVERY == 0):
                sys.stderr.write(f"{section_id}: {done} of {total or '?'} cm\n")

        def on_backlog(backlog: Backlog) -> None:
            nonlocal said
            seconds = backlog.seconds_left
            left = "" if seconds is None else f"about {in_words(seconds)} left"
            total = backlog.n_done + backlog.n_left
            bar.update(scans, completed=backlog.n_done, total=total, left=left)
            sentence = backlog.sentence()
            if not console.is_terminal and total > 1 and sentence and sentence != said:
                said = sentence
                sys.stderr.write(f"{sentence}\n")

        yield on_slices, on_backlog
