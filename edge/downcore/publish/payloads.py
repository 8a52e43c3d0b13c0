"""
What is published, as JSON; pure.

The store keeps ``log_payload`` and ``state_payload`` with the rows, in the same
transaction; epoch and seq are put in front when they are sent. Depth is a whole
number of micrometres, no value is ``null``, and no number is infinite. The
schemas are in ``schemas``, one JSON Schema 2020-12 a payload.
"""

import enum
import json
from dataclasses import dataclass
from typing import Any

from downcore.publish.composition_payload import composition_of
from downcore.strata.bundle import Manifest
from downcore.strata.depthlog import Estimate, SliceRow
from downcore.strata.flags import Alarm
from downcore.strata.mask.classes import MaskClass
from downcore.strata.measured import MeasuredBatch
from downcore.strata.properties import PROPERTIES
from downcore.strata.record import (
    CompositionBatch,
    LogBatch,
    OutboxEntry,
    ScanStatus,
    StoreOrigin,
)
from downcore.strata.scan_corrections import Correction

SCHEMAS = (
    *("status", "birth", "state", "latest", "log", "composition", "correction", "measured"),
    "depths",
    "alarm",
)
"""Names of the payloads."""

_UNITS = {prop.name: prop.unit for prop in PROPERTIES}


class StationState(enum.StrEnum):
    """Whether the station works."""

    ONLINE = "online"
    DEGRADED = "degraded"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class StationStatus:
    """Whether the station works, and why not."""

    state: StationState
    reasons: tuple[str, ...]
    """In words for the technician; empty when online."""
    since_utc: str
    version: str
    """Of the code."""


@dataclass(frozen=True, slots=True)
class Birth:
    """What a station is and publishes."""

    version: str
    started_utc: str
    bundles: tuple[Manifest, ...]
    """The bundles that run."""


def schema_id(name: str) -> str:
    """Return what a payload called ``name`` gives as its ``schema``; also the schema's ``$id``."""
    return f"urn:downcore:schema:{name}:1"


def log_payload(batch: LogBatch) -> str:
    """
    Return rows that were committed together, without epoch and seq.

    Raises
    ------
    ValueError
        If a number is not finite.
    """
    return _json(
        {
            "schema": schema_id("log"),
            "section_id": batch.section_id,
            "scan_id": batch.scan_id,
            "section_top_um": batch.section_top_um,
            "committed_utc": batch.committed_utc,
            "rows": [_row(row) for row in batch.rows],
        }
    )


def composition_payload(batch: CompositionBatch) -> str:
    """
    Return compositions that were committed together, without epoch and seq.

    Raises
    ------
    ValueError
        If a number is not finite.
    """
    return _json({"schema": schema_id("composition"), **composition_of(batch)})


def state_payload(status: ScanStatus) -> str:
    """Return where a scan stands, without epoch and seq."""
    return _json(
        {
            "schema": schema_id("state"),
            "section_id": status.section_id,
            "scan_id": status.scan_id,
            "state": status.state.value,
            "reason": status.reason,
            "n_slices": status.n_slices,
            "n_lines_done": status.n_lines_done,
            "superseded_by": status.superseded_by,
            "duplicate_of": status.duplicate_of,
            "updated_utc": status.updated_utc,
        }
    )


def correction_payload(correction: Correction) -> str:
    """Return what a person corrected, without epoch and seq."""
    return _json(
        {
            "schema": schema_id("correction"),
            "section_id": correction.section_id,
            "scan_id": correction.scan_id,
            "correction_no": correction.correction_no,
            "verb": correction.verb.value,
            "made_by": correction.made_by,
            "made_utc": correction.made_utc,
            "px_per_cm": correction.reading.px_per_cm,
            "top": correction.reading.top,
            "new_section_id": correction.reading.section,
            "why": correction.why,
            "effect": correction.effect,
        }
    )


def measured_payload(batch: MeasuredBatch) -> str:
    """
    Return measured values that were committed together, without epoch and seq.

    Raises
    ------
    ValueError
        If a number is not finite.
    """
    return _json(
        {
            "schema": schema_id("measured"),
            "section_id": batch.section_id,
            "file": batch.file_name,
            "instrument": batch.instrument,
            "committed_utc": batch.committed_utc,
            "values": [
                {
                    "line": one.line,
                    "depth_um": one.depth_um,
                    "property": one.property,
                    "unit": _UNITS[one.property],
                    "value": _number(one.value),
                    "flag": one.flag,
                    "footprint_um": one.footprint_um,
                }
                for one in batch.values
            ],
            "withdrawn": [{"line": line, "property": name} for line, name in batch.withdrawn],
        }
    )


