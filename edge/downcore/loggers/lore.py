"""
Reports of IODP's database LORE: one file for each sensor, one row for each measurement.

Exp, Site, Hole, Core, Type, Sect, A/W, Offset (cm), Depth CSF-A (m), then the value: bulk density
(GRA), P-wave velocity (PWL), magnetic susceptibility of a loop (MSL, instrument units) or of a
point sensor (MSPOINT). Depth is that in the hole; a core is ``379-U1533B-12H``.
Facts: the README files that accompany the reports on Zenodo (records 3754959, 10672775, 15127590).
"""

from downcore.loggers._layout import Columns, Header, Layout
from downcore.loggers._log import MsKind, MsUnit
from downcore.loggers._reading import log_format

_CORE = (("exp",), ("site",), ("hole",), ("core",), ("type",))


def _is_mine(header: Header) -> bool:
    return all(name in header.names for (name,) in (*_CORE, ("sect",))) and header.has("offset")


def _core_of(cells: tuple[str, ...]) -> str:
    expedition, site, hole, core, kind = cells
    return f"{expedition}-{site}{hole}-{core}{kind}" if all(cells) else ""


def _ms_names(header: Header) -> list[str]:
    return [name for name in header.names if name.startswith("magneticsusceptibility")]


def _ms_kind(header: Header) -> MsKind:
    return "loop" if any("instr" in name for name in _ms_names(header)) else "point"


def _ms_unit(header: Header) -> MsUnit:
    return "instrument units" if _ms_kind(header) == "loop" else "unknown"


LOG_FORMAT = log_format(
    Layout(
        name="lore",
        title="IODP LORE report",
        columns=Columns(
            section=("sect",),
            section_depth=("offset",),
            core_depth=("depthcsfa",),
            density=("bulkdensitygra", "bulkdensity"),
            vp=(
                "pwavevelocityunknown",
                "pwavevelocity",
                "pwavevelocityx",
                "pwavevelocityz",
                "pwavevelocityunknownaxis",
            ),
            ms=("magneticsusceptibility",),
        ),
        is_mine=_is_mine,
        ms_kind=_ms_kind,
        ms_unit=_ms_unit,
        core_parts=_CORE,
        core_of=_core_of,
    )
)
