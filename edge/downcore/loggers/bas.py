"""
Tables of the British Antarctic Survey's lake cores: long names, several densities.

Units stand at the end of the names or in a second row, trailing blanks and a byte-order mark occur,
and ``kgm-3`` is the unit of numbers in g/cm3. Of the densities, that of saturated sediment
(``SAT``) is read. The sensor of susceptibility is not given.
Facts: the tables of Lago Pato LP16 and Kiteschsee Lake, repositories of the data's author.
"""

import re

from downcore.loggers._layout import Columns, Header, Layout
from downcore.loggers._reading import log_format

_DENSITIES = (
    "wetgammaraydensitysat",
    "grdgammaraydensitysatcal",
    "grdgammaraydensitysat",
    "gammaraydensitysat",
)


def _is_mine(header: Header) -> bool:
    return header.has(*_DENSITIES)


def _core_of(cells: tuple[str, ...]) -> str:
    # The last part of a sample's name is its number: KITE2.1_5.
    return re.sub(r"_\d+$", "", "".join(cells))


LOG_FORMAT = log_format(
    Layout(
        name="bas",
        title="BAS lake core table",
        columns=Columns(
            core=("core", "coresection", "coresectiondepth"),
            section=("sectnum",),
            section_depth=("sectdepth", "coredepth"),
            core_depth=("depth", "fielddepth", "stratdepth"),
            density=_DENSITIES,
            vp=("pwvel",),
            ms=("ms", "magneticsusceptibility"),
        ),
        is_mine=_is_mine,
        ms_kind="unknown",
        ms_unit="1e-5 SI",
        core_of=_core_of,
    )
)
