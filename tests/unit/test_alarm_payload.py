"""Flags as they are announced: as the schema says, small, retained, and first on connecting."""

import json
from importlib.resources import files
from pathlib import Path

import pytest
from core_store import StoppedClock, make_core
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from downcore.publish import payloads
from downcore.publish.sinks._terminal_lines import lines_of
from downcore.publish.topics import Topics
from downcore.store import Reader, Store
from downcore.store.transaction import MAX_ANNOUNCED_BYTES, _shorter
from downcore.strata.flags import Acknowledgement, Alarm, Flag, FlagEventKind
from downcore.strata.record import OutboxEntry, OutboxKind
from downcore.strata.second_opinion.codes import Code, Finding

UTC = "2026-01-31T23:59:59.123Z"
SCHEMA = json.loads((files("downcore.publish") / "schemas" / "alarm.json").read_text())
SECTION = "145-887A-1H-1"


def flag_at(number: int, acknowledged_by: str = "") -> Flag:
    top_um = 100_000 * number
    return Flag(
        number, "S1", Code.MS_SPIKE, "ms", top_um, top_um + 50_000, 7.0, 6.0, "3 rows too high",
        UTC, UTC, acknowledged_by=acknowledged_by, acknowledged_utc=acknowledged_by and UTC,
    )  # fmt: skip


def test_flags_are_what_their_schema_says() -> None:
    alarm = Alarm("S1", UTC, (flag_at(1), flag_at(2, "ann")))
    entry = OutboxEntry(7, OutboxKind.ALARM, "S1", payloads.alarm_payload(alarm), UTC)
    validator = Draft202012Validator(SCHEMA)

    validator.validate(json.loads(payloads.announcement(entry, 3, is_historical=False)))
    validator.validate(json.loads(payloads.state_snapshot(entry, 3)))
    assert lines_of(entry) == [
        "S1    10.00 - 15.00 cm  flag 1: ms spike: 3 rows too high",
    ]
    assert Topics("v", "s").of_kind("S1", entry.kind) == "downcore/v1/v/s/section/S1/alarm"


def test_the_schema_knows_every_code() -> None:
    assert SCHEMA["properties"]["flags"]["items"]["properties"]["code"]["enum"] == list(Code)


def test_an_alarm_of_too_many_flags_is_one_message_that_says_how_many_it_leaves_out() -> None:
    alarm = Alarm("S1", UTC, tuple(flag_at(i) for i in range(200)))
    while len(payloads.alarm_payload(alarm)) > MAX_ANNOUNCED_BYTES:
        alarm = _shorter(alarm)
    assert alarm.flags[0].flag_no == 0
    assert len(alarm.flags) + alarm.n_left_out == 200


def finding(top_cm: int, bottom_cm: int, score: float = 7.0) -> Finding:
    return Finding(
        Code.MS_SPIKE, "ms", top_cm * 10_000, bottom_cm * 10_000, score, 6.0, "3 rows too high"
    )


def test_the_same_findings_again_change_nothing(tmp_path: Path) -> None:
    db = make_core(tmp_path / "a.db", {"1": 50})
    with Store.open(db, clock=StoppedClock(), announce=payloads) as store:
        found = [finding(5, 8), finding(30, 33)]
        assert store.settle_flags(SECTION, found) == 2
        assert store.settle_flags(SECTION, found) == 0
        assert store.settle_flags(SECTION, [finding(5, 9), finding(30, 33, 7.1)]) == 1
        assert store.settle_flags(SECTION, []) == 2
        assert store.settle_flags(SECTION, [finding(5, 8)]) == 1
    with Reader.open(db) as reader:
        flags = reader.flags(SECTION)
        assert [(one.flag_no, one.is_cleared) for one in flags] == [
            (1, True),
            (3, False),
            (2, True),
        ]
        assert [one.kind for one in reader.flag_events(1)] == [
            FlagEventKind.RAISED,
            FlagEventKind.CHANGED,
            FlagEventKind.CLEARED,
        ]
        (last,) = reader.newest(OutboxKind.ALARM)
        assert [one["flag"] for one in json.loads(last.payload)["flags"]] == [3]


def test_a_flag_and_what_happened_to_it_can_be_neither_changed_nor_deleted(tmp_path: Path) -> None:
    db = make_core(tmp_path / "a.db", {"1": 50})
    with Store.open(db, clock=StoppedClock(), announce=payloads) as store:
        store.settle_flags(SECTION, [finding(5, 8)])
        connection = store._database.conn
        for sql in (
            "UPDATE flag SET code = 'drift'",
            "DELETE FROM flag",
            "UPDATE flag_event SET word = 'x'",
            "DELETE FROM flag_event",
        ):
            with pytest.raises(Exception, match="flags are only added to"):
                connection.execute(sql)


def test_an_acknowledgement_that_is_handed_over_twice_counts_once(tmp_path: Path) -> None:
    db = make_core(tmp_path / "a.db", {"1": 50})
    said = Acknowledgement("r1", 1, "ann", UTC, "rust")
    with Store.open(db, clock=StoppedClock(), announce=payloads) as store:
        store.settle_flags(SECTION, [finding(5, 8)])
        store.acknowledge(said)
        flag = store.acknowledge(said)
        assert (flag.acknowledged_by, flag.word, flag.is_cleared) == ("ann", "rust", False)
    with Reader.open(db) as reader:
        assert len(reader.flag_events(1)) == 2


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(0, 40), st.integers(1, 10), st.floats(0.1, 1e9)), max_size=4
        ),
        max_size=4,
    )
)
def test_flags_that_stand_are_always_those_that_were_found_last(
    tmp_path_factory: pytest.TempPathFactory, rounds: list[list[tuple[int, int, float]]]
) -> None:
    db = make_core(tmp_path_factory.mktemp("flags") / "a.db", {"1": 5})
    with Store.open(db, clock=StoppedClock(), announce=payloads) as store:
        for asked in rounds:
            found = [finding(top, top + length, score) for top, length, score in asked]
            store.settle_flags(SECTION, found)
            assert store.settle_flags(SECTION, found) == 0
            with Reader.open(db) as reader:
                standing = [one for one in reader.flags(SECTION) if not one.is_cleared]
            assert sorted((one.top_um, one.bottom_um) for one in standing) == sorted(
                (one.top_um, one.bottom_um) for one in found
            )
