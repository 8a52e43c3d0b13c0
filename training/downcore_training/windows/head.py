"""From a network's maps of a window to what a logger reads at each of its centimetres."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from downcore.strata.footprint import FOOTPRINTS
from downcore.strata.windows import Window

REACH_CM = 3
"""Centimetres above and below a row that its reading takes in."""

FIRST_LAG_CM = -1.0
"""Where the lag starts: a logger's row shows what the image has a centimetre further up."""

_LEAST_SD_CM = 0.4

_MIDDLE_LOG_SD, _HALF_LOG_SD = -0.25, 1.75


class Opponent(nn.Module):
    """
    Brightness, red against green, yellow against blue, each about -2 to 2; 0 outside sediment.

    Casts of camera and light move all counts together; the differences are what mud differs in.
    """

    mix: Tensor
    offset: Tensor

    def __init__(self) -> None:
        super().__init__()
        third = 1 / 3
        mix = torch.tensor([[third, third, third], [1.0, -1.0, 0.0], [0.5, 0.5, -1.0]])
        scale = torch.tensor([30.0, 6.0, 8.0])
        middle = torch.tensor([100.0, 3.0, 10.0])
        self.register_buffer("mix", (mix / scale[:, None])[..., None, None], persistent=False)
        self.register_buffer("offset", -middle / scale, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return three channels of windows (n, 4, lines, across) of 0 to 255."""
        return functional.conv2d(x[:, :3], self.mix, self.offset) * (x[:, 3:] / 255.0)


class LoggerReading(nn.Module):
    """
    What a sensor reads, from values of single centimetres: a Gaussian footprint with a lag.

    Both are learnt, for each property; they start at the logger's footprint, a centimetre up.

    Parameters
    ----------
    window : Window
        What the network sees.
    properties : tuple of int
        Places in PROPERTIES of the outputs.
    """

    offsets: Tensor

    def __init__(self, window: Window, properties: tuple[int, ...]) -> None:
        super().__init__()
        sd = torch.tensor([max(FOOTPRINTS[i].sd_cm, 0.8) for i in properties])
        self.lag_cm = nn.Parameter(torch.full((len(properties),), FIRST_LAG_CM))
        self.log_sd_cm = nn.Parameter(torch.log(sd))
        self.n_cm = window.n_cm
        self.register_buffer(
            "offsets", torch.arange(-REACH_CM, REACH_CM + 1, dtype=torch.float32), persistent=False
        )

    def forward(self, values: Tensor, weight: Tensor) -> Tensor:
        """
        Return the readings, (n, k, n_cm).

        Parameters
        ----------
        values : Tensor, shape (n, k, n_cm)
            Of single centimetres.
        weight : Tensor, shape (n, 1, n_cm)
            Share of sediment; a centimetre without any is not read.
        """
        sd = torch.exp(self.log_sd_cm).clamp(min=_LEAST_SD_CM)[:, None]
        lag = self.lag_cm.clamp(-REACH_CM + 1.0, REACH_CM - 1.0)[:, None]
        response = torch.exp(-0.5 * ((self.offsets[None] - lag) / sd) ** 2)[:, None]
        padded = functional.pad(values * weight, (REACH_CM, REACH_CM))
        there = functional.pad(weight + 1e-4, (REACH_CM, REACH_CM))
        n_outputs = response.shape[0]
        total = functional.conv1d(padded, response, groups=n_outputs)
        share = functional.conv1d(there.expand(-1, n_outputs, -1), response, groups=n_outputs)
        return total / share.clamp(min=1e-6)


def per_centimetre(maps: Tensor, mask: Tensor, n_cm: int) -> Tensor:
    """
    Return means of maps over each centimetre's sediment, (n, k, n_cm).

    Parameters
    ----------
    maps : Tensor, shape (n, k, height, width)
    mask : Tensor, shape (n, 1, height, width)
        Share of sediment, 0 to 1.
    n_cm : int
        Centimetres in ``height``; they need not divide it.
    """
    share = mask.sum(dim=3)
    lines = (maps * mask).sum(dim=3)
    height = maps.shape[2]
    if height % n_cm == 0:
        shape = (n_cm, height // n_cm)
        total = lines.reshape(*lines.shape[:2], *shape).sum(dim=3)
        return total / share.reshape(-1, 1, *shape).sum(dim=3).clamp(min=1e-3)
    mean = lines / share.clamp(min=1e-3)
    return functional.interpolate(mean, size=n_cm, mode="linear", align_corners=False)


def uncertainty(raw: Tensor) -> Tensor:
    """
    Return the log of the sd, kept within -2 to 1.5 smoothly.

    With an sd far below the scatter of any log, a network is sure of the beds it knows by heart.
    """
    return _MIDDLE_LOG_SD + _HALF_LOG_SD * torch.tanh((raw - _MIDDLE_LOG_SD) / _HALF_LOG_SD)


def fresh(linear: nn.Conv1d) -> nn.Conv1d:
    """Return a last layer whose values start near the training mean."""
    nn.init.normal_(linear.weight, std=0.01)
    if linear.bias is not None:
        nn.init.zeros_(linear.bias)
    return linear
