"""The terminal as a sink: one plain line for each row, as it is committed."""

import json
import sys
import threading
from dataclasses import dataclass, field
from typing import Any, TextIO

from downcore.publish.payloads import StationStatus
from downcore.publish.sink import Feed, OutboxReader, Sink, SinkHealth
from downcore.strata.depth import SLICE_UM
from downcore.strata.record import OutboxEntry, OutboxKind
from downcore.strata.unmixing.composition import words_of

_PAGE = 64
_IDLE_S = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class TerminalSettings:
    """Where lines are written."""

    stream: TextIO = field(default_factory=lambda: sys.stdout)


class TerminalSink:
    """Prints rows that are committed from now on; made by :data:`SINK`."""

    def __init__(self, settings: TerminalSettings, feed: Feed) -> None:
        self._stream = settings.stream
        self._feed = feed
        self._problem = ""
        self._printed_seq = 0
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="terminal-sink", daemon=True)
        self._thread.start()
        self._ready.wait()

    def report(self, status: StationStatus) -> None:
        """Do nothing: whoever sees the terminal sees the log as well."""

    def health(self) -> SinkHealth:
        """Return whether lines can still be written."""
        return SinkHealth(
            is_connected=not self._problem,
            problem=self._problem,
            delivered_seq=self._printed_seq,
        )

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


def lines_of(entry: OutboxEntry) -> list[str]:
    """
    Return an announcement as lines for people: one for each row and bundle, or one for a state.

    Depth is in centimetres; a property without a value says its status instead.
    """
    payload = json.loads(entry.payload)
    name = printable(entry.section_id)
    if entry.kind is OutboxKind.STATE:
        reason = f": {printable(payload['reason'])}" if payload["reason"] else ""
        return [f"{name}  {payload['state']}{reason}"]
    lines_of_row = _lines_of_composition if entry.kind is OutboxKind.COMPOSITION else _lines_of_row
    return [line for row in payload["rows"] for line in lines_of_row(name, row)]


def printable(text: str) -> str:
    """Return ``text`` with control characters spelt out, so that a name cannot move a cursor."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _lines_of_row(name: str, row: dict[str, Any]) -> list[str]:
    start = f"{name}  {row['top_um'] / SLICE_UM:7.2f} - {row['bottom_um'] / SLICE_UM:.2f} cm"
    by_bundle: dict[str, list[str]] = {}
    for one in row["estimates"]:
        by_bundle.setdefault(one["bundle_id"], []).append(_words_of(one))
    if not by_bundle:
        return [f"{start}  sediment {100 * row['valid_fraction']:.0f} %"]
    return [
        "  ".join((start, *words, *([bundle_id[:8]] if len(by_bundle) > 1 else [])))
        for bundle_id, words in by_bundle.items()
    ]


def _lines_of_composition(name: str, row: dict[str, Any]) -> list[str]:
    start = f"{name}  {row['top_um'] / SLICE_UM:7.2f} - {row['bottom_um'] / SLICE_UM:.2f} cm"
    by_name = {one["group"]: one for one in (*row["groups"], *row["joined"])}
    told = [by_name[name] for name in row["told"]]
    known = [_words_of_share(one) for one in told if one["fraction"] is not None]
    if known:
        return [f"{start}  {', '.join(known)}"]
    first = row["groups"][0]
    return [f"{start}  composition {first['status']} ({printable(first['reason'])})"]


def _words_of_share(share: dict[str, Any]) -> str:
    words = words_of(share["fraction"], share["lower"], share["upper"])
    return (
        f"{printable(share['group'])} {words}{', by the prior' if share['is_prior_driven'] else ''}"
    )


def _words_of(estimate: dict[str, Any]) -> str:
    name, value = estimate["property"], estimate["value"]
    if value is None:
        return f"{name} {estimate['status']} ({printable(estimate['reason'])})"
    interval = ""
    if estimate["lower"] is not None and estimate["upper"] is not None:
        interval = f" [{estimate['lower']:.4g}, {estimate['upper']:.4g}]"
    return f"{name} {value:.4g}{interval} {estimate['unit']}"


SINK = Sink(name="terminal", settings=TerminalSettings, open=TerminalSink)
"""What :func:`downcore.publish.sinks` finds."""
