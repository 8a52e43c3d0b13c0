"""What doctor and a running station find out about a real broker, and how they say it."""

import contextlib
import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from programs import program

from downcore.clock import SystemClock
from downcore.publish import Address, Feed, RunningSink, Wake, payloads
from downcore.publish.payloads import Birth, StationState, StationStatus
from downcore.publish.sinks import _mqtt_loopback, _mqtt_neighbours, sinks
from downcore.publish.sinks.mqtt import MqttSettings, probe
from downcore.publish.topics import Topics
from downcore.service.status_report import StatusReport
from downcore.store import Reader, Store
from downcore.strata.record import Run

DEADLINE_S = 30.0
ADDRESS = Address("vessel", "scanner", "f" * 32)
TOPICS = Topics("vessel", "scanner")
BIRTH = Birth("0.1.0", "2026-01-31T23:59:59.000Z", ())


def until(happened: Callable[[], object], what: str) -> None:
    """Wait for a condition of another process."""
    deadline_s = time.monotonic() + DEADLINE_S
    while not happened():
        assert time.monotonic() < deadline_s, f"expected {what} within {DEADLINE_S} s"
        threading.Event().wait(0.02)


@contextlib.contextmanager
def broker(folder: Path, *lines: str) -> Iterator[int]:
    """Run a mosquitto of one's own with more lines of settings; give its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    config = folder / "mosquitto.conf"
    user = ("user root",) if os.geteuid() == 0 else ()
    config.write_text("\n".join((f"listener {port} 127.0.0.1", *user, *lines)) + "\n")
    running = subprocess.Popen(
        [program("mosquitto"), "-c", str(config)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def answers() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return True
        return False

    try:
        until(answers, "mosquitto")
        yield port
    finally:
        running.terminate()
        running.wait(DEADLINE_S)


@pytest.fixture
def with_password(tmp_path: Path) -> tuple[str, ...]:
    """Settings of a broker that lets in ``station`` with the password ``right``."""
    passwords = tmp_path / "passwords"
    subprocess.run(
        [program("mosquitto_passwd"), "-b", "-c", str(passwords), "station", "right"],
        check=True,
        capture_output=True,
    )
    return ("allow_anonymous false", f"password_file {passwords}")


def login(folder: Path, port: int, password: str, **more: Any) -> MqttSettings:
    (folder / "secret").write_text(password)
    return MqttSettings(port=port, username="station", password_file=folder / "secret", **more)


@dataclass
class Overheard:
    """Everything that is published, as another subscriber sees it."""

    port: int

    def __enter__(self) -> Self:
        self.got: list[tuple[str, bytes, bool]] = []
        ready = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id="overheard")
        self.client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.on_message = lambda _c, _u, m: self.got.append((m.topic, m.payload, m.retain))
        self.client.connect("127.0.0.1", self.port)
        self.client.loop_start()
        assert ready.wait(DEADLINE_S)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def of(self, topic: str) -> list[dict[str, Any]]:
        return [json.loads(payload) for got, payload, _ in list(self.got) if got == topic]


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_doctor_hears_itself_and_leaves_nothing_behind(tmp_path: Path, protocol: Any) -> None:
    with broker(tmp_path, "allow_anonymous true") as port, Overheard(port) as overheard:
        said = probe(MqttSettings(port=port, protocol=protocol), ADDRESS)
        until(lambda: overheard.got, "the check")

    assert f"127.0.0.1:{port} lets us in" in said
    assert [(topic, retain) for topic, _, retain in overheard.got] == [
        ("downcore/v1/vessel/scanner/section/%/check", False)
    ]


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
@pytest.mark.parametrize("who", ["no name", "wrong password", "right"])
def test_doctor_logs_in_as_the_station_does_and_names_the_keys_of_a_refused_login(
    tmp_path: Path, with_password: tuple[str, ...], who: str, protocol: Any
) -> None:
    with broker(tmp_path, *with_password) as port:
        settings = (
            MqttSettings(port=port, protocol=protocol)
            if who == "no name"
            else login(tmp_path, port, who.removesuffix(" password"), protocol=protocol)
        )
        if who == "right":
            assert "lets us in as station" in probe(settings, ADDRESS)
        else:
            with pytest.raises(OSError, match=r"the broker refused the login: .*uthori") as refused:
                probe(settings, ADDRESS)
            assert "mqtt.username" in str(refused.value)
            assert "mqtt.password_file" in str(refused.value)


@pytest.mark.parametrize(
    "allowed", [("topic write downcore/v1/vessel/scanner/status",), ("topic read #",)]
)
def test_an_access_list_that_drops_what_it_acknowledges_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: tuple[str, ...]
) -> None:
    monkeypatch.setattr(_mqtt_loopback, "STEP_S", 1.0)
    (tmp_path / "acl").write_text("\n".join(("topic read #", *allowed)) + "\n")
    lines = ("allow_anonymous true", f"acl_file {tmp_path / 'acl'}")

    with (
        broker(tmp_path, *lines) as port,
        pytest.raises(OSError, match=r"acknowledged but not heard: downcore/v1/.*access list"),
    ):
        probe(MqttSettings(port=port), ADDRESS)


def test_on_mqtt_5_the_broker_itself_says_that_it_refuses_a_message(tmp_path: Path) -> None:
    (tmp_path / "acl").write_text("topic read #\n")
    lines = ("allow_anonymous true", f"acl_file {tmp_path / 'acl'}")

    with (
        broker(tmp_path, *lines) as port,
        pytest.raises(OSError, match="the broker refused a message: Not authorized"),
    ):
        probe(MqttSettings(port=port, protocol="5"), ADDRESS)


def test_an_address_where_nothing_listens_is_not_said_to_refuse() -> None:
    with pytest.raises(OSError, match=r"127\.0\.0\.1:1: cannot be reached: Connection refused"):
        probe(MqttSettings(port=1), ADDRESS)
    with pytest.raises(OSError, match=r"no-such-host\.invalid:1883: cannot be reached"):
        probe(MqttSettings(host="no-such-host.invalid"), ADDRESS)


@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket")
def test_encryption_that_the_port_does_not_speak_is_named(tmp_path: Path) -> None:
    with (
        broker(tmp_path, "allow_anonymous true") as port,
        pytest.raises(OSError, match=r"TLS|cannot be reached"),
    ):
        probe(MqttSettings(port=port, tls=True), ADDRESS)


def test_something_that_is_no_broker_is_asked_for_only_so_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_mqtt_loopback, "STEP_S", 0.3)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        with pytest.raises(OSError, match="is it an MQTT broker"):
            probe(MqttSettings(port=deaf.getsockname()[1]), ADDRESS)


@dataclass
class Running:
    """A station's sink and what the station says of itself."""

    store: Store
    sink: RunningSink
    report: StatusReport

    def stop(self) -> None:
        self.report.end()
        self.sink.stop()
        self.store.close()

    def is_warned(self) -> bool:
        self.report.refresh()
        return any("another station" in reason for reason in self.report.reasons)


