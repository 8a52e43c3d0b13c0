"""Segment Anything as a whole, and its parts as the device runs them."""

import torch
from torch import Tensor, nn

from downcore_export.segment_anything.image_encoder import (
    EMBEDDING_CHANNELS,
    STRIDE_PX,
    ImageEncoder,
)
from downcore_export.segment_anything.mask_decoder import MaskDecoder
from downcore_export.segment_anything.prompt_encoder import PromptEncoder

MEAN_COUNTS = (123.675, 116.28, 103.53)
"""Mean of the pictures it learned from, RGB, 0 to 255."""
SPREAD_COUNTS = (58.395, 57.12, 57.375)
"""Their standard deviation."""


class SegmentAnything(nn.Module):
    """All weights of a checkpoint, under the checkpoint's names."""

    def __init__(self) -> None:
        super().__init__()
        self.image_encoder = ImageEncoder()
        self.prompt_encoder = PromptEncoder(EMBEDDING_CHANNELS)
        self.mask_decoder = MaskDecoder(EMBEDDING_CHANNELS)


class PictureToEmbedding(nn.Module):
    """RGB of 0 to 255, (1, 3, side, side), to the embedding, (1, 256, side / 16, side / 16)."""

    mean: Tensor
    spread: Tensor

    def __init__(self, network: SegmentAnything) -> None:
        super().__init__()
        self.encoder = network.image_encoder
        self.register_buffer("mean", torch.tensor(MEAN_COUNTS)[:, None, None])
        self.register_buffer("spread", torch.tensor(SPREAD_COUNTS)[:, None, None])

    def forward(self, picture: Tensor) -> Tensor:
        """Return the embedding."""
        embedding: Tensor = self.encoder((picture - self.mean) / self.spread)
        return embedding


class PromptsToTokens(nn.Module):
    """Points, (n, 2), and boxes, (n, 4), to tokens, (n, 3, 256)."""

    def __init__(self, network: SegmentAnything, side_px: int) -> None:
        super().__init__()
        self.side_px = side_px
        self.prompts = network.prompt_encoder

    def forward(self, points: Tensor, boxes: Tensor) -> Tensor:
        """Return the tokens."""
        tokens: Tensor = self.prompts(points, boxes, self.side_px)
        return tokens


class TokensToMasks(nn.Module):
    """Embedding and tokens to masks, (n, 4, side / 4, side / 4), and overlaps, (n, 4)."""

    places: Tensor
    no_mask: Tensor

    def __init__(self, network: SegmentAnything, side_px: int) -> None:
        super().__init__()
        self.decoder = network.mask_decoder
        with torch.no_grad():
            places = network.prompt_encoder.places(side_px // STRIDE_PX)
            no_mask = network.prompt_encoder.no_mask_embed.weight.clone()
        self.register_buffer("places", places)
        self.register_buffer("no_mask", no_mask)

    def forward(self, embedding: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return masks and predicted overlaps."""
        picture = embedding.flatten(2).transpose(1, 2) + self.no_mask
        masks, overlaps = self.decoder(picture, self.places, tokens)
        return masks, overlaps
