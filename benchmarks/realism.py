"""
Whether generated cores are as hard as real ones.

``python benchmarks/realism.py [--json FILE] [--real DIR] [--pairs N] [--cores N]``

Distributions, correlation down the core, coupling of density and susceptibility, and what
boosted trees read from colour profiles when slices are drawn at random and when whole
cores are kept apart: generated cores beside M9907-23PC and M9907-25PC, each with the
distance at which the two count as alike. Generated pairs have the length of the real
two, are of one site as those are, and are scored as they are: fitted to one core, scored on the
other. The same trees on many short generated cores say what more cores would give; nature has no
column for that here.
"""

import csv
import itertools
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from reporting import arguments

from downcore.simulator.generator import CoreRecipe, generate, visible_share
from downcore.strata.colour_profile import lab_of_mean, profile_of_lines, with_context
from downcore_training.evaluation.boosted_profile import BoostedProfile

ROOT = Path(__file__).parents[1]
REAL_CORES = ("M9907-23PC", "M9907-25PC")
VOID_BELOW = 1.1
"""Density in g/cm3 under which a row of the real cores is a void or a section's end."""
LAGS_CM = (1, 2, 5, 10, 20)
FIRST_SEED = 500
FIRST_SITE = 600
LOG_CORES, LOG_LENGTH_CM = 24, 600.0
PAIR_LENGTH_CM = 750.0
SHORT_LENGTH_CM = 60.0
PX_PER_CM = 20.0
"""Coarse, so that ten pairs are read in minutes; the real profiles come from finer scans."""
FOLDS = 5
PAIR = 2

Profile = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of generated cores beside that of the real ones."""

    name: str
    generated: float
    real: float
    """NaN where there is none."""
    bound: float
    """Greatest distance at which they count as alike; NaN where none is stated."""

    @property
    def verdict(self) -> str:
        """Whether the bound holds, in a word."""
        if not np.isfinite(self.real + self.bound):
            return "-"
        return "holds" if abs(self.generated - self.real) <= self.bound else "FAILS"


@dataclass(frozen=True, slots=True, eq=False)
class LoggedCore:
    """Colour profile and logs of a core, slice by slice; NaN where there is none."""

    profile: Profile
    """Shape (n, 5)."""
    density: Profile
    """g/cm3, shape (n,)."""
    log_ms: Profile
    """log10 of 1e-5 SI, shape (n,)."""


def real_core(folder: Path, name: str) -> LoggedCore:
    """Return a real core from its table of slices."""
    path = folder / "cascadia_m9907" / f"{name}_slices_1cm.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    def column(title: str) -> Profile:
        return np.array([float(row[title]) if row[title] else np.nan for row in rows])

    counts = np.stack([column(f"{c}_mean") for c in "RGB"], axis=1)
    spreads = np.stack([column("Lumin_sd_downcore"), column("Lumin_sd_across")], axis=1)
    profile = np.concatenate([lab_of_mean(counts), spreads], axis=1)
    density, ms = column("density_g_cm3"), column("mag_sus_loop_1e-5SI")
    usable = (density > VOID_BELOW) & (ms > 0.0) & np.isfinite(counts).all(axis=1)
    density = np.where(usable, density, np.nan)
    log_ms = np.log10(np.where(usable, ms, np.nan))
    return LoggedCore(profile, density, log_ms)


def generated_core(recipe: CoreRecipe) -> LoggedCore:
    """Return a generated core with the profile of its image, artefacts left out by its truth."""
    core = generate(recipe)
    edges = [core.scale.first_line_of_slice(i) for i in range(len(core.truth.density) + 1)]
    profile = np.array(
        [
            profile_of_lines(core.lines(a, b - a), core.classes(a, b - a), recipe.px_per_cm)
            for a, b in itertools.pairwise(edges)
        ]
    )
    return LoggedCore(profile, core.truth.density, np.log10(core.truth.ms))


def generated_pair(number: int) -> list[LoggedCore]:
    """Return two long cores of one site; each number is a site of its own."""
    first, site = FIRST_SITE + PAIR * number, FIRST_SITE + number
    return [
        generated_core(CoreRecipe(first + i, PAIR_LENGTH_CM, PX_PER_CM, site=site))
        for i in range(PAIR)
    ]


def correlation(log: Profile) -> Profile:
    """Return the correlation of a log with itself, at each of ``LAGS_CM``."""
    apart = log - np.nanmean(log)
    power = np.nanmean(apart**2)
    return np.array([np.nanmean(apart[k:] * apart[:-k]) / power for k in LAGS_CM])


def rank_correlation(one: Profile, other: Profile) -> float:
    """Return Spearman's coefficient over the slices that have both."""
    known = np.isfinite(one + other)
    ranks = []
    for values in (one[known], other[known]):
        _, place, count = np.unique(values, return_inverse=True, return_counts=True)
        # Equal values share the mean of their ranks.
        ranks.append((np.cumsum(count) - 0.5 * count)[place])
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def described(cores: Sequence[LoggedCore]) -> dict[str, float]:
    """Return distributions, correlations and coupling of the logs of cores."""
    density, log_ms = (
        np.concatenate([getattr(core, name) for core in cores]) for name in ("density", "log_ms")
    )
    known = np.isfinite(density + log_ms)
    density, log_ms = density[known], log_ms[known]
    out = {f"density_p{q}": float(np.percentile(density, q)) for q in (1, 5, 50, 95, 99)}
    out |= {f"log_ms_p{q}": float(np.percentile(log_ms, q)) for q in (1, 5, 50, 95, 99)}
    for name in ("density", "ms"):
        logs = [core.density if name == "density" else 10.0**core.log_ms for core in cores]
        mean = np.mean([correlation(log) for log in logs], axis=0)
        out |= {
            f"{name}_at_{lag}_cm": float(value) for lag, value in zip(LAGS_CM, mean, strict=True)
        }
    slope, level = np.polyfit(density, log_ms, 1)
    out["slope"] = float(slope)
    out["r"] = float(np.corrcoef(density, log_ms)[0, 1])
    out["residual_sd"] = float((log_ms - slope * density - level).std())
    out["spearman_in_core"] = float(np.mean([rank_correlation(c.density, c.log_ms) for c in cores]))
    return out


