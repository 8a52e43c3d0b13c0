"""
What slices of known composition teach about a core: its mixing, its members, its intervals.

Everything is chosen by how well slices are predicted whose block of depth was left out, because
slices that lie together are alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from downcore.strata.conformal import COVERAGE, Interval, fit_by_core, half_width
from downcore.strata.endmembers.library import Library
from downcore.strata.unmixing.active_set import MixtureSolver, solve_mixtures
from downcore.strata.unmixing.endmember_refinement import refine_endmembers
from downcore.strata.unmixing.estimating import REACH_SLICES, Model, estimate, spread
from downcore.strata.unmixing.observations import DENSITY, RED, Observations
from downcore.strata.unmixing.physics import Mixing, comparable, predict
from downcore.strata.unmixing.prior import Prior, features, learn_prior

FEWEST_KNOWN = 10
"""Slices of known composition from which a core is calibrated."""

MAX_BLOCKS = 10
"""Blocks of depth that are left out in turn."""

AREAL_WEIGHTS = tuple(i / 10 for i in range(11))
"""Shares of light from grains side by side that are tried."""

STRENGTHS = (0.5, 1.0, 2.0)
"""Ridges that are tried."""

REACHES = (0.0, REACH_SLICES)
"""Windows of the local mean that are tried: beds thinner than a slice have none."""

_MIN_SD = 1e-6
"""Of a spread, so that a group that no draw moves has an interval."""

UNCALIBRATED = Interval(factor=4.0, floor=0.05)
"""
Interval where nothing is known of the core. Draws alone, 1.645 times their spread, hold about half
of simulated slices, because a prior that knows no core is wrong by more than it says; these hold
84 to 94 % (``benchmarks/mixing.py``).
"""


@dataclass(frozen=True, slots=True, eq=False)
class KnownSlices:
    """Slices whose composition somebody measured, such as by X-ray diffraction."""

    at: NDArray[np.int64]
    """Their places among the core's slices, rising; shape (m,)."""
    shares: NDArray[np.float64]
    """Shares of the solids' volume in the library's order, shape (m, k); rows sum to 1."""

    def __post_init__(self) -> None:
        if self.shares.ndim != 2 or self.at.shape != self.shares.shape[:1]:  # noqa: PLR2004 - slices and members
            raise ValueError(
                f"expected a row of shares for each slice, got {self.at.shape} and "
                f"{self.shares.shape}"
            )
        if (np.diff(self.at) <= 0).any():
            raise ValueError("expected places that rise from slice to slice, each once")
        if not ((self.shares >= 0.0).all() and np.allclose(self.shares.sum(axis=1), 1.0)):
            raise ValueError("expected shares of 0 or more that sum to 1 in each slice")


