"""What is said on one connection to a broker, to a link that keeps what is published."""

import json
from collections.abc import Iterable
from dataclasses import replace
from importlib.resources import files
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator

from downcore.publish import payloads
from downcore.publish.depths_payload import depths_messages
from downcore.publish.sinks._mqtt_link import Message
from downcore.publish.sinks._mqtt_session import Session
from downcore.publish.topics import Topics
from downcore.strata.depth_ledger import (
    CoreEntry,
    CoreName,
    DepthSource,
    Draft,
    SectionEntry,
    Version,
)
from downcore.strata.flags import Alarm
from downcore.strata.record import OutboxEntry, OutboxKind, ScanState, ScanStatus, StoreOrigin

UTC = "2026-01-31T23:59:59Z"
TOPICS = Topics("RV", "mscl")


class KeepingLink:
    """A connection that is up and keeps what is published."""

    def __init__(self, window: int = 20) -> None:
        self.window = window
        self.messages: list[Message] = []
        self._arrived: list[tuple[int, str]] = []

    def publish(self, message: Message) -> int:
        self.messages.append(message)
        return len(self.messages)

    def arrive(self, *numbers: int) -> None:
        self._arrived += [(number, "") for number in numbers]

    def take_arrivals(self) -> list[tuple[int, str]]:
        taken, self._arrived = self._arrived, []
        return taken


class StatesOutbox:
    """An outbox of the states that one section went through."""

    def __init__(self, *states: ScanState) -> None:
        self.kept: list[OutboxEntry] = []
        self.versions: list[Version] = []
        self.add(*states)

    def add(self, *states: ScanState) -> None:
        for state in states:
            payload = payloads.state_payload(
                ScanStatus("S1", "a", state, "", 0, 0, None, None, UTC)
            )
            seq = len(self.kept) + 1
            self.kept.append(OutboxEntry(seq, OutboxKind.STATE, "S1", payload, UTC))

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


def session(link: KeepingLink, outbox: StatesOutbox, acked_seq: int = 0) -> Session:
    return Session(cast("Any", link), TOPICS, outbox, origin=outbox.origin(), acked_seq=acked_seq)


def said(messages: Iterable[Message]) -> list[tuple[str, bool]]:
    """Return the state of the section that each message tells, and whether it is retained."""
    return [
        (json.loads(one.payload)["state"], one.retain)
        for one in messages
        if one.topic == TOPICS.section_state("S1")
    ]


def test_states_of_a_backlog_are_not_retained_so_that_a_newcomer_hears_the_newest() -> None:
    link = KeepingLink()
    outbox = StatesOutbox(ScanState.SEEN, ScanState.GROWING, ScanState.SETTLING)
    talk = session(link, outbox)
    talk.greet(b"{}", b"{}")
    talk.send(0.0)
    outbox.add(ScanState.DONE)
    talk.notice_commits()
    talk.send(1.0)

    assert said(link.messages) == [
        ("settling", True),
        ("seen", False),
        ("growing", False),
        ("settling", False),
        ("done", True),
    ]
    historical = [json.loads(one.payload)["historical"] for one in link.messages if one.seq]
    assert historical == [True, True, True, False]


def test_what_was_delivered_before_is_not_sent_again_and_the_rest_is() -> None:
    link = KeepingLink()
    outbox = StatesOutbox(ScanState.SEEN, ScanState.GROWING, ScanState.SETTLING)
    talk = session(link, outbox, acked_seq=1)

    talk.send(0.0)

    assert [one.seq for one in link.messages] == [2, 3]
    assert talk.watermark == 1


@pytest.mark.parametrize(
    ("arrived", "watermark"), [((), 0), ((1,), 1), ((2, 3), 0), ((1, 3), 1), ((3, 1, 2), 3)]
)
def test_delivered_is_only_what_has_arrived_without_a_gap(
    arrived: tuple[int, ...], watermark: int
) -> None:
    link = KeepingLink()
    talk = session(link, StatesOutbox(ScanState.SEEN, ScanState.GROWING, ScanState.SETTLING))
    talk.send(0.0)

    for number in arrived:
        link.arrive(number)
        assert talk.take_arrivals() == ""

    assert talk.watermark == watermark
    assert talk.is_idle == (watermark == 3)


def test_no_more_is_under_way_than_the_broker_allows() -> None:
    link = KeepingLink(window=2)
    talk = session(link, StatesOutbox(*[ScanState.SEEN] * 5))

    talk.send(0.0)
    assert len(link.messages) == 2
    assert talk.oldest_s() == 0.0
    link.arrive(1)
    talk.take_arrivals()
    talk.send(3.0)

    assert [one.seq for one in link.messages] == [1, 2, 3]
    assert not talk.is_idle


