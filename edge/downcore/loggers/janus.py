"""
Exports of ODP's database Janus: one file for each property, one row for each measurement.

leg, site, hole, core, type, section, top_cm (or, as Janus abbreviates, Leg, Site, H, Cor, T, Sc,
Top(cm)), then the depth in the hole in mbsf and the value: GRAPE density, P-wave velocity, or the
susceptibility of a loop in instrument units. A core is ``145-887A-1H``.
Facts: exports of Legs 145, 201 and 306.
"""

from downcore.loggers._layout import Columns, Header, Layout
from downcore.loggers._reading import log_format

_CORE = (("leg",), ("site",), ("hole", "h"), ("core", "cor"), ("type", "t"))
_SECTION = ("section", "sect", "sc")
_TOP = ("top", "topdepth")


def _is_mine(header: Header) -> bool:
    parts = (*_CORE, _SECTION)
    return all(set(part) & set(header.names) for part in parts) and header.has(*_TOP)


def _core_of(cells: tuple[str, ...]) -> str:
    leg, site, hole, core, kind = cells
    return f"{leg}-{site}{hole}-{core}{kind}" if all(cells) else ""


LOG_FORMAT = log_format(
    Layout(
        name="janus",
        title="ODP Janus export",
        columns=Columns(
            section=_SECTION,
            section_depth=_TOP,
            core_depth=("depth",),
            density=("density", "grapedensity", "gradensity", "bulkdensity"),
            vp=("vp", "velocity", "pwavevelocity", "pwlvelocity"),
            ms=(
                "magsusloopinstr",
                "magsusloop",
                "magsusinstr",
                "magsus",
                "magneticsusceptibility",
                "magneticsusceptibilityinstr",
            ),
        ),
        is_mine=_is_mine,
        ms_kind="loop",
        ms_unit="about 1e-5 SI",
        core_parts=_CORE,
        core_of=_core_of,
    )
)
