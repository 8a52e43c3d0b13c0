"""
Checks of a graph against its manifest: ports, precision, finite weights.

A digest proves that a file is unchanged, not that the right graph was written; these checks run
nothing of the network and name the fault.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from downcore.inference.openvino_runtime import openvino
from downcore.strata.bundle import INPUT_NAME, NOVELTY_NAME, OUTPUT_NAMES, Manifest
from downcore.strata.errors import BundleError

_CONVOLUTIONS = frozenset({"Convolution", "GroupConvolution"})
_PASSED_THROUGH = frozenset({"Convert", "Subtract", "Multiply", "Reshape", "Transpose"})
"""Operations between a stored weight and the convolution that reads it."""


def check_graph(model: Any, manifest: Manifest) -> None:
    """
    Raise unless ``model`` (openvino.Model) is a graph as ``manifest`` describes it.

    Raises
    ------
    BundleError
        If it has another input, other outputs or another order of them, is quantised where
        the manifest says otherwise or the reverse, or has a weight that is not a number.
    """
    batch = openvino.Dimension.dynamic()
    rows = [] if manifest.window is None else [manifest.rows_per_input]
    _check_ports(model.inputs, {INPUT_NAME: [batch, *manifest.input_shape]}, openvino.Type.u8)
    shapes = {name: [batch, *rows, len(manifest.outputs)] for name in OUTPUT_NAMES}
    _check_ports(model.outputs, {**shapes, NOVELTY_NAME: [batch, *rows]}, openvino.Type.f32)
    _check_precision(model, manifest.precision)
    _check_weights(model)


def quantised_share(model: Any) -> float:
    """Return the share of the convolutions whose weights are of 8 bit; 0 without any."""
    kept = [
        _is_8_bit(op.input_value(1).get_node())
        for op in model.get_ops()
        if op.get_type_name() in _CONVOLUTIONS
    ]
    return sum(kept) / max(len(kept), 1)


def _check_precision(model: Any, precision: str) -> None:
    share = quantised_share(model)
    has_ranges = any(op.get_type_name() == "FakeQuantize" for op in model.get_ops())
    if precision == "int8":
        # A few layers may keep more bits where 8 bit would cost accuracy, but never half of them.
        if share > 0.5 and has_ranges:  # noqa: PLR2004 - said above
            return
        got = "is not quantised" if not share else "is quantised in part"
    elif share or has_ranges:
        got = "is quantised to 8 bit"
    else:
        return
    raise BundleError(
        f"expected a graph of precision {precision}, got one that {got} "
        f"({100 * share:.0f} % of its convolutions): it is not this bundle's; copy it again"
    )


def _is_8_bit(node: Any) -> bool:
    while node.get_type_name() in _PASSED_THROUGH:
        node = node.input_value(0).get_node()
    if node.get_type_name() == "FakeQuantize":
        return True
    kinds = (openvino.Type.i8, openvino.Type.u8)
    return node.get_type_name() == "Constant" and node.get_element_type() in kinds


def _check_weights(model: Any) -> None:
    for constant in _floating_constants(model):
        if np.isnan(constant.data).any():
            raise BundleError(
                f"expected weights that are numbers, got NaN in {constant.get_friendly_name()}: "
                "the training or the export went wrong; export the bundle again"
            )


def _floating_constants(model: Any) -> Iterator[Any]:
    kinds = (openvino.Type.f32, openvino.Type.f16)
    for op in model.get_ops():
        if op.get_type_name() == "Constant" and op.get_element_type() in kinds:
            yield op


def _check_ports(ports: list[Any], shapes: dict[str, list[Any]], element_type: Any) -> None:
    got = [(sorted(port.names), port.element_type, port.partial_shape) for port in ports]
    wanted = [([name], element_type, openvino.PartialShape(s)) for name, s in shapes.items()]
    if got != wanted:
        raise BundleError(f"expected a graph with {_listed(wanted)}, got {_listed(got)}")


def _listed(ports: list[Any]) -> str:
    return ", ".join(f"{'/'.join(names)} {kind.to_string()}{shape}" for names, kind, shape in ports)
