"""Conversion of a torch module to an OpenVINO graph that takes tiles as they are cut."""

import io
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from downcore.inference.openvino_runtime import openvino, preprocess
from downcore.strata.bundle import INPUT_NAME, OUTPUT_NAMES, TILE_PX
from downcore.strata.windows import Window

FEATURES_NAME = "features"
"""Name of the last output of an unfinished graph: shape (n, k), f32."""

_EXAMPLE_TILES = 2
"""Tiles of the traced example; not 1, so that the batch size is not folded as a constant."""


def input_shape_of(module: nn.Module) -> tuple[int, int, int]:
    """Return lines, pixels across and channels of a module's input: a tile's or its window's."""
    window = getattr(module, "window", None)
    return window.shape if isinstance(window, Window) else (TILE_PX, TILE_PX, 3)


def example_input(shape: tuple[int, int, int] = (TILE_PX, TILE_PX, 3)) -> torch.Tensor:
    """Return an input of lines, pixels across and channels ``shape`` for tracing."""
    height, width, channels = shape
    return torch.full((_EXAMPLE_TILES, channels, height, width), 128.0)


def convert(module: nn.Module) -> Any:
    """
    Return ``module`` as a graph, unquantised, with the ports of a bundle.

    Parameters
    ----------
    module : Module
        In evaluation mode; takes counts of 0 to 255 as float, (n, channels, lines, across), and
        normalises them itself; returns mean, log sd and sd within, each (n, n_properties), and
        features; of a window each with an axis of rows before the last.

    Returns
    -------
    openvino.Model
        Input ``tiles``, u8, (n, lines, across, channels); outputs as in ``OUTPUT_NAMES``, then
        ``FEATURES_NAME``; n is free.
    """
    shape = input_shape_of(module)
    height, width, channels = shape
    with torch.no_grad(), quiet_libraries():
        graph = openvino.convert_model(
            module, example_input=example_input(shape), input=[-1, channels, height, width]
        )
    return with_ports(graph)


def with_ports(graph: Any) -> Any:
    """
    Return ``graph`` with the input and the outputs of a bundle, features for the novelty.

    ``graph`` takes float, channels before lines. Turning 8 bit into float and the channels to the
    front is exact, so that the graph computes the same numbers with it as without.
    """
    names = (*OUTPUT_NAMES, FEATURES_NAME)
    if len(graph.outputs) != len(names):
        raise ValueError(f"expected the outputs {names}, got {len(graph.outputs)}")
    for port, name in zip(graph.outputs, names, strict=True):
        port.get_tensor().set_names({name})
    graph.inputs[0].get_tensor().set_names({INPUT_NAME})
    steps = preprocess.PrePostProcessor(graph)
    steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    return steps.build()


def with_corrected_outputs(
    graph: Any, gains: NDArray[np.float32], offsets: NDArray[np.float32]
) -> Any:
    """
    Return ``graph`` with every value multiplied by a gain and shifted by an offset.

    ``gains`` and ``offsets`` have the shape (3, n_properties), in the order of ``OUTPUT_NAMES``.
    """
    ops = openvino.opset13
    corrected = graph.clone()
    results = corrected.get_results()[: len(OUTPUT_NAMES)]
    for result, name, gain, offset in zip(results, OUTPUT_NAMES, gains, offsets, strict=True):
        source = result.input_value(0)
        source.get_tensor().set_names(set())
        shifted = ops.add(ops.multiply(source, gain[None]), offset[None])
        shifted.output(0).get_tensor().set_names({name})
        result.input(0).replace_source_output(shifted.output(0))
    corrected.validate_nodes_and_infer_types()
    return corrected


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Silence warnings and progress bars of torch and the quantisers."""
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def as_written(graph: Any, *, is_half: bool) -> tuple[bytes, bytes]:
    """
    Return the XML and the weights of ``graph``, in 16 bit where ``is_half``.

    Its nodes are renamed by their order: their original names depend on earlier conversions of the
    process, so the same network would give other bytes.
    """
    graph = graph.clone()
    graph.set_friendly_name("network")
    for i, node in enumerate(graph.get_ordered_ops()):
        node.set_friendly_name(f"{node.get_type_name()}_{i}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.xml"
        openvino.save_model(graph, path, compress_to_fp16=is_half)
        return path.read_bytes(), path.with_suffix(".bin").read_bytes()


def as_read(xml: bytes, weights: bytes) -> Any:
    """Return the graph that a device would read."""
    return openvino.Core().read_model(xml, weights)