def r2(label: Profile, predicted: Profile) -> float:
    """Return the share of the variance of ``label`` that was predicted."""
    return float(1.0 - np.mean((label - predicted) ** 2) / np.var(label))


def boosted(cores: Sequence[LoggedCore]) -> dict[str, float]:
    """Return R2 of the trees, by core and with slices drawn at random, and the gap between."""
    numbers = [np.full(len(core.density), i) for i, core in enumerate(cores)]
    x = np.concatenate(
        [with_context(c.profile, number) for c, number in zip(cores, numbers, strict=True)]
    )
    labels = np.concatenate([np.stack([c.density, c.log_ms], axis=1) for c in cores])
    known = np.isfinite(labels).all(axis=1) & np.isfinite(x[:, :3]).all(axis=1)
    x, labels, core = x[known], labels[known], np.concatenate(numbers)[known]
    n_folds = min(FOLDS, len(cores))
    drawn = np.random.default_rng(0).permutation(len(x)) % FOLDS
    out: dict[str, float] = {}
    for protocol, fold in (("by_core", core % n_folds), ("random", drawn)):
        predicted = np.empty_like(labels)
        for kept in np.unique(fold):
            fitted = BoostedProfile().fit(x[fold != kept], labels[fold != kept], core[fold != kept])
            predicted[fold == kept] = fitted.predict(x[fold == kept])
        for k, name in enumerate(("density", "log_ms")):
            out[f"{name}_{protocol}"] = r2(labels[:, k], predicted[:, k])
    for name in ("density", "log_ms"):
        out[f"{name}_gap"] = out[f"{name}_random"] - out[f"{name}_by_core"]
    return out


def bound_of(name: str) -> float:
    """Return the greatest distance from nature of a figure in :func:`described`."""
    wide = dict(zip(LAGS_CM, (0.04, 0.07, 0.20, 0.26, 0.24), strict=True))
    if "_at_" in name:
        return wide[int(name.split("_")[2])]
    named = {"slope": 0.25, "r": 0.08, "residual_sd": 0.02, "spearman_in_core": 0.08}
    return named.get(name, 0.10 if name.startswith("density") else 0.15)


