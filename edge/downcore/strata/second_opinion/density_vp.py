"""What P-wave velocity to expect of a soft sediment of some density."""

import numpy as np
from numpy.typing import NDArray

VP_OF_DENSITY = (198.0, -535.0, 1863.0)
"""
Coefficients a, b, c of ``vp = a d^2 + b d + c``, m/s with d in g/cm3.

Fitted by ``benchmarks/density_vp.py`` to 29,562 pairs of ODP Leg 201 and IODP Expedition 306 (Janus
database), density 1.05 to 2.2 and vp 1,420 to 1,900. The form is that of Hamilton (1978) and of
Hamilton and Bachman (1982), whose own coefficients lie 43 m/s above it there.
"""

VP_SD = 24.0
"""Residual of the fit, m/s, standard deviation; see docs/bench/second-opinion.md."""

DENSITY_RANGE = (1.05, 2.2)
"""Densities of the fit, g/cm3."""

SLOWEST_MUD = 1360.0
"""
Slower than this is no sediment, m/s: 0.97 times fresh water at 0 C (1,402 m/s, Del Grosso and Mader
1972), since Wood's suspensions are at most 3 % slower than their water.
"""

FASTEST_MUD = 1900.0
"""Upper end of vp in the fit, m/s."""

LIGHTEST_MUD = 1.05
"""Lighter than this is water or a gap, g/cm3, unless the rows above are as light."""

FRESH_WATER = 1.0
"""Lighter than this is no sediment, g/cm3."""

DENSEST_MUD = 2.2
"""Denser than this is rock, or a calibration of whole cores used on halves, g/cm3."""


def vp_of_density(density: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Return the vp to expect, m/s; NaN outside the densities of the fit, with 0.1 g/cm3 to spare.

    Parameters
    ----------
    density : ndarray
        Wet bulk density, g/cm3; NaN where unknown.

    Examples
    --------
    >>> vp_of_density(np.array([1.45, 3.0])).round()
    array([1504.,   nan])
    """
    low, high = DENSITY_RANGE
    is_known = (density >= low - 0.1) & (density <= high + 0.1)
    inside = np.clip(density, low, high)
    vp: NDArray[np.float64] = np.where(is_known, np.polyval(VP_OF_DENSITY, inside), np.nan)
    return vp
