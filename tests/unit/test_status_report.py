"""What a station says of itself when its sinks come and go."""

import logging
from dataclasses import dataclass, field

import pytest

from downcore.publish import SinkHealth
from downcore.publish.payloads import StationStatus
from downcore.service.status_report import StatusReport


class Clock:
    def monotonic_s(self) -> float:
        return 0.0

    def utc_rfc3339(self) -> str:
        return "2026-01-31T23:59:59.123Z"


@dataclass
class PlayedSink:
    """A sink that notes what the station says of itself."""

    problem: str = ""
    heard: list[StationStatus] = field(default_factory=list)

    def report(self, status: StationStatus) -> None:
        self.heard.append(status)

    def health(self) -> SinkHealth:
        return SinkHealth(is_connected=not self.problem, problem=self.problem)

    def stop(self) -> None:
        pass

    @property
    def said(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(status.state.value, status.reasons) for status in self.heard]


def test_a_lost_broker_is_said_to_every_other_sink_once_and_so_is_its_return(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    broker, folder = PlayedSink(), PlayedSink()
    report = StatusReport({"mqtt": broker, "folder": folder}, Clock())
    report.update(())

    broker.problem = "the broker cannot be reached"
    report.refresh()
    report.refresh()
    assert report.reasons == ("mqtt: the broker cannot be reached",)
    broker.problem = ""
    report.refresh()
    report.end()

    assert folder.said == [
        ("online", ()),
        ("degraded", ("mqtt: the broker cannot be reached",)),
        ("online", ()),
        ("offline", ()),
    ]
    assert broker.said == [("online", ()), ("offline", ())], "a sink was told of its own loss"
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING", "INFO", "INFO"]


def test_what_is_wrong_with_the_station_stays_while_a_sink_comes_back() -> None:
    broker = PlayedSink(problem="the broker cannot be reached")
    report = StatusReport({"mqtt": broker}, Clock())

    report.update(("the disk is full",))
    assert report.reasons == ("the disk is full", "mqtt: the broker cannot be reached")
    broker.problem = ""
    report.refresh()

    assert report.reasons == ("the disk is full",)
    assert broker.said == [("degraded", ("the disk is full",))]
