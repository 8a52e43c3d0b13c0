"""The contenders of ``inference.py``: other ways to run a bundle's network, and the ceiling."""

import hashlib
import math
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

from downcore.inference import Bundle
from downcore.inference.compiling import compile_graph
from downcore.inference.device import usable_cpus
from downcore.strata.bundle import Manifest
from downcore.strata.properties import PROPERTIES

OTHER_BATCH = 8
"""Tiles or windows of one call of torch and of ONNX Runtime, their best."""
CEILING_CHANNELS, CEILING_PX, CEILING_LAYERS = 256, 40, 6
BENCHMARK_APP = (
    "import sys; sys.modules['openvino_telemetry'] = None; "
    "from openvino.tools.benchmark.main import main; main()"
)


@dataclass(frozen=True)
class Rate:
    """One turn of one contender."""

    per_s: float
    """Tiles or windows a second; of the ceiling, 10^9 operations a second."""
    cpu_ms: float
    """Per tile or window; NaN where it cannot be told from the start-up."""


Turn = Callable[[float], Rate]
"""Runs for so many seconds."""


@dataclass(frozen=True)
class References:
    """The network of a bundle in 32 bit."""

    module: Any
    """A torch module in evaluation mode, or ``None`` where there is none."""
    graph: Any
    """The same for OpenVINO."""
    weights: str
    """Where its weights are from, or why there is none."""
    is_trained: bool


def timed(step: Callable[[], float], seconds: float) -> Rate:
    """Repeat ``step``, which returns how much it finished, for ``seconds``."""
    step()
    done, wall, cpu = 0.0, time.perf_counter(), time.process_time()
    while not done or time.perf_counter() - wall < seconds:
        done += step()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Rate(done / wall, 1e3 * cpu / done)


def operations(graph: Any, shape: tuple[int, ...]) -> float:
    """Return 10^9 operations of an input of ``shape``, two for each product with a weight."""
    fixed = graph.clone()
    fixed.reshape([1, *shape])
    total = 0.0
    for op in fixed.get_ops():
        kind, out = op.get_type_name(), op.output(0).partial_shape
        if kind in {"Convolution", "GroupConvolution"}:
            places = math.prod(out.to_shape()[2:])
            total += 2 * math.prod(op.input(1).get_partial_shape().to_shape()) * places
        elif kind == "MatMul":
            inner = op.input(0).get_partial_shape().to_shape()[-1]
            total += 2 * math.prod(out.to_shape()) * inner
    return total / 1e9


def asynchronous(compiled: Any, tensor: NDArray[Any], done: float) -> Turn:
    """Return a turn of inferences, two of them under way for each stream; each is ``done``."""
    n_requests = 2 * int(compiled.get_property("NUM_STREAMS"))
    queue = openvino.AsyncInferQueue(compiled, n_requests)
    for request in queue:
        request.get_input_tensor(0).data[:] = tensor

    def step() -> float:
        # Waits for a free request, so that as many start as end.
        for _ in range(n_requests):
            queue.start_async()
        return n_requests * done

    def turn(seconds: float) -> Rate:
        rate = timed(step, seconds)
        queue.wait_all()
        return rate

    return turn


def ceiling_graph() -> tuple[Any, float]:
    """Return a graph of large 8-bit convolutions and its 10^9 operations."""
    ops, rng = openvino.opset13, np.random.default_rng(0)
    n, side = CEILING_CHANNELS, CEILING_PX
    first = ops.parameter([1, n, side, side], np.float32)

    def rounded(x: Any, low: float, high: float, levels: int) -> Any:
        ends = [np.float32(low), np.float32(high)]
        return ops.fake_quantize(x, *ends, *ends, levels)

    y = rounded(first, 0, 2, 256)
    for _ in range(CEILING_LAYERS):
        weights = rng.normal(0, 0.02, (n, n, 3, 3)).astype(np.float32)
        kernel = rounded(ops.constant(weights), -0.1, 0.1, 255)
        y = ops.convolution(y, kernel, [1, 1], [1, 1], [1, 1], [1, 1])
        y = rounded(ops.relu(y), 0, 2, 256)
    return openvino.Model([y], [first]), CEILING_LAYERS * 2 * 9 * (n * side) ** 2 / 1e9


