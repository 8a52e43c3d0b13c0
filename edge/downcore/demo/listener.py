"""A subscriber to the log over MQTT, as a dashboard ashore is one: counts what arrives."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

CONNECT_S = 10.0


@dataclass
class Received:
    """What arrived so far."""

    rows: set[tuple[str, int]] = field(default_factory=set)
    """Scan and slice of every row."""
    duplicates: int = 0
    """Rows that arrived again under another seq; a repeat under the same one is none."""
    seqs: set[tuple[int, int]] = field(default_factory=set)
    """Epoch and seq of every batch."""


class Listener:
    """
    Subscribes to the log of every station on a broker.

    Parameters
    ----------
    port : int
        Of the broker on 127.0.0.1.
    on_row : callable
        Called with section and row as they arrive, from the client's thread.
    """

    def __init__(self, port: int, on_row: Callable[[str, dict[str, Any]], None]) -> None:
        self.received = Received()
        self._on_row = on_row
        self._changed = threading.Condition()
        self._subscribed = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="downcore-demo-listener")
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message
        self._client.connect_async("127.0.0.1", port)
        self._client.loop_start()
        if not self._subscribed.wait(CONNECT_S):
            raise TimeoutError(f"expected the demo's broker to answer within {CONNECT_S:g} s")

    @property
    def n_rows(self) -> int:
        """How many different rows have arrived."""
        with self._changed:
            return len(self.received.rows)

    def wait_for(self, n_rows: int, timeout_s: float) -> bool:
        """Wait until so many different rows have arrived; returns whether they did."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.received.rows) >= n_rows, timeout_s)

    def close(self) -> None:
        """Stop listening."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: mqtt.Client, *_: object) -> None:
        client.subscribe("downcore/v1/+/+/section/+/log", qos=1)

    def _on_message(self, _client: mqtt.Client, _: object, message: mqtt.MQTTMessage) -> None:
        batch = json.loads(message.payload)
        key = (batch["epoch"], batch["seq"])
        with self._changed:
            is_repeat = key in self.received.seqs
            self.received.seqs.add(key)
            for row in batch["rows"]:
                cell = (batch["scan_id"], row["slice"])
                self.received.duplicates += cell in self.received.rows and not is_repeat
                self.received.rows.add(cell)
            self._changed.notify_all()
        if not is_repeat:
            for row in batch["rows"]:
                self._on_row(batch["section_id"], row)
