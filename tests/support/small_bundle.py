"""A bundle with a small real graph that is made here and needs no torch."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downcore.inference.compiling import BATCH_TILES, compile_graph
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
from downcore.strata.properties import PROPERTIES

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


def some_tiles(n: int, seed: int = 1) -> Tiles:
    """Return tiles of one colour each, with grain."""
    rng = np.random.default_rng(seed)
    base = rng.uniform(30, 200, (n, 1, 1, 3)) + rng.normal(0, 25, (n, 200, 200, 3))
    return np.clip(base, 0, 255).astype(np.uint8)


def answers_of(graph: Any, tiles: Tiles) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return values (3, n, n_properties) and novelty (n,) of at most one batch of tiles."""
    compiled = compile_graph(graph, n_threads=1)
    padded = np.zeros((BATCH_TILES, 200, 200, 3), np.uint8)
    padded[: len(tiles)] = tiles
    answers = compiled(padded)
    values = np.stack([answers[name][: len(tiles)] for name in OUTPUT_NAMES])
    return values, answers[NOVELTY_NAME][: len(tiles)].copy()


def write_bundle(
    folder: Path,
    *,
    is_int8: bool = True,
    side_px: int = 200,
    seed: int = 5,
    threshold: float = THRESHOLD,
) -> Path:
    """Write a bundle whose golden data are its own, and return its folder."""
    folder.mkdir()
    save_graph(small_graph(is_int8=is_int8, side_px=side_px, seed=seed), folder)
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
    tiles = some_tiles(3)
    raw = json.loads((folder / "manifest.json").read_text())
    raw["files"] = dict.fromkeys(FILES, "0" * 64)
    known = parse_manifest(json.dumps(raw))
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
