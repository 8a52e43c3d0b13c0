"""Layers that the networks share."""

import torch
from torch import Tensor, nn

LOWEST_LOG_SD = -4.0
HIGHEST_LOG_SD = 2.0
"""Range of the logarithm of the predicted standard deviation, in scaled target space."""

_CENTRE = (LOWEST_LOG_SD + HIGHEST_LOG_SD) / 2
_HALF = (HIGHEST_LOG_SD - LOWEST_LOG_SD) / 2


class Normalise(nn.Module):
    """
    Turn RGB counts of 0 to 255 into what public ImageNet weights expect.

    The constants are no part of the state dict, so that its keys are those of the
    public weights. The work is done in float32 whatever autocast says.
    """

    mean: Tensor
    sd: Tensor

    def __init__(self) -> None:
        super().__init__()
        mean = torch.tensor([123.675, 116.28, 103.53]).reshape(1, 3, 1, 1)
        sd = torch.tensor([58.395, 57.12, 57.375]).reshape(1, 3, 1, 1)
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("sd", sd, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` of shape (n, 3, height, width) with mean near 0 and sd near 1."""
        return (x - self.mean) / self.sd


def clamp_log_sd(raw: Tensor) -> Tensor:
    """
    Return ``raw`` squeezed smoothly into -4 to 2.

    Near 0 it is nearly the identity, and the gradient never vanishes altogether, as that of
    a hard clamp would.
    """
    return _CENTRE + _HALF * torch.tanh((raw - _CENTRE) / _HALF)


def initialise(module: nn.Module) -> None:
    """
    Give fresh weights: He for convolutions, scale 1 and shift 0 for every normalisation.

    No scale starts at 0, although some recipes do so for the last of a residual block:
    exporters would remove such branches as dead.
    """
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.BatchNorm2d):
            nn.init.ones_(part.weight)
            nn.init.zeros_(part.bias)


def conv3x3(n_in: int, n_out: int, *, stride: int = 1) -> nn.Conv2d:
    """Return a 3 x 3 convolution without bias that keeps the size at stride 1."""
    return nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)


class BasicBlock(nn.Module):
    """
    Two 3 x 3 convolutions beside a short cut.

    Source: He et al. (2016), Deep residual learning for image recognition, figure 5 left.
    """

    expansion = 1

    def __init__(self, n_in: int, n_mid: int, *, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = conv3x3(n_in, n_mid, stride=stride)
        self.bn1 = nn.BatchNorm2d(n_mid)
        self.conv2 = conv3x3(n_mid, n_mid)
        self.bn2 = nn.BatchNorm2d(n_mid)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _short_cut(n_in, n_mid, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return features of ``n_mid`` channels, at the input's size over ``stride``."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        short = x if self.downsample is None else self.downsample(x)
        out: Tensor = self.relu(y + short)
        return out


class Bottleneck(nn.Module):
    """
    Convolutions 1 x 1, 3 x 3 and 1 x 1 beside a short cut.

    Source: He et al. (2016), figure 5 right.
    """

    expansion = 4

    def __init__(self, n_in: int, n_mid: int, *, stride: int = 1) -> None:
        super().__init__()
        n_out = n_mid * self.expansion
        self.conv1 = nn.Conv2d(n_in, n_mid, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_mid)
        self.conv2 = conv3x3(n_mid, n_mid, stride=stride)
        self.bn2 = nn.BatchNorm2d(n_mid)
        self.conv3 = nn.Conv2d(n_mid, n_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(n_out)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _short_cut(n_in, n_out, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return features of ``4 * n_mid`` channels, at the input's size over ``stride``."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        short = x if self.downsample is None else self.downsample(x)
        out: Tensor = self.relu(y + short)
        return out


def _short_cut(n_in: int, n_out: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and n_in == n_out:
        return None
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False), nn.BatchNorm2d(n_out)
    )
