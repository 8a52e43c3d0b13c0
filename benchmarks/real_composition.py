"""
Composition of real cores against what was measured on them: rank correlations, as they come.

``python benchmarks/real_composition.py [--json FILE] [--real DIR]``

Every scan goes through the device's own masking, slicing and unmixing; nothing is fitted to any of
these cores. Beside each correlation stands that of plain lightness L*, which costs nothing, and an
interval from drawing blocks of 10 cm again, because neighbouring slices are alike. CD166 has XRF
peak areas; LP16 and M9907 have only density and susceptibility.
"""

import collections
import csv
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import scipy.stats
import tifffile
from numpy.typing import NDArray
from reporting import arguments

from downcore.endmember_tables.files import find_table
from downcore.pipeline import SectionPipeline, SliceRules
from downcore.strata.depth import LineScale
from downcore.strata.depthlog import Estimate, SliceRow, Status
from downcore.strata.endmembers.library import Library
from downcore.strata.endmembers.table import EndMemberTable
from downcore.strata.segment import Segment
from downcore.strata.unmixing.composition import Composition, compose
from downcore.strata.unmixing.mixing_calibration import uncalibrated
from downcore.strata.unmixing.observations import observe
from downcore.strata.unmixing.physics import Mixing

ROOT = Path(__file__).resolve().parent.parent
FEWEST_SLICES = 20
"""Below this no correlation is worth printing."""
BLOCK_CM = 10
DRAWS = 1000
MIN_READINGS = 5
"""XRF readings of 1 mm that a slice needs."""
DEAD_CPS = 15_000.0
"""Counts a second below which the XRF looked at a crack or past the core."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Core:
    """A section's rows and what was measured of its slices; NaN where nothing was."""

    name: str
    rows: tuple[SliceRow, ...]
    measured: Mapping[str, Numbers]
    """Each of shape (n_slices,)."""
    logs: Mapping[int, tuple[Estimate, ...]]
    """Values that may be unmixed with the colour, by slice."""

    @property
    def lightness(self) -> Numbers:
        """Mean L* of each slice, NaN without sediment."""
        colours = [row.core_slice.colour for row in self.rows]
        return np.array([np.nan if c is None else c.lab_mean[0] for c in colours])


@dataclass(frozen=True, slots=True)
class Finding:
    """One correlation of a group with a measurement, and that of lightness on the same slices."""

    core: str
    table: str
    areal_weight: float
    group: str
    against: str
    n: int
    rho: float
    low: float
    high: float
    """90 % interval of ``rho`` by blocks."""
    lightness: float
    is_prior_driven: bool


def rows_of(path: Path, px_per_cm: str, *, top: str) -> tuple[SliceRow, ...]:
    """Return the rows that the device makes of a scan without any network."""
    path.stat()  # OpenCV says nothing of a file that is not there.
    if path.suffix == ".tif":
        picture = tifffile.imread(path)[..., :3]
    else:
        picture = np.asarray(cv2.imread(str(path)))[..., ::-1]
    lines = picture if top == "up" else picture.swapaxes(0, 1)
    pipeline = SectionPipeline(LineScale.of(px_per_cm), (), SliceRules())
    return (
        *pipeline.push(Segment(np.ascontiguousarray(lines), 0)),
        *pipeline.finish(),
    )


def itrax_core(folder: Path) -> Core:
    """
    Return CD166/19 S1 with XRF peak areas, averaged over each slice.

    The stored scan runs against the XRF's positions: so the ends of the core and the crack at
    180 mm meet, the crack to 1 mm, and else they do not at all. No colour was used to find that.
    """
    path = folder / "cd166_itrax" / "CD166_19_S1_optical_lowres.tif"
    first_mm, last_mm, n_px = 0.5, 1401.3, 1920
    rows = rows_of(path, f"{100 * n_px}/{round(10 * (last_mm - first_mm))}", top="left")
    text = (folder / "cd166_itrax" / "CD166_19_S1_Results.txt").read_text("latin-1")
    head, *lines = (line.split("\t") for line in text.splitlines()[2:])

    def column(name: str) -> Numbers:
        at = head.index(name)
        return np.array([float(line[at] or "nan") for line in lines])

    px = (last_mm - column("position (mm)")) / (last_mm - first_mm) * n_px
    is_good = (column("validity") == 1) & (column("cps") > DEAD_CPS)
    starts = [row.core_slice.first_line for row in rows]
    place = np.where(is_good, np.searchsorted(starts, px, side="right") - 1, -1)
    counts = np.array([(place == i).sum() for i in range(len(rows))])
    found = {}
    for name in ("Ca", "Ti", "Fe"):
        sums = np.array([column(name)[place == i].sum() for i in range(len(rows))])
        found[name] = np.where(counts >= MIN_READINGS, sums / np.maximum(counts, 1), np.nan)
    found |= {f"{one}/Ca": found[one] / found["Ca"] for one in ("Ti", "Fe")}
    return Core("CD166/19 S1", rows, found, {})


