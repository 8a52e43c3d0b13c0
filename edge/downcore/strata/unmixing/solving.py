"""
The mixture that explains a slice best, prior and constraints kept.

Gauss and Newton's method: each round solves, exactly, the constrained least-squares problem that
the mixture's slopes give, with the variances of observation, library and rule as weights. Where
that overshoots, as it does for dark colours, the step is halved until the mixture fits better.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from downcore.strata.endmembers.library import Library
from downcore.strata.unmixing.active_set import MixtureSolver, solve_mixtures
from downcore.strata.unmixing.observations import DENSITY, Observations
from downcore.strata.unmixing.physics import Mixing, comparable, predict, predict_values
from downcore.strata.unmixing.prior import Prior

ROUNDS = 6
"""Rounds of Gauss and Newton; the fifth changes shares by less than a thousandth."""

_HALVINGS = 6
"""Times that a step is halved at most; then the mixture stays."""

_SAME = 1e-9
"""Share by which a misfit may grow and count as no worse: rounding."""

_STILL = 1e-12
"""Pull of a round to where it began, of the mean diagonal."""

_MIN_SOLID = 0.02
"""Share of solids below which the prior counts as if there were this much."""


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """Volume fractions of each slice; rows of NaN where a slice has no observation."""

    fractions: NDArray[np.float64]
    """Shape (n, k + 1), pore water first; 0 or more, rows sum to 1."""

    @property
    def porosity(self) -> NDArray[np.float64]:
        """Share of pore water, shape (n,)."""
        return self.fractions[:, 0]

    @property
    def shares(self) -> NDArray[np.float64]:
        """Shares of the solids, shape (n, k); rows sum to 1, NaN where all is water."""
        solid = self.fractions[:, 1:].sum(axis=1, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            shares: NDArray[np.float64] = self.fractions[:, 1:] / solid
        return shares

    @property
    def known(self) -> NDArray[np.float64]:
        """Porosity, then shares of the solids, as a prior has them; shape (n, k + 1)."""
        return np.column_stack([self.porosity, self.shares])


def solve(
    seen: Observations,
    library: Library,
    prior: Prior,
    mixing: Mixing,
    *,
    rounds: int = ROUNDS,
    solver: MixtureSolver = solve_mixtures,
) -> Solution:
    """
    Return the best mixture of each slice.

    Parameters
    ----------
    seen : Observations
        What was observed; a value of NaN counts as not observed.
    library : Library
        The members.
    prior : Prior
        What is expected; without it the answer would not be unique.
    mixing : Mixing
        How members mix.
    rounds : int, default 6
        Of Gauss and Newton, 1 or more.
    solver : callable, default solve_mixtures
        Of the least-squares problems of each round.
    """
    target, noise = comparable(seen)
    fractions = _start(seen, library, prior)
    usable = seen.may_have_value
    at = np.flatnonzero(usable)
    found = np.full(fractions.shape, np.nan)
    if at.size:
        mean = prior.mean if prior.mean.ndim == 1 else prior.mean[at]
        v = fractions[at]
        held = prior.towards(mean, prior.strength)
        for _ in range(rounds):
            v = step(v, (target[at], noise[at]), library, held, mixing, solver=solver)
        found[at] = v
    return Solution(found)


def step(
    fractions: NDArray[np.float64],
    target: tuple[NDArray[np.float64], NDArray[np.float64]],
    library: Library,
    prior: Prior,
    mixing: Mixing,
    *,
    solver: MixtureSolver,
) -> NDArray[np.float64]:
    """
    Return the fractions after one round; ``target`` is what :func:`comparable` gives.

    Where the library has a leading axis, so have ``fractions``, the values of ``target`` and the
    mean of ``prior``; every library is a case of its own.
    """
    value, noise = target
    expected = predict(library, fractions, mixing)
    known = np.isfinite(value)
    weight = np.where(known, 1.0 / (np.where(known, noise, 1.0) + expected.model_variance), 0.0)
    miss = np.where(known, value, 0.0) - expected.value
    aim = miss + np.einsum("...rk,...k->...r", expected.slope, fractions)
    weighted = expected.slope * weight[..., None]
    normal = np.matmul(np.swapaxes(weighted, -1, -2), expected.slope)
    right = np.einsum("...rk,...r->...k", weighted, aim)
    precision = prior.precision
    add_prior(normal, right, fractions, (prior.mean, precision))
    size = fractions.shape[-1]
    aimed = solver(normal.reshape(-1, size, size), right.reshape(-1, size))
    mean = np.broadcast_to(prior.mean, fractions.shape)

    def misfit_of(v: NDArray[np.float64], at: _Place | None) -> NDArray[np.float64]:
        if at is None:
            away = np.where(known, value, 0.0) - predict_values(library, v, mixing)
            return _misfit(weight, away, _prior_misfit(v, mean, precision))
        own, v = _libraries_at(library, at), v[:, None]
        away = np.where(known[at], value[at], 0.0) - predict_values(own, v, mixing)[:, 0]
        return _misfit(weight[at], away, _prior_misfit(v[:, 0], mean[at], precision))

    before = _misfit(weight, miss, _prior_misfit(fractions, mean, precision))
    return _halved(fractions, aimed.reshape(fractions.shape), before, misfit_of)


_Place: TypeAlias = tuple[NDArray[np.int64], ...]
"""Indices of some mixtures along each axis but the last."""


def _libraries_at(library: Library, at: _Place) -> Library:
    """Return the library of each of some mixtures."""
    if library.density.ndim == 1:
        return library
    return replace(
        library,
        density=library.density[at[0]],
        ms=library.ms[at[0]],
        reflectance=library.reflectance[at[0]],
    )


def _misfit(
    weight: NDArray[np.float64], away: NDArray[np.float64], of_prior: NDArray[np.float64]
) -> NDArray[np.float64]:
    of_rows: NDArray[np.float64] = (weight * away**2).sum(axis=-1)
    return of_rows + of_prior


def _halved(
    start: NDArray[np.float64],
    aimed: NDArray[np.float64],
    before: NDArray[np.float64],
    misfit: Callable[[NDArray[np.float64], _Place | None], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Return where each step ends that is halved until it makes the misfit no greater."""
    ends = aimed.copy()
    before = before * (1.0 + _SAME)
    at: _Place = np.nonzero(misfit(ends, None) > before)
    for _ in range(_HALVINGS):
        if not at[0].size:
            return ends
        ends[at] = (start[at] + ends[at]) / 2.0
        is_worse = misfit(ends[at], at) > before[at]
        at = tuple(along[is_worse] for along in at)
    ends[at] = start[at]
    return ends