def test_what_is_larger_than_the_broker_takes_is_skipped_and_named_and_the_rest_goes_on() -> None:
    link = KeepingLink()
    outbox = StatesOutbox(ScanState.SEEN, ScanState.GROWING, ScanState.DONE)
    large = outbox.kept[1]
    payload = large.payload[:-1] + ',"padding":"' + "x" * 5000 + '"}'
    outbox.kept[1] = replace(large, payload=payload)
    talk = Session(
        cast("Any", link),
        TOPICS,
        outbox,
        origin=outbox.origin(),
        acked_seq=0,
        max_packet_bytes=4_000,
    )
    talk.send(0.0)

    assert [one.seq for one in link.messages] == [1, 3]
    assert [one.seq for one in talk.take_skipped()] == [2]
    assert talk.take_skipped() == []
    link.arrive(1, 2)
    talk.take_arrivals()
    assert talk.watermark == 3, "nothing waits for what was skipped"


def test_the_largest_message_under_way_is_known_until_it_arrives() -> None:
    link = KeepingLink()
    talk = session(link, StatesOutbox(ScanState.SEEN))
    talk.send(0.0)

    assert talk.largest_under_way() == link.messages[0].packet_bytes > 100
    link.arrive(1)
    talk.take_arrivals()
    assert talk.largest_under_way() == 0


def depths(number: int, core: str, top_um: int) -> Version:
    name = CoreName("145", core)
    entry = SectionEntry(name, "1", top_um, curated_length_um=1_500_000)
    return Version(
        number, UTC, Draft(DepthSource.TYPED, "anna", "read from the log", sections=(entry,))
    )


def told_depths(messages: Iterable[Message]) -> list[tuple[str, int, bool]]:
    """Return topic, top of the first section and whether it is retained, of each core told."""
    return [
        (one.topic, json.loads(one.payload)["sections"][0]["top_um"], one.retain)
        for one in messages
        if one.topic.endswith("/depths")
    ]


def test_where_sections_lie_is_told_on_connecting_and_again_when_the_ledger_changes() -> None:
    outbox, link = StatesOutbox(), KeepingLink()
    outbox.versions = [depths(1, "887A-1H", 0), depths(2, "887A-2H", 10_000)]
    told = session(link, outbox)
    one, two = TOPICS.core_depths("145-887A-1H"), TOPICS.core_depths("145-887A-2H")

    told.greet(b"{}", b"{}")
    told.send(0.0)
    assert told_depths(link.messages) == [(one, 0, True), (two, 10_000, True)]

    told.notice_commits()
    told.send(0.0)
    assert len(told_depths(link.messages)) == 2, "said again without a change"

    outbox.versions.append(depths(3, "887A-2H", 20_000))
    told.notice_commits()
    told.send(0.0)
    assert told_depths(link.messages)[2:] == [(two, 20_000, True)]


def test_depths_are_as_their_schema_says_and_name_who_said_them() -> None:
    text = (files("downcore.publish") / "schemas" / "depths.json").read_text()
    name = CoreName("", "GC01")
    whole = Draft(
        DepthSource.TYPED,
        "ben",
        cores=(CoreEntry(name, 2_000_000, -150_000),),
        sections=(SectionEntry(name, "2", gap_above_um=5_000, expanded_length_um=900_000),),
    )
    versions = [depths(1, "887A-1H", 0), Version(2, UTC, whole)]

    messages = dict(depths_messages(versions, 7))

    assert set(messages) == {"145-887A-1H", "GC01"}
    for message in messages.values():
        Draft202012Validator(json.loads(text)).validate(json.loads(message))
    said = json.loads(messages["GC01"])
    assert (said["core_top_um"], said["composite_shift_um"]) == (2_000_000, -150_000)
    assert [one["gap_above_um"] for one in said["sections"]] == [5_000]
    assert [(one["made_by"], one["version"]) for one in said["sources"]] == [("ben", 2)]


def test_the_flags_of_a_section_are_retained_and_shown_again_on_connecting() -> None:
    outbox, link = StatesOutbox(), KeepingLink()
    alarm = payloads.alarm_payload(Alarm("S1", UTC, ()))
    outbox.kept.append(OutboxEntry(1, OutboxKind.ALARM, "S1", alarm, UTC))
    talk = session(link, outbox)
    talk.greet(b"{}", b"{}")
    outbox.kept.append(OutboxEntry(2, OutboxKind.ALARM, "S1", alarm, UTC))
    talk.notice_commits()
    talk.send(0.0)

    mine = [one for one in link.messages if one.topic == TOPICS.section_alarm("S1")]
    keys = [set(json.loads(one.payload)) & {"as_of_seq", "seq"} for one in mine]
    # Shown on connecting; then the backlog, which is not retained; then what is new.
    assert keys == [{"as_of_seq"}, {"seq"}, {"seq"}]
    assert [one.retain for one in mine] == [True, False, True]
