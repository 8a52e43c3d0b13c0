"""
Regions from superpixels: merged, and with their borders drawn anew, against known mosaics.

``python benchmarks/regions.py [--json FILE] [--rounds N]``

One process, one thread, CPU time. The mosaics are those of ``superpixels.py``, where regions are
known; adjusted Rand index (ARI), boundary recall within 2 px, and corrected undersegmentation
error are against them. scikit-image's merge of a region adjacency graph stands beside, with the
threshold that is best on each mosaic, which takes knowing the answer. Shapes are timed on the
same picture, and all stages once on one window of a core of full width.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"

import sys
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from mosaics import label_strip, mosaic
from numpy.typing import NDArray
from reporting import arguments, report
from superpixels import NOISES, SCALE, Case, ours, overlaps, quality

from downcore.simulator.generator import CoreRecipe, generate
from downcore.strata.colour import lab_of_counts
from downcore.strata.regions._continuing import Strip, band_lines, continued
from downcore.strata.regions.merging import MergeRefiner, RegionSettings
from downcore.strata.regions.shapes import slice_regions
from downcore.strata.regions.stream import RegionRows
from downcore.strata.regions.window import RegionWindow
from downcore.strata.superpixels.settings import SuperpixelSettings

SEEDS = (1, 2, 3)
"""Mosaics of each noise; the first was looked at while settings were chosen, the others not."""
PEER_THRESHOLDS = (2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 9.0)
"""Distances in L*a*b* among which the peer's best is taken."""

Labels = NDArray[np.int32]


def rand_index(labels: Labels, truth: Labels) -> float:
    """Return the adjusted Rand index; Hubert and Arabie (1985), doi:10.1007/BF01908075."""
    one, other, shared = overlaps(labels, truth)

    def n_pairs(counts: NDArray[Any]) -> float:
        wide = counts.astype(np.float64)
        return float((wide * (wide - 1.0) / 2.0).sum())

    rows = n_pairs(np.bincount(one, shared))
    columns = n_pairs(np.bincount(other, shared))
    by_chance = rows * columns / (labels.size * (labels.size - 1.0) / 2.0)
    return (n_pairs(shared) - by_chance) / ((rows + columns) / 2.0 - by_chance)


def refined(case: Case, superpixels: Labels, settings: RegionSettings) -> Labels:
    """Return the regions of a case."""
    window = RegionWindow(0, case.lines, superpixels, case.scale)
    return MergeRefiner(settings).refine(window)


STAGES = {"merged": RegionSettings(reach_um=0), "merged + watershed": RegionSettings()}


def judged(case: Case, labels: Labels) -> dict[str, float]:
    """Return all measures of one way to divide a mosaic."""
    assert case.regions is not None  # noqa: S101 - every case here is a mosaic
    found = quality(case, labels)
    found["regions"] = found.pop("superpixels")
    return found | {"ARI": rand_index(labels, case.regions)}


def peer(case: Case, superpixels: Labels) -> dict[str, float]:
    """Return scikit-image's best merge by colour, and the CPU time of one; nothing without it."""
    try:
        from skimage import graph  # noqa: PLC0415 - a peer that may be missing
    except ImportError:
        return {}
    lab = lab_of_counts(case.lines)
    best: dict[str, float] = {"ARI": -1.0}
    began = time.process_time()
    adjacency = graph.rag_mean_color(lab, superpixels)
    to_build = time.process_time() - began
    times: list[float] = []
    for threshold in PEER_THRESHOLDS:
        began = time.process_time()
        merged = graph.merge_hierarchical(
            superpixels,
            adjacency,
            thresh=threshold,
            rag_copy=True,
            in_place_merge=True,
            merge_func=_merge_mean,
            weight_func=_distance,
        )
        times.append(time.process_time() - began)
        found = judged(case, np.asarray(merged, np.int32) + 1) | {"threshold": threshold}
        best = max(best, found, key=lambda one: one["ARI"])
    taken = to_build + float(np.median(times))
    return best | {"CPU ms/Mpx": taken * 1e9 / case.lines[..., 0].size}


def _distance(adjacency: Any, one: int, other: int, neighbour: int) -> dict[str, float]:
    del one
    nodes = adjacency.nodes
    difference = nodes[other]["mean color"] - nodes[neighbour]["mean color"]
    return {"weight": float(np.linalg.norm(difference))}


