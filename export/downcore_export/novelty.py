"""
Novelty: how unlike the training cores a tile is, as an output of the graph.

The features that the network's heads read are compared with those of training tiles, as the
quantised graph computes both: see :mod:`downcore.learning.familiarity`.
"""

from typing import Any

import numpy as np

from downcore.inference.openvino_runtime import openvino
from downcore.learning.familiarity import Familiar
from downcore.strata.bundle import NOVELTY_NAME, OUTPUT_NAMES


def with_novelty(graph: Any, familiar: Familiar) -> Any:
    """
    Return ``graph`` with its last output, the features, replaced by their novelty.

    Features (n, k) give a novelty (n,); those of rows of windows, (n, rows, k), one of each row.
    The distance is computed in 32 bit. The part orthogonal to the directions is computed as a
    vector and then squared, since a difference of squares would lose small values.
    """
    ops = openvino.opset13
    with_novelty_output = graph.clone()
    features = with_novelty_output.get_results()[len(OUTPUT_NAMES)]
    source = features.input_value(0)
    source.get_tensor().set_names(set())
    # Two matrices, since with a shared one OpenVINO 2026.4 was seen to give wrong numbers.
    there = ops.constant(familiar.directions)
    back_again = ops.constant(np.ascontiguousarray(familiar.directions.T))
    last = source.get_partial_shape().rank.get_length() - 1
    step = ops.subtract(source, familiar.centre[None])
    along = ops.matmul(step, there, transpose_a=False, transpose_b=False)
    back = ops.matmul(along, back_again, transpose_a=False, transpose_b=False)
    across = ops.subtract(step, back)
    near = ops.reduce_sum(ops.multiply(ops.multiply(along, along), familiar.weights[None]), [last])
    far = ops.multiply(
        ops.reduce_sum(ops.multiply(across, across), [last]), np.float32(familiar.rest_weight)
    )
    novelty = ops.add(near, far)
    novelty.output(0).get_tensor().set_names({NOVELTY_NAME})
    with_novelty_output.remove_result(features)
    with_novelty_output.add_results([ops.result(novelty)])
    with_novelty_output.validate_nodes_and_infer_types()
    return with_novelty_output
