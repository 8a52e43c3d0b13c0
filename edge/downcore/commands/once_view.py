"""What ``downcore run --once`` shows on a terminal: one bar, a warning a kind, and a summary."""

import logging
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from downcore.commands.once_summary import LeftOver, summary
from downcore.service.backlog import Backlog, in_words
from downcore.service.daemon import Daemon
from downcore.settings import Settings

_IN_SUMMARY = (": set aside: ", " waits: ")
"""What the messages have in common that the summary groups by reason."""
_NAMES = re.compile(r"'[^']*'|\S*[\d/]\S*")
"""Names and numbers in what a warning says."""


class WarningsOnce(logging.Handler):
    """
    Says the first warning of a kind, and counts the others.

    A kind is a message and what it says, but for names, numbers and the file it is about. What
    is less than a warning, and what the summary says, is left out; errors are always said.

    Parameters
    ----------
    say : callable
        Shows one line.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._say = say
        self._kinds: dict[tuple[str, str], tuple[str, int]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record, or count it."""
        text = record.getMessage()
        if record.levelno > logging.WARNING:
            self._say(self.format(record))
            return
        if any(part in str(record.msg) for part in _IN_SUMMARY):
            return
        arguments = record.args if isinstance(record.args, tuple) else ()
        reason = " ".join(map(str, arguments[1:] or arguments))
        kind = (str(record.msg), _NAMES.sub("#", reason))
        first, n_more = self._kinds.get(kind, (text, -1))
        self._kinds[kind] = (first, n_more + 1)
        if n_more < 0:
            self._say(f"warning: {text}")

    def counts(self) -> Iterator[str]:
        """Yield how many warnings were counted, with the first of each kind."""
        for first, n_more in self._kinds.values():
            if n_more:
                yield f"warning: {n_more} more like: {first}"


class OnceView:
    """
    Shows a run on a terminal; a :class:`~downcore.service.daemon.RunView`.

    Parameters
    ----------
    settings : Settings
        Of the station.
    config : Path or None
        Settings file, which the commands of the summary name.
    bar : Progress
        Shown and ended by the caller.
    """

    def __init__(self, settings: Settings, config: Path | None, bar: Progress) -> None:
        self._settings = settings
        self._options = "" if config is None else f" --config {shlex.quote(str(config))}"
        self._bar = bar
        self._task: TaskID = bar.add_task("getting ready", total=None, left="")
        self._warnings = WarningsOnce(self._say)
        # Rows that go into a file or a program are what was asked for.
        self.without_sinks = frozenset({"terminal"}) if sys.stdout.isatty() else frozenset[str]()

    @property
    def log_handler(self) -> logging.Handler:
        """Takes what is logged."""
        return self._warnings

    def on_backlog(self, backlog: Backlog) -> None:
        """Move the bar."""
        seconds = backlog.seconds_left
        left = "" if seconds is None else f"about {in_words(seconds)} left"
        total = backlog.n_done + backlog.n_left
        if total:
            self._bar.update(
                self._task, description="scans", completed=backlog.n_done, total=total, left=left
            )

    def tell_end(self, daemon: Daemon) -> None:
        """Say what was done, what is left and why, and which commands answer."""
        self._bar.stop()
        for line in self._warnings.counts():
            self._say(line)
        left = LeftOver(daemon.refused, daemon.questioned, daemon.away)
        left = left.seen_from(self._settings.inbox.path)
        for line in summary(self._settings.store.path, daemon.started_utc, left, self._options):
            self._say(line)

    def _say(self, text: str) -> None:
        self._bar.console.print(text, soft_wrap=True, highlight=False, markup=False)


@contextmanager
def once_view(settings: Settings, config: Path | None, console: Console) -> Iterator[OnceView]:
    """Show a run on a terminal for as long as the block lasts."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=console, redirect_stdout=sys.stdout.isatty()) as bar:
        yield OnceView(settings, config, bar)
