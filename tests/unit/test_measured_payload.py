"""Measured values as they are announced: as the schema says, small, and withdrawn where they go."""

import json
from importlib.resources import files

from jsonschema import Draft202012Validator

from downcore.publish import payloads
from downcore.publish.sinks._terminal_lines import lines_of
from downcore.publish.topics import Topics
from downcore.store.transaction import MAX_ANNOUNCED_BYTES, _halves
from downcore.strata.measured import MeasuredBatch, MeasuredValue
from downcore.strata.record import OutboxEntry, OutboxKind

UTC = "2026-01-31T23:59:59.123Z"
SCHEMA = json.loads((files("downcore.publish") / "schemas" / "measured.json").read_text())


def value_at(line: int, value: float | None = 1.5, flag: str = "") -> MeasuredValue:
    depth_um = 10_000 * line
    return MeasuredValue(
        line, "density", value, flag, 11_774, "C", "1", depth_um, "section", "S1", depth_um, ""
    )


def batch_of(n: int, *withdrawn: int) -> MeasuredBatch:
    values = tuple(value_at(line) for line in range(n))
    return MeasuredBatch("S1", "a.out", "logger", UTC, values, tuple((w, "ms") for w in withdrawn))


def test_measured_values_are_what_their_schema_says() -> None:
    batch = MeasuredBatch(
        "S1", "a.out", "logger", UTC, (value_at(0), value_at(1, None, "unreadable")), ((2, "ms"),)
    )
    entry = OutboxEntry(7, OutboxKind.MEASURED, "S1", payloads.measured_payload(batch), UTC)

    Draft202012Validator(SCHEMA).validate(
        json.loads(payloads.announcement(entry, 3, is_historical=False))
    )
    assert lines_of(entry) == ["S1  2 measured values of a.out, 1 withdrawn"]
    assert Topics("v", "s").of_kind("S1", entry.kind) == "downcore/v1/v/s/section/S1/measured"


def test_large_batches_fall_into_small_ones_without_losing_a_value() -> None:
    waiting, sent = [batch_of(700, *range(900))], []
    while waiting:
        one = waiting.pop(0)
        halves = _halves(one)
        if len(payloads.measured_payload(one)) > MAX_ANNOUNCED_BYTES and halves:
            waiting = [half for half in halves if isinstance(half, MeasuredBatch)] + waiting
        else:
            sent.append(one)

    assert [v.line for one in sent for v in one.values] == list(range(700))
    assert [w[0] for one in sent for w in one.withdrawn] == list(range(900))
    assert max(len(payloads.measured_payload(one)) for one in sent) <= MAX_ANNOUNCED_BYTES