@contextlib.contextmanager
def running(folder: Path, settings: MqttSettings) -> Iterator[Running]:
    """Run the sink of a station with a store of its own."""
    folder.mkdir()
    wake, clock = Wake(), SystemClock()
    store = Store.open(
        folder / "downcore.db", clock=clock, announce=payloads, on_commit=wake.notify
    )
    store.begin_run(Run("0.1.0", "", "", ""))
    feed = Feed(
        partial(Reader.open, store.path), store, wake, clock, BIRTH, TOPICS.vessel, TOPICS.station
    )
    sink = sinks()["mqtt"].open(settings, feed)
    station = Running(store, sink, StatusReport({"mqtt": sink}, clock))
    station.report.update(())
    try:
        yield station
    finally:
        station.stop()


def test_two_stations_under_one_topic_both_say_so_and_the_one_that_stays_is_online(
    tmp_path: Path,
) -> None:
    with broker(tmp_path, "allow_anonymous true") as port, Overheard(port) as overheard:
        settings = MqttSettings(port=port)
        with running(tmp_path / "one", settings) as one:
            until(lambda: one.sink.health().is_connected, "the first station")
            with running(tmp_path / "two", settings) as two:
                until(two.is_warned, "the second to notice the first")
                until(one.is_warned, "the first to notice the second")
                assert "vessel and station in [station]" in one.report.reasons[0]
                with pytest.raises(OSError, match=r"another station \(instance .* says in"):
                    probe(settings, ADDRESS)
                until(
                    lambda: (
                        {
                            said["instance_id"]
                            for said in overheard.of(TOPICS.status)
                            if said["state"] == "degraded"
                        }
                        == {
                            Reader.open(station.store.path).origin().instance_id
                            for station in (one, two)
                        }
                    ),
                    "both to say that they are degraded",
                )
            until(lambda: not one.is_warned(), "the first to notice that the second ended")
            until(lambda: overheard.of(TOPICS.status)[-1]["state"] == "online", "its word to stand")
            mine = Reader.open(one.store.path).origin().instance_id
            assert overheard.of(TOPICS.status)[-1]["instance_id"] == mine
            n_said = len(overheard.of(TOPICS.status))
    assert n_said < 20, "the stations answered each other without end"


