"""From observations to mixtures and their spread: solve, look at neighbours, solve again."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from downcore.strata.endmembers.library import Library
from downcore.strata.unmixing.active_set import MixtureSolver, solve_mixtures
from downcore.strata.unmixing.observations import Observations
from downcore.strata.unmixing.physics import Mixing, comparable
from downcore.strata.unmixing.prior import LearnedPrior, Prior, features, local_mean
from downcore.strata.unmixing.solving import Solution, solve, step

REACH_SLICES = 2.0
"""Standard deviation of the window of the local mean, in slices: a few centimetres."""

TRUST = 0.7
"""Share of the local mean in the second look's prior."""

DRAWS = 40
"""Times that observations, library and prior are drawn again."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """All that a core's slices are unmixed with."""

    library: Library
    prior: Prior | LearnedPrior
    mixing: Mixing
    strength: float = 1.0
    """Ridge: times which the prior counts, above 0."""
    reach_slices: float = REACH_SLICES
    """Of the local mean; 0 for none."""
    solver: MixtureSolver = solve_mixtures
    """Of the least-squares problems; exact unless given."""

    @property
    def base(self) -> Prior:
        """The prior without a look at any slice."""
        return self.prior.base if isinstance(self.prior, LearnedPrior) else self.prior

    def prior_of(self, seen: Observations) -> Prior:
        """Return the prior of each slice before its neighbours are looked at."""
        if isinstance(self.prior, LearnedPrior):
            return self.prior.of(features(seen.value), self.strength)
        return self.prior.towards(self.prior.mean, self.strength)


def estimate(seen: Observations, model: Model) -> tuple[Solution, Prior]:
    """Return the mixtures of slices in order of depth, and the prior they were held to."""
    prior = model.prior_of(seen)
    first = solve(seen, model.library, prior, model.mixing, solver=model.solver)
    if model.reach_slices <= 0.0:
        return first, prior
    mean = local_mean(first.known, prior.mean, reach_slices=model.reach_slices, trust=TRUST)
    # What neighbours agree on is known better than what one slice says: the prior counts twice.
    prior = prior.towards(mean, 2.0 * prior.strength)
    return solve(seen, model.library, prior, model.mixing, solver=model.solver), prior


def spread(
    seen: Observations,
    found: tuple[Solution, Prior],
    model: Model,
    sums: NDArray[np.float64],
) -> NDArray[np.float64]:
    """
    Return how far sums of shares move when all is drawn again within its errors.

    Each draw perturbs the observations, the library and the prior's mean, and solves again from
    the solution. All slices share a draw's numbers, each scaled by its own errors, so that what is
    said of a slice does not depend on which others are looked at.

    Parameters
    ----------
    seen : Observations
        What was observed.
    found : tuple of Solution and Prior
        What :func:`estimate` returns.
    model : Model
        What it was found with.
    sums : ndarray, shape (g, k)
        1 where a share belongs to a sum.

    Returns
    -------
    ndarray, shape (n, g)
        Standard deviations, NaN where a slice has no solution.
    """
    # One seed, one answer: intervals hold for the seed they were calibrated with.
    rng = np.random.default_rng(0)
    solution, prior = found
    at = np.flatnonzero(np.isfinite(solution.fractions).all(axis=1))
    moved = np.full((len(seen.status), len(sums)), np.nan)
    if not at.size:
        return moved
    value, noise = comparable(seen.rows(at))
    size = solution.fractions.shape[1]
    mean = np.broadcast_to(prior.mean, (len(seen.status), size))[at]
    root = np.linalg.cholesky(prior.covariance / prior.strength)
    drawn = np.empty((DRAWS, at.size, len(sums)))
    for i in range(DRAWS):
        library = _jittered(model.library, rng)
        # One round from the solution: the slopes there hold for what errors of this size do.
        target = value + np.sqrt(noise) * rng.standard_normal(value.shape[1])
        held = replace(prior, mean=_drawn_mean(mean, root, rng))
        start = solution.fractions[at]
        v = step(start, (target, noise), library, held, model.mixing, solver=model.solver)
        drawn[i] = (v[:, 1:] / np.maximum(v[:, 1:].sum(axis=1, keepdims=True), 1e-9)) @ sums.T
    moved[at] = drawn.std(axis=0, ddof=1)
    return moved


def _drawn_mean(
    mean: NDArray[np.float64], root: NDArray[np.floating], rng: np.random.Generator
) -> NDArray[np.float64]:
    drawn = np.maximum(mean + root @ rng.standard_normal(mean.shape[1]), 0.0)
    drawn[:, 0] = np.minimum(drawn[:, 0], 1.0)
    # Never all 0: the means themselves sum to 1 and keep a thousandth of their say.
    shares = drawn[:, 1:] + 1e-3 * mean[:, 1:]
    drawn[:, 1:] = shares / shares.sum(axis=1, keepdims=True)
    return drawn


def _jittered(library: Library, rng: np.random.Generator) -> Library:
    log_r = library.reflectance_share_sd * rng.standard_normal(library.reflectance.shape)
    reflectance = np.clip(library.reflectance * np.exp(log_r), 1e-3, 0.999)
    ms = library.ms + library.ms_sd * rng.standard_normal(library.ms.shape)
    density = library.density + library.density_sd * rng.standard_normal(library.density.shape)
    return replace(library, reflectance=reflectance, ms=ms, density=np.maximum(density, 0.1))
