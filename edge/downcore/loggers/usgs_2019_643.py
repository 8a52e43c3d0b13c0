"""
Tables of the USGS field activity 2019-643-FA and its sister releases, one for each core.

``2019_643_FA_GC01.csv`` with ``sb_depth_cm, density, pwave_vel, mag_sus`` among its columns,
blank where nothing was measured. The sensor and the unit of susceptibility are not written;
sections are not given, so their depth comes from the images.
Facts: the columns that published code reads; DOI 10.5066/P1E8GDZH.
"""

from downcore.loggers._layout import Columns, Header, Layout
from downcore.loggers._reading import log_format


def _is_mine(header: Header) -> bool:
    is_usgs = header.has("sbdepth") and header.has("density", "pwavevel", "magsus")
    # A Geotek program writes blanks into its names, and a title before them.
    return is_usgs and not any("SB DEPTH" in name.upper() for name in header.written)


LOG_FORMAT = log_format(
    Layout(
        name="usgs_2019_643",
        title="USGS 2019-643-FA core table",
        columns=Columns(
            section=("sectnum", "section", "sectionnumber"),
            section_depth=("sectdepth", "sectiondepth"),
            core_depth=("sbdepth",),
            density=("density", "wetbulkdensity", "bulkdensity", "gammadensity", "den", "den1"),
            vp=("pwavevel", "pwavevelocity", "vp", "pwvel", "velocity"),
            ms=("magsus", "magneticsusceptibility", "ms", "ms1", "kappa", "susceptibility"),
        ),
        is_mine=_is_mine,
        ms_kind="unknown",
        ms_unit="unknown",
    )
)
