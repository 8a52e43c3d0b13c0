"""What every sink must do, whatever it carries announcements to."""

import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from downcore.clock import SystemClock
from downcore.publish import Feed, Wake, payloads
from downcore.publish.payloads import Birth, StationState, StationStatus
from downcore.publish.sinks import sinks
from downcore.publish.sinks._mqtt_settings import read_password
from downcore.publish.sinks.mqtt import MqttSettings
from downcore.publish.sinks.terminal import TerminalSettings, TerminalSink
from downcore.settings import Settings, load_settings
from downcore.strata.depth_ledger import Version
from downcore.strata.depthlog import Estimate, SliceRow, Status
from downcore.strata.errors import SettingsError
from downcore.strata.record import (
    LogBatch,
    OutboxEntry,
    OutboxKind,
    ScanState,
    ScanStatus,
    StoreOrigin,
)
from downcore.strata.slices import CoreSlice

UTC = "2026-01-31T23:59:59.123Z"
DEADLINE_S = 10.0
BROKER = MqttSettings(port=1)


class MemoryOutbox:
    """An outbox and its cursors that live in memory; obeys what sinks are promised."""

    def __init__(self) -> None:
        self.kept: list[OutboxEntry] = []
        self.versions: list[Version] = []
        self.cursors: dict[str, int] = {}

    def add(self, kind: OutboxKind, payload: str) -> None:
        self.kept.append(OutboxEntry(len(self.kept) + 1, kind, "S\x1b1", payload, UTC))

    def origin(self) -> StoreOrigin:
        return StoreOrigin(1, "0" * 32, len(self.kept))

    def entries(self, after_seq: int, limit: int) -> list[OutboxEntry]:
        return self.kept[after_seq : after_seq + limit]

    def newest(self, kind: OutboxKind, after_seq: int = 0) -> list[OutboxEntry]:
        return [one for one in self.kept[after_seq:] if one.kind is kind][-1:]

    def newest_depth_version(self) -> int:
        return len(self.versions)

    def depth_versions(self) -> list[Version]:
        return self.versions

    def acked_seq(self, sink: str) -> int:
        return self.cursors.get(sink, 0)

    def ack(self, sink: str, seq: int) -> None:
        self.cursors[sink] = seq


def log_of(index: int) -> str:
    estimates = (
        Estimate("density", 1.5, 1.4, 1.6, Status.PREDICTED, "", "b1"),
        Estimate("vp", None, None, None, Status.ABSTAINED, "too coarse\x1b[2J", "b1"),
    )
    core_slice = CoreSlice(
        index, 200 * index, 200, 10_000 * index, 10_000 * (index + 1),
        (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0), None, (),
    )  # fmt: skip
    return payloads.log_payload(
        LogBatch("S\x1b1", "a", None, UTC, (SliceRow(core_slice, estimates),))
    )


@pytest.fixture
def outbox() -> MemoryOutbox:
    return MemoryOutbox()


@pytest.fixture
def feed(outbox: MemoryOutbox) -> Feed:
    @contextmanager
    def opened() -> Iterator[MemoryOutbox]:
        yield outbox

    return Feed(opened, outbox, Wake(), SystemClock(), Birth("0.1.0", UTC, ()), "RV", "mscl")


@pytest.mark.parametrize("name", sorted(sinks()))
def test_a_sink_has_a_section_of_the_settings_that_turns_it_on_and_off(
    name: str, tmp_path: Path
) -> None:
    sink = sinks()[name]
    path = tmp_path / "edge.toml"

    for is_enabled in (True, False):
        path.write_text(f"[{name}]\nenabled = {str(is_enabled).lower()}\n")
        section = load_settings(path).sink(name)
        assert isinstance(section, sink.settings)
        assert section.enabled is is_enabled
    assert not hasattr(Settings, name), "the settings have something of this name already"
    assert name not in Settings.model_fields
    assert isinstance(sink.example, sink.settings)


@pytest.mark.parametrize("name", sorted(sinks()))
def test_a_sink_is_checked_before_it_is_opened_and_probed_in_one_sentence(name: str) -> None:
    sink = sinks()[name]

    sink.check(sink.example)
    if sink.probe is not None:
        try:
            answer = sink.probe(sink.example)
        except OSError as error:
            answer = str(error)
        assert answer
        assert "\n" not in answer


