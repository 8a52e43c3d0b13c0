"""From the rows of a logger's file to measured values, each where it lies."""

import math
from collections.abc import Iterator

from downcore.loggers import CREDIBLE, CoreLog, LogFlag
from downcore.strata.footprint import footprint_um
from downcore.strata.measured import MeasuredValue
from downcore.strata.measured_places import MeasuredPlaces, RowPlace

_UM_PER_CM = 10_000
_MAX_CM = 1_000_000.0
"""Deeper than any hole; no number is a depth that says more."""
CUT_OFF = "cut off"
"""Flag of the values of a last line without an end, whose last number may be cut."""
_FLAGS = (
    (LogFlag.UNREADABLE, "unreadable"),
    (LogFlag.OTHER_UNIT, "other unit"),
    (LogFlag.OUT_OF_RANGE, "out of range"),
)


def values_of(
    log: CoreLog, first_line: int, places: MeasuredPlaces, *, is_cut: bool
) -> Iterator[list[MeasuredValue]]:
    """
    Yield the values of each row of a log; blank cells have none.

    Parameters
    ----------
    log : CoreLog
        A file, or a part of one.
    first_line : int
        Number of its first row in the file.
    places : MeasuredPlaces
        Where rows lie.
    is_cut : bool
        Whether the last row may be cut.
    """
    rows = [
        RowPlace(core, section, _um(in_section), _um(in_core))
        for core, section, in_section, in_core in zip(
            log.core,
            log.section,
            log.section_depth_cm.tolist(),
            log.core_depth_cm.tolist(),
            strict=True,
        )
    ]
    deepest: dict[str, int] = {}
    for row in rows:
        deepest[row.core] = max(deepest.get(row.core, 0), row.core_depth_um or 0)
    footprints = [footprint_um(one.property, is_point=log.ms_kind == "point") for one in CREDIBLE]
    values, flags = log.values.tolist(), log.flags.tolist()
    for i, row in enumerate(rows):
        found = places.match(row, deepest[row.core])
        file_depth_um = row.section_depth_um if found.frame == "section" else row.core_depth_um
        if file_depth_um is None:
            file_depth_um = row.section_depth_um
        yield [
            MeasuredValue(
                line=first_line + i,
                property=CREDIBLE[k].property,
                value=value if math.isfinite(value) else None,
                flag=flag or (CUT_OFF if is_cut and i == len(rows) - 1 else ""),
                footprint_um=footprints[k],
                core=row.core,
                section=row.section,
                file_depth_um=file_depth_um,
                frame=found.frame,
                section_id=found.section_id,
                depth_um=found.depth_um,
                unmatched=found.unmatched,
            )
            for k, value in enumerate(values[i])
            if (flag := _flag(flags[i][k])) or math.isfinite(value)
        ]


def _um(depth_cm: float) -> int | None:
    if not math.isfinite(depth_cm) or abs(depth_cm) > _MAX_CM:
        return None
    return round(depth_cm * _UM_PER_CM)


def _flag(flags: int) -> str:
    return next((name for flag, name in _FLAGS if flags & flag), "")
