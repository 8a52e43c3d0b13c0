"""
Tables of Oregon State University's core repository: a logger's columns with units in the names.

``SB_DEPTH_cm, SECT_NUM_cm, SECT_DEPTH_cm, CORE_THICK_cm, PWAmp, PWVel_m/s, Den_gm/cc, MS, Imp,
FP``, where ``SECT_NUM_cm`` is a number in spite of its name; or ``SB_DEPTH_cm, hiresMS`` of a
point sensor. The unit of susceptibility is not written.
Facts: the example tables of pyCoreRelator, cruise M9907.
"""

from downcore.loggers._layout import Columns, Header, Layout
from downcore.loggers._log import MsKind
from downcore.loggers._reading import log_format


def _is_mine(header: Header) -> bool:
    names = [name.upper() for name in header.written]
    is_osu = any(name.startswith("SB_DEPTH") for name in names) and header.has(
        "pwvel", "den", "ms", "hiresms"
    )
    of_others = header.has("density", "pwavevel", "magsus") or any(
        "density" in name for name in header.names
    )
    return is_osu and header.row == 0 and not of_others


def _ms_kind(header: Header) -> MsKind:
    return "loop" if header.has("ms") else "point"


LOG_FORMAT = log_format(
    Layout(
        name="osu",
        title="OSU core repository table",
        columns=Columns(
            section=("sectnum",),
            section_depth=("sectdepth",),
            core_depth=("sbdepth",),
            density=("den",),
            vp=("pwvel", "vp"),
            ms=("ms", "hiresms"),
        ),
        is_mine=_is_mine,
        ms_kind=_ms_kind,
        ms_unit="unknown",
    )
)
