"""Progress of long work: a bar on a terminal, plain lines everywhere else."""

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

PLAIN_EVERY = 100
"""Slices between two plain lines."""


class SliceProgress:
    """Shows how many centimetres of each section are done."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("cm"),
            console=console,
            disable=not console.is_terminal,
        )
        self._is_plain = not console.is_terminal
        self._tasks: dict[str, TaskID] = {}

    def advance(self, section_id: str, done: int, total: int | None) -> None:
        """Say that ``done`` of ``total`` slices of a section are kept; ``None`` while it grows."""
        if self._is_plain:
            if done == total or done % PLAIN_EVERY == 0:
                sys.stderr.write(f"{section_id}: {done} of {total or '?'} cm\n")
            return
        if section_id not in self._tasks:
            self._tasks[section_id] = self._bar.add_task(section_id, total=total)
        self._bar.update(self._tasks[section_id], completed=done, total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()
