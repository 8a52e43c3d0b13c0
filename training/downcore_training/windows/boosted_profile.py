"""Boosted profile: trees on colour, texture and gradients of a row and 5 cm either side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from downcore.learning.trees import DEPTH, N_MEAN, N_SPREAD, grow
from downcore.strata.windows import Window
from downcore_training.boosted.trees import Trees
from downcore_training.fitting.scaling import TargetScaling
from downcore_training.windows.profile import N_FEATURES, WindowProfile
from downcore_training.windows.section_views import SectionViews, groups_of
from downcore_training.windows.window_set import WindowSet

PROFILE_WINDOW = Window(above_cm=5, rows_cm=4, below_cm=5)
"""What the boosted profile sees."""

_BATCH = 16


class BoostedProfile(nn.Module):
    """
    Trees on the profile of a window.

    Parameters
    ----------
    n_outputs : int
        Properties.
    window : Window, optional
        What it sees; 5 cm above and below four rows by default.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, n_outputs: int, window: Window = PROFILE_WINDOW) -> None:
        super().__init__()
        self.n_outputs = n_outputs
        self.window = window
        self.look = WindowProfile(window)
        self.trees = Trees((N_MEAN,) * n_outputs + (N_SPREAD,) * n_outputs, DEPTH)
        self.register_buffer("centre", torch.zeros(N_FEATURES))
        self.register_buffer("spread", torch.ones(N_FEATURES))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """
        Predict the rows of each window.

        Parameters
        ----------
        x : Tensor, shape (n, 4, lines, 200)
            Windows as cut, 0 to 255.

        Returns
        -------
        mean, log_sd, within_sd : Tensor, each of shape (n, rows_cm, n_outputs)
            In scaled target space; ``within_sd`` is 0, since nothing is mapped.
        features : Tensor, shape (n, rows_cm, k)
            Standardised by the training slices.
        """
        features = self.look(x)
        sums = self.trees(features.reshape(-1, N_FEATURES))
        sums = sums.reshape(-1, self.window.rows_cm, 2 * self.n_outputs)
        mean, log_sd = sums[..., : self.n_outputs], sums[..., self.n_outputs :].clamp(-4.0, 2.0)
        return mean, log_sd, torch.zeros_like(mean), (features - self.centre) / self.spread


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """Features and labels of the slices of some sections."""

    features: NDArray[np.float64]
    """Shape (n, k)."""
    labels: NDArray[np.float64]
    """Shape (n, 3), as :attr:`WindowSet.labels`; NaN where none may be learnt from."""
    section: NDArray[np.int64]
    """Number of each slice's section."""
    group: NDArray[np.int64]
    """Number of what is held out together, see :func:`.groups_of`."""

    def of(self, sections: NDArray[np.int64]) -> "Described":
        """Return the slices of some sections."""
        kept = np.isin(self.section, sections)
        return Described(
            self.features[kept], self.labels[kept], self.section[kept], self.group[kept]
        )


def described(sections: Sequence[SectionViews], *, window: Window = PROFILE_WINDOW) -> Described:
    """Return the slices of ``sections`` that have a label."""
    look = WindowProfile(window)
    windows = WindowSet(sections, window)
    labels = windows.labels
    rows = torch.cat([look(part) for part in batches(windows)]).reshape(len(labels), -1)
    known = np.isfinite(labels).any(axis=1)
    section = windows.section[known]
    return Described(
        rows.double().numpy()[known], labels[known], section, groups_of(sections)[section]
    )


def batches(windows: WindowSet) -> "list[Tensor]":
    """Return the windows as a module takes them, in order."""
    starts = range(0, len(windows), _BATCH)
    return [
        as_input(windows.pixels(np.arange(first, min(first + _BATCH, len(windows)))))
        for first in starts
    ]


def as_input(pixels: NDArray[np.uint8]) -> Tensor:
    """Return windows (n, lines, 200, 4) as a module takes them: (n, 4, lines, 200), float."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float().contiguous()


def fit(
    slices: Described, scaling: TargetScaling, properties: Sequence[int], *, seed: int = 1
) -> BoostedProfile:
    """
    Fit to slices; the sd learns from sections that the trees did not see.

    Parameters
    ----------
    slices : Described
        Of the training sections only.
    scaling : TargetScaling
        From the same slices.
    properties : sequence of int
        Places in PROPERTIES of what is predicted.
    seed : int, default 1
        Same seed, same trees.
    """
    target = scaling.scaled(slices.labels)[:, list(properties)]
    grown = grow(slices.features, target, slices.group, seed=seed)
    module = BoostedProfile(len(properties))
    module.trees.take_packed([*grown.means, *grown.spreads])
    spread = slices.features.std(axis=0)
    module.centre.copy_(torch.from_numpy(slices.features.mean(axis=0)))
    module.spread.copy_(torch.from_numpy(np.where(spread > 0, spread, 1.0)))
    return module.eval()
