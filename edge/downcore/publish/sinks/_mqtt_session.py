"""What is said on one connection, and in which order."""

from collections import deque

from downcore.publish import payloads
from downcore.publish.depths_payload import depths_messages
from downcore.publish.sink import OutboxReader
from downcore.publish.sinks._ack_window import AckWindow
from downcore.publish.sinks._mqtt_link import Message, MqttLink
from downcore.publish.topics import Topics
from downcore.strata.record import OutboxEntry, OutboxKind, StoreOrigin

_PAGE = 64
"""Announcements read from the store at once."""
_RETAINED = frozenset({OutboxKind.STATE, OutboxKind.ALARM})
"""Announcements that show how things stand."""


class Session:
    """
    The order of messages on one connection.

    Messages that show how things stand (status, birth, each section's state, flags and
    newest row) go first and always overtake; a newer one takes the place of an older
    one of the same topic that was not sent yet. Announcements follow in the order of
    seq. Those from before the connection are marked historical and never retained, so
    that a backlog cannot overwrite how things stand.

    Parameters
    ----------
    link : MqttLink
        A connection that is up.
    topics : Topics
        Of the station.
    outbox : OutboxReader
        The announcements.
    origin : StoreOrigin
        Which store it is, and its head when the connection was made.
    acked_seq : int
        Up to which everything was delivered before.
    max_packet_bytes : int, optional
        The largest packet that the broker takes; larger messages are skipped.
    """

    def __init__(
        self,
        link: MqttLink,
        topics: Topics,
        outbox: OutboxReader,
        *,
        origin: StoreOrigin,
        acked_seq: int,
        max_packet_bytes: int | None = None,
    ) -> None:
        self._max_packet_bytes = max_packet_bytes
        self._skipped: list[Message] = []
        self._bytes: dict[int, int] = {}
        self._link = link
        self._topics = topics
        self._outbox = outbox
        self._origin = origin
        self._window = AckWindow(acked_seq)
        self._next: deque[OutboxEntry] = deque()
        self._last_read = acked_seq
        self._live_seq = origin.head_seq
        self._head_seq = origin.head_seq
        self._urgent: dict[str, Message] = {}
        self._depth_version = 0

    @property
    def watermark(self) -> int:
        """Up to which announcement everything has arrived."""
        return self._window.watermark

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits and nothing is under way."""
        return not (self._urgent or self._next or len(self._window)) and (
            self._last_read >= self._head_seq
        )

    def oldest_s(self) -> float | None:
        """Return when the message that waits longest was sent; ``None`` if none waits."""
        return self._window.oldest_s()

    def greet(self, status: bytes, birth: bytes) -> None:
        """Queue how things stand: status, birth, states, flags and newest rows, depths."""
        self.say_status(status)
        self._say(self._topics.birth, birth, "birth")
        for entry in self._outbox.newest(OutboxKind.STATE):
            topic = self._topics.section_state(entry.section_id)
            self._say(topic, payloads.state_snapshot(entry, self._origin.epoch), "state")
        for entry in self._outbox.newest(OutboxKind.ALARM):
            topic = self._topics.section_alarm(entry.section_id)
            self._say(topic, payloads.state_snapshot(entry, self._origin.epoch), "alarm")
        for entry in self._outbox.newest(OutboxKind.LOG):
            self._say_latest(entry)
        self._say_depths()

    def say_status(self, status: bytes) -> None:
        """Queue the station's status."""
        self._say(self._topics.status, status, "status")

    def notice_commits(self) -> None:
        """Queue the newest rows of sections, and depths of cores, written since the last call."""
        self._head_seq = self._outbox.origin().head_seq
        if self._head_seq > self._live_seq:
            for entry in self._outbox.newest(OutboxKind.LOG, self._live_seq):
                self._say_latest(entry)
            self._live_seq = self._head_seq
        self._say_depths()

    def take_arrivals(self) -> str:
        """Note what has arrived; return the broker's refusal, if there was one."""
        for message, refusal in self._link.take_arrivals():
            self._bytes.pop(message, None)
            if refusal:
                return refusal
            self._window.acked(message)
        return ""

    def send(self, now_s: float) -> None:
        """Send what the window lets through."""
        while len(self._window) < self._link.window:
            if self._urgent:
                message = self._urgent.pop(next(iter(self._urgent)))
            elif entry := self._next_entry():
                message = self._message_of(entry)
            else:
                return
            if self._max_packet_bytes is not None and (
                message.packet_bytes > self._max_packet_bytes
            ):
                self._skip(message, now_s)
                continue
            number = self._link.publish(message)
            if number is None:
                return
            self._bytes[number] = message.packet_bytes
            self._window.sent(number, now_s=now_s, seq=message.seq)

    def largest_under_way(self) -> int:
        """Return the bytes of the largest message that has not arrived yet; 0 if there is none."""
        return max(self._bytes.values(), default=0)

    def take_skipped(self) -> list[Message]:
        """Return the messages skipped since the last call, as the broker does not take them."""
        taken, self._skipped = self._skipped, []
        return taken

    def _skip(self, message: Message, now_s: float) -> None:
        self._skipped.append(message)
        if message.seq is not None:
            # Of no packet, but in its place, so that the watermark goes on past it.
            self._window.sent(-message.seq, now_s=now_s, seq=message.seq)
            self._window.acked(-message.seq)

    def _next_entry(self) -> OutboxEntry | None:
        if not self._next and self._last_read < self._head_seq:
            self._next.extend(self._outbox.entries(self._last_read, _PAGE))
        if not self._next:
            return None
        entry = self._next.popleft()
        self._last_read = entry.seq
        return entry

    def _message_of(self, entry: OutboxEntry) -> Message:
        is_historical = entry.seq <= self._origin.head_seq
        return Message(
            topic=self._topics.of_kind(entry.section_id, entry.kind),
            payload=payloads.announcement(entry, self._origin.epoch, is_historical=is_historical),
            retain=entry.kind in _RETAINED and not is_historical,
            schema=payloads.schema_id(entry.kind.value),
            epoch=self._origin.epoch,
            seq=entry.seq,
        )

    def _say_latest(self, entry: OutboxEntry) -> None:
        topic = self._topics.section_latest(entry.section_id)
        self._say(topic, payloads.latest(entry, self._origin.epoch), "latest")

    def _say_depths(self) -> None:
        """Queue where the sections of those cores lie of which the ledger says something new."""
        newest = self._outbox.newest_depth_version()
        if newest <= self._depth_version:
            return
        versions = self._outbox.depth_versions()
        for core, message in depths_messages(
            versions, self._origin.epoch, after=self._depth_version
        ):
            self._say(self._topics.core_depths(core), message, "depths")
        self._depth_version = newest

    def _say(self, topic: str, payload: bytes, name: str) -> None:
        self._urgent[topic] = Message(
            topic, payload, retain=True, schema=payloads.schema_id(name), epoch=self._origin.epoch
        )
