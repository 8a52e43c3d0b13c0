"""Every payload is what its schema and the reference say."""

import base64
import json
import math
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from composed_slices import composed, without_value
from hypothesis import given, settings
from hypothesis import strategies as st

from downcore.publish import payloads
from downcore.publish.payloads import Birth, StationState, StationStatus
from downcore.publish.sinks._ack_window import AckWindow
from downcore.publish.sinks._terminal_lines import lines_of
from downcore.strata.depthlog import HAS_VALUE, Estimate, SliceRow, Status
from downcore.strata.mask.classes import MaskClass
from downcore.strata.record import (
    CompositionBatch,
    LogBatch,
    OutboxEntry,
    OutboxKind,
    ScanState,
    ScanStatus,
    StoreOrigin,
)
from downcore.strata.scan_corrections import AskedReading, Correction, Verb
from downcore.strata.slices import CoreSlice, SliceColour

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference" / "mqtt.md"
ASYNCAPI = ROOT / "docs" / "asyncapi.yaml"
ORIGIN = StoreOrigin(epoch=3, instance_id="0123456789abcdef" * 2, head_seq=17)
UTC = "2026-01-31T23:59:59.123Z"
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
FOLDER = resources.files("downcore.publish") / "schemas"
SCHEMAS = {
    name: jsonschema.Draft202012Validator(json.loads((FOLDER / f"{name}.json").read_text("utf-8")))
    for name in payloads.SCHEMAS
}


@st.composite
def estimates(draw: st.DrawFn) -> Estimate:
    status = draw(st.sampled_from(Status))
    if status not in HAS_VALUE:
        return Estimate("vp", None, None, None, status, draw(st.text(min_size=1)), "b1")
    low, value, high = sorted(draw(st.tuples(NUMBERS, NUMBERS, NUMBERS)))
    sd = draw(st.none() | st.floats(0, 1e6))
    return Estimate("density", value, low, high, status, draw(st.text()), "b1", sd)


@st.composite
def slice_rows(draw: st.DrawFn) -> SliceRow:
    index = draw(st.integers(0, 10_000))
    three = st.tuples(NUMBERS, NUMBERS, NUMBERS)
    share = draw(st.floats(0, 1))
    core_slice = CoreSlice(
        index=index,
        first_line=index,
        n_lines=1,
        top_um=10_000 * index,
        bottom_um=10_000 * index + 7,
        class_fractions=(share, 0.0, 1.0 - share, 0.0, 0.0, 0.0, 0.0),
        colour=draw(st.none() | st.builds(SliceColour, three, three, three)),
        flags=tuple(draw(st.lists(st.text(min_size=1), max_size=3))),
    )
    return SliceRow(core_slice, tuple(draw(st.lists(estimates(), max_size=4))))


def entry_of(payload: str, kind: OutboxKind = OutboxKind.LOG) -> OutboxEntry:
    return OutboxEntry(17, kind, "S1", payload, UTC)


@settings(max_examples=40, deadline=None)
@given(st.lists(slice_rows(), min_size=1, max_size=3), st.text(min_size=1))
def test_any_rows_make_payloads_that_their_schemas_allow(
    rows: list[SliceRow], section_id: str
) -> None:
    entry = entry_of(payloads.log_payload(LogBatch(section_id, "a", None, UTC, tuple(rows))))

    log = json.loads(payloads.announcement(entry, 3, is_historical=True))
    latest = json.loads(payloads.latest(entry, 3))

    SCHEMAS["log"].validate(log)
    SCHEMAS["latest"].validate(latest)
    assert (log["epoch"], log["seq"], log["historical"]) == (3, 17, True)
    assert log["section_id"] == section_id
    assert latest["row"] == log["rows"][-1]
    sent = [one["value"] for row in log["rows"] for one in row["estimates"]]
    assert sent == [one.value for row in rows for one in row.estimates], "a value was changed"


def test_compositions_are_what_their_schema_says() -> None:
    slices = (composed(0), without_value(1, Status.MASKED, "no sediment"))
    batch = CompositionBatch("S1", "a", None, UTC, slices)
    entry = entry_of(payloads.composition_payload(batch), OutboxKind.COMPOSITION)

    sent = json.loads(payloads.announcement(entry, 3, is_historical=False))

    SCHEMAS["composition"].validate(sent)
    full, bare = sent["rows"]
    assert [one["fraction"] for one in full["groups"]] == [0.3, 0.7]
    assert full["sum"] == pytest.approx(1.0)
    assert full["joined"][0]["group"] == "light + dark"
    assert full["told"] == ["light", "dark"]
    assert full["regions"]["grains"]["d50_um"] == 1_500.25
    tile = slices[0].labels
    assert tile is not None
    assert base64.b64decode(full["labels"]["png_base64"]) == tile.png
    assert (bare["sum"], bare["guard"], bare["regions"], bare["labels"]) == (None,) * 4
    assert {one["status"] for one in bare["groups"]} == {"masked"}


def test_the_terminal_says_what_is_known_of_a_composition_and_why_nothing_is() -> None:
    slices = (composed(0), without_value(1, Status.MASKED, "no sediment"))
    batch = CompositionBatch("S1", "a", None, UTC, slices)
    entry = entry_of(payloads.composition_payload(batch), OutboxKind.COMPOSITION)

    known, silent = lines_of(entry)

    assert "light 30 % (20 to 40)" in known
    assert "dark 70 % (60 to 80), by the prior" in known
    assert "composition masked (no sediment)" in silent