def ceiling_turn(n_threads: int) -> Turn:
    """Return a turn of the large convolutions, compiled as the device compiles."""
    graph, gop = ceiling_graph()
    settings = {
        "INFERENCE_PRECISION_HINT": "f32",
        "NUM_STREAMS": n_threads,
        "INFERENCE_NUM_THREADS": n_threads,
        "ENABLE_CPU_PINNING": False,
    }
    compiled = openvino.Core().compile_model(graph, "CPU", settings)
    shape = (1, CEILING_CHANNELS, CEILING_PX, CEILING_PX)
    x = np.random.default_rng(1).random(shape, np.float32)
    return asynchronous(compiled, x, gop)


def references(bundle: Bundle, checkpoints: Sequence[Path]) -> References:
    """
    Return the network of ``bundle`` in 32 bit.

    With the weights of its own checkpoint if that is among ``checkpoints`` or in ``runs``,
    otherwise with random ones; without a module where torch is missing, or where the code's
    network is no longer the one of the bundle.
    """
    try:
        from downcore_export.conversion import convert  # noqa: PLC0415 - needs torch, an extra
        from downcore_training.networks import networks  # noqa: PLC0415 - the same
    except ModuleNotFoundError as error:
        return References(None, None, f"left out: {error.name} is not installed", is_trained=False)
    if bundle.manifest.window is not None:
        return _window_references(bundle.manifest, checkpoints)
    name, shape = bundle.manifest.network, bundle.manifest.input_shape
    known = networks()
    if name not in known:
        return References(None, None, "left out: no torch network", is_trained=False)
    usual = Path("runs") / name / "checkpoint.pt"
    module, weights = None, "random weights"
    for path in [*checkpoints, *([usual] if usual.is_file() else [])]:
        if module is None and (module := _trained(path, name)) is not None:
            weights = f"weights of {path}"
    is_trained = module is not None
    if module is None:
        module = _with_random_norms(known[name].build())
    graph = convert(module)
    # The bundle's may have a small product more, for the novelty.
    if not math.isclose(operations(graph, shape), operations(bundle.model, shape), rel_tol=0.01):
        told = "left out: the code's network is not that of the bundle"
        return References(None, None, told, is_trained=False)
    return References(module, graph, weights, is_trained)


def _window_references(manifest: Manifest, checkpoints: Sequence[Path]) -> References:
    """Return the network of a bundle with a window in 32 bit; trees only with their checkpoint."""
    from downcore_export.conversion import as_written, convert  # noqa: PLC0415 - needs torch
    from downcore_training.fitting.checkpoint import read  # noqa: PLC0415 - the same
    from downcore_training.windows.checkpoint import module_of  # noqa: PLC0415 - the same
    from downcore_training.windows.networks import NETWORKS  # noqa: PLC0415 - the same
    from downcore_training.windows.recipe import KIND  # noqa: PLC0415 - the same

    for path in checkpoints:
        content = read(path)
        if content.get("kind") != KIND or content["network"] != manifest.network:
            continue
        try:
            module = module_of(content)
        except RuntimeError:
            return References(None, None, f"left out: {path} is of older code", is_trained=False)
        graph = convert(module)
        digest = hashlib.sha256(as_written(graph, is_half=False)[1]).hexdigest()
        done = manifest.quantisation
        is_same = done is not None and digest == done.reference_sha256
        whose = "those of the bundle" if is_same else "not those of the bundle"
        return References(module, graph, f"weights of {path}, {whose}", is_trained=True)
    if manifest.network not in NETWORKS:
        return References(None, None, "left out: trees need a checkpoint", is_trained=False)
    names = {output.property for output in manifest.outputs}
    columns = [i for i, known in enumerate(PROPERTIES) if known.name in names]
    module = _with_random_norms(NETWORKS[manifest.network](columns))
    return References(module, convert(module), "random weights", is_trained=False)