@pytest.mark.parametrize("name", sorted(sinks()))
def test_a_sink_starts_and_ends_wherever_it_carries_to(
    name: str, feed: Feed, outbox: MemoryOutbox
) -> None:
    outbox.add(OutboxKind.LOG, log_of(0))
    before = set(threading.enumerate())
    began_s = time.monotonic()

    running = sinks()[name].open(sinks()[name].example, feed)
    running.report(StationStatus(StationState.DEGRADED, ("the disk is full",), UTC, "0.1.0"))
    health = running.health()
    running.stop()
    running.stop()

    assert time.monotonic() - began_s < DEADLINE_S, "stopping must not wait for a dead place"
    assert not (health.is_connected and health.problem), "it works, and it does not"
    own = [one for one in set(threading.enumerate()) - before if "sink" in one.name]
    assert own == [], "a thread outlived its sink"


def test_the_terminal_prints_what_is_committed_from_now_on(
    feed: Feed, outbox: MemoryOutbox
) -> None:
    stream = io.StringIO()
    outbox.add(OutboxKind.LOG, log_of(0))
    running = TerminalSink(TerminalSettings(), feed, stream=stream)

    outbox.add(OutboxKind.LOG, log_of(12))
    status = ScanStatus("S1", "a", ScanState.DONE, "", 13, 2600, None, None, UTC)
    outbox.add(OutboxKind.STATE, payloads.state_payload(status))
    feed.wake.notify()
    running.stop()

    assert stream.getvalue().splitlines() == [
        (
            "S\\x1b1    12.00 - 13.00 cm  density 1.5 [1.4, 1.6] g/cm3  "
            "vp abstained (too coarse\\x1b[2J)"
        ),
        "S\\x1b1  done",
    ]


def test_a_terminal_without_the_letters_of_a_name_still_prints_its_rows(
    feed: Feed, outbox: MemoryOutbox
) -> None:
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding="ascii")
    running = TerminalSink(TerminalSettings(), feed, stream=stream)
    outbox.kept.append(OutboxEntry(1, OutboxKind.LOG, "GC\u03b2", log_of(0), UTC))
    feed.wake.notify()
    running.stop()

    assert written.getvalue().startswith(b"GC\\u03b2  "), written.getvalue()


def test_a_terminal_that_goes_away_stops_nothing_else(feed: Feed, outbox: MemoryOutbox) -> None:
    class Gone(io.StringIO):
        def write(self, text: str, /) -> int:
            raise BrokenPipeError(text)

    running = TerminalSink(TerminalSettings(), feed, stream=Gone())
    outbox.add(OutboxKind.LOG, log_of(0))
    feed.wake.notify()
    running.stop()

    assert "the terminal is gone" in running.health().problem


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"host": "x" * 64 + ".ship"}, "mqtt.host"),
        ({"password_file": Path("secret")}, "mqtt.username beside it"),
        ({"ca_file": Path("ca.pem")}, "mqtt.tls: expected true"),
    ],
)
def test_settings_of_the_broker_that_cannot_be_used_name_their_key(
    change: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        sinks()["mqtt"].check(BROKER.model_copy(update=change))


def test_a_password_is_read_from_a_file_or_a_credential_and_never_shown(
    feed: Feed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mqtt-password").write_text("käse\r\nsecond line\n")
    whole = MqttSettings(port=1, username="u", password_file=tmp_path / "mqtt-password")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    relative = whole.model_copy(update={"password_file": Path("mqtt-password")})
    binary = tmp_path / "binary"
    binary.write_bytes(b"s3cret\xff")

    assert read_password(whole) == read_password(relative) == "käse"
    assert "käse" not in repr(whole)
    for bad in (tmp_path / "s3cret", binary):
        with pytest.raises(SettingsError, match=r"mqtt\.password_file") as caught:
            sinks()["mqtt"].open(whole.model_copy(update={"password_file": bad}), feed)
        assert "s3cret" not in str(caught.value)


def test_certificates_that_cannot_be_read_are_said_so(feed: Feed, tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text("not a certificate")

    with pytest.raises(SettingsError, match="PEM files"):
        sinks()["mqtt"].open(MqttSettings(port=1, tls=True, ca_file=ca_file), feed)
