"""What length of core a sensor averages over, and how to bring 1 cm values to that length."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_REACH = 3.0
"""Standard deviations at which a footprint ends."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """Response of a sensor along the core: a Gaussian centred on the slice it measures."""

    property: str
    """Name of the property that the sensor measures."""
    sd_cm: float
    """Standard deviation, centimetres; full width at half height is 2.355 of it."""
    is_mean_of_log: bool = False
    """Whether the property is kept as log10 though the sensor averages the plain value."""

    def weights(self) -> NDArray[np.float64]:
        """Return the weights of the slices about one, odd in number, with a sum of 1."""
        reach = math.ceil(_REACH * self.sd_cm)
        # A slice is 1 cm wide, so its own mean accounts for part of the width.
        edges = np.arange(-reach - 0.5, reach + 1.0)
        below = np.array([math.erf(edge / (self.sd_cm * math.sqrt(2.0))) for edge in edges])
        weights: NDArray[np.float64] = np.diff(below) / (below[-1] - below[0])
        return weights


FOOTPRINTS = (
    Footprint("density", 0.5),
    Footprint("vp", 0.5),
    Footprint("ms", 2.0, is_mean_of_log=True),
)
"""
Of a multi-sensor core logger, in the order of PROPERTIES.

A collimated gamma beam and a P-wave transducer see about a centimetre; a susceptibility loop
sees 5 cm at half height, more with a wider core. A point sensor sees less.
"""

POINT_SENSOR = Footprint("ms", 0.5, is_mean_of_log=True)
"""Of a point sensor of susceptibility pressed to a split core, which sees about a centimetre."""

_FULL_WIDTH = 2.0 * math.sqrt(2.0 * math.log(2.0))


def footprint_um(property_name: str, *, is_point: bool = False) -> int:
    """
    Return the length of core that a sensor sees, full width at half height, micrometres.

    Parameters
    ----------
    property_name : str
        Name of one of PROPERTIES.
    is_point : bool, default False
        Whether susceptibility was measured by a point sensor, not a loop.
    """
    known = {one.property: one for one in FOOTPRINTS}
    of = POINT_SENSOR if is_point and property_name == "ms" else known[property_name]
    return round(_FULL_WIDTH * of.sd_cm * 10_000)


def at_logger_support(
    values: NDArray[np.float64], run: NDArray[np.int64], footprint: Footprint
) -> NDArray[np.float64]:
    """
    Return values of slices averaged as the sensor would.

    Parameters
    ----------
    values : ndarray, shape (n,)
        One for each slice, in order of depth; log10 where the footprint says so. NaN where
        there is none.
    run : ndarray, shape (n,)
        Number of the unbroken stretch each slice is in; nothing is averaged across two.
    footprint : Footprint
        Of the sensor.

    Returns
    -------
    ndarray, shape (n,)
        NaN where ``values`` is; elsewhere the weighted mean of the neighbours there are.
    """
    weights = footprint.weights()
    out = np.full(values.shape, np.nan)
    for number in np.unique(run):
        mine = np.flatnonzero(run == number)
        here = values[mine]
        known = np.isfinite(here)
        plain = np.where(known, here, 0.0)
        if footprint.is_mean_of_log:
            plain = np.where(known, 10.0**plain, 0.0)
        half = weights.size // 2
        total = np.convolve(plain, weights)[half : half + here.size]
        share = np.convolve(known.astype(np.float64), weights)[half : half + here.size]
        mean = np.divide(total, share, out=np.full(here.shape, np.nan), where=known)
        out[mine] = np.log10(mean, where=known, out=mean) if footprint.is_mean_of_log else mean
    return out
