"""Layers that both halves of Segment Anything use."""

import itertools

import torch
from torch import Tensor, nn


class ChannelNorm(nn.Module):
    """Normalisation over the channels of each pixel; (n, channels, h, w) in and out."""

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n_channels))
        self.bias = nn.Parameter(torch.zeros(n_channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` with mean 0 and variance 1 in every pixel, scaled and shifted."""
        centred = x - x.mean(dim=1, keepdim=True)
        spread = (centred.square().mean(dim=1, keepdim=True) + 1e-6).sqrt()
        return self.weight[:, None, None] * (centred / spread) + self.bias[:, None, None]


class Perceptron(nn.Module):
    """Linear layers with ReLU between them."""

    def __init__(self, *widths: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        """Return the last layer's output."""
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        last: Tensor = self.layers[-1](x)
        return last
