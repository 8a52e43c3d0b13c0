"""
Colour and texture of every centimetre of a window, and of what lies around each row.

Only plain array operations, so that the exported graph computes them as the training does. A
centimetre without sediment has weight 0 and counts in no mean.

Source of the colour conversion: IEC 61966-2-1:1999 and CIE 15:2004, as in
:mod:`downcore.strata.colour`.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from downcore.strata.window_profile import N_FEATURES, REACHES_CM
from downcore.strata.windows import Window
from downcore_training.boosted.features import Lab

__all__ = ["N_FEATURES", "WindowProfile"]

ROWS_PER_CM = 10
"""Lines of a profile: millimetres."""

_LEAST = 1e-3


class WindowProfile(nn.Module):
    """
    Profile of a window and features of the rows it answers; nothing is learnt.

    Parameters
    ----------
    window : Window
        What the predictor sees.
    """

    means: Tensor
    above: Tensor
    below: Tensor

    def __init__(self, window: Window) -> None:
        super().__init__()
        self.window = window
        self.lab = Lab()
        self.register_buffer("means", _running(window, REACHES_CM), persistent=False)
        self.register_buffer("above", _beside(window, -1), persistent=False)
        self.register_buffer("below", _beside(window, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """
        Return the features of the rows.

        Parameters
        ----------
        x : Tensor, shape (n, 4, lines, 200)
            Windows as cut, 0 to 255.

        Returns
        -------
        Tensor, shape (n, rows_cm, :data:`N_FEATURES`), float32
        """
        return self.features(*self.profile(x))

    def profile(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the profile, (n, n_cm, 8), and weights, (n, n_cm), 0 to 1."""
        n_cm = self.window.n_cm
        # Two pixels make a millimetre; sediment is weighted, so edges do not darken.
        share = functional.avg_pool2d(x[:, 3:] / 255.0, 2)
        rgb = functional.avg_pool2d(x[:, :3], 2) / share.clamp(min=_LEAST)
        mask = (share > 0.5).float()  # noqa: PLR2004 - half of a square millimetre
        lab = self.lab(rgb.clamp(0.0, 255.0)) * mask
        in_line = mask.sum(dim=3).clamp(min=1.0)
        lines = lab.sum(dim=3) / in_line
        has = (mask.sum(dim=3) >= 3.0).float()  # noqa: PLR2004 - 3 mm of sediment in a line
        apart = (lab[:, :1] - lines[:, :1, :, None]) * mask
        across = torch.sqrt((apart**2).sum(dim=3) / in_line + _LEAST)
        both = mask[:, :, :, 1:] * mask[:, :, :, :-1]
        steps = ((lab[:, :1, :, 1:] - lab[:, :1, :, :-1]).abs() * both).sum(dim=3)
        fine = steps / both.sum(dim=3).clamp(min=1.0)
        values = torch.cat([lines, across, fine], dim=1)
        shape = (x.shape[0], 5, n_cm, ROWS_PER_CM)
        values = values.reshape(shape) * has.reshape(-1, 1, n_cm, ROWS_PER_CM)
        held = has.reshape(-1, 1, n_cm, ROWS_PER_CM)
        count = held.sum(dim=3).clamp(min=1.0)
        mean = values.sum(dim=3) / count
        deviation = (values[:, :3] - mean[:, :3, :, None]) * held
        down = 0.5 * torch.log((deviation**2).sum(dim=3) / count + _LEAST)
        profile = torch.cat([mean[:, :3], down, torch.log(mean[:, 3:] + 0.05)], dim=1)
        area = mask.reshape(-1, n_cm, ROWS_PER_CM * mask.shape[3]).sum(dim=2)
        weight = (area / (50.0 * ROWS_PER_CM)).clamp(max=1.0) * (held[:, 0].sum(dim=2) > 0).float()
        return profile.transpose(1, 2), weight

    def features(self, profile: Tensor, weight: Tensor) -> Tensor:
        """Return the features of the rows of a profile, (n, rows_cm, :data:`N_FEATURES`)."""
        first = self.window.above_cm
        own = profile[:, first : first + self.window.rows_cm]
        seen = weight[..., None]
        # An empty row takes what lies around it.
        parts = [_mean(m, profile, seen) for m in self.means]
        is_seen = (weight[:, first : first + self.window.rows_cm] > 0).float()[..., None]
        own = own * is_seen + parts[-1] * (1.0 - is_seen)
        above = _mean(self.above, profile, seen, otherwise=own)
        below = _mean(self.below, profile, seen, otherwise=own)
        square = _mean(self.means[-1], profile**2, seen)
        sd = torch.sqrt((square - parts[-1] ** 2).clamp(min=0.0) + _LEAST)
        return torch.cat([own, *parts, above - own, below - own, sd], dim=2)


def _mean(rows: Tensor, profile: Tensor, seen: Tensor, otherwise: Tensor | None = None) -> Tensor:
    total = torch.matmul(rows, seen)
    mean = torch.matmul(rows, profile * seen) / total.clamp(min=1e-6)
    if otherwise is None:
        return mean
    known = (total > 1e-6).float()  # noqa: PLR2004 - no sediment at all
    return mean * known + otherwise * (1.0 - known)


def _running(window: Window, reaches_cm: tuple[int, ...]) -> Tensor:
    """Return which centimetres each running mean of each row takes, (k, rows_cm, n_cm)."""
    row = torch.arange(window.rows_cm)[:, None] + window.above_cm
    at = torch.arange(window.n_cm)[None]
    return torch.stack([((at - row).abs() <= reach).float() for reach in reaches_cm])


def _beside(window: Window, side: int) -> Tensor:
    row = torch.arange(window.rows_cm)[:, None] + window.above_cm
    step = (torch.arange(window.n_cm)[None] - row) * side
    return ((step > 0) & (step <= REACHES_CM[-1])).float()