def _merge_mean(adjacency: Any, one: int, other: int) -> None:
    nodes = adjacency.nodes
    # A sum in place would reach into the graph that this one is a copy of.
    nodes[other]["total color"] = nodes[other]["total color"] + nodes[one]["total color"]
    nodes[other]["pixel count"] += nodes[one]["pixel count"]
    nodes[other]["mean color"] = nodes[other]["total color"] / nodes[other]["pixel count"]


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU time of work."""
    began = time.process_time()
    work()
    return time.process_time() - began


def on_mosaics(rounds: int) -> dict[str, float]:
    """Return quality and time on mosaics of every noise, means over seeds."""
    found: dict[str, float] = {}
    for noise in NOISES:
        gathered: dict[str, list[float]] = {}

        def add(name: str, values: dict[str, float], to: dict[str, list[float]] = gathered) -> None:
            for key, value in values.items():
                to.setdefault(f"{name}, {key}", []).append(value)

        for seed in SEEDS:
            lines, regions = mosaic(seed, (1_000, 1_000), noise)
            case = Case(f"mosaic {noise:g}", lines, regions, SCALE, SuperpixelSettings())
            superpixels = ours(case)
            add("superpixels", judged(case, superpixels))
            for name, settings in STAGES.items():
                add(name, judged(case, refined(case, superpixels, settings)))
            if seed == SEEDS[0]:
                found |= timed(case, superpixels, rounds)
                add("scikit-image's best threshold", peer(case, superpixels))
        found |= {f"mosaic {noise:g}, {name}": float(np.mean(v)) for name, v in gathered.items()}
        worst = min(gathered["merged + watershed, ARI"])
        found[f"mosaic {noise:g}, merged + watershed, lowest ARI of {len(SEEDS)}"] = worst
    return found


def timed(case: Case, superpixels: Labels, rounds: int) -> dict[str, float]:
    """Return the times of superpixels and of regions from them, in turn, and their ratio."""
    megapixels = case.lines[..., 0].size / 1e6
    refiners = {name: MergeRefiner(settings) for name, settings in STAGES.items()}
    window = RegionWindow(0, case.lines, superpixels, case.scale)
    times: dict[str, list[float]] = {name: [] for name in ("superpixels", *refiners)}
    for _ in range(rounds):
        times["superpixels"].append(seconds(lambda: ours(case)))
        for name, refiner in refiners.items():
            times[name].append(seconds(lambda one=refiner: one.refine(window)))
    found = {
        f"{case.name}, {name}, CPU ms/Mpx": float(np.median(taken)) * 1e3 / megapixels
        for name, taken in times.items()
    }
    ratios = np.array(times["merged + watershed"]) / np.array(times["superpixels"])
    found[f"{case.name}, merged + watershed over superpixels, CPU time"] = float(np.median(ratios))
    return found


def on_a_core(rounds: int) -> dict[str, float]:
    """Return times on one window of a generated core."""
    core = generate(CoreRecipe(seed=77, length_cm=10.0, px_per_cm=200.0))
    lines, classes = core.lines(0, core.n_lines), core.classes(0, core.n_lines)
    superpixels = label_strip(lines, classes, SuperpixelSettings(), SCALE)
    refiner, window = MergeRefiner(), RegionWindow(0, lines, superpixels, SCALE)
    regions = refiner.refine(window)
    rows = RegionRows(0, regions, lines)

    def milliseconds(work: Callable[[], object]) -> float:
        taken = [seconds(work) for _ in range(rounds)]
        return float(np.median(taken)) * 1e9 / lines[..., 0].size

    # The window's end and its beginning, as if it followed on itself.
    n = band_lines(SCALE)
    above = Strip(lines[-n:], superpixels[-n:], regions[-n:])
    below = Strip(lines[:n], superpixels[:n], regions[:n])
    slices = slice_regions(rows, SCALE)
    return {
        "core, superpixels": float(len(np.unique(superpixels)) - 1),
        "core, regions": float(regions.max()),
        "core, regions of a slice, median": float(np.median([one.n_regions for one in slices])),
        "core, slices with grain sizes": float(sum(one.grains is not None for one in slices)),
        "core, merged + watershed, CPU ms/Mpx": milliseconds(lambda: refiner.refine(window)),
        "core, going on from the window above, CPU ms/Mpx": milliseconds(
            lambda: continued(above, below, regions)
        ),
        "core, shapes and slices, CPU ms/Mpx": milliseconds(lambda: slice_regions(rows, SCALE)),
    }


def main() -> int:
    """Measure, print, and write what was asked for."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    metrics = on_mosaics(given.rounds) | on_a_core(given.rounds)
    report("regions, one thread", metrics, given.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
