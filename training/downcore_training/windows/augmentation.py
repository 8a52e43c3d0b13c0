"""Windows as other cameras, lamps and core tables would show them."""

import torch
from torch import Tensor
from torch.nn import functional

GAIN_SD = 0.02
"""
Sd of the log of the brightness of a window. Small, since a flat field leaves little: with 0.08, and
casts of 0.02, a network on ODP 887A no longer learned what the colour of mud says.
"""
CAST_SD = 0.004
"""Sd of the log of the gain of each channel."""
MAX_NOISE_COUNTS = 2.0
COARSE_SHARE = 0.3
"""Share of windows seen at a lower resolution."""
COARSEST = 5.0
"""Most by which it is lower: from 20 px/cm to 4."""
CUT_SHARE = 0.3
"""Share of windows with a patch that is no sediment."""


def augmented(pixels: Tensor, generator: torch.Generator, *, across_px: int) -> Tensor:
    """
    Return windows (n, 4, lines, 200) changed at random and ``across_px`` wide.

    Mirrored, moved across, brighter or darker, with a cast, noise, blur and patches of no
    sediment; depth is never turned, since beds have a top.
    """
    n, _, height, width = pixels.shape
    left = (width - across_px) // 2
    jitter = min(left, 6)
    if jitter:
        left += int(torch.randint(-jitter, jitter + 1, (1,), generator=generator))
    x = pixels[..., left : left + across_px].clone()
    mirrored = torch.rand(n, generator=generator) < 0.5  # noqa: PLR2004 - either side
    x[mirrored] = x[mirrored].flip(3)
    for i in torch.nonzero(torch.rand(n, generator=generator) < COARSE_SHARE).flatten().tolist():
        factor = 1.0 + (COARSEST - 1.0) * float(torch.rand(1, generator=generator))
        x[i, :3] = _coarser(x[i], factor)
    gain = torch.exp(GAIN_SD * torch.randn(n, 1, 1, 1, generator=generator))
    cast = torch.exp(CAST_SD * torch.randn(n, 3, 1, 1, generator=generator))
    noise = MAX_NOISE_COUNTS * torch.rand(n, 1, 1, 1, generator=generator)
    grain = torch.randn(n, 1, height, across_px, generator=generator)
    x[:, :3] = (x[:, :3] * gain * cast + noise * grain).clamp(0.0, 255.0)
    for i in torch.nonzero(torch.rand(n, generator=generator) < CUT_SHARE).flatten().tolist():
        _cut_patch(x[i], generator)
    x[:, :3] = x[:, :3] * (x[:, 3:] > 0)
    return x


def _coarser(window: Tensor, factor: float) -> Tensor:
    height, width = window.shape[1:]
    size = [max(1, round(height / factor)), max(1, round(width / factor))]
    mask = (window[3:] > 0).float()[None]
    small = functional.interpolate(window[None, :3] * mask, size=size, mode="area")
    share = functional.interpolate(mask, size=size, mode="area").clamp(min=1e-3)
    return functional.interpolate(small / share, size=(height, width), mode="bilinear")[0]


def _cut_patch(window: Tensor, generator: torch.Generator) -> None:
    height, width = window.shape[1:]
    down, across = (int(x) for x in torch.randint(4, 50, (2,), generator=generator))
    top = int(torch.randint(0, height - down, (1,), generator=generator))
    left = int(torch.randint(0, max(width - across, 1), (1,), generator=generator))
    window[:, top : top + down, left : left + across] = 0.0