def _trained(path: Path, network: str) -> Any:
    from downcore_training.fitting.checkpoint import read, trained_network  # noqa: PLC0415 - needs torch

    content = read(path)
    if content.get("network") != network:
        return None
    try:
        return trained_network(content)
    except RuntimeError:
        # Other shapes: that of a network as it once was.
        return None


def _with_random_norms(module: Any) -> Any:
    # Fresh ones scale by 1 and shift by 0, which exporters may fold away.
    import torch  # noqa: PLC0415 - an extra

    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(part.weight, 0.5, 1.0)
            torch.nn.init.uniform_(part.bias, -0.2, 0.2)
    return module.eval()


def torch_turn(module: Any, pool: NDArray[np.uint8], n_threads: int) -> Turn:
    """Return a turn of the torch module."""
    import torch  # noqa: PLC0415 - an extra

    torch.set_num_threads(n_threads)
    module.to(memory_format=torch.channels_last)
    x = torch.from_numpy(pool[:OTHER_BATCH]).permute(0, 3, 1, 2).float()
    x = x.contiguous(memory_format=torch.channels_last)

    def step() -> float:
        with torch.inference_mode():
            module(x)
        return OTHER_BATCH

    return lambda seconds: timed(step, seconds)


def openvino_f32_turn(graph: Any, pool: NDArray[np.uint8], n_threads: int) -> Turn:
    """Return a turn of the unquantised graph."""
    compiled = compile_graph(graph, n_threads)
    batch = int(compiled.input(0).shape[0])
    return asynchronous(compiled, pool[:batch], batch)


def onnxruntime_turn(
    bundle: Bundle, folder: Path, module: Any, n_threads: int
) -> tuple[Turn, str] | None:
    """Return a turn of the network in ONNX Runtime and where its file is from, if it can be had."""
    try:
        import onnxruntime  # noqa: PLC0415 - an extra

        from downcore_export.onnx_quantisation import quantised_onnx  # noqa: PLC0415 - the same
    except ModuleNotFoundError:
        return None
    if bundle.manifest.window is not None:
        return None
    tiles = bundle.golden.tiles
    told, path = bundle.manifest.onnx, folder / "model.onnx"
    if told is not None and told.precision == "int8" and path.is_file():
        content, origin = path.read_bytes(), "the bundle's model.onnx"
    elif module is not None:
        content, origin = quantised_onnx(module, tiles), "quantised here on the golden tiles"
    else:
        return None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = n_threads, 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    asked = session.get_inputs()[0]
    x = np.tile(tiles, (OTHER_BATCH, 1, 1, 1))[:OTHER_BATCH]
    if asked.type != "tensor(uint8)":
        x = np.ascontiguousarray(x.transpose(0, 3, 1, 2), np.float32)

    def step() -> float:
        session.run(None, {asked.name: x})
        return OTHER_BATCH

    return (lambda seconds: timed(step, seconds)), origin


def benchmark_app(model: Path, shape: Sequence[int], seconds: float, n_threads: int) -> Rate:
    """Return what OpenVINO's own tool measures on ``model`` with a batch of ``shape``."""
    options = {
        "-m": str(model),
        "-d": "CPU",
        "-infer_precision": "f32",
        "-shape": f"[{','.join(map(str, shape))}]",
        "-t": str(max(1, round(seconds))),
    }
    if n_threads == usable_cpus():
        options["-hint"] = "throughput"
    else:
        # It takes a number of threads only where it is not asked to choose the rest.
        options |= {"-hint": "none", "-nstreams": str(n_threads), "-nthreads": str(n_threads)}
    flat = [word for pair in options.items() for word in pair]
    done = subprocess.run(
        [sys.executable, "-c", BENCHMARK_APP, *flat], capture_output=True, text=True, check=False
    )
    found = re.search(r"Throughput:\s*([\d.]+) FPS", done.stdout)
    if found is None:
        sys.exit(f"benchmark_app gave no throughput:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return Rate(float(found[1]), float("nan"))
