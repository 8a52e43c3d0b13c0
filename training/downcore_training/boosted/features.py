"""
Colour and texture of a tile in some fifty numbers.

Only plain array operations, so that the exported graph computes them as the training does.
Every spread is of a band of scales: the variance that is lost when 2 x 2, or more, pixels
are averaged is that of the finer structure.

Source of the colour conversion: IEC 61966-2-1:1999 and CIE 15:2004, as in
:mod:`downcore.strata.colour`.
"""

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

from downcore.strata.bundle import TILE_PX

_XYZ_OF_RGB = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
_LAB_OF_ROOTS = ((0.0, 116.0, 0.0), (500.0, -500.0, 0.0), (0.0, 200.0, -200.0))
_LAB_OFFSET = (-16.0, 0.0, 0.0)
_KNEE = 0.04045
_DELTA = 6.0 / 29.0
_LEAST = 1e-4
"""Variance that counts as none, square units of L*a*b*."""
_SPECKS = (2.0, 4.0, 8.0)
"""Contrasts of specks in L*."""

CELL_NAMES = ("L", "a", "b", "roughness")
"""What :attr:`Described.cells` holds."""


class Described:
    """Features of tiles and of their cells."""

    def __init__(self, features: Tensor, cells: Tensor) -> None:
        self.features = features
        """Shape (n, k), float32."""
        self.cells = cells
        """Shape (n, 4, 25): L*, a*, b* less the tile's, and roughness, of cells of 2 x 2 mm."""


