"""
Correction of a quantised network's values for the error of 8 bit.

First by a line: a gain and an offset for each value. Then by the quantised features: rounding
activations changes the features of a deep network depending on the tile, and most of the effect on
the values can be predicted from those features. A ridge regression of the difference to the
unquantised network, on training tiles, is added to the values, in 32 bit and inside the graph. Both
learn from the trained network only, never from labels.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downcore.inference.openvino_runtime import openvino
from downcore.strata.bundle import OUTPUT_NAMES
from downcore_export.conversion import with_corrected_outputs

CORRECTION_TILES = 1500
"""Tiles, spread over all training cores, that the correction by features is fitted to."""

_PENALTY = 0.1
"""Of the ridge, on standardised features, a tile."""


@dataclass(frozen=True, slots=True, eq=False)
class FeatureCorrection:
    """The correction added to the values of a tile: ``features @ weights + offset``."""

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
    Return the correction that brings ``values`` nearest to ``reference``.

    Parameters
    ----------
    features : ndarray, shape (n_tiles, k)
        As the quantised graph computes them.
    values, reference : ndarray, shape (n_tiles, n_properties)
        Values of the same tiles by the quantised and the unquantised graph, scaled space.
    """
    wide = features.astype(np.float64)
    centre, spread = wide.mean(axis=0), wide.std(axis=0)
    # A constant feature carries no information.
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
    learned = ops.matmul(features, weights, transpose_a=False, transpose_b=False)
    whole = ops.add(ops.add(source, learned), correction.offset[None])
    whole.output(0).get_tensor().set_names({OUTPUT_NAMES[0]})
    value.input(0).replace_source_output(whole.output(0))
    mended.validate_nodes_and_infer_types()
    return mended


def corrected(graph: Any, outputs: NDArray[np.float32], reference: NDArray[np.float32]) -> Any:
    """
    Return ``graph`` with its outputs fitted to ``reference`` by a line.

    Rounding activations shifts the values of all tiles alike; a gain and an offset for each value
    correct that. The log sd only gets an offset, the spread inside a tile only a gain, so that it
    stays 0 or more.

    Parameters
    ----------
    graph : openvino.Model
        Quantised.
    outputs, reference : ndarray, shape (3, n_tiles, n_properties)
        Outputs of ``graph`` and of the unquantised one for the same calibration tiles.
    """
    return with_corrected_outputs(graph, *correction(outputs, reference))


def correction(
    outputs: NDArray[np.float32], reference: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the gains and the offsets of :func:`corrected`, each of shape (3, n_properties)."""
    got, ideal = outputs.astype(np.float64), reference.astype(np.float64)
    gains, offsets = np.ones_like(got[:, 0]), np.zeros_like(got[:, 0])
    mean, log_sd, within = range(len(OUTPUT_NAMES))
    centred = got[mean] - got[mean].mean(axis=0)
    gains[mean] = _quotient((centred * ideal[mean]).sum(axis=0), (centred**2).sum(axis=0))
    offsets[mean] = ideal[mean].mean(axis=0) - gains[mean] * got[mean].mean(axis=0)
    offsets[log_sd] = (ideal[log_sd] - got[log_sd]).mean(axis=0)
    gains[within] = _quotient(
        (got[within] * ideal[within]).sum(axis=0), (got[within] ** 2).sum(axis=0)
    )
    return gains.astype(np.float32), offsets.astype(np.float32)


def _quotient(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    # A constant value does not determine a gain.
    return np.divide(above, below, out=np.ones_like(above), where=below > 0)
