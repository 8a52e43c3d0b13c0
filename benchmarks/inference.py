"""
Tiles a second of each bundle: this runtime, torch, and OpenVINO's own benchmark_app.

``python benchmarks/inference.py [--json FILE] [--seconds N] [--rounds N] [--bundle DIR]...``

The three take turns, so that a busy machine slows all of them, and medians are
compared. Torch runs the same architecture in 32 bit, channels last, batches of 8, on
tiles that are floats already; without the extra ``training`` it is left out.
benchmark_app runs the same file at the same batch and precision, for throughput.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from downcore.inference import (
    BundlePredictor,
    Mode,
    describe_device,
    load_bundle,
    reference_bundles,
    start_predictor,
)
from downcore.inference.compiling import BATCH_TILES

TILES_PER_SLICE = 7
"""Of a scan 1400 px wide at 200 px/cm."""
TORCH_BATCH = 8
LATENCY_SLICES = 60
BENCHMARK_APP = (
    "import sys; sys.modules['openvino_telemetry'] = None; "
    "from openvino.tools.benchmark.main import main; main()"
)


@dataclass(frozen=True)
class Rate:
    """One turn of one contender."""

    tiles_per_s: float
    cpu_ms_per_tile: float
    """NaN where it cannot be told from the start-up."""


def timed(step: Callable[[], int], seconds: float) -> Rate:
    """Repeat ``step``, which returns how many tiles it finished, for ``seconds``."""
    step()
    n_tiles, wall, cpu = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - wall < seconds:
        n_tiles += step()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Rate(n_tiles / wall, 1e3 * cpu / n_tiles)


def ours(predictor: BundlePredictor, pool: NDArray[np.uint8], seconds: float) -> Rate:
    """Submit slices and collect them as they are finished, as the pipeline does."""
    predictor.mode = Mode.BACKLOG
    starts = range(0, len(pool) - TILES_PER_SLICE, TILES_PER_SLICE)

    def step() -> int:
        for start in starts:
            predictor.submit(None, pool[start : start + TILES_PER_SLICE])
        return sum(len(one.mean) for _, one in predictor.collect(wait=False))

    rate = timed(step, seconds)
    predictor.collect(wait=True)
    return rate


def latency_ms(predictor: BundlePredictor, pool: NDArray[np.uint8]) -> list[float]:
    """Return the time from submission to answer of single slices in live mode, sorted."""
    predictor.mode = Mode.LIVE
    taken = []
    for _ in range(LATENCY_SLICES):
        began = time.perf_counter()
        predictor.predict([pool[:TILES_PER_SLICE]])
        taken.append(1e3 * (time.perf_counter() - began))
    return sorted(taken)


def torch_step(network: str, pool: NDArray[np.uint8]) -> Callable[[], int] | None:
    """Return one batch of the torch module, or ``None`` where torch is not installed."""
    try:
        import torch  # noqa: PLC0415 - an optional contender

        from downcore_training.networks import network_named  # noqa: PLC0415 - the same
    except ModuleNotFoundError:
        return None
    torch.set_num_threads(describe_device().n_usable_cores)
    module = network_named(network).build().eval().to(memory_format=torch.channels_last)
    x = torch.from_numpy(pool[:TORCH_BATCH]).permute(0, 3, 1, 2).float()
    x = x.contiguous(memory_format=torch.channels_last)

    def step() -> int:
        with torch.inference_mode():
            module(x)
        return TORCH_BATCH

    return step


def benchmark_app(model: Path, seconds: float) -> Rate:
    """Return what OpenVINO's own tool measures on ``model``."""
    options = {
        "-m": str(model),
        "-d": "CPU",
        "-hint": "throughput",
        "-infer_precision": "f32",
        "-shape": f"[{BATCH_TILES},200,200,3]",
        "-t": str(max(1, round(seconds))),
    }
    flat = [word for pair in options.items() for word in pair]
    done = subprocess.run(
        [sys.executable, "-c", BENCHMARK_APP, *flat], capture_output=True, text=True, check=False
    )
    found = re.search(r"Throughput:\s*([\d.]+) FPS", done.stdout)
    if found is None:
        sys.exit(f"benchmark_app gave no throughput:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return Rate(float(found[1]), float("nan"))


def measure(folder: Path, *, seconds: float, rounds: int) -> dict[str, float]:
    """Return the figures of one bundle by name."""
    bundle = load_bundle(folder)
    pool = np.tile(bundle.golden.tiles, (9, 1, 1, 1))
    began = time.perf_counter()
    predictor = start_predictor(bundle)
    found = {"start_s": time.perf_counter() - began}
    torch_module = torch_step(bundle.manifest.network, pool)
    rates: dict[str, list[Rate]] = {"ours": [], "torch": [], "benchmark_app": []}
    for _ in range(rounds):
        rates["ours"].append(ours(predictor, pool, seconds))
        if torch_module is not None:
            rates["torch"].append(timed(torch_module, seconds))
        rates["benchmark_app"].append(benchmark_app(folder / "model.xml", seconds))
    for name, turns in rates.items():
        if turns:
            found[f"{name}_tiles_per_s"] = statistics.median(r.tiles_per_s for r in turns)
            found[f"{name}_cpu_ms_per_tile"] = statistics.median(r.cpu_ms_per_tile for r in turns)
    found["over_benchmark_app"] = _ratio(rates["ours"], rates["benchmark_app"])
    if rates["torch"]:
        found["over_torch"] = _ratio(rates["ours"], rates["torch"])
        found["over_torch_cpu"] = found["torch_cpu_ms_per_tile"] / found["ours_cpu_ms_per_tile"]
    taken = latency_ms(predictor, pool)
    found["live_slice_p50_ms"] = taken[len(taken) // 2]
    found["live_slice_p95_ms"] = taken[int(0.95 * len(taken))]
    predictor.close()
    return {name: value for name, value in found.items() if np.isfinite(value)}


def _ratio(a: list[Rate], b: list[Rate]) -> float:
    # Turn by turn: both of a pair met the same load.
    return statistics.median(x.tiles_per_s / y.tiles_per_s for x, y in zip(a, b, strict=True))


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--json", type=Path, help="write flat {metric: number} here")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of a turn")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each contender")
    parser.add_argument(
        "--bundle", type=Path, action="append", help="a bundle folder; all reference bundles if not"
    )
    asked = parser.parse_args()
    folders = {p.name: p for p in asked.bundle} if asked.bundle else reference_bundles()
    if not folders:
        sys.exit("no reference bundle is installed; name one with --bundle")
    device = describe_device()
    print(f"{device.processor}, {device.n_usable_cores} cores, OpenVINO {device.openvino_version}")
    load = os.getloadavg()[0]
    print(f"load {load:.1f} before the start{'; the machine is busy' if load > 1 else ''}")
    metrics: dict[str, float] = {"load_before": load}
    for name, folder in folders.items():
        print(f"\n{name}")
        for key, value in measure(folder, seconds=asked.seconds, rounds=asked.rounds).items():
            print(f"  {key:28} {value:10.3f}")
            metrics[f"{name}_{key}"] = value
    if asked.json:
        asked.json.write_text(json.dumps(metrics, indent=1) + "\n")


if __name__ == "__main__":
    main()
