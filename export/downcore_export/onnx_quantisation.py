"""A torch module as an ONNX model, of 32 bit or quantised by ONNX Runtime."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from downcore.strata.bundle import OUTPUT_NAMES
from downcore_export.conversion import FEATURES_NAME, example_input, quiet_libraries

INPUT = "x"
"""Name of the input of these models: float, (n, 3, 200, 200), RGB of 0 to 255."""

_OPSET = 17


def plain_onnx(module: nn.Module) -> bytes:
    """Return ``module`` as ONNX of 32 bit."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plain.onnx"
        _write_onnx(module, path)
        return path.read_bytes()


def quantised_onnx(module: nn.Module, tiles: NDArray[np.uint8]) -> bytes:
    """
    Return ``module`` as ONNX with quantise and dequantise nodes.

    Parameters
    ----------
    module : Module
        In evaluation mode.
    tiles : ndarray, shape (n, 200, 200, 3)
        They set the ranges, which hold the least and the greatest activation.
    """
    from onnxruntime.quantization import (  # noqa: PLC0415 - slow to import, and optional
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plain, prepared, quantised = (folder / f"{n}.onnx" for n in ("plain", "prepared", "int8"))
        _write_onnx(module, plain)
        quant_pre_process(str(plain), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(quantised),
            cast("Any", _Reader(tiles)),  # its base class is slow to import, and optional
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
        return quantised.read_bytes()


def _write_onnx(module: nn.Module, path: Path) -> None:
    outputs = [*OUTPUT_NAMES, FEATURES_NAME]
    with quiet_libraries():
        torch.onnx.export(
            module,
            (example_input(),),
            str(path),
            input_names=[INPUT],
            output_names=outputs,
            dynamo=False,
            opset_version=_OPSET,
            dynamic_axes={INPUT: {0: "n"}, **{name: {0: "n"} for name in outputs}},
        )


class _Reader:
    """Hands calibration tiles to ONNX Runtime, one at a time."""

    def __init__(self, tiles: NDArray[np.uint8]) -> None:
        self._left: Iterator[NDArray[np.uint8]] = iter(tiles)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        tile = next(self._left, None)
        if tile is None:
            return None
        return {INPUT: tile.transpose(2, 0, 1)[None].astype(np.float32)}
