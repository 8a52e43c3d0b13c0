"""The ship's broker as a sink: drains the outbox, and shows how things stand."""

import logging
import threading

from downcore.publish import payloads
from downcore.publish.payloads import StationState, StationStatus
from downcore.publish.sink import Feed, OutboxReader, SinkHealth
from downcore.publish.sinks._mqtt_link import KEEPALIVE_S, Access, LinkState, Message, MqttLink
from downcore.publish.sinks._mqtt_neighbours import Neighbours
from downcore.publish.sinks._mqtt_session import Session
from downcore.publish.sinks._mqtt_settings import MqttSettings, read_password, tls_context
from downcore.publish.topics import Topics, escape
from downcore.strata.errors import SettingsError
from downcore.strata.record import StoreOrigin

logger = logging.getLogger(__name__)

CURSOR = "mqtt"
"""Under which the store keeps how far this sink has come."""
FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 30.0
ACK_EVERY_S = 0.5
"""Acknowledgements are kept this often at most; each is a commit, and repeats do no harm."""
GOODBYE_S = 2.0
"""How long stopping waits for the broker."""
_IDLE_S = 1.0
_SUSPECT_BYTES = 4_096
"""Every broker takes messages up to this size."""
_DROPS = 3
"""Links that end over the same message before it is skipped; MQTT 3.1.1 says no limit."""
_SILENT_KEEPALIVES = 3
"""A broker that acknowledges nothing for so many keepalives is no longer there."""


