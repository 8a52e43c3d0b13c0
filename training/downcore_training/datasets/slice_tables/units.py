"""Units of a table's columns, from the name or from values that allow one unit only."""

import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_KG_PER_M3_FROM = 500.0
_KM_PER_S_TO = 10.0
_PLAIN_SI_TO = 0.05
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
    sentence : str
        Empty where nothing was converted or assumed.
    """
    known = values[np.isfinite(values)]
    middle = float(np.median(known)) if known.size else float("nan")
    factor, unit = _FACTOR_OF[kind](name.lower(), middle)
    if factor == 1.0:
        is_assumed = kind == "ms" and _INSTRUMENT.search(name)
        return values, f"{name} {_AS_1E_5_SI}" if is_assumed else ""
    return values * factor, f"{name} is taken to be in {unit} and multiplied by {factor:g}"


def _density(_: str, middle: float) -> tuple[float, str]:
    return (1e-3, "kg/m3") if middle >= _KG_PER_M3_FROM else (1.0, "")


def _vp(_: str, middle: float) -> tuple[float, str]:
    return (1e3, "km/s") if 0.0 < middle < _KM_PER_S_TO else (1.0, "")


def _ms(name: str, middle: float) -> tuple[float, str]:
    if re.search(r"(1e|10\^?)-?_?6", name):
        return 0.1, "1e-6 SI"
    says_fifth = re.search(r"(1e|10\^?)-?_?5|x_?10", name)
    if not says_fifth and "si" in name and 0.0 < middle < _PLAIN_SI_TO:
        return 1e5, "SI"
    return 1.0, ""


_FACTOR_OF: dict[str, Callable[[str, float], tuple[float, str]]] = {
    "density": _density,
    "vp": _vp,
    "ms": _ms,
}
