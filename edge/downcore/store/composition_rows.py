"""How compositions become rows of the store, and rows compositions again."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from downcore.store.rows import Cell, real_cell
from downcore.strata.composed import ComposedSlice, LabelTile
from downcore.strata.depthlog import Status
from downcore.strata.regions.shapes import GrainSizes, SliceRegions
from downcore.strata.unmixing.composition import Composition, GroupShare
from downcore.strata.unmixing.identifiability import IdentifiabilityReport

COMPOSED_COLUMNS = (
    "slice_index", "composer_id", "end_member_table", "porosity", "guard_id", "regions",
    "label_px_per_cm", "label_png",
)  # fmt: skip
"""Columns of ``composed_slice`` that a :class:`ComposedSlice` fills."""

SHARE_COLUMNS = (
    "position", "mineral_group", "is_sum_of_groups", "fraction", "lower", "upper", "status",
    "is_prior_driven", "reason",
)  # fmt: skip
"""Columns of ``composition`` that a :class:`GroupShare` fills."""


def guard_text(report: IdentifiabilityReport) -> str:
    """Return a report as the store keeps it; an infinite condition is left out."""
    # Not asdict, which copies every pair of names and numbers to any depth.
    content = {one.name: getattr(report, one.name) for one in fields(report)}
    if report.condition == float("inf"):
        content["condition"] = None
    return json.dumps(content, allow_nan=False, sort_keys=True, separators=(",", ":"))


def guard_id(text: str) -> str:
    """Return the identity of a report, 16 hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def regions_text(regions: SliceRegions) -> str:
    """Return a slice's regions in numbers as the store keeps them."""
    content = asdict(regions)
    del content["index"]
    return json.dumps(content, allow_nan=False, sort_keys=True, separators=(",", ":"))


def row_of_composed(composed: ComposedSlice) -> tuple[Cell | bytes, ...]:
    """Return the cells of one composed slice, in the order of :data:`COMPOSED_COLUMNS`."""
    report = composed.composition.identifiability
    regions = "" if composed.regions is None else regions_text(composed.regions)
    labels = composed.labels
    return (
        composed.index,
        composed.composer_id,
        composed.table,
        real_cell(composed.composition.porosity, f"slice {composed.index}"),
        None if report is None else guard_id(guard_text(report)),
        regions,
        None if labels is None else labels.px_per_cm,
        None if labels is None else labels.png,
    )


def rows_of_shares(composition: Composition) -> list[tuple[Cell, ...]]:
    """Return the cells of the groups and sums of a slice, in the order of :data:`SHARE_COLUMNS`."""
    shares = [(share, 0) for share in composition.groups]
    shares += [(share, 1) for share in composition.joined]
    return [
        (
            position,
            share.group,
            is_sum,
            real_cell(share.fraction, share.group),
            real_cell(share.lower, share.group),
            real_cell(share.upper, share.group),
            share.status.value,
            int(share.is_prior_driven),
            share.reason,
        )
        for position, (share, is_sum) in enumerate(shares)
    ]


def composed_of_rows(
    cells: Sequence[Any], depths_um: tuple[int, int], shares: Sequence[Sequence[Any]]
) -> ComposedSlice:
    """
    Return the slice of :data:`COMPOSED_COLUMNS` cells, whose ``guard_id`` is the report's text.

    Parameters
    ----------
    cells : sequence
        Cells of the slice.
    depths_um : tuple of int
        Its top and bottom.
    shares : sequence of sequence
        Its shares, in the order of :data:`SHARE_COLUMNS`.
    """
    index, composer_id, table, porosity, report, regions, px_per_cm, png = cells
    groups = tuple(_share(row) for row in shares if not row[2])
    joined = tuple(_share(row) for row in shares if row[2])
    return ComposedSlice(
        index=index,
        top_um=depths_um[0],
        bottom_um=depths_um[1],
        composer_id=composer_id,
        table=table,
        composition=Composition(
            index, groups, joined, porosity, _report(report) if report else None
        ),
        regions=_regions(index, regions) if regions else None,
        labels=None if png is None else LabelTile(px_per_cm, png),
    )


def _share(row: Sequence[Any]) -> GroupShare:
    _, group, _, fraction, lower, upper, status, is_prior_driven, reason = row
    return GroupShare(group, fraction, lower, upper, Status(status), bool(is_prior_driven), reason)


def _regions(index: int, text: str) -> SliceRegions:
    content = json.loads(text)
    grains = content.pop("grains")
    return SliceRegions(
        index=index, grains=None if grains is None else GrainSizes(**grains), **content
    )


def _report(text: str) -> IdentifiabilityReport:
    content = json.loads(text)
    if content["condition"] is None:
        content["condition"] = float("inf")
    content["rows"] = tuple(content["rows"])
    for name in ("members", "groups", "ties", "joined"):
        content[name] = tuple(tuple(parts) for parts in content[name])
    return IdentifiabilityReport(**content)
