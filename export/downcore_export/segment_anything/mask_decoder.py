"""
The mask decoder of Segment Anything: cross-attention of prompts and picture, then masks.

Source: Kirillov et al. (2023), Segment Anything, arXiv:2304.02643, appendix A. The names of
modules are those of the public checkpoints.
"""

import math

import torch
from torch import Tensor, nn

from downcore_export.segment_anything.layers import ChannelNorm, Perceptron

MASKS_PER_PROMPT = 4
"""One for unambiguous prompts, three for a part, the whole and a level between."""

_N_HEADS = 8
_N_LAYERS = 2
_HIDDEN = 2048


class _Attention(nn.Module):
    """Attention in 8 heads, in fewer channels where ``narrowing`` is above 1."""

    def __init__(self, n_channels: int, narrowing: int = 1) -> None:
        super().__init__()
        inner = n_channels // narrowing
        self.q_proj = nn.Linear(n_channels, inner)
        self.k_proj = nn.Linear(n_channels, inner)
        self.v_proj = nn.Linear(n_channels, inner)
        self.out_proj = nn.Linear(inner, n_channels)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Return the attention of every query; a first dimension of 1 is broadcast."""
        query = _heads(self.q_proj(query))
        key, value = _heads(self.k_proj(key)), _heads(self.v_proj(value))
        scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[-1])
        found = (torch.softmax(scores, dim=-1) @ value).transpose(1, 2)
        y: Tensor = self.out_proj(found.flatten(2))
        return y


def _heads(x: Tensor) -> Tensor:
    n, n_tokens, n_channels = x.shape
    return x.reshape(n, n_tokens, _N_HEADS, n_channels // _N_HEADS).transpose(1, 2)


class _Hidden(nn.Module):
    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.lin1 = nn.Linear(n_channels, _HIDDEN)
        self.lin2 = nn.Linear(_HIDDEN, n_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return tokens of the same shape."""
        y: Tensor = self.lin2(torch.relu(self.lin1(x)))
        return y


class _TwoWayLayer(nn.Module):
    """Tokens attend to tokens, then to the picture; then the picture attends to the tokens."""

    def __init__(self, n_channels: int, *, is_first: bool) -> None:
        super().__init__()
        self.is_first = is_first
        self.self_attn = _Attention(n_channels)
        self.norm1 = nn.LayerNorm(n_channels)
        self.cross_attn_token_to_image = _Attention(n_channels, 2)
        self.norm2 = nn.LayerNorm(n_channels)
        self.mlp = _Hidden(n_channels)
        self.norm3 = nn.LayerNorm(n_channels)
        self.norm4 = nn.LayerNorm(n_channels)
        self.cross_attn_image_to_token = _Attention(n_channels, 2)

    def forward(
        self, tokens: Tensor, picture: Tensor, prompts: Tensor, places: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return tokens and picture; ``prompts`` and ``places`` say again where they are."""
        if self.is_first:
            tokens = self.self_attn(tokens, tokens, tokens)
        else:
            placed = tokens + prompts
            tokens = tokens + self.self_attn(placed, placed, tokens)
        tokens = self.norm1(tokens)
        seen = self.cross_attn_token_to_image(tokens + prompts, picture + places, picture)
        tokens = self.norm2(tokens + seen)
        tokens = self.norm3(tokens + self.mlp(tokens))
        from_tokens = self.cross_attn_image_to_token(picture + places, tokens + prompts, tokens)
        return tokens, self.norm4(picture + from_tokens)


class _TwoWayTransformer(nn.Module):
    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            _TwoWayLayer(n_channels, is_first=i == 0) for i in range(_N_LAYERS)
        )
        self.final_attn_token_to_image = _Attention(n_channels, 2)
        self.norm_final_attn = nn.LayerNorm(n_channels)

    def forward(self, picture: Tensor, places: Tensor, prompts: Tensor) -> tuple[Tensor, Tensor]:
        """Return tokens, (n, n_tokens, channels), and the picture, (n, n_pixels, channels)."""
        tokens = prompts
        for layer in self.layers:
            tokens, picture = layer(tokens, picture, prompts, places)
        seen = self.final_attn_token_to_image(tokens + prompts, picture + places, picture)
        return self.norm_final_attn(tokens + seen), picture


class MaskDecoder(nn.Module):
    """Masks and how good each is, for prompts on one picture."""

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        half, narrow = n_channels // 4, n_channels // 8
        self.transformer = _TwoWayTransformer(n_channels)
        self.iou_token = nn.Embedding(1, n_channels)
        self.mask_tokens = nn.Embedding(MASKS_PER_PROMPT, n_channels)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(n_channels, half, 2, stride=2),
            ChannelNorm(half),
            nn.GELU(),
            nn.ConvTranspose2d(half, narrow, 2, stride=2),
            nn.GELU(),
        )
        self.output_hypernetworks_mlps = nn.ModuleList(
            Perceptron(n_channels, n_channels, n_channels, narrow) for _ in range(MASKS_PER_PROMPT)
        )
        self.iou_prediction_head = Perceptron(n_channels, n_channels, n_channels, MASKS_PER_PROMPT)

    def forward(self, picture: Tensor, places: Tensor, prompts: Tensor) -> tuple[Tensor, Tensor]:
        """
        Return masks, (n, 4, 4 h, 4 h), above 0 inside, and predicted overlaps, (n, 4).

        Parameters
        ----------
        picture, places : Tensor, shape (1, h * h, channels)
            Embedding of the one picture, and where its pixels are.
        prompts : Tensor, shape (n, n_tokens, channels)
            Tokens of each prompt.
        """
        own = torch.cat([self.iou_token.weight, self.mask_tokens.weight])[None]
        tokens = torch.cat([own.expand(prompts.shape[0], -1, -1), prompts], dim=1)
        # All prompts share one picture until the first cross-attention changes it.
        tokens, picture = self.transformer(picture, places, tokens)
        n, n_pixels, n_channels = picture.shape
        side = math.isqrt(n_pixels)
        fine = self.output_upscaling(picture.transpose(1, 2).reshape(n, n_channels, side, side))
        weights = torch.stack(
            [network(tokens[:, 1 + i]) for i, network in enumerate(self.output_hypernetworks_mlps)],
            dim=1,
        )
        masks = (weights @ fine.flatten(2)).reshape(n, MASKS_PER_PROMPT, 4 * side, 4 * side)
        return masks, self.iou_prediction_head(tokens[:, 0])
