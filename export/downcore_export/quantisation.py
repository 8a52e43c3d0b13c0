"""
Quantisers: from a graph of 32 bit to one of 8 bit.

Which of them is nearest the unquantised network depends on the network, so all are tried and the
nearest on unseen cores is kept. Ranges are taken over all calibration tiles, never as means over
tiles. To add one, write a function of :data:`Quantise` and put it into :data:`QUANTISERS`.
"""

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from downcore.inference.openvino_runtime import openvino
from downcore_export.conversion import convert, quiet_libraries, with_ports
from downcore_export.onnx_quantisation import quantised_onnx

EXACT_PARTS = ("look", "boosted", "trees", "reading", "log_sd", "normalise")
"""Parts of networks on windows that are never quantised: colour, trees, the logger's reading."""

_CLIPPED_SHARE = 1e-3
"""Of the activations of each tile, at either end: rare bright ones would coarsen all others."""

Quantise = Callable[[nn.Module, NDArray[np.uint8]], Any]
"""Takes the module and calibration tiles (n, 200, 200, 3), returns a graph with our ports."""


def nncf_symmetric(module: nn.Module, tiles: NDArray[np.uint8]) -> Any:
    """Quantise with NNCF; activations of both signs get ranges about 0."""
    return _by_nncf(module, tiles, clips=False, corrects_bias=True)


def nncf_quantiles(module: nn.Module, tiles: NDArray[np.uint8]) -> Any:
    """Quantise as :func:`nncf_symmetric` does; a thousandth of each tile's activations clips."""
    return _by_nncf(module, tiles, clips=True, corrects_bias=True)


def nncf_without_bias_correction(module: nn.Module, tiles: NDArray[np.uint8]) -> Any:
    """Quantise with NNCF as :func:`nncf_symmetric` does, and leave the biases alone."""
    return _by_nncf(module, tiles, clips=False, corrects_bias=False)


def onnxruntime_per_channel(module: nn.Module, tiles: NDArray[np.uint8]) -> Any:
    """Quantise with ONNX Runtime: least and greatest activations, weights channel by channel."""
    return with_ports(openvino.Core().read_model(quantised_onnx(module, tiles)))


QUANTISERS: dict[str, Quantise] = {
    "nncf-symmetric": nncf_symmetric,
    "nncf-quantiles": nncf_quantiles,
    "nncf-without-bias-correction": nncf_without_bias_correction,
    "onnxruntime": onnxruntime_per_channel,
}
"""Every quantiser, by the name that manifests record."""


def _by_nncf(
    module: nn.Module, tiles: NDArray[np.uint8], *, clips: bool, corrects_bias: bool
) -> Any:
    import nncf  # noqa: PLC0415 - slow to import, and optional
    from nncf.quantization.range_estimator import (  # noqa: PLC0415 - the same
        AggregatorType,
        RangeEstimatorParameters,
        RangeEstimatorParametersSet,
        StatisticsCollectorParameters,
        StatisticsType,
    )

    # Its own setter would raise the level of every handler of the process too.
    logging.getLogger("nncf").setLevel(logging.ERROR)
    # NNCF's own choice, means over tiles, clips the tiles of the cores that differ most.
    ranges = RangeEstimatorParametersSet.MINMAX
    if clips:
        low, high = (
            StatisticsCollectorParameters(
                StatisticsType.QUANTILE, aggregator, quantile_outlier_prob=_CLIPPED_SHARE
            )
            for aggregator in (AggregatorType.MIN, AggregatorType.MAX)
        )
        ranges = RangeEstimatorParameters(min=low, max=high)
    parameters = nncf.AdvancedQuantizationParameters(
        activations_range_estimator_params=ranges, disable_bias_correction=not corrects_bias
    )
    parts = "|".join(name for name in EXACT_PARTS if hasattr(module, "window"))
    ignored = nncf.IgnoredScope(patterns=[f".*[._/]({parts})[._/].*"], validate=False)
    with quiet_libraries():
        return nncf.quantize(
            convert(module),
            nncf.Dataset([tile[None] for tile in tiles]),
            preset=nncf.QuantizationPreset.PERFORMANCE,
            subset_size=len(tiles),
            advanced_parameters=parameters,
            ignored_scope=ignored if parts else None,
        )