def lake_core(folder: Path) -> Core:
    """Return the four sections of LP16 whose scans are registered, one after another."""
    table = _table(folder / "lago_pato_lp16" / "LP16_slices_1cm.csv")
    rows: list[SliceRow] = []
    found: dict[str, list[float]] = {"density": [], "ms": []}
    columns = {"density": "density_SAT_g_cm3", "ms": "mag_sus_point_1e-5SI"}
    for image in dict.fromkeys(line["image"] for line in table):
        section = rows_of(folder / "lago_pato_lp16" / image, "20", top="left")
        middles = {
            (int(line["x0_px"]) + int(line["x1_px"])) // 2 // 20: line
            for line in table
            if line["image"] == image
        }
        for name, column in columns.items():
            logged = (middles.get(i) for i in range(len(section)))
            found[name] += [float((one or {}).get(column) or "nan") for one in logged]
        rows += [_moved(row, len(rows) + i) for i, row in enumerate(section)]
    return Core("LP16", tuple(rows), {name: np.array(x) for name, x in found.items()}, {})


def piston_core(folder: Path, name: str, px_per_cm: str, *, has_logs: bool = True) -> Core:
    """Return a core of M9907; its velocity is not credible and left out."""
    place = folder / "cascadia_m9907"
    rows = rows_of(place / f"M9907-{name}_linescan_{px_per_cm}ppcm.png", px_per_cm, top="up")
    if not has_logs:
        return Core(f"M9907-{name}", rows, {}, {})
    table = _table(place / f"M9907-{name}_slices_1cm.csv")[: len(rows)]
    columns = {"density": "density_g_cm3", "ms": "mag_sus_loop_1e-5SI"}
    found = {
        key: np.array([float(line[column] or "nan") for line in table])
        for key, column in columns.items()
    }
    found = {
        k: np.pad(x, (0, len(rows) - x.size), constant_values=np.nan) for k, x in found.items()
    }
    # Below this the logger looked into a gap.
    found["density"][found["density"] < 1.1] = np.nan
    logs = {
        i: tuple(
            Estimate(key, float(x[i]), None, None, Status.MEASURED, "", "")
            for key, x in found.items()
            if np.isfinite(x[i])
        )
        for i in range(len(rows))
    }
    return Core(f"M9907-{name}", rows, found, logs)


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _moved(row: SliceRow, index: int) -> SliceRow:
    return replace(row, core_slice=replace(row.core_slice, index=index))


def tables() -> dict[str, EndMemberTable]:
    """Return the tables that are tried; what is regrouped says so."""
    found = {name: find_table(name).table for name in ("marine", "marine-colour", "carbonate")}
    physical = {name: one for name, one in found.items() if isinstance(one, EndMemberTable)}
    dark = "dark matter and minerals"
    apart = {"calcite": "carbonate"}
    merged = dict.fromkeys(("organic matter", "pyrite", "magnetite"), dark)
    return physical | {
        "marine-colour, calcite apart": _regrouped(physical["marine-colour"], apart),
        "carbonate, dark members joined": _regrouped(physical["carbonate"], merged),
    }


def _regrouped(table: EndMemberTable, group: Mapping[str, str]) -> EndMemberTable:
    members = tuple(replace(m, group=group.get(m.mineral, m.group)) for m in table.members)
    return replace(table, members=members)


def composed(
    core: Core, table: EndMemberTable, *, areal_weight: float, with_logs: bool = False
) -> tuple[Composition, ...]:
    """Return the uncalibrated composition of every slice."""
    mixing = Mixing(areal_weight, table.vp_rule)
    seen = observe(core.rows, (), core.logs if with_logs else None)
    return compose(seen, uncalibrated(Library.of(table), mixing))


def findings(
    core: Core, table: str, areal_weight: float, made: tuple[Composition, ...]
) -> list[Finding]:
    """Return the correlation of every group and sum of groups with everything measured."""
    shares: dict[str, Numbers] = {}
    driven: set[str] = set()
    for i, one in enumerate(made):
        for share in (*one.groups, *one.joined):
            if share.fraction is not None:
                shares.setdefault(share.group, np.full(len(made), np.nan))[i] = share.fraction
                driven |= {share.group} if share.is_prior_driven else set()
    found = []
    for group, share_of in shares.items():
        for against, measured in core.measured.items():
            known = np.isfinite(share_of) & np.isfinite(measured)
            if known.sum() < FEWEST_SLICES:
                continue
            x, y = share_of[known], measured[known]
            low, high = interval(x, y, np.flatnonzero(known))
            plain = rank_correlation(core.lightness[known], y)
            numbers = (int(known.sum()), rank_correlation(x, y), low, high, plain)
            found.append(
                Finding(core.name, table, areal_weight, group, against, *numbers, group in driven)
            )
    return found