def alarm_payload(alarm: Alarm) -> str:
    """Return the flags of a section that stand, without epoch and seq."""
    return _json(
        {
            "schema": schema_id("alarm"),
            "section_id": alarm.section_id,
            "updated_utc": alarm.updated_utc,
            "flags": [
                {
                    "flag": flag.flag_no,
                    "code": flag.code.value,
                    "property": flag.property or None,
                    "top_um": flag.top_um,
                    "bottom_um": flag.bottom_um,
                    "score": flag.score,
                    "limit": flag.limit,
                    "evidence": flag.evidence,
                    "raised_utc": flag.raised_utc,
                    "changed_utc": flag.changed_utc,
                    "acknowledged_by": flag.acknowledged_by or None,
                    "acknowledged_utc": flag.acknowledged_utc or None,
                    "word": flag.word,
                }
                for flag in alarm.flags
            ],
            "n_left_out": alarm.n_left_out,
        }
    )


def announcement(entry: OutboxEntry, epoch: int, *, is_historical: bool) -> bytes:
    """
    Return an entry of the outbox as it is sent.

    Parameters
    ----------
    entry : OutboxEntry
        Its payload is a JSON object.
    epoch : int
        Of the store.
    is_historical : bool
        Whether it was committed before this connection was made.
    """
    flag = "true" if is_historical else "false"
    return (f'{{"epoch":{epoch},"seq":{entry.seq},"historical":{flag},{entry.payload[1:]}').encode()


def state_snapshot(entry: OutboxEntry, epoch: int) -> bytes:
    """Return a section's newest state or flags as sent on connecting, outside the order of seq."""
    return f'{{"epoch":{epoch},"as_of_seq":{entry.seq},{entry.payload[1:]}'.encode()


def latest(entry: OutboxEntry, epoch: int) -> bytes:
    """Return the newest row of a batch, outside the order of seq."""
    batch = json.loads(entry.payload)
    return _json(
        {
            "schema": schema_id("latest"),
            "epoch": epoch,
            "as_of_seq": entry.seq,
            "section_id": batch["section_id"],
            "scan_id": batch["scan_id"],
            "section_top_um": batch["section_top_um"],
            "committed_utc": batch["committed_utc"],
            "row": batch["rows"][-1],
        }
    ).encode()


def status_message(status: StationStatus, origin: StoreOrigin) -> bytes:
    """Return whether the station works; also the last will."""
    return _json(
        {
            "schema": schema_id("status"),
            "state": status.state.value,
            "reasons": list(status.reasons),
            "since_utc": status.since_utc,
            "version": status.version,
            "instance_id": origin.instance_id,
            "epoch": origin.epoch,
        }
    ).encode()


def birth_message(birth: Birth, origin: StoreOrigin) -> bytes:
    """Return what the station is and publishes."""
    return _json(
        {
            "schema": schema_id("birth"),
            "version": birth.version,
            "started_utc": birth.started_utc,
            "instance_id": origin.instance_id,
            "epoch": origin.epoch,
            "head_seq": origin.head_seq,
            "properties": [{"name": prop.name, "unit": prop.unit} for prop in PROPERTIES],
            "classes": [kind.name.lower() for kind in MaskClass],
            "schemas": {name: schema_id(name) for name in SCHEMAS},
            "bundles": [
                {
                    "bundle_id": manifest.bundle_id,
                    "network": manifest.network,
                    "title": manifest.title,
                    "precision": manifest.precision,
                    "training_data": manifest.training_data,
                }
                for manifest in birth.bundles
            ],
        }
    ).encode()


def _row(row: SliceRow) -> dict[str, Any]:
    core_slice = row.core_slice
    colour = core_slice.colour
    return {
        "slice": int(core_slice.index),
        "top_um": int(core_slice.top_um),
        "bottom_um": int(core_slice.bottom_um),
        "valid_fraction": _number(core_slice.valid_fraction),
        "classes": {
            kind.name.lower(): _number(core_slice.class_fractions[kind]) for kind in MaskClass
        },
        "lab_mean": None if colour is None else [_number(x) for x in colour.lab_mean],
        "lab_sd": None if colour is None else [_number(x) for x in colour.lab_sd],
        "flags": list(core_slice.flags),
        "estimates": [_estimate(estimate) for estimate in row.estimates],
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {
        "property": estimate.property,
        "unit": _UNITS.get(estimate.property, ""),
        "value": _number(estimate.value),
        "lower": _number(estimate.lower),
        "upper": _number(estimate.upper),
        "heterogeneity": _number(estimate.heterogeneity),
        "status": estimate.status.value,
        "reason": estimate.reason,
        "bundle_id": estimate.bundle_id,
    }


def _number(number: float | None) -> float | None:
    # numpy's scalars are not JSON; the value is sent in full, so that it equals the stored one.
    return None if number is None else float(number)


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))
