"""
The network as ONNX, for runtimes other than OpenVINO; checked in ONNX Runtime.

It is quantised by ONNX Runtime whatever the bundle's own quantiser, since an OpenVINO graph cannot
be converted to ONNX. Where 8 bit changes values too much, it is kept in 32 bit.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downcore.strata.bundle import INPUT_NAME, OUTPUT_NAMES, TILE_PX, OnnxFile
from downcore_export.answers import Tiles, spread_over
from downcore_export.conversion import FEATURES_NAME
from downcore_export.onnx_quantisation import INPUT, plain_onnx, quantised_onnx
from downcore_export.parity import MAX_P95_DEVIATION
from downcore_export.quantisation_correction import correction
from downcore_export.quantiser_selection import Calibration, Chosen
from downcore_export.source import Source
from downcore_training.datasets import CoreSets

CHECKED_TILES = 400
"""Tiles of test cores on which it is compared with the unquantised network."""

_BATCH = 4


@dataclass(frozen=True, slots=True, eq=False)
class WrittenOnnx:
    """The content of ``model.onnx``, and its entry in the manifest."""

    content: bytes
    record: OnnxFile

    @property
    def sha256(self) -> str:
        """SHA-256 of the content."""
        return hashlib.sha256(self.content).hexdigest()


def onnx_file(
    source: Source, sets: CoreSets, chosen: Chosen, golden: tuple[Tiles, NDArray[np.float32]]
) -> WrittenOnnx:
    """
    Return the ONNX file of a bundle: tiles in as they are cut, values and features out.

    Parameters
    ----------
    source : Source
        The checkpoint.
    sets : CoreSets
        Cores of its recipe.
    chosen : Chosen
        The bundle's graph, and the unquantised graph's outputs for the test tiles.
    golden : tuple
        Golden tiles, and the bundle's own outputs of them, shape (3, n, n_properties).
    """
    some = spread_over(sets.test, CHECKED_TILES)
    ideal = chosen.ideal[:, some.indices]
    precision, content, moved = "f32", b"", {"": np.inf}
    if chosen.calibration is not None:
        precision, content = "int8", _of_8_bit(source, chosen.calibration)
        moved = _p95(run_onnx(content, some)[0], ideal[0], source.properties)
    if not max(moved.values()) <= MAX_P95_DEVIATION:
        precision, content = "f32", with_tile_input(plain_onnx(source.module))
        moved = _p95(run_onnx(content, some)[0], ideal[0], source.properties)
    tiles, outputs = golden
    apart = float(np.abs(run_onnx(content, tiles)[0] - outputs[0]).max())
    return WrittenOnnx(content, OnnxFile(precision, apart, moved))


def _of_8_bit(source: Source, calibration: Calibration) -> bytes:
    raw = with_tile_input(quantised_onnx(source.module, calibration.pixels))
    return with_line(raw, *correction(run_onnx(raw, calibration.pixels), calibration.ideal))


def run_onnx(content: bytes, tiles: Tiles) -> NDArray[np.float32]:
    """Return ONNX Runtime's outputs for ``tiles``, shape (3, n, n_properties)."""
    import onnxruntime  # noqa: PLC0415 - slow to import, and optional

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    found = [
        np.stack(
            [
                np.asarray(output)
                for output in session.run(
                    list(OUTPUT_NAMES), {INPUT_NAME: tiles[first : first + _BATCH]}
                )
            ]
        )
        for first in range(0, len(tiles), _BATCH)
    ]
    return np.concatenate(found, axis=1)


def with_tile_input(content: bytes) -> bytes:
    """Return a model that takes tiles of 8 bit, (n, 200, 200, 3), in the place of floats."""
    import onnx  # noqa: PLC0415 - slow to import, and optional

    model = onnx.load_from_string(content)
    graph, make = model.graph, onnx.helper
    kept = [tensor for tensor in graph.input if tensor.name != INPUT]
    shape: list[str | int] = ["n", TILE_PX, TILE_PX, 3]
    tiles = make.make_tensor_value_info(INPUT_NAME, onnx.TensorProto.UINT8, shape)
    _replace(graph.input, [tiles, *kept])
    first = [
        make.make_node("Cast", [INPUT_NAME], ["tiles_float"], to=onnx.TensorProto.FLOAT),
        make.make_node("Transpose", ["tiles_float"], [INPUT], perm=[0, 3, 1, 2]),
    ]
    _replace(graph.node, [*first, *graph.node])
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def with_line(content: bytes, gains: NDArray[np.float32], offsets: NDArray[np.float32]) -> bytes:
    """Return a model whose values are multiplied and shifted; shapes (3, n_properties)."""
    import onnx  # noqa: PLC0415 - slow to import, and optional
    from onnx import numpy_helper  # noqa: PLC0415 - the same

    model = onnx.load_from_string(content)
    graph = model.graph
    for name, gain, offset in zip(OUTPUT_NAMES, gains, offsets, strict=True):
        _rename(graph, name, f"{name}_raw")
        graph.initializer.append(numpy_helper.from_array(gain[None], f"{name}_gain"))
        graph.initializer.append(numpy_helper.from_array(offset[None], f"{name}_offset"))
        node = onnx.helper.make_node
        graph.node.append(node("Mul", [f"{name}_raw", f"{name}_gain"], [f"{name}_scaled"]))
        graph.node.append(node("Add", [f"{name}_scaled", f"{name}_offset"], [name]))
    onnx.checker.check_model(model)
    got = [tensor.name for tensor in graph.output]
    if got != [*OUTPUT_NAMES, FEATURES_NAME]:
        raise ValueError(f"expected the outputs of a network in their order, got {got}")
    return bytes(model.SerializeToString())


def _rename(graph: Any, old: str, new: str) -> None:
    """Rename a tensor wherever it is made or read; the graph's own output keeps its name."""
    for node in graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                if name == old:
                    names[i] = new


def _replace(field: Any, content: list[Any]) -> None:
    copies = [type(message).FromString(message.SerializeToString()) for message in content]
    del field[:]
    field.extend(copies)


def _p95(
    got: NDArray[np.float32], ideal: NDArray[np.float32], properties: Sequence[str]
) -> dict[str, float]:
    moved = np.percentile(np.abs(got - ideal), 95, axis=0)
    return {name: float(x) for name, x in zip(properties, moved, strict=True)}