@pytest.mark.parametrize("verb", Verb)
def test_any_correction_makes_payloads_that_its_schema_allows_and_a_line(verb: Verb) -> None:
    reading = AskedReading("98.4", "left", "S2")
    correction = Correction(
        7, "r", UTC, "anna", verb, "S*", "S1", "a", "a.tif", reading, "a typo", "read so"
    )
    entry = entry_of(payloads.correction_payload(correction), OutboxKind.CORRECTION)

    SCHEMAS["correction"].validate(json.loads(payloads.announcement(entry, 3, is_historical=True)))
    assert lines_of(entry) == [f"S1  {verb} by anna: read so (a typo)"]


def test_the_terminal_says_a_reason_once_for_all_properties_of_a_row() -> None:
    core_slice = CoreSlice(0, 0, 9, 0, 10_000, (1.0, *(0.0,) * 6), None, ())
    silent = [
        Estimate(name, None, None, None, Status.ABSTAINED, "unlike its training", "b1")
        for name in ("density", "ms", "vp")
    ]
    row = SliceRow(core_slice, tuple(silent))

    (line,) = lines_of(entry_of(payloads.log_payload(LogBatch("S1", "a", None, UTC, (row,)))))

    assert line.endswith("density, ms, vp abstained (unlike its training)")


@pytest.mark.parametrize("state", ScanState)
def test_any_state_makes_payloads_that_its_schema_allows(state: ScanState) -> None:
    status = ScanStatus("S1", "a", state, "", 3, 600, "b", None, UTC)
    entry = entry_of(payloads.state_payload(status), OutboxKind.STATE)

    live = json.loads(payloads.announcement(entry, 3, is_historical=False))
    snapshot = json.loads(payloads.state_snapshot(entry, 3))

    SCHEMAS["state"].validate(live)
    SCHEMAS["state"].validate(snapshot)
    assert (live["seq"], snapshot["as_of_seq"]) == (17, 17)
    assert "seq" not in snapshot, "a snapshot stands outside the order of seq"


@pytest.mark.parametrize("state", StationState)
def test_status_and_birth_are_what_their_schemas_say(state: StationState) -> None:
    status = StationStatus(state, ("the disk is full",), UTC, "0.1.0")

    SCHEMAS["status"].validate(json.loads(payloads.status_message(status, ORIGIN)))
    SCHEMAS["birth"].validate(json.loads(payloads.birth_message(Birth("0.1.0", UTC, ()), ORIGIN)))


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_number_that_is_none_is_never_sent(number: float) -> None:
    core_slice = CoreSlice(0, 0, 1, 0, 1, (number, 0, 0, 0, 0, 0, 0), None, ())

    with pytest.raises(ValueError, match="JSON compliant"):
        payloads.log_payload(LogBatch("S1", "a", None, UTC, (SliceRow(core_slice, ()),)))


def test_schemas_are_schemas_and_say_their_own_name() -> None:
    for name, validator in SCHEMAS.items():
        validator.check_schema(validator.schema)
        assert validator.schema["$id"] == payloads.schema_id(name)
        assert validator.schema["properties"]["schema"] == {"const": payloads.schema_id(name)}


def test_log_and_latest_describe_a_row_alike() -> None:
    assert SCHEMAS["log"].schema["$defs"] == SCHEMAS["latest"].schema["$defs"]


def test_schemas_name_what_the_code_names() -> None:
    row = SCHEMAS["log"].schema["$defs"]["row"]["properties"]
    estimate = SCHEMAS["log"].schema["$defs"]["estimate"]["properties"]
    state = SCHEMAS["state"].schema["properties"]["state"]

    assert list(row["classes"]["properties"]) == [one.name.lower() for one in MaskClass]
    assert estimate["status"]["enum"] == [one.value for one in Status]
    assert state["enum"] == [one.value for one in ScanState]


@pytest.mark.parametrize("name", payloads.SCHEMAS)
def test_the_reference_names_every_topic_and_key(name: str) -> None:
    text = REFERENCE.read_text()
    schema = SCHEMAS[name].schema
    keys = set(_keys(schema))

    assert f"`{payloads.schema_id(name)}`" in text
    missing = sorted(key for key in keys if f"`{key}`" not in text)
    assert missing == [], f"docs/reference/mqtt.md does not say what these mean in {name}"


def test_asyncapi_names_every_topic_and_schema() -> None:
    text = ASYNCAPI.read_text()

    for address in ("status", "birth", "section/{section}/state", "section/{section}/latest",
                    "section/{section}/log"):  # fmt: skip
        assert f"address: downcore/v1/{{vessel}}/{{station}}/{address}\n" in text
    for name in payloads.SCHEMAS:
        assert f"../edge/downcore/publish/schemas/{name}.json" in text


def _keys(schema: Any) -> list[str]:
    if not isinstance(schema, dict):
        return []
    own = list(schema.get("properties", {}))
    inner = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]
    inner.append(schema.get("items"))
    return own + [key for one in inner for key in _keys(one)]


@given(st.permutations(range(8)), st.integers(0, 8))
def test_the_watermark_is_the_end_of_the_unbroken_run(order: list[int], n_acked: int) -> None:
    window = AckWindow(100)
    for message in range(8):
        window.sent(message, now_s=float(message), seq=101 + message)

    for message in order[:n_acked]:
        window.acked(message)

    left = set(order[n_acked:])
    assert window.watermark == 100 + min(left, default=8)
    assert len(window) == len(left)
    assert window.oldest_s() == (float(min(left)) if left else None)


def test_messages_outside_the_order_of_seq_do_not_hold_the_watermark() -> None:
    window = AckWindow(5)
    window.sent(1, now_s=0.0)
    window.sent(2, now_s=0.0, seq=6)

    window.acked(2)
    window.acked(99)

    assert window.watermark == 6
    assert len(window) == 1
