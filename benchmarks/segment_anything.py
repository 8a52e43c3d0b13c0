"""
What Segment Anything costs on this processor: encoder, decoder, and a window from end to end.

``python benchmarks/segment_anything.py [--json FILE] [--checkpoint FILE] [--side N] [--rounds N]``

One thread. Without a checkpoint the whole architecture runs with random weights: times are those
of any weights, and how good the masks are is not judged. A bundle is made for each precision,
and both take turns; CPU time and wall time, medians, beside the load of the machine. The window
is 10 cm at 200 px/cm and 1400 px across, of squares that leave all 16 prompts to ask. ``rest`` is
the window less the network: fitting, choosing, assigning, and the first refiner's squares.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from reporting import arguments, report

from downcore.inference.device import computes_bf16
from downcore.inference.segment_anything import (
    SegmentAnythingRefiner,
    SegmentAnythingSettings,
    load_segment_anything,
)
from downcore.inference.segment_anything.network import SegmentAnythingNetwork
from downcore.strata.depth import LineScale
from downcore.strata.regions.window import REGION_WINDOW_UM, RegionWindow
from downcore_export.segment_anything.bundling import TOLERANCES, BundleOptions, write_bundle
from downcore_export.segment_anything.checkpoint import read_checkpoint
from downcore_export.segment_anything.network import SegmentAnything

SCALE = LineScale.of(200)
N_ACROSS = 1_400
CELL_PX = 20
SQUARE_PX = 200
EAGER = SegmentAnythingSettings(
    spread_in_noise=0.0, least_overlap=0.0, least_stability=0.0, least_share=0.0, most_share=1.0
)
"""Asks and believes whatever it can, so that random weights cost what trained ones do."""


class Squares:
    """Regions of a fixed size, for nothing."""

    name = "squares"

    def refine(self, window: RegionWindow) -> NDArray[np.int32]:
        """Return squares of :data:`SQUARE_PX`."""
        return grid(window.superpixels.shape, SQUARE_PX)


def grid(shape: tuple[int, ...], pitch: int) -> NDArray[np.int32]:
    """Return numbered squares."""
    rows, columns = (np.arange(n, dtype=np.int32) // pitch for n in shape)
    return rows[:, None] * -(-shape[1] // pitch) + columns + 1


def window() -> RegionWindow:
    """Return 10 cm of noise in blotches, with square superpixels."""
    n_lines = SCALE.lines_in(REGION_WINDOW_UM)
    rng = np.random.default_rng(0)
    coarse = rng.integers(40, 200, (n_lines // 100, N_ACROSS // 100, 3)).astype(np.float32)
    lines = np.kron(coarse, np.ones((100, 100, 1))) + rng.normal(0, 4, (n_lines, N_ACROSS, 3))
    pixels = np.clip(lines, 0, 255).astype(np.uint8)
    return RegionWindow(0, pixels, grid((n_lines, N_ACROSS), CELL_PX), SCALE)


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return CPU and wall time in milliseconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return 1e3 * (time.process_time() - cpu), 1e3 * (time.perf_counter() - wall)


def made_bundles(checkpoint: Path | None, folder: Path, side_px: int) -> dict[str, Path]:
    """Make a bundle for each precision that this processor computes in."""
    if checkpoint is None:
        # Masks of random weights are small differences, which bfloat16 hardly holds.
        TOLERANCES["bf16"] = 1.0
        torch.manual_seed(0)
        checkpoint = folder / "random.pt"
        torch.save(SegmentAnything().state_dict(), checkpoint)
    read = read_checkpoint(checkpoint)
    precisions = ("f32", "bf16") if computes_bf16() else ("f32",)
    return {
        one: write_bundle(read, folder / one, BundleOptions("unknown", side_px, one))
        for one in precisions
    }


def measured(bundles: dict[str, Path], side_px: int, rounds: int) -> dict[str, float]:
    """Return medians of all times; precisions take turns."""
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 256, (side_px, side_px, 3), dtype=np.uint8)
    points = rng.uniform(0, side_px, (16, 2)).astype(np.float32)
    boxes = np.concatenate([points - 20, points + 20], axis=1)
    core, first = window(), Squares()
    loaded = {name: load_segment_anything(folder) for name, folder in bundles.items()}
    networks = {name: SegmentAnythingNetwork(one) for name, one in loaded.items()}
    refiners = {n: SegmentAnythingRefiner(b, first, EAGER) for n, b in loaded.items()}
    times: dict[str, list[tuple[float, float]]] = {}
    for _ in range(rounds + 1):
        for name, network in networks.items():
            embedding = network.embed(picture)
            for what, work in {
                "encoder": lambda n=network: n.embed(picture),
                "decoder_16_prompts": lambda n=network, e=embedding: n.masks(e, points, boxes),
                "window": lambda r=refiners[name]: r.refine(core),
            }.items():
                times.setdefault(f"{name}.{what}", []).append(timed(work))
    metrics = {}
    for name, pairs in times.items():
        # The first round compiles kernels and touches memory for the first time.
        cpu, wall = (statistics.median(one) for one in zip(*pairs[1:], strict=True))
        metrics |= {f"{name}.cpu_ms": cpu, f"{name}.wall_ms": wall}
    for name, bundle in loaded.items():
        network_ms = sum(metrics[f"{name}.{n}.cpu_ms"] for n in ("encoder", "decoder_16_prompts"))
        metrics[f"{name}.rest.cpu_ms"] = metrics[f"{name}.window.cpu_ms"] - network_ms
        metrics[f"{name}.metre.cpu_s"] = 10 * metrics[f"{name}.window.cpu_ms"] / 1e3
        for what, moved in bundle.manifest.parity.items():
            metrics[f"{name}.deviation.{what}"] = moved
    return metrics


def main() -> None:
    """Measure and report."""
    parser = arguments("Segment Anything as a refiner of regions")
    parser.add_argument("--checkpoint", type=Path, help="MobileSAM's; random weights if not given")
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        bundles = made_bundles(asked.checkpoint, Path(place), asked.side)
        before = os.getloadavg()[0]
        metrics = measured(bundles, asked.side, asked.rounds)
    metrics |= {"load_before": before, "load_after": os.getloadavg()[0]}
    report(f"Segment Anything, {asked.side} px, one thread", metrics, asked.json)


if __name__ == "__main__":
    main()
