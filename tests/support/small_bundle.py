"""Bundles with a small real graph that is made here and needs no torch."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downcore.inference.compiling import compile_graph
from downcore.inference.loading import physical_values
from downcore.inference.openvino_runtime import openvino
from downcore.strata.bundle import (
    NOVELTY_NAME,
    OUTPUT_NAMES,
    Manifest,
    OutputScaling,
    manifest_text,
    parse_manifest,
)
from downcore.strata.core_view import VIEW_PX_PER_CM
from downcore.strata.properties import PROPERTIES
from downcore.strata.windows import WINDOW_ACROSS_PX, WINDOW_CHANNELS, Window

ops = openvino.opset13
Tiles = NDArray[np.uint8]
Edit = Callable[[dict[str, Any]], None]
FILES = ("model.xml", "model.bin", "golden.npz", "recipe.toml")
THRESHOLD = 50.0


def small_graph(*, is_int8: bool = True, side_px: int = 200, seed: int = 5) -> Any:
    """Return two convolutions, a mean and four outputs; 8 bit by fake quantisation."""
    rng = np.random.default_rng(seed)

    def rounded(node: Any, low: float, high: float) -> Any:
        if not is_int8:
            return node
        ends = [np.float32(x) for x in (low, high, low, high)]
        return ops.fake_quantize(node, *ends, levels=256)

    tiles = ops.parameter([-1, side_px, side_px, 3], np.uint8, name="tiles")
    x = ops.transpose(ops.convert(tiles, "f32"), [0, 3, 1, 2])
    x = rounded(ops.divide(x, np.float32(255)), 0, 1)
    for n_in, n_out in ((3, 16), (16, 16)):
        weights = ops.constant(rng.normal(0, 0.3, (n_out, n_in, 3, 3)).astype(np.float32))
        x = ops.convolution(x, rounded(weights, -1, 1), [2, 2], [1, 1], [1, 1], [1, 1])
        x = rounded(ops.relu(x), 0, 4)
    x = ops.reduce_mean(x, [2, 3])
    results = []
    for name in OUTPUT_NAMES:
        weights = rng.normal(0, 1, (16, len(PROPERTIES))).astype(np.float32)
        out = ops.matmul(x, weights, transpose_a=False, transpose_b=False)
        out = ops.softplus(out) if name == "within_sd" else out
        out.output(0).set_names({name})
        results.append(ops.result(out))
    novelty = ops.reduce_sum(ops.multiply(x, x), [1])
    novelty.output(0).set_names({NOVELTY_NAME})
    graph = openvino.Model([*results, ops.result(novelty)], [tiles], "small")
    graph.inputs[0].set_names({"tiles"})
    return graph


def window_graph(window: Window, *, seed: int = 5) -> Any:
    """Return a graph whose rows are of their own centimetre's mean and that of the window."""
    rng = np.random.default_rng(seed)
    n_px = VIEW_PX_PER_CM * WINDOW_ACROSS_PX
    tiles = ops.parameter([-1, *window.shape], np.uint8, name="tiles")
    x = ops.divide(ops.convert(tiles, "f32"), np.float32(255))
    x = ops.reshape(x, [0, window.n_cm, n_px, WINDOW_CHANNELS], special_zero=True)
    by_cm = ops.reduce_mean(x, [2])
    first, stop = window.above_cm, window.above_cm + window.rows_cm
    own = ops.slice(by_cm, [first], [stop], [1], [1])
    x = ops.add(own, ops.reduce_mean(by_cm, [1], keep_dims=True))
    results = []
    for name in OUTPUT_NAMES:
        weights = rng.normal(0, 1, (WINDOW_CHANNELS, len(PROPERTIES))).astype(np.float32)
        out = ops.matmul(x, weights, transpose_a=False, transpose_b=False)
        out = ops.softplus(out) if name == "within_sd" else out
        out.output(0).set_names({name})
        results.append(ops.result(out))
    novelty = ops.reduce_sum(ops.multiply(x, x), [2])
    novelty.output(0).set_names({NOVELTY_NAME})
    return openvino.Model([*results, ops.result(novelty)], [tiles], "small window")


