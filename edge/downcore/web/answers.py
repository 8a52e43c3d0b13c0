"""What the page asks of the record, as JSON: the sections, and the log of one scan."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from downcore.commands.core_lookup import CoreIndex
from downcore.store import Reader
from downcore.store.page_rows import (
    CLASS_NAMES,
    EstimateColumns,
    ShareColumns,
    SliceColumns,
    estimate_columns,
    page_connection,
    share_columns,
    slice_columns,
)
from downcore.store.stored_values import StoredScan
from downcore.strata.core_depths import DepthScale
from downcore.strata.properties import PROPERTIES
from downcore.web.decimation import Step, steps
from downcore.web.pictures import colour_hex

MAX_STEPS = 4_000
"""Most steps of depth in one answer."""
N_COLOURS = 60
"""Most colours of a thumbnail."""
MAX_UM = 2**53
"""Greatest depth; what a browser counts exactly."""


def sections(reader: Reader) -> list[dict[str, Any]]:
    """Return the scan that stands of every section, and where the depth ledger puts it."""
    index = CoreIndex.of(reader)
    return [_section(index, one) for one in index.scans]


def _section(index: CoreIndex, stored: StoredScan) -> dict[str, Any]:
    scan, status = stored.scan, stored.status
    said: dict[str, Any] = {
        "section": scan.section_id,
        "scan": scan.scan_id,
        "state": str(status.state),
        "reason": status.reason,
        "n_slices": status.n_slices,
        "updated_utc": status.updated_utc,
        "px_per_cm": float(scan.px_per_cm),
        "core": None,
        "tops_um": {},
        "stretch": 1.0,
    }
    place = index.place_of(stored)
    if place is None:
        return said
    depths = index.core(place[0]).depths
    said["core"] = str(place[0])
    placed = depths.section(place[1])
    if placed is None or placed.top_um is None:
        return said
    length, scanned = placed.length_um, placed.scanned_length_um
    if length and scanned:
        said["stretch"] = length / scanned
    for scale in (DepthScale.CORE, DepthScale.HOLE, DepthScale.COMPOSITE):
        offset = depths.offset_um(scale)
        if offset is not None:
            said["tops_um"][str(scale)] = offset + placed.top_um
    return said


def colours(database: Path, scan_id: str) -> list[str | None]:
    """Return mean colours of a scan from top to bottom; ``None`` where there is no sediment."""
    with page_connection(database) as connection:
        slices = slice_columns(connection, scan_id, 0, MAX_UM)
    found = steps([0.0] * len(slices.top_um), N_COLOURS)
    return [colour_hex(slices.linear_rgb[step.first : step.stop]) for step in found]


def log(
    database: Path, stored: StoredScan, span_um: tuple[int, int], n_steps: int
) -> dict[str, Any]:
    """
    Return what a scan holds within a span of depth, in at most ``n_steps`` steps.

    Of each step the lowest and the highest value are kept.
    """
    scan_id = stored.scan.scan_id
    with page_connection(database) as connection:
        slices = slice_columns(connection, scan_id, *span_um)
        estimates = estimate_columns(connection, scan_id, *span_um)
        shares = share_columns(connection, scan_id, *span_um)
    with Reader.open(database) as reader:
        measured = reader.measured_of(stored.scan.section_id)
    points = [one for one in measured if span_um[0] <= one.depth_um <= span_um[1]]
    units = {one.name: one.unit for one in PROPERTIES}
    return {
        "section": stored.scan.section_id,
        "scan": scan_id,
        "n_slices": len(slices.top_um),
        "slices": _slices(slices, n_steps),
        "series": [_series(one, n_steps) | {"unit": units.get(one.property, "")}
                   for one in estimates],
        "shares": [_share(one, n_steps) for one in shares],
        "measured": [
            {"property": one.property, "um": one.depth_um, "value": one.value, "flag": one.flag,
             "from": one.instrument}
            for one in points[:: max(1, len(points) // (4 * n_steps))]
        ],
    }  # fmt: skip


def _slices(one: SliceColumns, n_steps: int) -> dict[str, Any]:
    found = steps([0.0] * len(one.top_um), n_steps)
    return {
        **_span(found, one.top_um, one.bottom_um),
        "colour": [colour_hex(one.linear_rgb[step.first : step.stop]) for step in found],
        "classes": {
            name: [
                round(_mean([f[i] for f in one.fractions[step.first : step.stop]]), 4)
                for step in found
            ]
            for i, name in enumerate(CLASS_NAMES)
        },
        "flags": [
            ", ".join(dict.fromkeys(f for f in one.flags[step.first : step.stop] if f))
            for step in found
        ],
    }


def _series(one: EstimateColumns, n_steps: int) -> dict[str, Any]:
    found = steps(one.value, n_steps)
    lower, upper = steps(one.lower, n_steps), steps(one.upper, n_steps)
    status = [_commonest(one.status[step.first : step.stop]) for step in found]
    return {
        "property": one.property,
        "bundle": one.bundle_id,
        **_span(found, one.top_um, one.bottom_um),
        "low": [step.lowest for step in found],
        "high": [step.highest for step in found],
        "lower": [step.lowest for step in lower],
        "upper": [step.highest for step in upper],
        "status": status,
        "reason": [
            "; ".join(dict.fromkeys(r for r in one.reason[step.first : step.stop] if r))[:400]
            for step in found
        ],
    }


def _share(one: ShareColumns, n_steps: int) -> dict[str, Any]:
    found = steps(one.fraction, n_steps)
    means = []
    for step in found:
        known = [f for f in one.fraction[step.first : step.stop] if f is not None]
        means.append(round(_mean(known), 4) if known else None)
    return {"group": one.group, **_span(found, one.top_um, one.bottom_um), "fraction": means}


def _span(found: Sequence[Step], top: Sequence[int], bottom: Sequence[int]) -> dict[str, Any]:
    return {
        "top": [top[step.first] for step in found],
        "bottom": [bottom[step.stop - 1] for step in found],
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _commonest(values: Sequence[str]) -> str:
    return Counter(values).most_common(1)[0][0]
