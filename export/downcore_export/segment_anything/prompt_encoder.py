"""
The prompt encoder of Segment Anything: positions of points and boxes as tokens.

Source: Kirillov et al. (2023), Segment Anything, arXiv:2304.02643, appendix A. The names of
modules are those of the public checkpoints.
"""

import math

import torch
from torch import Tensor, nn

from downcore_export.segment_anything.layers import ChannelNorm

_MASK_CHANNELS = (4, 16)
_POINT, _TOP_LEFT, _BOTTOM_RIGHT = 1, 2, 3
"""Kinds of points in the checkpoint; 0 is a background point."""


class _Places(nn.Module):
    """Places in the picture as waves of random frequencies, which are kept with the weights."""

    positional_encoding_gaussian_matrix: Tensor

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        frequencies = torch.randn((2, n_channels // 2))
        self.register_buffer("positional_encoding_gaussian_matrix", frequencies)

    def forward(self, places: Tensor) -> Tensor:
        """Return the waves at ``places``, (..., 2): x and y as shares of the side, 0 to 1."""
        phase = 2.0 * math.pi * ((2.0 * places - 1.0) @ self.positional_encoding_gaussian_matrix)
        return torch.cat([phase.sin(), phase.cos()], dim=-1)


class PromptEncoder(nn.Module):
    """Prompts of one point and one box each; masks as prompts are loaded and never computed."""

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        narrow, wide = _MASK_CHANNELS
        self.pe_layer = _Places(n_channels)
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, n_channels) for _ in range(4))
        self.not_a_point_embed = nn.Embedding(1, n_channels)
        self.mask_downscaling = nn.Sequential(
            nn.Conv2d(1, narrow, 2, stride=2),
            ChannelNorm(narrow),
            nn.GELU(),
            nn.Conv2d(narrow, wide, 2, stride=2),
            ChannelNorm(wide),
            nn.GELU(),
            nn.Conv2d(wide, n_channels, 1),
        )
        self.no_mask_embed = nn.Embedding(1, n_channels)

    def forward(self, points: Tensor, boxes: Tensor, side_px: int) -> Tensor:
        """
        Return three tokens a prompt, shape (n, 3, channels).

        ``points`` (n, 2) are x and y, ``boxes`` (n, 4) are left, top, right and bottom, all in
        pixels of a picture of ``side_px``, pixels counted from 0.
        """
        corners = boxes.reshape(-1, 2, 2)
        places = (torch.cat([points[:, None], corners], dim=1) + 0.5) / side_px
        kinds = [self.point_embeddings[kind].weight for kind in (_POINT, _TOP_LEFT, _BOTTOM_RIGHT)]
        tokens: Tensor = self.pe_layer(places) + torch.cat(kinds)  # type: ignore[arg-type] # weights
        return tokens

    def places(self, embedding_px: int) -> Tensor:
        """Return the waves at each pixel of an embedding, (1, embedding_px ** 2, channels)."""
        middle = (torch.arange(embedding_px, dtype=torch.float32) + 0.5) / embedding_px
        y, x = torch.meshgrid(middle, middle, indexing="ij")
        waves: Tensor = self.pe_layer(torch.stack([x, y], dim=-1).reshape(1, -1, 2))
        return waves
