"""
The DeepLabV3+ head: context at several rates, then a decoder that looks at fine detail.

Source: Chen et al. (2018), Encoder-decoder with atrous separable convolution for semantic
image segmentation. Its convolutions are separable; here they are plain and narrower, which costs
the same time in 8 bit and less in training, and holds more weights.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

RATES = (6, 12, 18)
"""Dilations of the pyramid, in pixels of the stride-8 map."""


class Pyramid(nn.Module):
    """Atrous spatial pyramid pooling: plain 3 x 3 convolutions and the image's mean."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.point = nn.Sequential(*_pointwise(n_in, n_out))
        self.rates = nn.ModuleList(
            nn.Sequential(*_spatial(n_in, n_out, rate=rate)) for rate in RATES
        )
        self.image = nn.Sequential(nn.AdaptiveAvgPool2d(1), *_pointwise(n_in, n_out))
        self.project = nn.Sequential(*_pointwise(n_out * (len(RATES) + 2), n_out))

    def forward(self, x: Tensor) -> Tensor:
        """Return ``n_out`` channels at the size of ``x``."""
        image = self.image(x).expand(-1, -1, x.shape[-2], x.shape[-1])
        views = [self.point(x), *(rate(x) for rate in self.rates), image]
        out: Tensor = self.project(torch.cat(views, dim=1))
        return out


class Decoder(nn.Module):
    """
    Join the branches at stride 8, see them at several rates, and refine at stride 4.

    Parameters
    ----------
    channels : sequence of int
        Channels of the branches, at strides 4, 8, 16 and 32.
    width : int
        Channels of the pyramid and of what comes out.
    n_low : int
        Channels to which the stride-4 branch is reduced, so that it does not drown the context.
    """

    def __init__(self, channels: Sequence[int], *, width: int = 64, n_low: int = 48) -> None:
        super().__init__()
        self.pyramid = Pyramid(sum(channels), width)
        self.low = nn.Sequential(*_pointwise(channels[0], n_low))
        self.refine = nn.Sequential(*_spatial(width + n_low, width), *_spatial(width, width))

    def forward(self, branches: Sequence[Tensor]) -> Tensor:
        """Return ``width`` channels at stride 4."""
        fine, middle, *coarse = branches
        size = middle.shape[-2:]
        joined = torch.cat(
            [functional.avg_pool2d(fine, 2, ceil_mode=True), middle]
            + [_resized(one, size) for one in coarse],
            dim=1,
        )
        context = _resized(self.pyramid(joined), fine.shape[-2:])
        out: Tensor = self.refine(torch.cat([context, self.low(fine)], dim=1))
        return out


def _pointwise(n_in: int, n_out: int) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(n_in, n_out, 1, bias=False),
        nn.BatchNorm2d(n_out),
        nn.ReLU(inplace=True),
    )


def _spatial(n_in: int, n_out: int, *, rate: int = 1) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(n_in, n_out, 3, padding=rate, dilation=rate, bias=False),
        nn.BatchNorm2d(n_out),
        nn.ReLU(inplace=True),
    )


def _resized(x: Tensor, size: Sequence[int]) -> Tensor:
    return functional.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)
