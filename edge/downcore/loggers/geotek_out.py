"""
Geotek MSCL-S ``.out``: a whole-core logger's processed values.

Tab separated, Latin-1, a title line, a header that starts ``SB DEPTH``, a row of units, then
data; blank lines, short rows and rows of the calibration piece (``cal`` as section) occur.
Facts: the aggregator of the continental drilling facility CSDCO/LacCore, and the readme of
Ghent's MSCL_QC.
"""

from downcore.loggers._geotek import GEOTEK_COLUMNS, has_spaced_header, is_raw
from downcore.loggers._layout import Header, Layout
from downcore.loggers._reading import log_format


def _is_mine(header: Header) -> bool:
    return has_spaced_header(header) and not is_raw(header)


LOG_FORMAT = log_format(
    Layout(
        name="geotek_out",
        title="Geotek MSCL-S processed log (.out)",
        columns=GEOTEK_COLUMNS,
        is_mine=_is_mine,
        ms_kind="loop",
        ms_unit="1e-5 SI",
    )
)
