"""
Inputs a second of each bundle, beside other ways to run its network, and what is possible.

``python benchmarks/inference.py [--json FILE] [--seconds N] [--rounds N] [--threads N]
[--bundle DIR]... [--checkpoint FILE]...``

All take turns, so that a busy machine slows all of them; ratios are taken turn by turn and
their medians are printed. The contenders:

- this runtime, on the bundle as it is: slices of 7 tiles, or windows one by one, through the
  device's predictor;
- torch in 32 bit, channels last, batches of 8, on tiles or windows that are floats already;
- OpenVINO in 32 bit, compiled as the device compiles;
- ONNX Runtime in 8 bit (QDQ), batches of 8: the bundle's ``model.onnx`` if that is of 8 bit,
  otherwise quantised here on the golden tiles; only of tiles;
- ``benchmark_app`` on the bundle's file at the same batch and precision, for throughput;
- the ceiling: large 8-bit convolutions, the most operations a second that OpenVINO reaches.

Those in 32 bit run the weights of the checkpoint (``--checkpoint``, or
``runs/NETWORK/checkpoint.pt`` for tiles); without one, random weights, which the table says;
trees need theirs. A centimetre of core is a slice of 7 tiles, or a row of a window. What is not
installed is left out. On a busy machine compare the CPU time with ``--threads 1``.
"""

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from inference_contenders import (
    Rate,
    Turn,
    benchmark_app,
    ceiling_turn,
    onnxruntime_turn,
    openvino_f32_turn,
    operations,
    references,
    timed,
    torch_turn,
)
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
from downcore.strata.bundle import Manifest

TILES_PER_SLICE = 7
"""Of a scan 1400 px wide at 200 px/cm."""
LATENCY_SLICES = 60
WIDTHS = (10, 10, 9, 10, 9, 9, 9)
"""Characters of the columns of numbers."""
OURS, CEILING = "ours", "ceiling"
TITLES = {
    "torch": "torch, 32 bit, channels last",
    "openvino_f32": "OpenVINO, 32 bit",
    "onnxruntime_int8": "ONNX Runtime, 8 bit",
    "benchmark_app": "benchmark_app, the bundle",
    OURS: "this runtime, the bundle",
}


def inputs_together(manifest: Manifest) -> int:
    """Return how many inputs the device submits at once: the tiles of a slice, or one window."""
    return TILES_PER_SLICE if manifest.window is None else 1


def ours(predictor: BundlePredictor, pool: NDArray[np.uint8], seconds: float) -> Rate:
    """Submit slices or windows and collect them as they are finished, as the pipeline does."""
    predictor.mode = Mode.BACKLOG
    together = inputs_together(predictor.manifest)
    starts = range(0, len(pool) - together, together)

    def step() -> float:
        for start in starts:
            predictor.submit(None, pool[start : start + together])
        n_rows = sum(len(one.mean) for _, one in predictor.collect(wait=False))
        return n_rows / predictor.manifest.rows_per_input

    rate = timed(step, seconds)
    predictor.collect(wait=True)
    return rate


def latency_ms(predictor: BundlePredictor, pool: NDArray[np.uint8]) -> list[float]:
    """Return the time to the answer of single slices or windows in live mode, sorted."""
    predictor.mode = Mode.LIVE
    taken = []
    for _ in range(LATENCY_SLICES):
        began = time.perf_counter()
        predictor.predict([pool[: inputs_together(predictor.manifest)]])
        taken.append(1e3 * (time.perf_counter() - began))
    return sorted(taken)