@dataclass(frozen=True, slots=True, eq=False)
class MixingCalibration:
    """A core's model, and intervals for sums of members."""

    model: Model
    intervals: tuple[Interval, ...]
    """Of each group, in the library's order: factors on the spread of draws."""
    n_known: int
    """Slices it was made from; 0 where none were known."""
    error: float
    """Root mean square error of the groups' shares in slices left out; NaN where none."""
    mean_error: float
    """The same of the constant mean of the other slices; NaN where none."""

    def half_widths(
        self, names: Sequence[tuple[str, ...]], sd: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """
        Return half widths of 90 % intervals of sums of groups, the shape of ``sd``.

        A sum of several groups takes the widest factor of its parts.
        """
        own = dict(zip(self.model.library.groups, self.intervals, strict=True))
        columns = [
            np.max([half_width(own[one], sd[:, i]) for one in parts], axis=0)
            for i, parts in enumerate(names)
        ]
        return np.stack(columns, axis=1)


def uncalibrated(
    library: Library, mixing: Mixing, *, solver: MixtureSolver = solve_mixtures
) -> MixingCalibration:
    """Return what there is without slices of known composition: a prior and wide intervals."""
    model = Model(library, Prior.uniform(library.n_members), mixing, solver=solver)
    intervals = (UNCALIBRATED,) * len(library.groups)
    return MixingCalibration(model, intervals, 0, float("nan"), float("nan"))


def calibrate_mixing(
    seen: Observations,
    known: KnownSlices,
    library: Library,
    mixing: Mixing,
    *,
    solver: MixtureSolver = solve_mixtures,
) -> MixingCalibration:
    """
    Return the model of a core as slices of known composition teach it.

    Parameters
    ----------
    seen : Observations
        All slices of the core, in order of depth.
    known : KnownSlices
        Ten or more of them; those without an observation are left out.
    library : Library
        The table's numbers.
    mixing : Mixing
        The rule for vp; its areal weight is fitted.
    solver : callable, default solve_mixtures
        Of the least-squares problems.

    Raises
    ------
    ValueError
        If fewer than 10 known slices were observed, or one lies outside the core.
    """
    known = _observed(seen, known, library)
    blocks = np.arange(known.at.size) * min(MAX_BLOCKS, known.at.size) // known.at.size
    core = _Core(seen, known, library, blocks, solver)
    fits = [(core.left_out_misfit(replace(mixing, areal_weight=w)), w) for w in AREAL_WEIGHTS]
    mixing = replace(mixing, areal_weight=min(fits)[1])
    tried = [
        (core.left_out_error(mixing, strength, reach), strength, reach)
        for strength in STRENGTHS
        for reach in REACHES
    ]
    _, strength, reach = min(tried)
    truth = known.shares @ library.is_in_group.T
    found, sd = core.left_out(mixing, strength, reach)
    constant = np.stack([truth[blocks != block].mean(axis=0) for block in blocks])
    intervals = tuple(
        fit_by_core(
            found[:, g] - truth[:, g], np.maximum(sd[:, g], _MIN_SD), blocks, coverage=COVERAGE
        )
        for g in range(truth.shape[1])
    )
    taught = core.taught(np.ones(known.at.size, bool), mixing, strength)
    model = replace(taught, reach_slices=reach)
    errors = _rms(found - truth), _rms(constant - truth)
    return MixingCalibration(model, intervals, known.at.size, *errors)


@dataclass(frozen=True, slots=True, eq=False)
class _Core:
    """What is fitted again and again with one block of known slices left out."""

    seen: Observations
    known: KnownSlices
    library: Library
    blocks: NDArray[np.int64]
    solver: MixtureSolver

    def taught(self, used: NDArray[np.bool_], mixing: Mixing, strength: float) -> Model:
        """Return the model that some of the known slices teach."""
        own = self.seen.rows(self.known.at[used])
        shares = self.known.shares[used]
        library = refine_endmembers(own, shares, self.library, mixing)
        grain = shares @ library.density[1:]
        pores = (grain - own.value[:, DENSITY]) / (grain - library.density[0])
        prior = learn_prior(features(own.value), shares, np.clip(pores, 0.0, 1.0))
        return Model(library, prior, mixing, strength, solver=self.solver)

    def left_out_misfit(self, mixing: Mixing) -> float:
        """Return how badly colour follows from known shares in slices left out."""
        missed = []
        for block in np.unique(self.blocks):
            out = self.blocks == block
            library = refine_endmembers(
                self.seen.rows(self.known.at[~out]), self.known.shares[~out], self.library, mixing
            )
            own = self.seen.rows(self.known.at[out])
            solids = np.column_stack([np.zeros(int(out.sum())), self.known.shares[out]])
            expected = predict(library, solids, mixing).value[:, RED:]
            value, variance = (x[:, RED:] for x in comparable(own))
            # Of what the camera's noise leaves; as an absolute, so that one odd slice is one.
            missed.append(np.abs(value - expected) / np.sqrt(variance))
        together = np.concatenate(missed)
        return float(np.nanmean(together)) if np.isfinite(together).any() else 0.0

    def left_out_error(self, mixing: Mixing, strength: float, reach: float) -> float:
        """Return the root mean square error of groups in slices left out."""
        missed = []
        for block in np.unique(self.blocks):
            out = self.blocks == block
            model = replace(self.taught(~out, mixing, strength), reach_slices=reach)
            window = _around(self.known.at[out], len(self.seen.status), reach)
            shares = estimate(self.seen.rows(window), model)[0].shares
            own = shares[np.searchsorted(window, self.known.at[out])]
            missed.append((own - self.known.shares[out]) @ self.library.is_in_group.T)
        return _rms(np.concatenate(missed))

    def left_out(
        self, mixing: Mixing, strength: float, reach: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return groups' shares and their spreads in slices left out, both (m, n_groups)."""
        groups = self.library.is_in_group
        found = np.empty((self.known.at.size, len(groups)))
        sd = np.empty_like(found)
        for block in np.unique(self.blocks):
            out = self.blocks == block
            model = replace(self.taught(~out, mixing, strength), reach_slices=reach)
            window = _around(self.known.at[out], len(self.seen.status), reach)
            near, at = self.seen.rows(window), np.searchsorted(window, self.known.at[out])
            solution = estimate(near, model)
            found[out] = (solution[0].shares @ groups.T)[at]
            sd[out] = spread(near, solution, model, groups)[at]
        return found, sd


def _observed(seen: Observations, known: KnownSlices, library: Library) -> KnownSlices:
    n = len(seen.status)
    if known.at.size and not 0 <= known.at[0] <= known.at[-1] < n:
        raise ValueError(f"expected places from 0 to {n - 1}, got {known.at[0]} to {known.at[-1]}")
    if known.shares.shape[1] != library.n_members:
        raise ValueError(
            f"expected shares of {library.n_members} members, got {known.shares.shape[1]}"
        )
    there = seen.may_have_value[known.at]
    if there.sum() < FEWEST_KNOWN:
        raise ValueError(
            f"expected {FEWEST_KNOWN} observed slices of known composition or more, got "
            f"{int(there.sum())}: leave calibration out, or measure more slices"
        )
    return KnownSlices(known.at[there], known.shares[there])


def _around(at: NDArray[np.int64], n: int, reach: float) -> NDArray[np.int64]:
    """Return the slices that the local mean of some slices looks at."""
    half = int(np.ceil(3.0 * reach))
    places = np.unique(np.clip(at[:, None] + np.arange(-2 * half, 2 * half + 1), 0, n - 1))
    return places.astype(np.int64)


def _rms(error: NDArray[np.float64]) -> float:
    return float(np.sqrt((error**2).mean()))
