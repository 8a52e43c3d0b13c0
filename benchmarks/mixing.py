"""
Mixtures of known make-up, drawn with physics of their own and unmixed with a wrong library.

Eight minerals in six groups, 3,000 slices a core. Muds and beds each have shares that wander with
depth (log-normal, reaching over 3 and over 25 slices). Porosity wanders by itself about 0.66 in mud
and 0.50 in beds. Colour mixes side by side (areal), intimately, or half of each, in linear
light; in intimate mixtures each mineral scatters by a factor of its own that the solver does not
know (10 %). Sound feels a frame: one hundredth of the way from the softest arrangement to the
stiffest, which Wood's rule does not know. Noise: 1 % of density and vp, 5 % + 1e-5 SI of ms,
1.5 % + 0.003 of a channel. The library is wrong by 5 % in each colour, 10 % in each ms and 1 % in
each density, anew for each core, and says so. The make-up of 30 slices, spread evenly, is known
exactly; the prior mean is theirs, and errors are those of all other slices. No number comes from
the code that unmixes, but Kubelka and Munk, Wood and mixing by volume are assumed by both.

    python benchmarks/mixing.py --json FILE
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from reporting import arguments, report

from downcore.endmember_tables.files import find_table
from downcore.strata.endmembers.library import Library
from downcore.strata.endmembers.table import EndMemberTable
from downcore.strata.unmixing.active_set import solve_nonnegative
from downcore.strata.unmixing.composition import Composition, compose
from downcore.strata.unmixing.estimating import Model, estimate, spread
from downcore.strata.unmixing.mixing_calibration import (
    KnownSlices,
    MixingCalibration,
    calibrate_mixing,
    uncalibrated,
)
from downcore.strata.unmixing.observations import Observations
from downcore.strata.unmixing.physics import Mixing
from downcore.strata.unmixing.prior import Prior

SEED = 20_261_124
N_KNOWN = 30
CASES = {"intimate": 0.0, "half": 0.5, "areal": 1.0}
MINERALS = (
    "quartz",
    "plagioclase",
    "calcite",
    "mafic glass",
    "illite",
    "chlorite",
    "organic matter",
    "magnetite",
)
MUD = np.array([0.15, 0.08, 0.20, 0.05, 0.35, 0.10, 0.06, 0.004])
BED = np.array([0.34, 0.20, 0.05, 0.14, 0.15, 0.09, 0.02, 0.01])
WATER_DENSITY, WATER_KM_PER_S, WATER_MS = 1.026, 1.515, -0.9
SPREAD = 0.8
"""Standard deviation of the log of each mineral's share."""


@dataclass(frozen=True, slots=True)
class Core:
    """A core whose make-up is known, and what was observed of it."""

    shares: NDArray[np.float64]
    seen: Observations
    known: NDArray[np.int64]

    @property
    def held_out(self) -> NDArray[np.int64]:
        """Slices whose make-up the solver is not told."""
        return np.setdiff1d(np.arange(len(self.shares)), self.known)


def believed() -> Library:
    """Return the library that the solver is given: eight members of the marine preset."""
    table = find_table("marine").table
    if not isinstance(table, EndMemberTable):
        raise TypeError("expected physical members in the marine preset")
    members = tuple(m for name in MINERALS for m in table.members if m.mineral == name)
    library = Library.of(replace(table, members=members))
    ms_sd = 0.1 * np.abs(library.ms)
    return replace(
        library,
        density_sd=np.array([0.003, *(0.01 * library.density[1:])]),
        ms_sd=np.maximum(ms_sd, 0.1),
        reflectance_share_sd=np.full(library.reflectance.shape, 0.05),
    )


def wander(rng: np.random.Generator, n: int, columns: int, reach: int) -> NDArray[np.float64]:
    """Return profiles of unit variance that are alike over ``reach`` slices, shape (n, columns)."""
    window = np.exp(-0.5 * (np.arange(-3 * reach, 3 * reach + 1) / reach) ** 2)
    rough = rng.standard_normal((n + 6 * reach, columns))
    smooth = np.stack([np.convolve(c, window, "valid") for c in rough.T], axis=1)
    found: NDArray[np.float64] = smooth / np.sqrt((window**2).sum())
    return found


