"""
Noise of a logger, estimated from its log.

No repeat run comes with a log, so the noise is taken from the log: sd of second differences over
the square root of 6 (Gasser, Sroka and Jennen-Steinmetz 1986, doi:10.1093/biomet/73.3.625). Real
change from one centimetre to the next counts as noise, and a sensor that averages over several
centimetres hides its own noise: the number gives the scale, not an instrument's specification.
"""

from collections.abc import Sequence

import numpy as np

from downcore.strata.properties import Property
from downcore_training.bench.core import BenchCore
from downcore_training.bench.scoring import in_units

SOURCE = (
    "sd of second differences of the log over sqrt 6 (Gasser et al. 1986): "
    "no repeat run comes with these logs"
)

_LEAST = 10


def noise_of(cores: Sequence[BenchCore], i: int, prop: Property) -> float | None:
    """Return the noise of property ``i`` in its unit; ``None`` for fewer than ten differences."""
    found = []
    for core in cores:
        values = in_units(core.labels[:, i], prop)
        same = (core.run[2:] == core.run[:-2]) if len(core) > 2 else np.zeros(0, bool)  # noqa: PLR2004 - three in a row
        second = values[2:] - 2.0 * values[1:-1] + values[:-2]
        found.append(second[same & np.isfinite(second)])
    every = np.concatenate(found) if found else np.empty(0)
    if every.size < _LEAST:
        return None
    # The median is robust against bed boundaries, where the second difference is not noise.
    return float(1.4826 * np.median(np.abs(every)) / np.sqrt(6.0))
