"""Small cores of known make-up for tests of unmixing."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from downcore.endmember_tables.files import find_table
from downcore.strata.endmembers.library import Library
from downcore.strata.endmembers.table import EndMemberTable
from downcore.strata.unmixing.observations import MS, RED, VP, Observations
from downcore.strata.unmixing.physics import Mixing, predict

FIVE = ("quartz", "calcite", "illite", "organic matter", "magnetite")


def marine_table(minerals: tuple[str, ...] = FIVE) -> EndMemberTable:
    """Return the marine preset with some of its members only."""
    table = find_table("marine").table
    members = tuple(m for name in minerals for m in table.members if m.mineral == name)
    return replace(table, members=members)


def sharp_library(minerals: tuple[str, ...] = FIVE) -> Library:
    """Return a library whose numbers are known to a per cent."""
    library = Library.of(marine_table(minerals))
    return replace(
        library,
        density_sd=0.003 * library.density,
        ms_sd=np.maximum(0.01 * np.abs(library.ms), 0.1),
        stiff_share_sd=np.full(library.density.shape, 0.01),
        reflectance_share_sd=np.full(library.reflectance.shape, 0.01),
    )


def random_shares(rng: np.random.Generator, n: int, k: int = 5) -> NDArray[np.float64]:
    """Return shares of the solids that wander, magnetite (the last) a hundredth or so."""
    logs = np.log([0.3] * (k - 1) + [0.01]) + 0.7 * rng.standard_normal((n, k))
    amounts = np.exp(logs)
    return amounts / amounts.sum(axis=1, keepdims=True)


def observed(
    library: Library,
    shares: NDArray[np.float64],
    porosity: NDArray[np.float64],
    mixing: Mixing,
    rng: np.random.Generator | None = None,
) -> Observations:
    """Return what mixtures are seen as, without noise unless ``rng`` is given."""
    fractions = np.column_stack([porosity, (1.0 - porosity)[:, None] * shares])
    value = predict(library, fractions, mixing).value
    value[:, VP] = 1000.0 / np.sqrt(value[:, VP])
    value[:, RED:] = np.exp(value[:, RED:])
    sd = 0.01 * np.abs(value)
    sd[:, MS] += 1.0
    if rng is not None:
        value = value + sd * rng.standard_normal(value.shape)
    return Observations.of(value, sd)
