"""Bootstrap error of an R2, over whole cores, since errors of slices in one core are correlated."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore_training.bench.scoring import Answers

Values = NDArray[np.float64]

MIN_CORES = 3
"""Fewest cores for a bootstrap over cores."""

BLOCK_SLICES = 20
"""Slices of a block, which replaces a core where there are fewer cores."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Spread of an R2 in the bootstrap."""

    se: float
    low90: float
    high90: float
    over: str
    """``cores``; or ``blocks``, where there are fewer than three and the spread is too small."""


def spread_of_r2(answers: Answers, *, draws: int, seed: int) -> Spread | None:
    """
    Return the bootstrap spread of R2 over the test cores; ``None`` where R2 has no value.

    Parameters
    ----------
    answers : Answers
    draws : int
        Number of draws; 0 gives ``None``.
    seed : int
    """
    has_value = np.isfinite(answers.predicted)
    label, predicted, core = (
        answers.label[has_value],
        answers.predicted[has_value],
        answers.core[has_value],
    )
    n_cores = np.unique(core).size
    over_cores = n_cores >= MIN_CORES
    group = core if over_cores else _blocks(core)
    _, number = np.unique(group, return_inverse=True)
    n_groups = int(number.max()) + 1 if number.size else 0
    if draws < 1 or n_groups < 2:  # noqa: PLR2004 - one thing cannot be drawn otherwise
        return None
    # About the mean of all, so that squares of velocities lose nothing to rounding.
    apart = label - label.mean()
    sums = np.stack(
        [
            np.bincount(number, weights, minlength=n_groups)
            for weights in (np.ones_like(apart), apart, apart**2, (predicted - label) ** 2)
        ]
    )
    rng = np.random.default_rng([seed, 31])
    drawn = sums[:, rng.integers(0, n_groups, (draws, n_groups))].sum(axis=2)
    count, first, second, errors = drawn
    total = second - first**2 / count
    usable = total > 1e-12 * max(float(second.max()), 1e-300)
    found = 1.0 - errors[usable] / total[usable]
    if found.size < 2:  # noqa: PLR2004 - no spread of one number
        return None
    low, high = np.quantile(found, [0.05, 0.95])
    return Spread(
        float(found.std(ddof=1)), float(low), float(high), "cores" if over_cores else "blocks"
    )


def _blocks(core: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of the block of consecutive scored slices, none across two cores."""
    place = np.zeros(core.size, np.int64)
    for number in np.unique(core):
        mine = np.flatnonzero(core == number)
        place[mine] = np.arange(mine.size) // BLOCK_SLICES
    return core * 1_000_000 + place
