"""
Geotek MSCL-XYZ ``.csv``: a split-core logger with a point susceptibility sensor and a spectrometer.

Two lines about the run, a header over two rows, about 52 columns: section, section depth, laser
profiler, magnetic susceptibility, greyscale, CIE colours, reflectance by wavelength. There is no
density and no velocity; below -50e-5 SI is a fault of the sensor.
Facts: the aggregator of CSDCO/LacCore.
"""

from downcore.loggers._layout import Columns, Header, Layout
from downcore.loggers._reading import log_format


def _is_mine(header: Header) -> bool:
    is_split_core = header.has("magneticsusceptibility") and not header.has("sbdepth", "offset")
    has_colour = any(
        name.startswith(("cie", "munsell", "greyscale", "grayscale", "laserprofiler"))
        for name in header.names
    )
    return is_split_core and has_colour and header.row > 0


LOG_FORMAT = log_format(
    Layout(
        name="mscl_xyz",
        title="Geotek MSCL-XYZ split-core log",
        columns=Columns(
            section=("section", "sectionid", "sectionnumber"),
            section_depth=("sectiondepth",),
            ms=("magneticsusceptibility",),
        ),
        is_mine=_is_mine,
        ms_kind="point",
        ms_unit="1e-5 SI",
        n_header_rows=2,
    )
)
