"""
ResNet-18 with a regression head.

Source: He et al. (2016), Deep residual learning for image recognition, table 1. The
state-dict keys are those of torchvision's ``resnet18``.
"""

import torch
from torch import Tensor, nn

from downcore_training.network import N_OUTPUTS, Network
from downcore_training.networks._layers import BasicBlock, Normalise, clamp_log_sd, initialise
from downcore_training.recipe import CoreSet, Recipe


class ResNet18(nn.Module):
    """One mean and one log sd for each property, from the pooled features of a tile."""

    def __init__(self) -> None:
        super().__init__()
        self.normalise = Normalise()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = _stage(64, 64, stride=1)
        self.layer2 = _stage(64, 128, stride=2)
        self.layer3 = _stage(128, 256, stride=2)
        self.layer4 = _stage(256, 512, stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512, 2 * N_OUTPUTS)
        initialise(self)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """
        Predict the properties of each tile.

        Parameters
        ----------
        x : Tensor, shape (n, 3, height, width)
            RGB, 0 to 255.

        Returns
        -------
        mean, log_sd, within_sd : Tensor, each of shape (n, 3)
            In scaled target space. ``within_sd`` is 0: this network has no map.
        features : Tensor, shape (n, 512)
            Means of the last maps, float32: what the head reads.
        """
        y = self.maxpool(self.relu(self.bn1(self.conv1(self.normalise(x)))))
        y = self.layer4(self.layer3(self.layer2(self.layer1(y))))
        features = torch.flatten(self.avgpool(y), 1)
        out = self.fc(features).float()
        mean, raw = out[:, :N_OUTPUTS], out[:, N_OUTPUTS:]
        return mean, clamp_log_sd(raw), torch.zeros_like(mean), features.float()


def _stage(n_in: int, n_out: int, *, stride: int) -> nn.Sequential:
    return nn.Sequential(BasicBlock(n_in, n_out, stride=stride), BasicBlock(n_out, n_out))


NETWORK = Network(
    "resnet-18",
    "ResNet-18",
    ResNet18,
    left_out=("fc.",),
    recipe=Recipe(
        "resnet-18",
        steps=3200,
        learn_from="expected",
        average_decay=0.98,
        normalise_batches=8,
        validate_every=400,
        threads=1,
        crop_px=128,
        crop_until=0.85,
        cores=CoreSet(validation=128),
    ),
)
"""11.2 M parameters; the fast one."""
