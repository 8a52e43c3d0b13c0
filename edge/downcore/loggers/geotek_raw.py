"""
Geotek MSCL-S ``.raw``: a whole-core logger's readings before calibration.

Laid out as ``.out``, with one more row after the units, or with raw columns in place of the
processed ones. Its numbers are kept, but no property may be used in its unit.
Facts: the aggregator of CSDCO/LacCore.
"""

from downcore.loggers._geotek import GEOTEK_COLUMNS, has_spaced_header, is_raw
from downcore.loggers._layout import Header, Layout
from downcore.loggers._reading import log_format


def _is_mine(header: Header) -> bool:
    return has_spaced_header(header) and is_raw(header)


LOG_FORMAT = log_format(
    Layout(
        name="geotek_raw",
        title="Geotek MSCL-S readings before calibration (.raw)",
        columns=GEOTEK_COLUMNS,
        is_mine=_is_mine,
        ms_kind="loop",
        ms_unit="unknown",
        is_raw=True,
    )
)
