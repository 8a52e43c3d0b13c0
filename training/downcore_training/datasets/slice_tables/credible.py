"""
Which logged values are credible, as absolute numbers or in their order only.

Sources. Density below 1.1 g/cm3 in a logged core marks a void or the end of a section, above
2.80 it is culled (Splicer manual, whose lower bound is 1.03). A pack of round quartz grains at
random close packing holds 36 % pores (Scott 1960, doi:10.1038/188908a0), so that wet sediment is
lighter than 0.36 * 1.03 + 0.64 * 2.75 = 2.13 g/cm3: a core of sediment whose median lies
above was not calibrated, whatever its single values are. P-wave velocity in sediment lies between
1,350 and 2,500 m/s; a column of which most lies outside was not calibrated (a background far below
that of sea water, some 1,500 m/s).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.properties import PROPERTIES, property_named

Values = NDArray[np.float64]

LIGHTEST = 1.1
HEAVIEST = 2.8
DENSEST_PACK = 2.13
"""Median density above which sediment cannot be, g/cm3."""

SLOWEST = 1_350.0
FASTEST = 2_500.0
ROCK_FROM = 2_500.0
"""Median velocity from which a core is rock and the bounds of sediment do not hold, m/s."""

MIN_SHARE = 0.5
"""Smallest credible share of a column's values for any of them to be used."""


@dataclass(frozen=True, slots=True, eq=False)
class Believed:
    """Labels of one core, cleaned."""

    labels: Values
    """Shape (n, 3), in the order of PROPERTIES, ``ms`` as log10; NaN where not credible."""
    ranks: Values
    """Same; values of which only the order is credible."""
    notes: tuple[str, ...]


def believed(core: str, raw: dict[str, Values], n: int) -> Believed:
    """
    Return the credible values of a core's logs.

    Parameters
    ----------
    core : str
        Its name, for the notes.
    raw : dict
        Values by property in their unit, each of shape (n,); properties may be missing.
    n : int
        Slices.
    """
    labels = np.full((n, len(PROPERTIES)), np.nan)
    ranks = labels.copy()
    notes: list[str] = []
    is_rock = _median(raw.get("vp")) >= ROCK_FROM
    for i, prop in enumerate(PROPERTIES):
        values = raw.get(prop.name)
        if values is None or not np.isfinite(values).any():
            continue
        low, high = _bounds(prop.name, is_rock=is_rock)
        known = np.isfinite(values)
        # A comparison with NaN is false, so NaN counts as outside.
        inside = (values >= low) & (values <= high)
        kept = np.where(inside, values, np.nan)
        kept = np.log10(kept) if prop.is_log_scaled else kept
        share = inside.sum() / known.sum()
        span = f"{low:g} to {high:g} {prop.unit}"
        if share < MIN_SHARE:
            notes.append(
                f"{core}: {prop.name} is left out: {100 * (1 - share):.0f} % of it lies outside "
                f"{span}, so it was not calibrated"
            )
            continue
        if inside.sum() < known.sum():
            n_out = int(known.sum() - inside.sum())
            notes.append(f"{core}: {n_out} values of {prop.name} outside {span} are left out")
        if prop.name == "density" and not is_rock and _median(kept) > DENSEST_PACK:
            notes.append(
                f"{core}: density is believed in its order only: its median is {_median(kept):.2f} "
                f"g/cm3 and sediment packs to at most {DENSEST_PACK:g}; it is scored by rank and "
                "left out of every figure in g/cm3"
            )
            ranks[:, i] = kept
            continue
        labels[:, i] = kept
    return Believed(labels, ranks, tuple(notes))


def _bounds(name: str, *, is_rock: bool) -> tuple[float, float]:
    prop = property_named(name)
    if is_rock:
        return prop.lowest, prop.highest
    return {"density": (LIGHTEST, HEAVIEST), "vp": (SLOWEST, FASTEST)}.get(
        name, (prop.lowest, prop.highest)
    )


def _median(values: Values | None) -> float:
    if values is None or not np.isfinite(values).any():
        return float("nan")
    return float(np.nanmedian(values))
