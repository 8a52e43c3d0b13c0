"""The parts of Segment Anything as OpenVINO graphs of fixed shapes."""

from typing import Any

import torch
from torch import nn

from downcore.inference.openvino_runtime import openvino, preprocess
from downcore.inference.segment_anything.manifest import (
    N_CHANNELS,
    PORTS,
    STRIDE_PX,
    TOKENS_PER_PROMPT,
)
from downcore_export.conversion import quiet_libraries
from downcore_export.segment_anything.network import (
    PictureToEmbedding,
    PromptsToTokens,
    SegmentAnything,
    TokensToMasks,
)


def graphs_of(network: SegmentAnything, side_px: int, batch: int) -> dict[str, Any]:
    """
    Return an ``openvino.Model`` for each part of a bundle.

    Parameters
    ----------
    network : SegmentAnything
        With its weights.
    side_px : int
        Side of the picture; a multiple of 16.
    batch : int
        Prompts that are answered at once.
    """
    small = side_px // STRIDE_PX
    picture = torch.full((1, 3, side_px, side_px), 128.0)
    points = torch.full((batch, 2), side_px / 2.0)
    boxes = torch.tensor([[0.0, 0.0, side_px - 1.0, side_px - 1.0]]).repeat(batch, 1)
    embedding = torch.zeros((1, N_CHANNELS, small, small))
    tokens = torch.zeros((batch, TOKENS_PER_PROMPT, N_CHANNELS))
    return {
        "encoder": _of_counts(_converted("encoder", PictureToEmbedding(network), picture)),
        "prompts": _converted("prompts", PromptsToTokens(network, side_px), points, boxes),
        "decoder": _converted("decoder", TokensToMasks(network, side_px), embedding, tokens),
    }


def _converted(part: str, module: nn.Module, *example: torch.Tensor) -> Any:
    with torch.no_grad(), quiet_libraries():
        graph = openvino.convert_model(
            module.eval(), example_input=example, input=[list(tensor.shape) for tensor in example]
        )
    for sides, names in zip((graph.inputs, graph.outputs), PORTS[part], strict=True):
        for port, name in zip(sides, names, strict=True):
            port.get_tensor().set_names({name})
    return graph


def _of_counts(graph: Any) -> Any:
    """Return a graph of pixels that takes them as they are in memory, 8 bit, channels last."""
    steps = preprocess.PrePostProcessor(graph)
    steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    return steps.build()
