"""
The graph of a boosted profile whose trees were fitted on the device.

The part that looks at a window is that of a reference bundle, so that a centimetre is described
alike wherever trees were grown; sums of trees and the novelty are built behind it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downcore.inference.loading import load_bundle
from downcore.inference.openvino_runtime import openvino
from downcore.inference.reference import find_bundle
from downcore.strata.bundle import NOVELTY_NAME, OUTPUT_NAMES
from downcore.strata.errors import BundleError
from downcore.strata.window_profile import N_FEATURES

DESCRIBES = "odp887-boosted-profile"
"""The reference bundle whose description of a window is used."""

LOG_SD_RANGE = (-4.0, 2.0)
"""Of the log of the sd, in spreads."""


@dataclass(frozen=True, slots=True, eq=False)
class TreeArrays:
    """Complete trees in level order, and of which sum each is a part."""

    feature: NDArray[np.int64]
    """Shape (n_trees, n_tests)."""
    threshold: NDArray[np.float32]
    leaf: NDArray[np.float32]
    """Shape (n_trees, n_tests + 1)."""
    n_trees: tuple[int, ...]
    """Of each sum: the means of all properties, then the logs of their sd."""
    baseline: NDArray[np.float32]
    """Shape (n_sums,)."""
    paths: NDArray[np.float32]
    """Shape (n_tests, n_leaves): 1 where a test holds on the way to a leaf, -1 fails, else 0."""


@dataclass(frozen=True, slots=True, eq=False)
class FamiliarArrays:
    """What features are usual, in shares of their spread."""

    feature_centre: NDArray[np.float32]
    feature_spread: NDArray[np.float32]
    centre: NDArray[np.float32]
    directions: NDArray[np.float32]
    weights: NDArray[np.float32]
    rest_weight: float


def tree_graph(trees: TreeArrays, familiar: FamiliarArrays) -> Any:
    """
    Return the graph (openvino.Model) from windows to values and novelty.

    Raises
    ------
    BundleError
        If the reference bundle has no features where they are looked for.
    """
    ops = openvino.opset13
    model = load_bundle(find_bundle(DESCRIBES)).model
    n_rows = int(model.outputs[0].partial_shape[1].get_length())
    parameter = model.get_parameters()[0]
    features = _features_of(model)
    sums = _sums(features, trees)
    k = len(trees.n_trees) // 2
    shape = np.array([-1, n_rows, 2 * k], np.int64)
    by_row = ops.reshape(sums, shape, special_zero=False)
    mean, log_sd = ops.variadic_split(by_row, 2, [k, k]).outputs()
    log_sd = ops.clamp(log_sd, *LOG_SD_RANGE)
    within = ops.multiply(mean, np.float32(0.0))
    novelty = ops.reshape(_novelty(features, familiar), np.array([-1, n_rows]), special_zero=False)
    found = [ops.convert(mean, "f32"), log_sd, within, novelty]
    results = []
    for name, node in zip((*OUTPUT_NAMES, NOVELTY_NAME), found, strict=True):
        node.output(0).get_tensor().set_names({name})
        results.append(ops.result(node))
    return openvino.Model(results, [parameter], "boosted-profile")


def written(graph: Any, folder: Path) -> tuple[bytes, bytes]:
    """Return the two files of a graph; they are written to ``folder`` on the way."""
    openvino.save_model(graph, folder / "model.xml", compress_to_fp16=False)
    return (folder / "model.xml").read_bytes(), (folder / "model.bin").read_bytes()


def _features_of(model: Any) -> Any:
    """Return the features of rows, (n_rows, 64), of a boosted profile's graph."""
    for op in model.get_ordered_ops():
        if op.get_type_name() != "Gather":
            continue
        source = op.input_value(0)
        shape = source.get_partial_shape()
        if shape.rank.get_length() == 2 and shape[1] == N_FEATURES:  # noqa: PLR2004 - row and column
            return source
    raise BundleError(f"expected features of {N_FEATURES} numbers in {DESCRIBES}, got none")


def _sums(features: Any, trees: TreeArrays) -> Any:
    ops = openvino.opset13
    depth = int(trees.leaf.shape[1]).bit_length() - 1
    n_tests = trees.feature.shape[1]
    asked = ops.gather(features, trees.feature.ravel().astype(np.int64), np.int64(1))
    holds = ops.convert(ops.less_equal(asked, trees.threshold.reshape(1, -1)), "f32")
    signs = ops.subtract(ops.multiply(holds, np.float32(2.0)), np.float32(1.0))
    signs = ops.reshape(signs, np.array([-1, n_tests]), special_zero=False)
    ways = ops.matmul(signs, ops.constant(trees.paths), transpose_a=False, transpose_b=False)
    is_here = ops.convert(ops.greater(ways, np.float32(depth - 0.5)), "f32")
    here = ops.reshape(is_here, np.array([-1, *trees.leaf.shape]), special_zero=False)
    reached = ops.multiply(here, trees.leaf[None])
    parts = ops.variadic_split(reached, 1, list(trees.n_trees)).outputs()
    sums = [ops.unsqueeze(ops.reduce_sum(part, [1, 2]), np.int64(1)) for part in parts]
    return ops.add(ops.concat(sums, 1), trees.baseline[None])


def _novelty(features: Any, familiar: FamiliarArrays) -> Any:
    ops = openvino.opset13
    centred = ops.subtract(features, familiar.feature_centre[None])
    standard = ops.divide(centred, familiar.feature_spread[None])
    step = ops.subtract(standard, familiar.centre[None])
    # Two matrices, since with a shared one OpenVINO 2026.4 was seen to give wrong numbers.
    there = ops.constant(familiar.directions)
    back_again = ops.constant(np.ascontiguousarray(familiar.directions.T))
    along = ops.matmul(step, there, transpose_a=False, transpose_b=False)
    across = ops.subtract(step, ops.matmul(along, back_again, transpose_a=False, transpose_b=False))
    near = ops.reduce_sum(ops.multiply(ops.multiply(along, along), familiar.weights[None]), [1])
    far = ops.reduce_sum(ops.multiply(across, across), [1])
    return ops.add(near, ops.multiply(far, np.float32(familiar.rest_weight)))
