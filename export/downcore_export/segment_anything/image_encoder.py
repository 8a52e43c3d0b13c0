"""
The image encoder of MobileSAM: TinyViT with 5 million parameters and Segment Anything's neck.

The names of modules are those of the public checkpoint. The encoder has no position embedding
but the offsets inside its attention windows, so it takes pictures of any side.

Sources: Wu et al. (2022), TinyViT, arXiv:2207.10666; Zhang et al. (2023), Faster Segment
Anything, arXiv:2306.14289.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own abbreviation
from torch import Tensor, nn

from downcore_export.segment_anything.layers import ChannelNorm

EMBEDDING_CHANNELS = 256
"""Channels of the embedding that the decoder reads."""

STRIDE_PX = 16
"""Pixels of the picture for each pixel of the embedding, along and across."""

_N_CLASSES = 1000
_EXPANSION = 4


@dataclass(frozen=True, slots=True)
class _Stage:
    channels: int
    n_blocks: int
    n_heads: int
    """0 where the blocks are convolutions."""
    window_px: int
    next_channels: int
    """0 at the end."""
    halves: bool
    """Whether the step to the next stage halves the resolution."""


_STAGES = (
    _Stage(64, 2, 0, 0, 128, halves=True),
    _Stage(128, 2, 4, 7, 160, halves=True),
    # MobileSAM keeps the resolution here, so that the embedding has one pixel for 16.
    _Stage(160, 6, 5, 14, 320, halves=False),
    _Stage(320, 2, 10, 7, 0, halves=False),
)


class _NormedConv(nn.Module):
    """A convolution without bias, then batch normalisation."""

    def __init__(
        self, n_in: int, n_out: int, size: int = 1, *, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self.c = nn.Conv2d(
            n_in, n_out, size, stride=stride, padding=size // 2, groups=groups, bias=False
        )
        self.bn = nn.BatchNorm2d(n_out)

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised convolution."""
        y: Tensor = self.bn(self.c(x))
        return y


