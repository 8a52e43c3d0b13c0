"""
What 8 bit took from the values, learned from the features that 8 bit left.

Rounding activations bends the features of a deep network in ways that depend on the tile. Most of
what it does to the values can be told from those features themselves: a ridge regression of the
difference to the unquantised network, on training tiles, is added to the values, in 32 bit and
inside the graph. It learns from the trained network only, never from labels.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downcore.inference.openvino_runtime import openvino
from downcore.strata.bundle import OUTPUT_NAMES

CORRECTION_TILES = 1500
"""Tiles, spread over all training cores, that the correction by features is fitted to."""

_PENALTY = 0.1
"""Of the ridge, on standardised features, a tile."""


@dataclass(frozen=True, slots=True, eq=False)
class FeatureCorrection:
    """What is added to the values of a tile: ``features @ weights + offset``."""

    weights: NDArray[np.float32]
    """Shape (k, n_properties), scaled space."""
    offset: NDArray[np.float32]
    """Shape (n_properties,), scaled space."""


def fit_feature_correction(
    features: NDArray[np.floating],
    values: NDArray[np.floating],
    reference: NDArray[np.floating],
) -> FeatureCorrection:
    """
    Return what brings ``values`` nearest to ``reference``.

    Parameters
    ----------
    features : ndarray, shape (n_tiles, k)
        As the quantised graph computes them.
    values, reference : ndarray, shape (n_tiles, n_properties)
        What the quantised and the unquantised graph say of the same tiles, scaled space.
    """
    wide = features.astype(np.float64)
    centre, spread = wide.mean(axis=0), wide.std(axis=0)
    # A feature that never speaks tells nothing.
    per_unit = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
    x = (wide - centre) * per_unit
    missing = reference.astype(np.float64) - values
    mean = missing.mean(axis=0)
    gram = x.T @ x + _PENALTY * len(x) * np.eye(x.shape[1])
    weights = np.linalg.solve(gram, x.T @ (missing - mean)) * per_unit[:, None]
    return FeatureCorrection(
        weights.astype(np.float32), (mean - centre @ weights).astype(np.float32)
    )


def with_feature_correction(graph: Any, correction: FeatureCorrection) -> Any:
    """Return ``graph``, its last output the features, with ``correction`` added to its values."""
    ops = openvino.opset13
    mended = graph.clone()
    results = mended.get_results()
    value, features = results[0], results[len(OUTPUT_NAMES)].input_value(0)
    source = value.input_value(0)
    source.get_tensor().set_names(set())
    weights = ops.constant(correction.weights)
    told = ops.matmul(features, weights, transpose_a=False, transpose_b=False)
    whole = ops.add(ops.add(source, told), correction.offset[None])
    whole.output(0).get_tensor().set_names({OUTPUT_NAMES[0]})
    value.input(0).replace_source_output(whole.output(0))
    mended.validate_nodes_and_infer_types()
    return mended
