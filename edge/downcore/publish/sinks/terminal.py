"""The terminal as a sink: one plain line for each row, as it is committed."""

import sys
import threading
from typing import TYPE_CHECKING, TextIO

from pydantic import Field

from downcore.publish.sink import Feed, OutboxReader, Sink, SinkHealth, SinkSettings

if TYPE_CHECKING:
    from downcore.publish.payloads import StationStatus

_PAGE = 64
_IDLE_S = 1.0


class TerminalSettings(SinkSettings):
    """Whether rows are printed."""

    enabled: bool = Field(default=True, description="Print each row of 'downcore run'.")


class TerminalSink:
    """
    Prints rows that are committed from now on.

    Parameters
    ----------
    settings : TerminalSettings
        Holds nothing but ``enabled``.
    feed : Feed
        The record.
    stream : TextIO, optional
        Where lines are written; standard output by default.
    """

    def __init__(
        self, settings: TerminalSettings, feed: Feed, *, stream: TextIO | None = None
    ) -> None:
        del settings
        self._stream = stream or sys.stdout
        self._feed = feed
        self._problem = ""
        self._printed_seq = 0
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="terminal-sink", daemon=True)
        self._thread.start()
        self._ready.wait()

    def report(self, status: "StationStatus") -> None:
        """Do nothing: the daemon logs how the station fares on the same terminal."""

    def health(self) -> SinkHealth:
        """Return whether lines can still be written."""
        return SinkHealth(is_connected=not self._problem, problem=self._problem)

    def stop(self) -> None:
        """Print what is left and end."""
        self._stopping.set()
        self._feed.wake.notify()
        self._thread.join(2.0)

    def _run(self) -> None:
        try:
            with self._feed.open_outbox() as outbox:
                self._printed_seq = outbox.origin().head_seq
                self._ready.set()
                while not self._stopping.is_set():
                    seen = self._feed.wake.count
                    self._print_new(outbox)
                    self._feed.wake.wait(seen, _IDLE_S)
                self._print_new(outbox)
        except OSError as error:
            # The reader of a pipe went away; the record does not depend on it.
            self._problem = f"the terminal is gone: {error}"
        finally:
            self._ready.set()

    def _print_new(self, outbox: OutboxReader) -> None:
        # What it takes to word a row is loaded by those who print, not by all who read settings.
        from downcore.publish.sinks._terminal_lines import lines_of  # noqa: PLC0415 - see above

        while entries := outbox.entries(self._printed_seq, _PAGE):
            for entry in entries:
                for line in lines_of(entry):
                    self._stream.write(self._carried(line) + "\n")
                self._printed_seq = entry.seq
            self._stream.flush()

    def _carried(self, line: str) -> str:
        """Return a line as the stream's encoding can carry it."""
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        return line.encode(encoding, errors="backslashreplace").decode(encoding)


SINK = Sink(
    name="terminal",
    settings=TerminalSettings,
    open=TerminalSink,
    example=TerminalSettings(enabled=True),
)
"""What :func:`downcore.publish.sinks.sinks` finds."""