def add_prior(
    normal: NDArray[np.float64],
    right: NDArray[np.float64],
    fractions: NDArray[np.float64],
    prior: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> None:
    """
    Add a prior, as its mean and precision, to normal equations in place.

    The solids' shares are drawn to the prior whatever the porosity is: with ``s`` solids, the
    ridge acts on porosity less its mean, and on ``(v - mean * sum(v)) / s`` over the solids.
    """
    size = fractions.shape[-1]
    mean, precision = np.broadcast_to(prior[0], fractions.shape), prior[1]
    solid = np.maximum(1.0 - fractions[..., 0], _MIN_SOLID)
    away = np.zeros((*fractions.shape, size))
    away[..., 0, 0] = 1.0
    away[..., 1:, 1:] = (np.eye(size - 1) - mean[..., 1:, None]) / solid[..., None, None]
    weighted = np.matmul(precision, away)
    normal += np.matmul(np.swapaxes(away, -1, -2), weighted)
    right += mean[..., :1] * weighted[..., 0, :]
    # The sum is kept anyway; this only makes the matrix definite where nothing else does.
    stiff = np.trace(normal, axis1=-2, axis2=-1) / size
    normal += stiff[..., None, None]
    right += stiff[..., None]
    # A pull to where the round began: it is gone when rounds agree, and no matrix is singular.
    still = _STILL * stiff[..., None]
    normal += still[..., None] * np.eye(size)
    right += still * fractions


def _prior_misfit(
    fractions: NDArray[np.float64], mean: NDArray[np.float64], precision: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how far mixtures are from a prior, shape (n,)."""
    solid = np.maximum(fractions[..., 1:].sum(axis=-1, keepdims=True), _MIN_SOLID)
    away = np.concatenate([fractions[..., :1], fractions[..., 1:] / solid], axis=-1) - mean
    misfit: NDArray[np.float64] = ((away @ precision) * away).sum(axis=-1)
    return misfit


def _start(seen: Observations, library: Library, prior: Prior) -> NDArray[np.float64]:
    n = len(seen.status)
    mean = np.broadcast_to(prior.mean, (n, library.n_members + 1))
    grain = mean[:, 1:] @ library.density[1:]
    density = seen.value[:, DENSITY]
    pores = (grain - density) / (grain - library.density[0])
    pores = np.where(np.isfinite(pores), pores, mean[:, 0])
    pores = np.clip(pores, 0.02, 0.95)[:, None]
    return np.concatenate([pores, (1.0 - pores) * mean[:, 1:]], axis=1)