def measure(folder: Path, asked: argparse.Namespace, n_threads: int) -> dict[str, float]:
    """Measure the bundle in ``folder``, print its table, and return the figures by name."""
    bundle = load_bundle(folder)
    manifest = bundle.manifest
    repeats = -(-9 * inputs_together(manifest) // len(bundle.golden.tiles))
    pool = np.tile(bundle.golden.tiles, (repeats, 1, 1, 1))
    began = time.perf_counter()
    predictor = start_predictor(bundle, n_threads=n_threads)
    gop = operations(bundle.model, manifest.input_shape)
    found = {"start_s": time.perf_counter() - began, f"gop_per_{input_of(manifest)}": gop}
    beside = references(bundle, asked.checkpoint or [])
    found["reference_is_trained"] = float(beside.is_trained)
    print(f"\n{folder.name}: {gop:.2f} x 10^9 operations a {input_of(manifest)}")
    print(f"  this runtime: {manifest.precision}")
    print(f"  32 bit: {beside.weights}")
    turns: dict[str, Turn] = {CEILING: ceiling_turn(n_threads)}
    turns[OURS] = lambda seconds: ours(predictor, pool, seconds)
    if beside.module is not None:
        turns["openvino_f32"] = openvino_f32_turn(beside.graph, pool, n_threads)
    if (other := onnxruntime_turn(bundle, folder, beside.module, n_threads)) is not None:
        turns["onnxruntime_int8"] = other[0]
        print(f"  ONNX Runtime: {other[1]}")
    if beside.module is not None:
        turns["torch"] = torch_turn(beside.module, pool, n_threads)
    xml = folder / "model.xml"
    shape = (BATCH_TILES if manifest.window is None else 1, *manifest.input_shape)
    turns["benchmark_app"] = lambda seconds: benchmark_app(xml, shape, seconds, n_threads)
    rates: dict[str, list[Rate]] = {name: [] for name in turns}
    for _ in range(asked.rounds):
        for name, turn in turns.items():
            rates[name].append(turn(asked.seconds))
    found.update(figures(rates, gop, manifest))
    taken = latency_ms(predictor, pool)
    found["live_slice_p50_ms"] = taken[len(taken) // 2]
    found["live_slice_p95_ms"] = taken[int(0.95 * len(taken))]
    predictor.close()
    found = {name: value for name, value in found.items() if np.isfinite(value)}
    print_table(found, input_of(manifest))
    return found


def input_of(manifest: Manifest) -> str:
    """Return what the bundle takes."""
    return "tile" if manifest.window is None else "window"


def figures(rates: dict[str, list[Rate]], gop: float, manifest: Manifest) -> dict[str, float]:
    """Return medians of the turns and of their ratios; ``gop`` is of one input."""
    found = {}
    each = input_of(manifest)
    cm_per_input = manifest.rows_per_input / inputs_together(manifest)
    for name, turns in rates.items():
        unit = "gop_per_s" if name == CEILING else f"{each}s_per_s"
        per_s = statistics.median(one.per_s for one in turns)
        found[f"{name}_{unit}"] = per_s
        if name == CEILING:
            continue
        found[f"{name}_cm_per_s"] = per_s * cm_per_input
        found[f"{name}_cpu_ms_per_{each}"] = statistics.median(one.cpu_ms for one in turns)
        # Turn by turn: both of a pair met the same load.
        pairs = list(zip(rates[OURS], turns, strict=True))
        found[f"over_{name}"] = statistics.median(a.per_s / b.per_s for a, b in pairs)
        found[f"over_{name}_cpu"] = statistics.median(b.cpu_ms / a.cpu_ms for a, b in pairs)
        pairs = list(zip(turns, rates[CEILING], strict=True))
        found[f"{name}_share_of_ceiling"] = gop * statistics.median(
            a.per_s / b.per_s for a, b in pairs
        )
        # The ceiling's CPU time is that of 10^9 operations.
        found[f"{name}_share_of_ceiling_cpu"] = gop * statistics.median(
            b.cpu_ms / a.cpu_ms for a, b in pairs
        )
    return found


def print_table(found: dict[str, float], each: str) -> None:
    """Print the contenders of one bundle, one a line."""
    print(f"  {'':59}{'x as fast as this':>19}{'share of ceiling':>18}")
    titles = (f"{each}s/s", "cm/s", "CPU ms", "wall", "CPU", "wall", "CPU")
    print(" " * 32 + "".join(f"{one:>{n}}" for one, n in zip(titles, WIDTHS, strict=True)))
    for name, title in TITLES.items():
        if f"{name}_{each}s_per_s" not in found:
            continue
        cells = (
            (found[f"{name}_{each}s_per_s"], 1),
            (found[f"{name}_cm_per_s"], 1),
            (found.get(f"{name}_cpu_ms_per_{each}"), 2),
            (found[f"over_{name}"], 2),
            (found.get(f"over_{name}_cpu"), 2),
            (found[f"{name}_share_of_ceiling"], 3),
            (found.get(f"{name}_share_of_ceiling_cpu"), 3),
        )
        row = "".join(
            f"{'-' if x is None else f'{x:.{digits}f}':>{width}}"
            for (x, digits), width in zip(cells, WIDTHS, strict=True)
        )
        print(f"  {title:30}{row}")
    print(f"  ceiling, large convolutions: {found['ceiling_gop_per_s']:.0f} x 10^9 operations/s")
    for name in ("start_s", "live_slice_p50_ms", "live_slice_p95_ms"):
        print(f"  {name:28} {found[name]:10.3f}")


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--json", type=Path, help="write flat {metric: number} here")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of a turn")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each contender")
    parser.add_argument("--threads", type=int, default=0, help="of every contender; 0: all cores")
    parser.add_argument(
        "--bundle", type=Path, action="append", help="a bundle folder; all reference bundles if not"
    )
    parser.add_argument(
        "--checkpoint", type=Path, action="append", help="of a finished training, for 32 bit"
    )
    asked = parser.parse_args()
    folders = {p.name: p for p in asked.bundle} if asked.bundle else reference_bundles()
    if not folders:
        sys.exit("no reference bundle is installed; name one with --bundle")
    device = describe_device()
    n_threads = asked.threads or device.n_usable_cpus
    print(f"{device.processor}, {n_threads} threads, OpenVINO {device.openvino_version}")
    load = os.getloadavg()[0]
    print(f"load {load:.1f} before the start{'; the machine is busy' if load > 1 else ''}")
    metrics: dict[str, float] = {"load_before": load, "threads": float(n_threads)}
    for name, folder in folders.items():
        found = measure(folder, asked, n_threads)
        metrics.update({f"{name}_{key}": value for key, value in found.items()})
    if asked.json:
        asked.json.write_text(json.dumps(metrics, indent=1) + "\n")


if __name__ == "__main__":
    main()
