"""Logs in to the broker, publishes under the station's topic, and waits to hear it back."""

import json
import queue
import secrets
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from downcore.publish.sink import Address
from downcore.publish.sinks._mqtt_neighbours import Heard, OtherStation, other_station
from downcore.publish.sinks._mqtt_settings import MqttSettings, read_password, tls_context
from downcore.publish.topics import Topics

STEP_S = 5.0
"""How long each step may take."""


class _Conversation:
    """One connection under a client id of its own, and what came of it."""

    def __init__(self, settings: MqttSettings, topics: Topics) -> None:
        self._settings = settings
        self._topics = topics
        self._nonce = secrets.token_hex(8)
        self._answers: queue.Queue[tuple[str, str]] = queue.Queue()
        self._is_heard = threading.Event()
        self.status: Heard | None = None
        is_v5 = settings.protocol == "5"
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"downcore-doctor-{self._nonce[:8]}",
            clean_session=None if is_v5 else True,
            protocol=paho.MQTTv5 if is_v5 else paho.MQTTv311,
            reconnect_on_failure=False,
        )
        self.client.connect_timeout = STEP_S
        if settings.username is not None:
            self.client.username_pw_set(settings.username, read_password(settings))
        tls = tls_context(settings)
        if tls is not None:
            self.client.tls_set_context(tls)
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = self._on_disconnect
        self.client.on_subscribe = self._on_subscribe
        self.client.on_publish = self._on_publish
        self.client.on_message = self._on_message

    def connect(self) -> None:
        """Connect and log in."""
        place = f"{self._settings.host}:{self._settings.port}"
        try:
            self.client.connect(self._settings.host, self._settings.port, keepalive=15)
        except ssl.SSLError as error:
            raise OSError(
                f"{place}: TLS: {error.reason or error}; check mqtt.tls, port and ca_file"
            ) from None
        except OSError as error:
            raise OSError(f"{place}: cannot be reached: {error.strerror or error}") from None
        self.client.loop_start()
        self._expect("connect", f"{place}: no answer to the login; is it an MQTT broker?", place)

    def subscribe(self) -> None:
        """Ask for what is published under the topics of the station."""
        topics = [(self._topics.check, 1), (self._topics.status, 1)]
        self.client.subscribe(topics)
        self._expect("subscribe", "no answer to the subscription", self._topics.check)

    def publish(self) -> None:
        """Publish, and wait for the acknowledgement."""
        self.client.publish(self._topics.check, json.dumps({"check": self._nonce}), qos=1)
        self._expect("publish", "no acknowledgement of a message", self._topics.check)

    def hear(self) -> None:
        """Wait for what was published."""
        if not self._is_heard.wait(STEP_S):
            who = self._settings.username or "a client without a name"
            raise OSError(
                f"acknowledged but not heard: {self._topics.check}; the broker's access list (ACL) "
                f"keeps {who} from writing there, or from reading it back"
            )

    def _expect(self, step: str, silence: str, where: str) -> None:
        while True:
            try:
                answered, problem = self._answers.get(timeout=STEP_S)
            except queue.Empty:
                raise OSError(silence) from None
            if problem:
                raise OSError(f"{where}: {problem}")
            if answered == step:
                return

    def _on_connect(
        self, _client: Any, _user: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        refusal = f"the broker refused the login: {reason}; {self._keys_of_login()}"
        self._answers.put(("connect", refusal if reason.is_failure else ""))

    def _keys_of_login(self) -> str:
        """Return which keys of the settings decide about the login."""
        if self._settings.username is None:
            return "set mqtt.username and mqtt.password_file"
        if self._settings.password_file is None:
            return f"set mqtt.password_file, the password of {self._settings.username}"
        return (
            f"check mqtt.username, now {self._settings.username}, and the password in the file "
            "that mqtt.password_file names"
        )

    def _on_disconnect(
        self, _client: Any, _user: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        self._answers.put(("disconnect", f"the broker ended the connection: {reason}"))

    def _on_subscribe(
        self, _client: Any, _user: Any, _message: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        refusals = [str(reason) for reason in reasons if reason.is_failure]
        problem = f"the broker refused the subscription: {refusals[0]}" if refusals else ""
        self._answers.put(("subscribe", problem))

    def _on_publish(
        self, _client: Any, _user: Any, _message: int, reason: ReasonCode, _properties: Any
    ) -> None:
        problem = f"the broker refused a message: {reason}" if reason.is_failure else ""
        self._answers.put(("publish", problem))

    def _on_message(self, _client: Any, _user: Any, message: paho.MQTTMessage) -> None:
        if message.topic == self._topics.status:
            self.status = Heard(message.topic, bytes(message.payload), message.retain)
        elif self._nonce.encode() in message.payload:
            self._is_heard.set()


def converse(settings: MqttSettings, address: Address) -> str:
    """
    Return in a sentence that the broker takes and gives back what the station publishes.

    Nothing is retained, and none of the topics that others listen to is used.

    Raises
    ------
    OSError
        If not; says at which step, and what to look at.
    """
    topics = Topics(address.vessel, address.station)
    with _conversation(settings, topics) as conversation:
        conversation.connect()
        conversation.subscribe()
        conversation.publish()
        conversation.hear()
        status = conversation.status
    other = None if status is None else other_station(status, address.instance_id)
    if other is not None:
        raise OSError(_two_stations(topics, other, address))
    who = f" as {settings.username}" if settings.username else ""
    return (
        f"{settings.host}:{settings.port} lets us in{who}, and gives back what is published "
        f"under {topics.base}"
    )


def _two_stations(topics: Topics, other: OtherStation, address: Address) -> str:
    ours = f"ours is {address.instance_id[:8]}" if address.instance_id else "ours has not run yet"
    return (
        f"another station (instance {other.instance_id[:8]}, {ours}) says in {topics.status} "
        f"that it works, since {other.since_utc}; give each station a name of its own: vessel "
        "and station in [station]"
    )


@contextmanager
def _conversation(settings: MqttSettings, topics: Topics) -> Iterator[_Conversation]:
    conversation = _Conversation(settings, topics)
    try:
        yield conversation
    finally:
        conversation.client.disconnect()
        conversation.client.loop_stop()