class Lab(nn.Module):
    """CIE L*a*b* (D65) of sRGB counts of 0 to 255, (n, 3, height, width); without parameters."""

    _white: Tensor
    _roots: Tensor
    _offset: Tensor

    def __init__(self) -> None:
        super().__init__()
        xyz = torch.tensor(_XYZ_OF_RGB, dtype=torch.float64)
        white = (xyz / xyz.sum(dim=1, keepdim=True)).float()[:, :, None, None]
        roots = torch.tensor(_LAB_OF_ROOTS)[:, :, None, None]
        parts = {"_white": white, "_roots": roots, "_offset": torch.tensor(_LAB_OFFSET)}
        for name, value in parts.items():
            self.register_buffer(name, value, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return L*, a*, b*, the shape of ``x``."""
        share = x / 255.0
        # A power is slow in the exported graph; this is the same number.
        curve = torch.exp(2.4 * torch.log((share.clamp(min=_KNEE) + 0.055) / 1.055))
        light = torch.where(share <= _KNEE, share / 12.92, curve)
        relative = functional.conv2d(light, self._white)
        cube = torch.exp(torch.log(relative.clamp(min=_DELTA**3)) / 3.0)
        straight = relative / (3.0 * _DELTA**2) + 4.0 / 29.0
        root = torch.where(relative > _DELTA**3, cube, straight)
        return functional.conv2d(root, self._roots, self._offset)


class TileFeatures(nn.Module):
    """Features of tiles; without parameters."""

    _ramp: Tensor

    def __init__(self) -> None:
        super().__init__()
        self._lab = Lab()
        n_rows = TILE_PX // 4
        ramp = (torch.arange(n_rows) - (n_rows - 1) / 2) / n_rows
        self.register_buffer("_ramp", ramp, persistent=False)

    def forward(self, x: Tensor) -> Described:
        """
        Describe tiles.

        Parameters
        ----------
        x : Tensor, shape (n, 3, 200, 200)
            RGB, sRGB encoded, 0 to 255.
        """
        lab = self._lab(x)
        # In two steps, since a long sum of 32 bit drifts.
        mean = functional.avg_pool2d(lab, 10).mean(dim=(2, 3), keepdim=True)
        # Squares of deviations from the mean are exact enough in 32 bit.
        full = lab - mean
        half = functional.avg_pool2d(full, 2)
        quarter = functional.avg_pool2d(half, 2)
        eighth = functional.avg_pool2d(quarter, 2)
        cells = functional.avg_pool2d(eighth, 5)
        rough = functional.avg_pool2d(half[:, :1] ** 2, 4) - eighth[:, :1] ** 2
        rough = _log_sd(rough)
        parts = (
            mean.flatten(1),
            _bands((full, half, quarter, eighth, cells)),
            self._layers(quarter),
            _slopes((full[:, :1], half[:, :1], eighth[:, :1])),
            _specks(half[:, :1], eighth[:, :1]),
            _shape(eighth[:, :1]),
            self._patches(rough),
            _hue(quarter),
        )
        cell_rough = functional.avg_pool2d(rough, 5)
        return Described(torch.cat(parts, dim=1), torch.cat([cells, cell_rough], dim=1).flatten(2))

    def _layers(self, quarter: Tensor) -> Tensor:
        """Return the spread of lines and of columns, and the trend down the tile."""
        down, across = quarter.mean(dim=3), quarter.mean(dim=2)
        trend = (down * self._ramp).mean(dim=2)
        return torch.cat([_log_sd(_power(down)), _log_sd(_power(across)), trend], dim=1)

    def _patches(self, rough: Tensor) -> Tensor:
        """Return how the roughness varies over the tile."""
        mean = rough.mean(dim=(2, 3))
        apart = rough - mean[:, :, None, None]
        spread = torch.sqrt((apart**2).mean(dim=(2, 3)))
        trend = (functional.avg_pool1d(self._ramp[None, None], 2) * apart.mean(dim=3)).mean(dim=2)
        return torch.cat([mean, spread, trend], dim=1)


def _power(x: Tensor) -> Tensor:
    """Return the mean square over all axes but the first two."""
    return (x**2).flatten(2).mean(dim=2)


def _log_sd(variance: Tensor) -> Tensor:
    return 0.5 * torch.log(variance.clamp(min=0.0) + _LEAST)


def _bands(pyramid: tuple[Tensor, ...]) -> Tensor:
    powers = [_power(level) for level in pyramid]
    finer = [a - b for a, b in itertools.pairwise(powers)]
    return torch.cat([_log_sd(x) for x in (*finer, powers[-1])], dim=1)


def _slopes(levels: tuple[Tensor, ...]) -> Tensor:
    """Return mean steps from line to line and from column to column, at several scales."""
    found = []
    for x in levels:
        down = (x[:, :, 1:] - x[:, :, :-1]).abs().mean(dim=(2, 3))
        across = (x[:, :, :, 1:] - x[:, :, :, :-1]).abs().mean(dim=(2, 3))
        found += [torch.log(down + 0.01), torch.log(down + 0.01) - torch.log(across + 0.01)]
    return torch.cat(found, dim=1)


def _specks(half: Tensor, eighth: Tensor) -> Tensor:
    """Return the shares of pixels darker and brighter than around them."""
    apart = half - functional.interpolate(eighth, scale_factor=4.0, mode="nearest")
    shares = [(apart < -least).float().mean(dim=(2, 3)) for least in _SPECKS]
    shares += [(apart > least).float().mean(dim=(2, 3)) for least in _SPECKS]
    return torch.cat([*shares, _shape(apart)], dim=1)


def _shape(x: Tensor) -> Tensor:
    """Return skewness and flatness of values about their mean."""
    square = x**2
    power = square.mean(dim=(2, 3)) + _LEAST
    skewness = (square * x).mean(dim=(2, 3)) / (power * torch.sqrt(power))
    return torch.cat([skewness, torch.log((square**2).mean(dim=(2, 3)) / power**2 + 0.1)], dim=1)


def _hue(quarter: Tensor) -> Tensor:
    """Return the correlations of a* and b* with L* inside the tile."""
    lightness, hue = quarter[:, :1], quarter[:, 1:]
    shared = (lightness * hue).mean(dim=(2, 3))
    return shared / torch.sqrt((_power(lightness) + _LEAST) * (_power(hue) + _LEAST))
