"""What is published of compositions, as JSON; pure."""

import base64
import math
from dataclasses import asdict
from typing import Any

from downcore.strata.composed import ComposedSlice
from downcore.strata.record import CompositionBatch
from downcore.strata.regions.shapes import SliceRegions
from downcore.strata.unmixing.composition import GroupShare
from downcore.strata.unmixing.identifiability import IdentifiabilityReport


def composition_of(batch: CompositionBatch) -> dict[str, Any]:
    """Return compositions that were committed together, without schema, epoch and seq."""
    return {
        "section_id": batch.section_id,
        "scan_id": batch.scan_id,
        "section_top_um": batch.section_top_um,
        "committed_utc": batch.committed_utc,
        "rows": [row_of(composed) for composed in batch.slices],
    }


def row_of(composed: ComposedSlice) -> dict[str, Any]:
    """Return one slice's composition."""
    composition, labels = composed.composition, composed.labels
    report = composition.identifiability
    return {
        "slice": composed.index,
        "top_um": composed.top_um,
        "bottom_um": composed.bottom_um,
        "composer_id": composed.composer_id,
        "table": composed.table,
        "porosity": composition.porosity,
        "groups": [share_of(share) for share in composition.groups],
        "sum": composition.total,
        "told": [share.group for share in composition.resolved_groups],
        "joined": [share_of(share) for share in composition.joined],
        "guard": None if report is None else guard_of(report),
        "regions": None if composed.regions is None else _regions(composed.regions),
        "labels": None
        if labels is None
        else {
            "px_per_cm": labels.px_per_cm,
            "png_base64": base64.b64encode(labels.png).decode("ascii"),
        },
    }


def _regions(regions: SliceRegions) -> dict[str, Any]:
    grains = regions.grains
    return {
        "count": regions.n_regions,
        "largest_share": regions.largest_share,
        "grains": None if grains is None else asdict(grains),
        "no_grains": regions.no_grains,
    }


def share_of(share: GroupShare) -> dict[str, Any]:
    """Return one group's share of a slice's or a region's solids."""
    return {
        "group": share.group,
        "fraction": share.fraction,
        "lower": share.lower,
        "upper": share.upper,
        "status": share.status.value,
        "is_prior_driven": share.is_prior_driven,
        "reason": share.reason,
    }


def guard_of(report: IdentifiabilityReport) -> dict[str, Any]:
    """Return the numbers of a guard's report; the store has it whole."""
    return {
        "observed": list(report.rows),
        "rank": report.rank,
        "condition": report.condition if math.isfinite(report.condition) else None,
        "freedom": report.freedom,
        "unknowns": report.n_free,
        "refusal": report.refusal,
    }