class _PatchEmbedding(nn.Module):
    def __init__(self, n_channels: int) -> None:
        super().__init__()
        half = n_channels // 2
        self.seq = nn.Sequential(
            _NormedConv(3, half, 3, stride=2),
            nn.GELU(),
            _NormedConv(half, n_channels, 3, stride=2),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return one pixel for every 4 x 4 of the picture."""
        y: Tensor = self.seq(x)
        return y


class _ConvolutionBlock(nn.Module):
    """An inverted bottleneck: wide, by channel, narrow, and the input added."""

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        wide = _EXPANSION * n_channels
        self.conv1 = _NormedConv(n_channels, wide)
        self.conv2 = _NormedConv(wide, wide, 3, groups=wide)
        self.conv3 = _NormedConv(wide, n_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return features of the same shape."""
        added: Tensor = self.conv3(F.gelu(self.conv2(F.gelu(self.conv1(x)))))
        return F.gelu(x + added)


class _Step(nn.Module):
    """Between stages: more channels, and half the resolution where wanted."""

    def __init__(self, n_in: int, n_out: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = _NormedConv(n_in, n_out)
        self.conv2 = _NormedConv(n_out, n_out, 3, stride=stride, groups=n_out)
        self.conv3 = _NormedConv(n_out, n_out)

    def forward(self, x: Tensor) -> Tensor:
        """Return the next stage's input."""
        y: Tensor = self.conv3(F.gelu(self.conv2(F.gelu(self.conv1(x)))))
        return y


class _WindowAttention(nn.Module):
    """Attention among the pixels of a window, with a bias by their offset."""

    bias_index: Tensor

    def __init__(self, n_channels: int, n_heads: int, window_px: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.head_channels = n_channels // n_heads
        self.norm = nn.LayerNorm(n_channels)
        self.qkv = nn.Linear(n_channels, 3 * n_channels)
        self.proj = nn.Linear(n_channels, n_channels)
        self.attention_biases = nn.Parameter(torch.zeros(n_heads, window_px**2))
        place = torch.arange(window_px**2)
        y, x = place // window_px, place % window_px
        index = (y[:, None] - y).abs() * window_px + (x[:, None] - x).abs()
        self.register_buffer("bias_index", index, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return windows of the same shape, (n_windows, n_pixels, n_channels)."""
        n, n_pixels, n_channels = x.shape
        # Query, key and value of one head stand together in the checkpoint.
        mixed = self.qkv(self.norm(x)).reshape(n, n_pixels, self.n_heads, 3, self.head_channels)
        query, key, value = mixed.permute(3, 0, 2, 1, 4).unbind(0)
        scores = query @ key.transpose(2, 3) * self.head_channels**-0.5
        weights = torch.softmax(scores + self.attention_biases[:, self.bias_index], dim=-1)
        y: Tensor = self.proj((weights @ value).transpose(1, 2).reshape(n, n_pixels, n_channels))
        return y


class _WidePerceptron(nn.Module):
    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(n_channels)
        self.fc1 = nn.Linear(n_channels, _EXPANSION * n_channels)
        self.fc2 = nn.Linear(_EXPANSION * n_channels, n_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return features of the same shape."""
        y: Tensor = self.fc2(F.gelu(self.fc1(self.norm(x))))
        return y


class _AttentionBlock(nn.Module):
    """Attention in windows, a convolution by channel, a perceptron for each pixel."""

    def __init__(self, n_channels: int, n_heads: int, window_px: int) -> None:
        super().__init__()
        self.window_px = window_px
        self.attn = _WindowAttention(n_channels, n_heads, window_px)
        self.mlp = _WidePerceptron(n_channels)
        self.local_conv = _NormedConv(n_channels, n_channels, 3, groups=n_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return features of the same shape, (n, channels, h, w)."""
        x = x + self._in_windows(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        x = self.local_conv(x)
        added: Tensor = self.mlp(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return x + added

    def _in_windows(self, x: Tensor) -> Tensor:
        n, height, width, n_channels = x.shape
        px = self.window_px
        if (height, width) == (px, px):
            alone: Tensor = self.attn(x.reshape(n, px * px, n_channels)).reshape(x.shape)
            return alone
        below, right = -height % px, -width % px
        x = F.pad(x, (0, 0, 0, right, 0, below))
        rows, columns = (height + below) // px, (width + right) // px
        cut = x.reshape(n, rows, px, columns, px, n_channels).transpose(2, 3)
        seen: Tensor = self.attn(cut.reshape(n * rows * columns, px * px, n_channels))
        whole = seen.reshape(n, rows, columns, px, px, n_channels).transpose(2, 3)
        joined: Tensor = whole.reshape(n, rows * px, columns * px, n_channels)
        return joined[:, :height, :width]


class _Blocks(nn.Module):
    def __init__(self, stage: _Stage) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            _AttentionBlock(stage.channels, stage.n_heads, stage.window_px)
            if stage.n_heads
            else _ConvolutionBlock(stage.channels)
            for _ in range(stage.n_blocks)
        )
        self.downsample: nn.Module | None = None
        if stage.next_channels:
            stride = 2 if stage.halves else 1
            self.downsample = _Step(stage.channels, stage.next_channels, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return the next stage's input."""
        for block in self.blocks:
            x = block(x)
        if self.downsample is not None:
            x = self.downsample(x)
        return x


class ImageEncoder(nn.Module):
    """
    A normalised picture, (n, 3, side, side), to its embedding, (n, 256, side / 16, side / 16).

    ``side`` is a multiple of 16. The classifier that the encoder was first trained with is
    among the weights of the checkpoint and is never computed.
    """

    def __init__(self) -> None:
        super().__init__()
        last = _STAGES[-1].channels
        self.patch_embed = _PatchEmbedding(_STAGES[0].channels)
        self.layers = nn.ModuleList(_Blocks(stage) for stage in _STAGES)
        self.norm_head = nn.LayerNorm(last)
        self.head = nn.Linear(last, _N_CLASSES)
        self.neck = nn.Sequential(
            nn.Conv2d(last, EMBEDDING_CHANNELS, 1, bias=False),
            ChannelNorm(EMBEDDING_CHANNELS),
            nn.Conv2d(EMBEDDING_CHANNELS, EMBEDDING_CHANNELS, 3, padding=1, bias=False),
            ChannelNorm(EMBEDDING_CHANNELS),
        )

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the embedding."""
        x = self.patch_embed(pictures)
        for layer in self.layers:
            x = layer(x)
        embedding: Tensor = self.neck(x)
        return embedding