def some_windows(n: int, window: Window, seed: int = 1) -> Tiles:
    """Return windows of grain on sediment, the first of them with a gap."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(30, 200, (n, *window.shape), np.uint8)
    pixels[..., 3] = 255
    pixels[0, :VIEW_PX_PER_CM] = 0
    return pixels


def some_tiles(n: int, seed: int = 1) -> Tiles:
    """Return tiles of one colour each, with grain."""
    rng = np.random.default_rng(seed)
    base = rng.uniform(30, 200, (n, 1, 1, 3)) + rng.normal(0, 25, (n, 200, 200, 3))
    return np.clip(base, 0, 255).astype(np.uint8)


def answers_of(graph: Any, tiles: Tiles) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return values (3, n_rows, n_properties) and novelty (n_rows,) of tiles or windows."""
    compiled = compile_graph(graph, n_threads=1)
    batch = np.zeros(tuple(compiled.input(0).shape), np.uint8)
    values, novelty = [], []
    for first in range(0, len(tiles), len(batch)):
        some = tiles[first : first + len(batch)]
        batch[: len(some)] = some
        answers = compiled(batch)
        of_some = np.stack([answers[name][: len(some)] for name in OUTPUT_NAMES])
        values.append(of_some.reshape(len(OUTPUT_NAMES), -1, of_some.shape[-1]))
        novelty.append(answers[NOVELTY_NAME][: len(some)].reshape(-1))
    return np.concatenate(values, axis=1), np.concatenate(novelty)


def write_bundle(
    folder: Path,
    *,
    is_int8: bool = True,
    side_px: int = 200,
    seed: int = 5,
    threshold: float = THRESHOLD,
    window: Window | None = None,
) -> Path:
    """Write a bundle whose golden data are its own, and return its folder; of windows in 32 bit."""
    folder.mkdir()
    is_int8 = is_int8 and window is None
    if window is None:
        graph = small_graph(is_int8=is_int8, side_px=side_px, seed=seed)
    else:
        graph = window_graph(window, seed=seed)
    save_graph(graph, folder)
    (folder / "recipe.toml").write_text('network = "small"\n')
    manifest = Manifest(
        network="small",
        title="Small",
        created_utc="2026-01-01T00:00:00Z",
        precision="int8" if is_int8 else "f32",
        files={},
        outputs=tuple(
            OutputScaling(p.name, p.unit, p.is_log_scaled, 2.0, 0.5, 1.6, 0.1) for p in PROPERTIES
        ),
        trained_px_per_cm=(60.0, 400.0),
        golden_tolerance=0.01,
        training_data="nothing",
        bundle_id="",
        novelty_threshold=threshold,
        false_abstain_share=0.01,
        window=window,
    )
    (folder / "manifest.json").write_text(manifest_text(manifest))
    if side_px == 200:
        renew_golden(folder)
    else:
        (folder / "golden.npz").write_bytes(b"")
    sign(folder)
    return folder


def save_graph(graph: Any, folder: Path) -> None:
    """Write the graph of a bundle, as it is."""
    openvino.save_model(graph, folder / "model.xml", compress_to_fp16=False)


def read_graph(folder: Path) -> Any:
    """Return the graph of a bundle, with no file left open that a test may write over."""
    xml, weights = ((folder / f"model.{kind}").read_bytes() for kind in ("xml", "bin"))
    return openvino.Core().read_model(xml, weights)


def renew_golden(folder: Path) -> None:
    """Write the golden data that the folder's own graph and manifest give; not signed."""
    raw = json.loads((folder / "manifest.json").read_text())
    raw["files"] = dict.fromkeys(FILES, "0" * 64)
    known = parse_manifest(json.dumps(raw))
    tiles = some_tiles(3) if known.window is None else some_windows(3, known.window)
    outputs, novelty = answers_of(read_graph(folder), tiles)
    arrays = dict(zip(OUTPUT_NAMES, outputs, strict=True))
    physical = physical_values(outputs, novelty, known)
    np.savez(folder / "golden.npz", tiles=tiles, novelty=novelty, **arrays, **physical)


def sign(folder: Path) -> None:
    """Write the digests of the files as they are now."""

    def with_digests(raw: dict[str, Any]) -> None:
        raw["files"] = {n: hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in FILES}

    edit(folder, with_digests)


def edit(folder: Path, change: Edit) -> None:
    """Change the manifest as it stands on disk."""
    path = folder / "manifest.json"
    raw = json.loads(path.read_text())
    change(raw)
    path.write_text(json.dumps(raw))