def make_up(rng: np.random.Generator, n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return shares of the solids (n, 8) and porosity (n,)."""
    is_bed = wander(rng, n, 1, 4)[:, 0] > SPREAD
    k = len(MINERALS)
    logs = [
        np.log(mean) + SPREAD * (0.8 * wander(rng, n, k, 25) + 0.6 * wander(rng, n, k, 3))
        for mean in (MUD, BED)
    ]
    amounts = np.exp(np.where(is_bed[:, None], logs[1], logs[0]))
    pores = np.where(is_bed, 0.50, 0.66) + 0.05 * wander(rng, n, 1, 20)[:, 0]
    pores = np.clip(pores + 0.02 * rng.standard_normal(n), 0.3, 0.9)
    return amounts / amounts.sum(axis=1, keepdims=True), pores


def observe(
    rng: np.random.Generator,
    make: tuple[NDArray[np.float64], NDArray[np.float64]],
    areal: float,
    library: Library,
) -> Observations:
    """Return what is seen of a make-up; the truth is the library, wrong the other way round."""
    a, pores = make
    k = a.shape[1]
    density = library.density[1:] * (1.0 + 0.01 * rng.standard_normal(k))
    ms = library.ms[1:] * (1.0 + 0.10 * rng.standard_normal(k))
    light = library.reflectance * (1.0 + 0.05 * rng.standard_normal((k, 3)))
    scatter = a * np.exp(0.1 * rng.standard_normal(k))
    q = scatter @ ((1.0 - light) ** 2 / (2.0 * light)) / scatter.sum(axis=1, keepdims=True)
    colour = areal * (a @ light) + (1.0 - areal) * (1.0 + q - np.sqrt(q * q + 2.0 * q))
    bulk = pores * WATER_DENSITY + (1.0 - pores) * (a @ density)
    kappa = pores * WATER_MS + (1.0 - pores) * (a @ ms)
    water = WATER_DENSITY * WATER_KM_PER_S**2
    soft = 1.0 / (pores / water + (1.0 - pores) * (a @ (1.0 / library.stiffness_gpa[1:])))
    stiff = pores * water + (1.0 - pores) * (a @ library.stiffness_gpa[1:])
    vp = 1000.0 * np.sqrt((soft + 0.01 * (stiff - soft)) / bulk)
    clean = np.column_stack([bulk, vp, kappa, colour])
    noisy = clean + _noise(clean) * rng.standard_normal(clean.shape)
    noisy[:, 3:] = np.clip(noisy[:, 3:], 0.004, 0.99)
    return Observations.of(noisy, _noise(noisy))


def _noise(value: NDArray[np.float64]) -> NDArray[np.float64]:
    share = np.array([0.01, 0.01, 0.05, 0.015, 0.015, 0.015])
    floor = np.array([0.0, 0.0, 1.0, 0.003, 0.003, 0.003])
    found: NDArray[np.float64] = share * np.abs(value) + floor
    return found


def cores(areal: float, n_cores: int, n_slices: int, library: Library) -> Iterator[Core]:
    """Yield cores of one case."""
    for core in range(n_cores):
        rng = np.random.default_rng([SEED, core, round(10 * areal)])
        make = make_up(rng, n_slices)
        seen = observe(rng, make, areal, library)
        known = np.linspace(0, n_slices - 1, N_KNOWN + 2).astype(np.int64)[1:-1]
        yield Core(make[0], seen, known)


def plain_fractions(
    scores: NDArray[np.float64],
    matrix: NDArray[np.float64],
    weights: NDArray[np.float64],
    sum_weight: float,
) -> NDArray[np.float64]:
    """Return fractions for scores (n, r) by a matrix (r, k), scaled to sum to 1; NaN if all 0."""
    k = matrix.shape[1]
    weighted = weights[:, None] * matrix
    normal = weighted.T @ weighted + sum_weight**2
    # This ridge, of the mean diagonal, picks one of the answers that fit alike.
    normal += 1e-9 * np.trace(normal) / k * np.eye(k)
    right = (scores * weights) @ weighted + sum_weight**2
    found = solve_nonnegative(normal, right, sum_to_one=False)
    total = found.sum(axis=1, keepdims=True)
    fractions: NDArray[np.float64] = np.divide(
        found, total, out=np.full_like(found, np.nan), where=total > 0.0
    )
    return fractions


def plain(core: Core, library: Library) -> NDArray[np.float64]:
    """Return shares as the published method would find them from the logs: no prior, no pores."""
    logs = core.seen.value[:, :3]
    speed = 1000.0 / library.slowness[1:]
    matrix = np.stack([library.density[1:], speed, library.ms[1:]])
    spread_of = logs.std(axis=0)
    return plain_fractions(
        logs / spread_of, matrix / spread_of[:, None], np.array([1.0, 1.0, 0.3]), 0.2
    )


def plain_standardised(core: Core, library: Library) -> NDArray[np.float64]:
    """Return the same with logs and members both as numbers of standard deviations."""
    logs = core.seen.value[:, :3]
    speed = 1000.0 / library.slowness[1:]
    matrix = np.stack([library.density[1:], speed, library.ms[1:]])
    scores = (logs - logs.mean(axis=0)) / logs.std(axis=0)
    members = (matrix - matrix.mean(axis=1, keepdims=True)) / matrix.std(axis=1, keepdims=True)
    found = plain_fractions(scores, members, np.array([1.0, 1.0, 0.3]), 0.2)
    return np.where(np.isfinite(found), found, 1.0 / found.shape[1])


def linear_colour(core: Core, library: Library) -> NDArray[np.float64]:
    """Return shares of fully constrained least squares in linear light, next to no ridge."""
    loose = Prior.uniform(library.n_members)
    model = Model(library, loose, Mixing(areal_weight=1.0), strength=1e-6, reach_slices=0.0)
    return estimate(core.seen, model)[0].shares


def read(compositions: tuple[Composition, ...]) -> NDArray[np.float64]:
    """Return lower, fraction and upper of each group, shape (3, n_slices, n_groups)."""
    rows = [[(g.lower, g.fraction, g.upper) for g in one.groups] for one in compositions]
    return np.array(rows, np.float64).transpose(2, 0, 1)


@dataclass(slots=True)
class Tally:
    """Squared errors of one method over cores, of groups and of single minerals."""

    groups: float = 0.0
    minerals: float = 0.0
    n: int = 0

    def add(self, groups: NDArray[np.float64], minerals: NDArray[np.float64]) -> None:
        """Count one core's errors."""
        self.groups += float((groups**2).mean())
        self.minerals += float((minerals**2).mean())
        self.n += 1

    @property
    def rmse(self) -> tuple[float, float]:
        """Root mean square errors of groups and of minerals, in points of per cent."""
        return 100.0 * (self.groups / self.n) ** 0.5, 100.0 * (self.minerals / self.n) ** 0.5


@dataclass(frozen=True, slots=True)
class Intervals:
    """How intervals did on one core."""

    coverage: NDArray[np.float64]
    """Share of slices held, for each group."""
    of_draws: float
    """Share held by 1.645 standard deviations of draws."""
    uncalibrated: float
    """Share held where no slice is known."""
    half_width: float
    """Mean, in points of per cent."""
    abstained: float
    """Share of slices without an answer."""


def judge_intervals(core: Core, calibration: MixingCalibration, library: Library) -> Intervals:
    """Hold intervals against the slices that were held out."""
    out, to_groups = core.held_out, library.is_in_group.T
    groups = core.shares[out] @ to_groups
    lower, _, upper = read(compose(core.seen, calibration))[:, out]
    answered = np.isfinite(upper).all(axis=1)
    low, _, high = read(compose(core.seen, uncalibrated(library, Mixing())))[:, out]
    found = estimate(core.seen, calibration.model)
    sd = spread(core.seen, found, calibration.model, library.is_in_group)[out]
    drawn = np.abs(found[0].shares[out] @ to_groups - groups) <= 1.645 * sd
    return Intervals(
        coverage=((groups >= lower) & (groups <= upper))[answered].mean(axis=0),
        of_draws=float(drawn.mean()),
        uncalibrated=float(((groups >= low) & (groups <= high)).mean()),
        half_width=float(50.0 * (upper - lower)[answered].mean()),
        abstained=float(1.0 - answered.mean()),
    )


def shares_by_method(
    core: Core, calibration: MixingCalibration, library: Library
) -> dict[str, NDArray[np.float64]]:
    """Return what each method finds of one core."""
    even = 1.0 / core.shares.shape[1]
    return {
        "plain_nnls": plain(core, library),
        "plain_nnls_standardised": plain_standardised(core, library),
        "linear_colour_no_ridge": linear_colour(core, library),
        "prior_mean": np.broadcast_to(core.shares[core.known].mean(axis=0), core.shares.shape),
        "even_mixture": np.full(core.shares.shape, even),
        "uncalibrated": estimate(core.seen, uncalibrated(library, Mixing()).model)[0].shares,
        "ours": estimate(core.seen, calibration.model)[0].shares,
    }


def run_case(name: str, n_cores: int, n_slices: int) -> dict[str, float]:
    """Return errors, coverage and widths of one case."""
    library = believed()
    tallies: dict[str, Tally] = {}
    judged, weights = [], []
    for core in cores(CASES[name], n_cores, n_slices, library):
        known = KnownSlices(core.known, core.shares[core.known])
        calibration = calibrate_mixing(core.seen, known, library, Mixing())
        for method, shares in shares_by_method(core, calibration, library).items():
            error = (shares - core.shares)[core.held_out]
            tallies.setdefault(method, Tally()).add(error @ library.is_in_group.T, error)
        judged.append(judge_intervals(core, calibration, library))
        weights.append(calibration.model.mixing.areal_weight)
    metrics: dict[str, float] = {}
    for i, what in enumerate(("group", "mineral")):
        metrics |= {f"{name}_{m}_{what}_rmse": tally.rmse[i] for m, tally in tallies.items()}
        for peer in ("plain_nnls", "plain_nnls_standardised", "prior_mean"):
            change = tallies["ours"].rmse[i] / tallies[peer].rmse[i] - 1.0
            metrics[f"{name}_{what}_change_from_{peer}"] = change
    coverage = np.array([one.coverage for one in judged])
    return metrics | {
        f"{name}_coverage": float(coverage.mean()),
        f"{name}_coverage_worst_group": float(coverage.mean(axis=0).min()),
        f"{name}_coverage_sd_of_cores": float(coverage.mean(axis=1).std()),
        f"{name}_coverage_of_draws": float(np.mean([one.of_draws for one in judged])),
        f"{name}_coverage_uncalibrated": float(np.mean([one.uncalibrated for one in judged])),
        f"{name}_half_width_points": float(np.mean([one.half_width for one in judged])),
        f"{name}_abstained": float(np.mean([one.abstained for one in judged])),
        f"{name}_areal_weight_fitted": float(np.mean(weights)),
    }


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    found = arguments("Unmixing of simulated mixtures with a wrong library.")
    found.add_argument("--cores", type=int, default=8, help="of each case")
    found.add_argument("--slices", type=int, default=3000, help="of each core")
    return found


def main() -> None:
    """Print the figures."""
    given = parser().parse_args()
    metrics: dict[str, float] = {"n_cores": given.cores, "n_slices": given.slices}
    for name in CASES:
        metrics |= run_case(name, given.cores, given.slices)
    metrics["coverage"] = float(np.mean([metrics[f"{name}_coverage"] for name in CASES]))
    report(
        "root mean square errors in points of per cent of the solids' volume", metrics, given.json
    )


if __name__ == "__main__":
    main()