def test_doctor_beside_its_own_running_station_finds_no_other(tmp_path: Path) -> None:
    with broker(tmp_path, "allow_anonymous true") as port:
        settings = MqttSettings(port=port)
        with running(tmp_path / "one", settings) as one:
            until(lambda: one.sink.health().is_connected, "the station")
            with Reader.open(one.store.path) as reader:
                ours = reader.origin().instance_id

            assert "lets us in" in probe(settings, Address("vessel", "scanner", ours))
            assert one.sink.health().is_connected, "doctor took the station's place"
            assert not one.is_warned()


def test_a_station_at_a_broker_that_drops_what_it_acknowledges_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_mqtt_neighbours, "HEARD_WITHIN_S", 0.5)
    (tmp_path / "acl").write_text("topic read #\ntopic write downcore/v1/vessel/scanner/status\n")
    lines = ("allow_anonymous true", f"acl_file {tmp_path / 'acl'}")

    with (
        broker(tmp_path, *lines) as port,
        running(tmp_path / "one", MqttSettings(port=port)) as one,
    ):
        until(lambda: one.sink.health().remark, "the station to notice")
        remark = one.sink.health().remark

    assert remark.startswith(f"acknowledged but not heard: {TOPICS.birth};")
    assert caplog.text.count("acknowledged but not heard") == 1


def test_a_corrected_password_is_read_without_a_restart(
    tmp_path: Path, with_password: tuple[str, ...]
) -> None:
    with broker(tmp_path, *with_password) as port:
        settings = login(tmp_path, port, "wrong")
        with running(tmp_path / "one", settings) as one:
            until(lambda: "refused" in one.sink.health().problem, "the refusal")
            (tmp_path / "secret").write_text("right\n")
            until(lambda: one.sink.health().is_connected, "the station to be let in")


def test_what_is_no_status_of_a_station_is_no_other_station() -> None:
    status = StationStatus(StationState.ONLINE, (), "", "")
    assert status.state == "online"
    for payload in (b"", b"\xff", b"[]", b"{}", b'{"instance_id": 3}', b'{"state": "online"}'):
        heard = _mqtt_neighbours.Heard(TOPICS.status, payload, is_retained=False)
        other = _mqtt_neighbours.other_station(heard, "ours")
        assert other is None or other.instance_id == "3"