def log_rows(real: Sequence[LoggedCore]) -> Iterator[Row]:
    """Yield what only needs logs: long clean cores beside the real ones."""
    cores = []
    for seed in range(LOG_CORES):
        recipe = CoreRecipe(seed, LOG_LENGTH_CM, px_per_cm=2.0, width_cm=2.0, with_artefacts=False)
        truth = generate(recipe).truth
        cores.append(LoggedCore(np.empty((0, 5)), truth.density, np.log10(truth.ms)))
    found = described(cores)
    natural = described(real) if real else dict.fromkeys(found, np.nan)
    for name, value in found.items():
        yield Row(name, value, natural[name], bound_of(name))


def boosted_rows(real: Sequence[LoggedCore], n_pairs: int, n_cores: int) -> Iterator[Row]:
    """Yield what boosted trees read: medians over generated pairs, then many short cores."""
    pairs = []
    for number in range(n_pairs):
        pairs.append(boosted(generated_pair(number)))
        print(f"pair {len(pairs)} of {n_pairs} read", flush=True)
    natural = boosted(real) if real else dict.fromkeys(pairs[0], np.nan)
    for name in natural:
        values = [pair[name] for pair in pairs]
        yield Row(f"pairs_{name}", float(np.median(values)), natural[name], 0.10)
        low, high = np.percentile(values, [25, 75])
        yield Row(f"pairs_{name}_p25", float(low), np.nan, np.nan)
        yield Row(f"pairs_{name}_p75", float(high), np.nan, np.nan)
    if n_cores:
        first = FIRST_SEED + 1000
        seeds = range(first, first + n_cores)
        recipes = [CoreRecipe(seed, SHORT_LENGTH_CM, PX_PER_CM) for seed in seeds]
        many = boosted([generated_core(recipe) for recipe in recipes])
        for name, value in many.items():
            yield Row(f"{n_cores}_cores_{name}", value, np.nan, np.nan)


def share_rows(n_cores: int) -> Iterator[Row]:
    """Yield which share of each property there is to see in as many short cores."""
    first = FIRST_SEED + 1000
    recipes = [CoreRecipe(first + i, SHORT_LENGTH_CM, 2.0, 2.0) for i in range(n_cores)]
    share = visible_share([generate(recipe) for recipe in recipes])
    for name in ("density", "vp", "log_ms"):
        yield Row(f"{n_cores}_cores_{name}_visible", getattr(share, name), np.nan, np.nan)


def real_cores(given: Path | None) -> list[LoggedCore]:
    """Return the real cores; none, and say why, where their tables are not there."""
    named = os.environ.get("DOWNCORE_REAL_DATA")
    folder = given or (Path(named) if named else ROOT.parent / "shared" / "data" / "real")
    try:
        return [real_core(folder, name) for name in REAL_CORES]
    except FileNotFoundError as error:
        print(f"no column of real cores: {error.filename} is not there; set DOWNCORE_REAL_DATA")
        return []


def main() -> None:
    """Print the table, as Markdown, and keep it where asked."""
    cv2.setNumThreads(1)
    parser = arguments(__doc__ or "")
    parser.add_argument("--real", type=Path, metavar="DIR", help="folder of the real cores")
    parser.add_argument("--pairs", type=int, default=10, help="pairs of long generated cores")
    parser.add_argument("--cores", type=int, default=48, help="short generated cores")
    options = parser.parse_args()
    real = real_cores(options.real)
    rows = list(log_rows(real))
    rows += share_rows(options.cores) if options.cores else ()
    rows += boosted_rows(real, options.pairs, options.cores)
    print("| figure | generated | real | bound | |\n|---|---|---|---|---|")
    for row in rows:
        cells = [f"{x:.3f}" if np.isfinite(x) else "" for x in (row.real, row.bound)]
        print(f"| {row.name} | {row.generated:.3f} | {' | '.join(cells)} | {row.verdict} |")
    if options.json is not None:
        flat = {f"{row.name}_generated": row.generated for row in rows}
        flat |= {f"{row.name}_real": row.real for row in rows if np.isfinite(row.real)}
        flat |= {f"{row.name}_holds": row.verdict == "holds" for row in rows if row.verdict != "-"}
        options.json.write_text(json.dumps(flat, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
