"""Units of a table's columns, from the name or from values that allow one unit only."""

import re
from typing import cast

import numpy as np
from numpy.typing import NDArray

from downcore import loggers

Values = NDArray[np.float64]

_INSTRUMENT = re.compile(r"(^|_)(instr|iu)", re.IGNORECASE)
_AS_1E_5_SI = (
    "is in instrument units and taken as 1e-5 SI, which is right within a factor of 0.7 to 1.3"
)


def in_our_unit(name: str, kind: str, values: Values) -> tuple[Values, str]:
    """
    Return values in the unit of the property, and a sentence where that is not plain.

    Parameters
    ----------
    name : str
        Name of the column.
    kind : str
        Name of the property.
    values : ndarray
        As in the table; NaN for none.

    Returns
    -------
    values : ndarray
        All NaN where the name gives a unit that is not converted.
    sentence : str
        Empty where nothing was converted or assumed.
    """
    got, notes = loggers.in_our_unit(cast("loggers.Kind", kind), name, values)
    if kind == "ms" and _INSTRUMENT.search(name):
        return got, f"{name} {_AS_1E_5_SI}"
    return got, "; ".join(f"{name}: {note}" for note in notes)
