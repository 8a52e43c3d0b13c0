"""Rules by which values of a log are left out before training, each with its source."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.loggers._log import CREDIBLE, CoreLog
from downcore.strata.properties import PROPERTIES

Column = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cull:
    """A rule by which values of one property are left out; it never changes a number."""

    name: str
    property: str
    source: str
    """Who published the rule, or where its bounds come from."""
    is_culled: Callable[[Column, Column], NDArray[np.bool_]]
    """Takes the values and their distance to the nearest section end in cm, NaN if unknown."""


@dataclass(frozen=True, slots=True, eq=False)
class Culled:
    """What a rule leaves out of a log."""

    rule: Cull
    mask: NDArray[np.bool_]
    """Which rows, shape (n,)."""
    count: int


def _density_is_culled(values: Column, _: Column) -> NDArray[np.bool_]:
    return np.asarray((values < 1.03) | (values > 2.80))  # noqa: PLR2004 - the published bounds


def _is_near_an_end(values: Column, to_end_cm: Column) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(values) & (to_end_cm < 5.0))  # noqa: PLR2004 - as published


def _is_outside(index: int) -> Callable[[Column, Column], NDArray[np.bool_]]:
    bounds = CREDIBLE[index]

    def is_culled(values: Column, _: Column) -> NDArray[np.bool_]:
        return np.asarray((values < bounds.lowest) | (values > bounds.highest))

    return is_culled


CULLS = (
    Cull("density bounds", "density", "Splicer manual, example of culling", _density_is_culled),
    Cull("density range", "density", "downcore's range for soft sediment", _is_outside(0)),
    Cull("vp range", "vp", "downcore's range for soft sediment", _is_outside(1)),
    Cull("ms range", "ms", "downcore's range for soft sediment", _is_outside(2)),
    Cull("ms near section ends", "ms", "ODP Leg 186, within 5 cm of ends", _is_near_an_end),
)
"""Every rule, in the order in which they are counted."""


def culled(log: CoreLog, to_end_cm: Column | None = None) -> tuple[Culled, ...]:
    """
    Return what each rule leaves out of a log.

    Parameters
    ----------
    log : CoreLog
        Read, not changed.
    to_end_cm : ndarray, shape (n,), optional
        Distance of each row to the nearest end of its section; NaN where the ends are not
        known, so that the rule about ends leaves nothing out.
    """
    distance = np.full(len(log), np.nan) if to_end_cm is None else to_end_cm
    names = [prop.name for prop in PROPERTIES]
    masks = [rule.is_culled(log.values[:, names.index(rule.property)], distance) for rule in CULLS]
    return tuple(
        Culled(rule, mask, int(np.count_nonzero(mask)))
        for rule, mask in zip(CULLS, masks, strict=True)
    )


def usable(
    log: CoreLog, to_end_cm: Column | None = None, *, use_doubtful: bool = False
) -> NDArray[np.bool_]:
    """
    Return which values may be used in their unit, shape (n, 3).

    Not usable are flagged values, those that a rule leaves out, and all values of a property
    that a doubt excludes; with ``use_doubtful`` the doubts are ignored. The other
    parameters are those of :func:`culled`.
    """
    kept = np.isfinite(log.values) & (log.flags == 0)
    names = [prop.name for prop in PROPERTIES]
    for cull in culled(log, to_end_cm):
        kept[cull.mask, names.index(cull.rule.property)] = False
    for name in () if use_doubtful else log.excluded:
        kept[:, names.index(name)] = False
    return np.asarray(kept)
