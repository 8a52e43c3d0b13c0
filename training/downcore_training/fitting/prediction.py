"""Prediction with networks in the lab: device, precision, and physical units."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from downcore.strata.errors import SettingsError
from downcore_training.datasets import TileSet
from downcore_training.fitting.scaling import TargetScaling

_BATCH = 32


@dataclass(frozen=True, slots=True)
class Seen:
    """Device and precision of a network."""

    precision: str = "bf16"
    """``bf16`` (autocast) or ``f32``."""
    device: str = "cpu"
    """``cpu`` or ``cuda``."""

    def autocast(self) -> torch.autocast:
        """Return the context in which the network is called."""
        return torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.precision == "bf16")

    def placed(self, x: Tensor) -> Tensor:
        """Return ``x`` (n, 3, height, width) on the device, channels last."""
        return x.to(self.device).contiguous(memory_format=torch.channels_last)


def device_named(name: str) -> str:
    """
    Return ``cpu`` or ``cuda`` for ``auto``, ``cpu`` or ``cuda``.

    Raises
    ------
    SettingsError
        If cuda is asked for where there is none.
    """
    has_cuda = torch.cuda.is_available()
    if name == "cuda" and not has_cuda:
        raise SettingsError(
            'expected a CUDA device for device = "cuda", got none; use "auto" or "cpu"'
        )
    return "cuda" if has_cuda and name == "auto" else name.replace("auto", "cpu")


def as_input(pixels: NDArray[np.uint8]) -> Tensor:
    """Return tiles (n, height, width, 3) as a float tensor (n, 3, height, width)."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float()


def predict(
    module: nn.Module,
    tiles: TileSet,
    scaling: TargetScaling,
    *,
    indices: NDArray[np.int64] | None = None,
    seen: Seen = Seen(),
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """
    Predict tiles, all or those at ``indices``.

    Returns
    -------
    mean, sd : ndarray, each of shape (n_tiles, 3)
        In the property's unit, log10 for ``ms``.
    """
    chosen = np.arange(len(tiles)) if indices is None else indices
    means, sds = [], []
    was_training = module.training
    module.eval()
    with torch.inference_mode(), seen.autocast():
        for first in range(0, len(chosen), _BATCH):
            x = as_input(tiles.pixels(chosen[first : first + _BATCH]))
            mean, log_sd, *_ = module(seen.placed(x))
            means.append(mean.double().cpu().numpy())
            sds.append(log_sd.double().exp().cpu().numpy())
    module.train(was_training)
    return scaling.unscaled(np.concatenate(means)), np.concatenate(sds) * scaling.spread
