"""From observations to mixtures and their spread: solve, look at neighbours, solve again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from downcore.strata.endmembers.library import Library
from downcore.strata.unmixing.active_set import MixtureSolver, solve_mixtures
from downcore.strata.unmixing.observations import N_ROWS, Observations
from downcore.strata.unmixing.physics import Mixing, comparable
from downcore.strata.unmixing.prior import LearnedPrior, Prior, features, local_mean
from downcore.strata.unmixing.solving import Solution, solve, step

REACH_SLICES = 2.0
"""Standard deviation of the window of the local mean, in slices: a few centimetres."""

TRUST = 0.7
"""Share of the local mean in the second look's prior."""

DRAWS = 40
"""Times that observations, library and prior are drawn again."""

SOLVED_TOGETHER = 1024
"""Mixtures that are solved together, so that memory does not grow with the core."""


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
    n_at_once = max(1, SOLVED_TOGETHER // at.size)
    for first in range(0, DRAWS, n_at_once):
        draws = [
            _draw(model.library, mean.shape, rng) for _ in range(min(n_at_once, DRAWS - first))
        ]
        # One round from the solution: the slopes there hold for what errors of this size do.
        target = value + np.sqrt(noise) * np.stack([one.of_rows for one in draws])[:, None]
        moved_mean = np.stack([root @ one.of_prior for one in draws])[:, None]
        held = replace(prior, mean=_moved_mean(mean, moved_mean))
        start = np.broadcast_to(solution.fractions[at], held.mean.shape)
        library = _jittered(model.library, draws)
        v = step(start, (target, noise), library, held, model.mixing, solver=model.solver)
        solids = v[..., 1:]
        shares = solids / np.maximum(solids.sum(axis=-1, keepdims=True), 1e-9)
        drawn[first : first + len(draws)] = shares @ sums.T
    moved[at] = drawn.std(axis=0, ddof=1)
    return moved


@dataclass(frozen=True, slots=True, eq=False)
class _Draw:
    """Standard normal numbers of one draw."""

    of_reflectance: NDArray[np.float64]
    of_ms: NDArray[np.float64]
    of_density: NDArray[np.float64]
    of_rows: NDArray[np.float64]
    of_prior: NDArray[np.float64]


def _draw(library: Library, shape: tuple[int, ...], rng: np.random.Generator) -> _Draw:
    return _Draw(
        of_reflectance=rng.standard_normal(library.reflectance.shape),
        of_ms=rng.standard_normal(library.ms.shape),
        of_density=rng.standard_normal(library.density.shape),
        of_rows=rng.standard_normal(N_ROWS),
        of_prior=rng.standard_normal(shape[-1]),
    )


def _moved_mean(mean: NDArray[np.float64], moved: NDArray[np.float64]) -> NDArray[np.float64]:
    drawn = np.maximum(mean + moved, 0.0)
    drawn[..., 0] = np.minimum(drawn[..., 0], 1.0)
    # Never all 0: the means themselves sum to 1 and keep a thousandth of their say.
    shares = drawn[..., 1:] + 1e-3 * mean[:, 1:]
    drawn[..., 1:] = shares / shares.sum(axis=-1, keepdims=True)
    return drawn


def _jittered(library: Library, draws: Sequence[_Draw]) -> Library:
    """Return the libraries of some draws, along a first axis."""
    log_r = library.reflectance_share_sd * np.stack([one.of_reflectance for one in draws])
    reflectance = np.clip(library.reflectance * np.exp(log_r), 1e-3, 0.999)
    ms = library.ms + library.ms_sd * np.stack([one.of_ms for one in draws])
    density = library.density + library.density_sd * np.stack([one.of_density for one in draws])
    return replace(library, reflectance=reflectance, ms=ms, density=np.maximum(density, 0.1))
