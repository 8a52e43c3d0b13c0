"""
One connection to a broker, from the attempt to its end.

A new client is made for each connection, so that nothing of an older one is sent
again behind our back: what was not acknowledged is taken from the store once more,
in order. The callbacks run in the client's network thread; they only note what
happened, and never raise.
"""

import enum
import ssl
import threading
from collections import deque
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from downcore.publish.sink import Wake
from downcore.publish.sinks._mqtt_neighbours import Heard
from downcore.publish.sinks._mqtt_settings import MqttSettings

MAX_IN_FLIGHT = 20
"""Messages sent and not yet acknowledged; brokers and clients agree on it by default."""
KEEPALIVE_S = 15
"""A broker that hears nothing for so long asks whether we are there."""
CONNECT_TIMEOUT_S = 5.0
_MAX_HEARD = 64
"""Messages of the station's own topics that are kept until they are looked at."""
GIVE_UP_CONNECTING_S = 15.0
"""A connection that is not made by then is given up."""


class LinkState(enum.Enum):
    """How a connection stands."""

    CONNECTING = enum.auto()
    UP = enum.auto()
    DOWN = enum.auto()
    """Over; it never comes back."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is published, and how."""

    topic: str
    payload: bytes
    retain: bool
    schema: str
    epoch: int
    seq: int | None = None
    """The announcement that it carries, ``None`` outside the order of seq."""


@dataclass(frozen=True, slots=True, eq=False)
class Access:
    """Who the client is, and what it may use."""

    client_id: str
    password: str | None
    tls: ssl.SSLContext | None


class MqttLink:
    """
    A connection that is being made, is up, or is over.

    Parameters
    ----------
    settings : MqttSettings
        Where the broker is.
    access : Access
        Who we are.
    will : Message
        What the broker says of us if we vanish.
    wake : Wake
        Notified whenever something happened.
    now_s : float
        Monotonic time at which the attempt begins.
    listens_to : tuple of str
        Topics to subscribe to once it is up.
    """

    def __init__(
        self,
        settings: MqttSettings,
        access: Access,
        will: Message,
        *,
        wake: Wake,
        now_s: float,
        listens_to: tuple[str, ...] = (),
    ) -> None:
        self._wake = wake
        self._began_s = now_s
        self._is_v5 = settings.protocol == "5"
        self._state = LinkState.CONNECTING
        self._thread: threading.Thread | None = None
        self._arrivals: deque[tuple[int, str]] = deque()
        self._heard: deque[Heard] = deque(maxlen=_MAX_HEARD)
        self._listens_to = listens_to
        self.may_listen = False
        """Whether the broker has granted every subscription."""
        self.problem = ""
        self.window = MAX_IN_FLIGHT
        """Messages that may be under way; the broker may have asked for fewer."""
        self._client = self._client_of(settings, access)
        self._client.will_set(
            will.topic,
            will.payload,
            qos=1,
            retain=True,
            properties=self._properties(will, PacketTypes.WILLMESSAGE),
        )
        self._client.connect_async(settings.host, settings.port, KEEPALIVE_S)
        self._client.loop_start()

    def state(self, now_s: float) -> LinkState:
        """Return how the connection stands; a dead network thread means that it is over."""
        if self._thread is not None and not self._thread.is_alive():
            self._end("the client's network thread ended")
        elif self._state is LinkState.CONNECTING and now_s - self._began_s > GIVE_UP_CONNECTING_S:
            self._end("no answer from the broker")
        return self._state

    def publish(self, message: Message) -> int | None:
        """Send with QoS 1; return the number to be acknowledged, ``None`` if the link is over."""
        sent = self._client.publish(
            message.topic,
            message.payload,
            qos=1,
            retain=message.retain,
            properties=self._properties(message),
        )
        if sent.rc != paho.MQTT_ERR_SUCCESS:
            self._end(paho.error_string(sent.rc))
            return None
        return sent.mid

    def take_arrivals(self) -> list[tuple[int, str]]:
        """Return the messages answered since the last call, each with a refusal or nothing."""
        taken: list[tuple[int, str]] = []
        while self._arrivals:
            taken.append(self._arrivals.popleft())
        return taken

    def take_heard(self) -> list[Heard]:
        """Return the messages that came since the last call."""
        taken: list[Heard] = []
        while self._heard:
            taken.append(self._heard.popleft())
        return taken

    def close(self, timeout_s: float) -> None:
        """Disconnect; waits for the network thread, but no longer than ``timeout_s``."""
        self._end("closed")
        self._client.disconnect()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _client_of(self, settings: MqttSettings, access: Access) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=access.client_id,
            clean_session=None if self._is_v5 else True,
            protocol=paho.MQTTv5 if self._is_v5 else paho.MQTTv311,
            reconnect_on_failure=False,
        )
        # Our own window is the one that counts; the client must not hold anything back.
        client.max_inflight_messages_set(2 * MAX_IN_FLIGHT)
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.suppress_exceptions = True
        if settings.username is not None:
            client.username_pw_set(settings.username, access.password)
        if access.tls is not None:
            client.tls_set_context(access.tls)
        client.on_pre_connect = self._on_pre_connect
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _properties(self, message: Message, packet: int = PacketTypes.PUBLISH) -> Properties | None:
        if not self._is_v5:
            return None
        properties = Properties(packet)  # type: ignore[no-untyped-call]  # paho does not type it
        properties.ContentType = "application/json"
        user = [("schema", message.schema), ("epoch", str(message.epoch))]
        if message.seq is not None:
            user.append(("seq", str(message.seq)))
        properties.UserProperty = user
        return properties

    def _end(self, problem: str) -> None:
        if self._state is not LinkState.DOWN:
            self.problem = self.problem or problem
            self._state = LinkState.DOWN
        self._wake.notify()

    def _on_pre_connect(self, *_: Any) -> None:
        self._thread = threading.current_thread()

    def _on_connect(
        self, _client: Any, _user: Any, _flags: Any, reason: ReasonCode, properties: Any
    ) -> None:
        if reason.is_failure:
            self._end(f"the broker refused: {reason}")
            return
        limit = getattr(properties, "ReceiveMaximum", None)
        if isinstance(limit, int):
            self.window = min(self.window, max(limit, 1))
        if self._state is LinkState.CONNECTING:
            self._state = LinkState.UP
        if self._listens_to:
            self._client.subscribe([(topic, 1) for topic in self._listens_to])
        self._wake.notify()

    def _on_connect_fail(self, *_: Any) -> None:
        self._end("the broker cannot be reached")

    def _on_disconnect(
        self, _client: Any, _user: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        self._end(f"the connection ended: {reason}")

    def _on_publish(
        self, _client: Any, _user: Any, message: int, reason: ReasonCode, _properties: Any
    ) -> None:
        self._arrivals.append((message, str(reason) if reason.is_failure else ""))
        self._wake.notify()

    def _on_subscribe(
        self, _client: Any, _user: Any, _message: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        self.may_listen = not any(reason.is_failure for reason in reasons)

    def _on_message(self, _client: Any, _user: Any, message: paho.MQTTMessage) -> None:
        self._heard.append(Heard(message.topic, bytes(message.payload), message.retain))
        self._wake.notify()