class MqttSink:
    """
    Publishes the outbox to a broker; made by :func:`downcore.publish.sinks.mqtt.open_mqtt`.

    One thread reads the outbox through a reader of its own and does everything
    but the network, which belongs to the client's thread. How far it has come is
    handed to the store, whose methods are safe to call from here.
    """

    def __init__(self, settings: MqttSettings, feed: Feed) -> None:
        self._settings = settings
        self._feed = feed
        self._topics = Topics(feed.vessel, feed.station)
        self._status = StationStatus(
            StationState.ONLINE, (), feed.clock.utc_rfc3339(), feed.birth.version
        )
        self._said: StationStatus | None = None
        self._link: MqttLink | None = None
        self._session: Session | None = None
        self._neighbours: Neighbours | None = None
        self._warning = self._remark = ""
        self._retry_s = FIRST_RETRY_S
        self._retry_at_s = feed.clock.monotonic_s()
        self._acked_seq = feed.acks.acked_seq(CURSOR)
        self._acked_at_s = feed.clock.monotonic_s()
        self._learned_bytes: int | None = None
        self._drops = self._dropped_bytes = 0
        self._problem = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mqtt-sink", daemon=True)
        self._thread.start()

    def report(self, status: StationStatus) -> None:
        """Publish how the station fares, retained, as soon as there is a connection."""
        self._status = status
        self._feed.wake.notify()

    def health(self) -> SinkHealth:
        """Return whether the broker is there."""
        problem = self._problem
        return SinkHealth(
            is_connected=self._session is not None and not problem,
            problem=problem,
            warning=self._warning,
            remark=self._remark,
        )

    def stop(self) -> None:
        """Send what waits, say ``offline``, and end; takes a few seconds at most."""
        self._stopping.set()
        self._feed.wake.notify()
        self._thread.join(3 * GOODBYE_S)

    def _run(self) -> None:
        with self._feed.open_outbox() as outbox:
            while not self._stopping.is_set():
                seen = self._feed.wake.count
                self._step(outbox)
                self._feed.wake.wait(seen, self._patience_s())
            self._say_goodbye(outbox)

    def _step(self, outbox: OutboxReader) -> None:
        now_s = self._feed.clock.monotonic_s()
        if self._link is None:
            if now_s >= self._retry_at_s:
                self._begin_link(outbox.origin(), now_s)
            return
        state = self._link.state(now_s)
        if state is LinkState.DOWN:
            self._drop_link(self._link.problem, now_s)
        elif state is LinkState.UP:
            self._talk(self._link, outbox, now_s)

    def _talk(self, link: MqttLink, outbox: OutboxReader, now_s: float) -> None:
        session = self._session
        status = self._status
        if session is None:
            session = self._session = self._new_session(link, outbox, status)
        elif status != self._said:
            session.say_status(payloads.status_message(status, outbox.origin()))
        self._said = status
        self._listen(link, now_s)
        refusal = session.take_arrivals()
        if refusal:
            self._drop_link(f"the broker refused a message: {refusal}", now_s)
            return
        session.notice_commits()
        session.send(now_s)
        for message in session.take_skipped():
            logger.warning(
                "%s%s is larger than the broker takes, %d bytes: skipped; it stays in the store, "
                "'downcore log' shows it",
                message.topic,
                "" if message.seq is None else f", seq {message.seq},",
                message.packet_bytes,
            )
        if session.watermark > self._acked_seq:
            self._retry_s = FIRST_RETRY_S
            self._drops = 0
        self._keep_acks(now_s)
        oldest_s = session.oldest_s()
        if oldest_s is not None and (now_s - oldest_s > _SILENT_KEEPALIVES * KEEPALIVE_S):
            self._drop_link("the broker acknowledges nothing", now_s)

    def _listen(self, link: MqttLink, now_s: float) -> None:
        """Look at what came back on the station's own topics."""
        neighbours = self._neighbours
        if neighbours is None:
            return
        for heard in link.take_heard():
            if neighbours.hear(heard):
                self._said = None
        self._warning = neighbours.warning
        remark = neighbours.remark(now_s) if link.may_listen else ""
        if remark and remark != self._remark:
            logger.warning("%s:%d: %s", self._settings.host, self._settings.port, remark)
        self._remark = remark

    def _begin_link(self, origin: StoreOrigin, now_s: float) -> None:
        station = escape(self._feed.station)
        try:
            # Read for each connection, so that a corrected file needs no restart.
            access = Access(
                f"downcore-{station}-{origin.instance_id[:12]}",
                read_password(self._settings),
                tls_context(self._settings),
            )
        except SettingsError as error:
            self._drop_link(str(error), now_s)
            return
        self._link = MqttLink(
            self._settings,
            access,
            self._offline("the connection was lost", origin),
            wake=self._feed.wake,
            now_s=now_s,
            listens_to=(self._topics.status, self._topics.birth),
        )

    def _new_session(self, link: MqttLink, outbox: OutboxReader, status: StationStatus) -> Session:
        origin = outbox.origin()
        logger.info(
            "connected to %s:%d, %d announcements wait",
            self._settings.host,
            self._settings.port,
            origin.head_seq - self._acked_seq,
        )
        limits = [at for at in (link.max_packet_bytes, self._learned_bytes) if at is not None]
        session = Session(
            link,
            self._topics,
            outbox,
            origin=origin,
            acked_seq=self._acked_seq,
            max_packet_bytes=min(limits, default=None),
        )
        session.greet(
            payloads.status_message(status, origin),
            payloads.birth_message(self._feed.birth, origin),
        )
        self._neighbours = Neighbours(self._topics, origin)
        self._neighbours.said(self._feed.clock.monotonic_s())
        self._problem = ""
        return session

    def _drop_link(self, problem: str, now_s: float) -> None:
        if problem != self._problem:
            logger.warning(
                "no connection to %s:%d, rows wait in the store: %s",
                self._settings.host,
                self._settings.port,
                problem,
            )
        self._problem = problem
        self._learn_limit()
        if self._link is not None:
            self._link.close(0.0)
        self._link = self._session = self._neighbours = None
        self._warning = self._remark = ""
        self._retry_at_s = now_s + self._retry_s
        self._retry_s = min(2 * self._retry_s, LONGEST_RETRY_S)

    def _learn_limit(self) -> None:
        """Take the largest message to be too large, if the link ends over it again and again."""
        largest = 0 if self._session is None else self._session.largest_under_way()
        if largest < _SUSPECT_BYTES:
            return
        self._drops = self._drops + 1 if largest == self._dropped_bytes else 1
        self._dropped_bytes = largest
        if self._drops >= _DROPS:
            self._drops, self._learned_bytes = 0, largest - 1
            logger.warning(
                "the connection ended %d times over a message of %d bytes, so messages as large "
                "are skipped from now on; raise the broker's largest size (in mosquitto: "
                "max_packet_size) and start again",
                _DROPS,
                largest,
            )

    def _keep_acks(self, now_s: float, *, at_once: bool = False) -> None:
        if self._session is None or self._session.watermark <= self._acked_seq:
            return
        if at_once or now_s - self._acked_at_s >= ACK_EVERY_S:
            self._feed.acks.ack(CURSOR, self._session.watermark)
            self._acked_seq = self._session.watermark
            self._acked_at_s = now_s

    def _patience_s(self) -> float:
        now_s = self._feed.clock.monotonic_s()
        if self._link is None:
            return max(0.0, self._retry_at_s - now_s)
        if self._session is not None and self._session.watermark > self._acked_seq:
            return max(0.0, self._acked_at_s + ACK_EVERY_S - now_s)
        return _IDLE_S

    def _say_goodbye(self, outbox: OutboxReader) -> None:
        clock = self._feed.clock
        until_s = clock.monotonic_s() + GOODBYE_S
        link, session = self._link, self._session
        if link is not None and session is not None:
            # Half of the time is for what waits, so that the rest is left for the goodbye.
            self._settle(link, session, until_s - GOODBYE_S / 2)
            offline = self._offline("stopped in good order", outbox.origin())
            session.say_status(offline.payload)
            self._settle(link, session, until_s)
            self._keep_acks(clock.monotonic_s(), at_once=True)
        if link is not None:
            link.close(1.0)
        self._problem = "stopped"

    def _settle(self, link: MqttLink, session: Session, until_s: float) -> None:
        while (now_s := self._feed.clock.monotonic_s()) < until_s:
            seen = self._feed.wake.count
            if session.take_arrivals() or link.state(now_s) is not LinkState.UP:
                return
            session.notice_commits()
            session.send(now_s)
            if session.is_idle:
                return
            self._feed.wake.wait(seen, until_s - now_s)

    def _offline(self, reason: str, origin: StoreOrigin) -> Message:
        status = StationStatus(
            StationState.OFFLINE,
            (reason,),
            self._feed.clock.utc_rfc3339(),
            self._feed.birth.version,
        )
        return Message(
            topic=self._topics.status,
            payload=payloads.status_message(status, origin),
            retain=True,
            schema=payloads.schema_id("status"),
            epoch=origin.epoch,
        )
