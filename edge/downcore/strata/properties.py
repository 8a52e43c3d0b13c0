"""The physical properties that downcore reports, with their units and plausible ranges."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Property:
    """One physical property of a slice."""

    name: str
    title: str
    """In words, for the label of an axis."""
    unit: str
    is_log_scaled: bool
    """Whether networks see log10 of it."""
    lowest: float
    """Lowest credible value, in ``unit``."""
    highest: float
    """Highest credible value, in ``unit``."""


DENSITY = Property(
    "density", "wet bulk density", "g/cm3", is_log_scaled=False, lowest=1.0, highest=3.2
)
"""Wet bulk density."""
VP = Property("vp", "P-wave velocity", "m/s", is_log_scaled=False, lowest=1_300.0, highest=6_500.0)
"""P-wave velocity."""
MS = Property(
    "ms", "magnetic susceptibility", "1e-5 SI", is_log_scaled=True, lowest=0.1, highest=10_000.0
)
"""Volume magnetic susceptibility."""

PROPERTIES = (DENSITY, VP, MS)
"""Every property, in the order of a network's outputs."""


def property_named(name: str) -> Property:
    """
    Return the property called ``name``.

    Raises
    ------
    ValueError
        If there is none; the message lists those there are.
    """
    for prop in PROPERTIES:
        if prop.name == name:
            return prop
    known = ", ".join(p.name for p in PROPERTIES)
    raise ValueError(f"expected one of {known}, got {name!r}")