def rank_correlation(x: Numbers, y: Numbers) -> float:
    """Return Spearman's rank correlation; 0 where one does not vary."""
    ranks = np.stack([scipy.stats.rankdata(x), scipy.stats.rankdata(y)])
    return float(np.corrcoef(ranks)[0, 1]) if (np.ptp(ranks, axis=1) > 0.0).all() else 0.0


def interval(x: Numbers, y: Numbers, at: NDArray[np.int64]) -> tuple[float, float]:
    """Return the 90 % interval of the rank correlation, whole blocks of depth drawn again."""
    rng = np.random.default_rng(0)
    ranks = np.stack([scipy.stats.rankdata(x), scipy.stats.rankdata(y)])
    _, block = np.unique(at // BLOCK_CM, return_inverse=True)
    # Sums of each block are enough: ranks are kept as they are in the whole core.
    terms = np.stack([np.ones(x.size), *ranks, *ranks**2, ranks[0] * ranks[1]])
    of_blocks = np.stack([np.bincount(block, weights=row) for row in terms])
    chosen = rng.integers(0, of_blocks.shape[1], (DRAWS, of_blocks.shape[1]))
    n, a, b, aa, bb, ab = of_blocks[:, chosen].sum(axis=2)
    spread = np.sqrt(np.maximum((aa / n - (a / n) ** 2) * (bb / n - (b / n) ** 2), 1e-300))
    low, high = np.quantile((ab / n - a * b / n**2) / spread, (0.05, 0.95))
    return float(low), float(high)


def told(core: Core, made: tuple[Composition, ...]) -> str:
    """Return how many slices have a composition, what the guard says, and the sums."""
    sums = [one.total for one in made if one.total is not None]
    masked = sum(one.groups[0].status is Status.MASKED for one in made)
    text = f"{core.name}: {len(made)} slices, {len(sums)} composed, {masked} masked"
    if sums:
        text += f", sums {min(sums):.6f} to {max(sums):.6f}"
    reports = [one.identifiability for one in made if one.identifiability is not None]
    for guard, _ in collections.Counter(reports).most_common(1):
        text += f"; {guard.freedom:.1f} of {guard.n_free} unknowns from data"
        text += f"; driven by the prior: {', '.join(guard.prior_driven) or 'none'}"
        text += f"; refused: {guard.refusal}" if guard.refusal else ""
    return text


def cores(folder: Path) -> list[Core]:
    """Return every core that is here."""
    makers = (
        lambda: itrax_core(folder),
        lambda: lake_core(folder),
        lambda: piston_core(folder, "23PC", "1.34"),
        lambda: piston_core(folder, "25PC", "1.84"),
        lambda: piston_core(folder, "12PC", "4.7", has_logs=False),
    )
    found = []
    for make in makers:
        try:
            found.append(make())
        except FileNotFoundError as error:
            print(f"left out, not here: {error.filename}")
    return found


def main() -> None:
    """Print the table."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--real", type=Path, metavar="DIR", help="folder of real scans")
    given = parser.parse_args()
    named = os.environ.get("DOWNCORE_REAL_DATA")
    usual = Path(named) if named else ROOT.parent / "shared" / "data" / "real"
    known = tables()
    colour_only = (
        "marine-colour",
        "marine-colour, calcite apart",
        "carbonate, dark members joined",
    )
    runs = [(name, 0.5, False) for name in (*colour_only, "marine")]
    runs += [(colour_only[0], weight, False) for weight in (0.0, 1.0)]
    runs += [(name, 0.5, True) for name in ("marine", colour_only[0], "carbonate")]
    found: list[Finding] = []
    for core in cores(given.real or usual):
        for name, weight, with_logs in runs:
            if with_logs and not core.logs:
                continue
            made = composed(core, known[name], areal_weight=weight, with_logs=with_logs)
            label = f"{name}{' with logs' if with_logs else ''}"
            print(f"[{label}, areal {weight:g}] {told(core, made)}")
            # Held against logs that it was made from, a composition would only confirm itself.
            found += [] if with_logs else findings(core, label, weight, made)
    head = f"{'core':12s} {'table':32s} areal {'group':44s} against"
    print(f"\n{head}    n    rho  (90 %)           L*")
    for one in found:
        mark = " prior" if one.is_prior_driven else ""
        print(
            f"{one.core:12s} {one.table:32s} {one.areal_weight:5.1f} {one.group[:44]:44s} "
            f"{one.against:8s} {one.n:3d} {one.rho:+6.2f}  ({one.low:+.2f} to {one.high:+.2f}) "
            f"{one.lightness:+6.2f}{mark}"
        )
    if given.json is not None:
        flat = {
            f"{f.core} {f.table} {f.areal_weight:g} {f.group} against {f.against}: {key}": value
            for f in found
            for key, value in (("rho", f.rho), ("lightness", f.lightness), ("n", float(f.n)))
        }
        given.json.write_text(json.dumps(flat, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
