"""Values of a log in our units, by what the file says of theirs and what the numbers allow."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.loggers._log import Doubt
from downcore.loggers._units import NO_UNIT, Kind, Unit, unit_of

Values = NDArray[np.float64]

OUR_UNIT = {"depth": "cm", "density": "g/cm3", "vp": "m/s", "ms": "1e-5 SI"}
_LARGEST_SI = 0.05
"""Susceptibility that no sediment reaches, SI; larger numbers are in another unit."""
_KG_PER_M3_FROM = 500.0
"""No rock has so many g/cm3."""
_G_PER_CM3_TO = 100.0
"""No rock or water has so few kg/m3."""
_KM_PER_S_TO = 10.0
"""No rock has more km/s, or so few m/s."""


@dataclass(frozen=True, slots=True, eq=False)
class Converted:
    """Values of one quantity, and what was done to them."""

    values: Values
    """In our unit; as written where ``is_refused``."""
    notes: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    is_refused: bool = False
    """Whether they are in a unit that is not converted."""


def converted(kind: Kind, unit: Unit, values: Values) -> Converted:
    """
    Return values in our unit.

    Parameters
    ----------
    kind : {"depth", "density", "vp", "ms"}
        The quantity.
    unit : Unit
        What the file says.
    values : ndarray
        As written; NaN where there is none.

    Returns
    -------
    Converted
        Multiplied where the file says so and its numbers allow it, or where they allow one unit
        only; refused, with the unit named, where the unit is not known.
    """
    if not np.isfinite(values).any() or unit.is_instrument:
        return Converted(values)
    if unit.factor is None:
        return _refused(kind, unit, values)
    if kind == "ms":
        return _susceptibility(unit, values)
    if kind == "depth":
        return Converted(values * unit.factor)
    return _density(unit, values) if kind == "density" else _velocity(unit, values)


def in_our_unit(kind: Kind, name: str, values: Values) -> tuple[Values, tuple[str, ...]]:
    """
    Return a table's values in our unit by the end of its column's name, and what to know of them.

    Parameters
    ----------
    kind : {"density", "vp", "ms"}
        The property.
    name : str
        Of the column.
    values : ndarray
        As written; NaN where there is none.

    Returns
    -------
    values : ndarray
        All NaN where the unit is not converted.
    notes : tuple of str
    """
    got = converted(kind, _unit_in(kind, name), values)
    notes = (*got.notes, *(f"{doubt.property}: {doubt.reason}" for doubt in got.doubts))
    return np.full(values.shape, np.nan) if got.is_refused else got.values, notes


def _unit_in(kind: Kind, name: str) -> Unit:
    """Return the unit in the longest ending of a name that is one."""
    start = name.find("(") if name.rstrip().endswith(")") else -1
    if start >= 0:
        return unit_of(kind, name[start:])
    parts = name.replace(" ", "_").split("_")
    for i in range(1, len(parts)):
        unit = unit_of(kind, "_".join(parts[i:]))
        if unit.factor is not None or unit.is_instrument:
            return unit
    return NO_UNIT


def _refused(kind: Kind, unit: Unit, values: Values) -> Converted:
    why = (
        "susceptibility by mass needs the density to be converted"
        if kind == "ms" and any(mass in unit.text.lower() for mass in ("kg", "/g", "g-1"))
        else f"it is not known; write {OUR_UNIT[kind]}"
    )
    reason = f"its unit is {unit.text!r}: {why}; it is left out"
    doubt = Doubt(kind, reason, "the file's header", excludes_absolute_use=True)
    return Converted(values, doubts=(doubt,), is_refused=True)


def _times(kind: Kind, factor: float, why: str, values: Values) -> Converted:
    if factor == 1.0:
        return Converted(values)
    note = f"{kind}: {why}; multiplied by {factor:.6g} to be in {OUR_UNIT[kind]}"
    return Converted(values * factor, (note,))


def _says(unit: Unit) -> str:
    return f"the file says {unit.text!r}" if unit.text else "the file does not say its unit"


def _density(unit: Unit, values: Values) -> Converted:
    middle, factor = float(np.nanmedian(values)), unit.factor or 1.0
    if factor < 0.1 and middle < _G_PER_CM3_TO:  # noqa: PLR2004 - kg/m3 and the like
        reason = f"the header says kg/m3, but a median of {middle:.3g} can only be g/cm3"
        doubt = Doubt("density", reason, "water has 1,000 kg/m3", excludes_absolute_use=False)
        return Converted(values, doubts=(doubt,))
    if factor == 1.0 and middle >= _KG_PER_M3_FROM:
        return _times("density", 1e-3, f"{_says(unit)}, {middle:.4g} can only be kg/m3", values)
    return _times("density", factor, _says(unit), values)


def _velocity(unit: Unit, values: Values) -> Converted:
    middle, factor = float(np.nanmedian(values)), unit.factor or 1.0
    if factor == 1.0 and 0.0 < middle < _KM_PER_S_TO:
        return _times("vp", 1e3, f"{_says(unit)}, {middle:.4g} can only be km/s", values)
    if factor == 1e3 and middle > _KM_PER_S_TO:  # noqa: PLR2004 - km/s
        return Converted(values, (f"vp: {_says(unit)}, but {middle:.4g} can only be m/s",))
    return _times("vp", factor, _says(unit), values)


def _susceptibility(unit: Unit, values: Values) -> Converted:
    factor = unit.factor or 1.0
    if unit.usual_factor is not None:
        known = np.abs(values[np.isfinite(values)])
        high = float(np.percentile(known, 95))
        if high * factor * 1e-5 > _LARGEST_SI:
            power = "1e-5 SI" if unit.usual_factor == 1.0 else "1e-6 cgs"
            why = f"{_says(unit)}, numbers up to {high:.3g} can only be {power}"
            done = _times("ms", unit.usual_factor, why, values)
            return done if done.notes else Converted(values, (f"ms: {why}",))
    if math.isclose(factor, 1.0):
        return Converted(values)
    return _times("ms", factor, _says(unit), values)
