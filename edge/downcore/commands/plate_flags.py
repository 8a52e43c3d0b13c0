"""Flags of a stored section, and the evidence that a plate draws of them."""

from collections.abc import Callable

import numpy as np

from downcore.plate import PlateEvidence, PlateFlag
from downcore.service.logged_cores import core_key, logs_of, members_of, standing_scans
from downcore.store import Reader
from downcore.strata.depth import SLICE_UM
from downcore.strata.flags import Flag
from downcore.strata.properties import property_named
from downcore.strata.second_opinion.judging import CoreJudge, Evidence

DepthOf = Callable[[int], int | None]
"""Returns where a depth in the section lies on the plate's axis."""


def standing_flags(reader: Reader, section_id: str) -> tuple[Flag, ...]:
    """Return the flags of a section that stand."""
    return tuple(one for one in reader.flags(section_id) if not one.is_cleared)


def evidence_of(reader: Reader, section_id: str) -> tuple[Evidence, ...]:
    """Return what the measured logs of a section were judged by; empty where none were."""
    scans = standing_scans(reader)
    if section_id not in scans:
        return ()
    sections = logs_of(reader, members_of(core_key(scans[section_id]), scans.values()))
    judge = CoreJudge(sections)
    for number, logs in enumerate(sections):
        opinion = judge.judge(number)
        if logs.section_id == section_id:
            return opinion.evidence
    return ()


def placed_flags(flags: tuple[Flag, ...], depth_of: DepthOf) -> tuple[PlateFlag, ...]:
    """Return flags on a plate's depth axis."""
    return tuple(
        PlateFlag(
            one.flag_no,
            str(one.code),
            one.property,
            depth_of(one.top_um) or 0,
            depth_of(one.bottom_um) or 0,
            is_acknowledged=bool(one.acknowledged_by),
        )
        for one in flags
    )


def placed_evidence(evidence: tuple[Evidence, ...], depth_of: DepthOf) -> tuple[PlateEvidence, ...]:
    """Return evidence on a plate's depth axis, measured values in their unit."""
    found = []
    for one in evidence:
        middles = [i * SLICE_UM + SLICE_UM // 2 for i in range(one.measured.size)]
        depth = np.array([depth_of(at) or 0 for at in middles], np.float64)
        is_log = property_named(one.property).is_log_scaled
        measured = 10.0**one.measured if is_log else one.measured
        found.append(
            PlateEvidence(one.property, depth, measured, one.residual, one.lower, one.upper)
        )
    return tuple(found)
