"""
Augmentation: changes to a tile that keep its sediment.

Colour and depth carry the meaning: gains stay small, and a tile is mirrored across the core, never
turned upside down, because graded beds have an up. A tile is always 1 cm wide, so a lower
resolution means less detail, not another size.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from downcore_training.recipe import Recipe

_MOST = 255.0
_MAX_SHEEN = 0.1
"""Strongest shine, as a share of the distance to white."""


def augment(pixels: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """
    Return ``pixels`` as another scan of the same sediment could show them.

    Mirrored across the core, at a lower resolution, slightly blurred, of another contrast
    and gain, tinted, with a soft shine, and with noise: each at random and a little.

    Parameters
    ----------
    pixels : Tensor, shape (n, 3, height, width)
        RGB, 0 to 255, float32; not changed.
    recipe : Recipe
        How strong.
    generator : Generator
        Decides everything that is random.

    Returns
    -------
    Tensor, shape (n, 3, height, width)
        0 to 255.
    """
    n = len(pixels)
    mirrored = torch.rand(n, 1, 1, 1, generator=generator) < 0.5  # noqa: PLR2004 - a coin
    out = torch.where(mirrored, pixels.flip(3), pixels)
    lowered = torch.rand(n, generator=generator) < recipe.jitter_resolution
    factor = recipe.jitter_resolution_most ** float(torch.rand((), generator=generator))
    if bool(lowered.any()):
        out[lowered] = _lower_resolution(out[lowered], factor)
    blurred = torch.rand(n, generator=generator) < recipe.jitter_blur
    if bool(blurred.any()):
        out[blurred] = _blur(out[blurred])
    contrast = torch.exp(recipe.jitter_contrast * torch.randn(n, 1, 1, 1, generator=generator))
    gain = recipe.jitter_brightness * torch.randn(n, 1, 1, 1, generator=generator)
    tint = recipe.jitter_white_balance * torch.randn(n, 3, 1, 1, generator=generator)
    middle = out.mean(dim=(2, 3), keepdim=True)
    out = (middle + (out - middle) * contrast) * torch.exp(gain + tint)
    shining = torch.rand(n, 1, 1, 1, generator=generator) < recipe.jitter_sheen
    if bool(shining.any()):
        out = out + shining * _sheen(out, generator)
    noise_sd = recipe.jitter_noise * torch.rand(n, 1, 1, 1, generator=generator)
    # One channel of noise is rolled for all three, since drawing noise is slow.
    noise = torch.randn(n, 1, *pixels.shape[2:], generator=generator)
    out = out + noise_sd * torch.cat([noise, noise.roll(7, 2), noise.roll(11, 3)], dim=1)
    return out.clamp_(0.0, _MOST)


def crop(pixels: Tensor, side_px: int, generator: torch.Generator) -> Tensor:
    """
    Return one square of ``side_px`` from every tile, at the same random place in all of them.

    A part of a centimetre is of much the same sediment as the whole, and a network of
    convolutions and means takes any size.
    """
    height, width = pixels.shape[2:]
    top = int(torch.randint(height - side_px + 1, (1,), generator=generator))
    left = int(torch.randint(width - side_px + 1, (1,), generator=generator))
    return pixels[:, :, top : top + side_px, left : left + side_px]


def step_generator(seed: int, step: int) -> torch.Generator:
    """Return the generator of one step, so that a resumed run needs no random state."""
    (state,) = np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state) & 0x7FFF_FFFF_FFFF_FFFF)


def _lower_resolution(pixels: Tensor, factor: float) -> Tensor:
    """Return tiles as if scanned at fewer px/cm, by ``factor``, and cut to as many pixels."""
    height, width = pixels.shape[2:]
    few = (max(1, round(height / factor)), max(1, round(width / factor)))
    small = functional.interpolate(pixels, size=few, mode="area")
    return functional.interpolate(small, size=(height, width), mode="bilinear")


def _sheen(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Return the light that a wet face adds: smooth over the tile, white, 0 where white is."""
    n, _, height, width = pixels.shape
    coarse = torch.rand(n, 1, 3, 3, generator=generator) ** 2 * _MAX_SHEEN
    light = functional.interpolate(
        coarse, size=(height, width), mode="bilinear", align_corners=True
    )
    return (_MOST - pixels) * light


def _blur(pixels: Tensor) -> Tensor:
    row = torch.tensor([0.25, 0.5, 0.25])
    kernel = torch.outer(row, row).expand(3, 1, 3, 3)
    return functional.conv2d(
        functional.pad(pixels, (1, 1, 1, 1), mode="replicate"), kernel, groups=3
    )
