"""HRNet-DeepLabV3+ and ResNet-18 on windows of 10 cm at 20 px/cm."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from downcore.strata.windows import Window
from downcore_training.networks import CHANNELS, Decoder, HRNet, initialise
from downcore_training.networks.resnet18 import ResNet18
from downcore_training.windows.head import (
    LoggerReading,
    Opponent,
    fresh,
    per_centimetre,
    uncertainty,
)
from downcore_training.windows.profile import N_FEATURES, WindowProfile

NETWORK_WINDOW = Window(above_cm=3, rows_cm=4, below_cm=3)
"""What both networks see: 10 cm, of which they answer the four in the middle."""

_WIDTH = 64
_DROPPED = 0.2
"""Share of the features that each step of the training goes without."""

Outputs = tuple[Tensor, Tensor, Tensor, Tensor]


class WindowNetwork(nn.Module):
    """
    What both networks share: the reading, the rows that are answered, and the guard's features.

    Parameters
    ----------
    properties : sequence of int
        Places in PROPERTIES of what is predicted.
    n_channels : int
        Of the features of a centimetre.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, properties: Sequence[int], n_channels: int) -> None:
        super().__init__()
        self.properties = tuple(properties)
        self.n_outputs = len(self.properties)
        self.window = NETWORK_WINDOW
        self.reading = LoggerReading(self.window, self.properties)
        self.log_sd = fresh(nn.Conv1d(n_channels, self.n_outputs, 1))
        self.look = WindowProfile(self.window)
        self.register_buffer("centre", torch.zeros(N_FEATURES + n_channels))
        self.register_buffer("spread", torch.ones(N_FEATURES + n_channels))

    def centimetres(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """
        Return mean, sd within and features of every centimetre of windows, (n, k, n_cm) each.

        Parameters
        ----------
        x : Tensor, shape (n, 4, lines, across)
            Windows as cut, 0 to 255.
        """
        raise NotImplementedError

    def readings(self, x: Tensor) -> Outputs:
        """Return mean, log sd, sd within and features of every centimetre, (n, k, n_cm) each."""
        mean, within, features = self.centimetres(x)
        shape = (x.shape[0], 1, self.window.n_cm, -1)
        weight = (x[:, 3:].reshape(shape).mean(dim=3) / 127.5).clamp(max=1.0)
        log_sd = uncertainty(self.log_sd(features).float())
        return self.reading(mean.float(), weight), log_sd, within, features.float()

    def forward(self, x: Tensor) -> Outputs:
        """
        Predict the rows of each window.

        Parameters
        ----------
        x : Tensor, shape (n, 4, lines, 200)
            Windows as cut, 0 to 255.

        Returns
        -------
        mean, log_sd, within_sd : Tensor, each of shape (n, rows_cm, n_outputs)
            In scaled target space, as the logger reads them.
        features : Tensor, shape (n, rows_cm, k)
            Of the profile and of the network, standardised by the training windows.
        """
        rows = slice(self.window.above_cm, self.window.above_cm + self.window.rows_cm)
        mean, log_sd, within, seen = (part[..., rows].transpose(1, 2) for part in self.readings(x))
        features = (torch.cat([self.look(x), seen], dim=2) - self.centre) / self.spread
        return mean, log_sd, within, features


def halved(x: Tensor) -> Tensor:
    """
    Return windows with 2 x 2 pixels averaged into one, sediment only.

    Between 2 and 20 px/cm resolution tells hardly anything of density and susceptibility, and a
    network that sees less detail learns less of it by heart, at a quarter of the cost.
    """
    x = functional.avg_pool2d(x, 2)
    share = (x[:, 3:] / 255.0).clamp(min=0.05)
    return torch.cat([x[:, :3] / share, x[:, 3:]], dim=1)


class WindowHRNet(WindowNetwork):
    """A dense map of each property, pooled across the core; its spread is the heterogeneity."""

    def __init__(self, properties: Sequence[int]) -> None:
        super().__init__(properties, _WIDTH)
        self.backbone = HRNet()
        self.backbone.normalise = Opponent()  # type: ignore[assignment] # the same shape of output
        self.decoder = Decoder(CHANNELS, width=_WIDTH)
        self.drop = nn.Dropout2d(_DROPPED)
        self.maps = nn.Conv2d(_WIDTH, self.n_outputs, 1)
        initialise(self.backbone)
        initialise(self.decoder)
        nn.init.normal_(self.maps.weight, std=0.01)
        nn.init.zeros_(self.maps.bias)  # type: ignore[arg-type] # it has one

    def centimetres(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return mean, sd within and features of every centimetre."""
        x = halved(x)
        decoded = self.drop(self.decoder(self.backbone.branches(x)))
        mask = functional.avg_pool2d(x[:, 3:] / 255.0, 4)
        n_cm = self.window.n_cm
        dense = self.maps(decoded).float()
        mean = per_centimetre(dense, mask, n_cm)
        wide = functional.interpolate(mean, size=dense.shape[2], mode="nearest")[..., None]
        variance = per_centimetre((dense - wide) ** 2, mask, n_cm)
        return mean, torch.sqrt(variance + 1e-8), per_centimetre(decoded, mask, n_cm)


class WindowResNet18(WindowNetwork):
    """Features pooled across the core, read centimetre by centimetre."""

    def __init__(self, properties: Sequence[int]) -> None:
        super().__init__(properties, 512)
        self.backbone = ResNet18()
        self.backbone.normalise = Opponent()  # type: ignore[assignment] # the same shape of output
        self.backbone.fc = nn.Identity()  # type: ignore[assignment] # the head is this module's own
        self.mean = fresh(nn.Conv1d(512, self.n_outputs, 1))
        self.drop = nn.Dropout(_DROPPED)

    def centimetres(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return mean, sd within (0: it has no map) and features of every centimetre."""
        x = halved(x)
        net = self.backbone
        y = net.maxpool(net.relu(net.bn1(net.conv1(net.normalise(x)))))
        y = net.layer4(net.layer3(net.layer2(net.layer1(y))))
        mask = functional.avg_pool2d(x[:, 3:] / 255.0, 32, ceil_mode=True)
        features = per_centimetre(y, mask, self.window.n_cm)
        mean = self.mean(self.drop(features)).float()
        return mean, torch.zeros_like(mean), features


NETWORKS: dict[str, Callable[[Sequence[int]], WindowNetwork]] = {
    "hrnet-deeplabv3plus": WindowHRNet,
    "resnet-18": WindowResNet18,
}
"""Networks on windows, by the name that recipes and manifests use."""

TITLES = {
    "boosted-profile": "Boosted profile",
    "hrnet-deeplabv3plus": "HRNet-W18-small-v2 + DeepLabV3+ on windows",
    "resnet-18": "ResNet-18 on windows",
}
"""What model cards call predictors with context; see :func:`blend_title` for the others."""


def blend_title(network: str) -> str:
    """Return what model cards call the blend of a network of :data:`NETWORKS` and the trees."""
    return f"Blend of {TITLES[network]} and boosted profile"
