"""
HRNet-W18-small-v2: branches of several resolutions that stay side by side.

Source: Wang et al. (2020), Deep high-resolution representation learning for visual
recognition. The state-dict keys are those of the authors' code and of timm's
``hrnet_w18_small_v2``. Unlike there, a coarse branch is enlarged to the *size* of the fine
one, not by a fixed factor: 200 px is not divisible by 32.
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from downcore_training.networks._layers import BasicBlock, Bottleneck, Normalise, conv3x3

CHANNELS = (18, 36, 72, 144)
"""Channels of the branches, at strides 4, 8, 16 and 32."""
_STEM = 64
_BLOCKS = 2
_MODULES = {2: 1, 3: 3, 4: 2}
"""Modules of the stage with so many branches."""


class HRNet(nn.Module):
    """The backbone: an image in, four feature maps out."""

    def __init__(self) -> None:
        super().__init__()
        self.normalise = Normalise()
        self.conv1 = conv3x3(3, _STEM, stride=2)
        self.bn1 = nn.BatchNorm2d(_STEM)
        self.conv2 = conv3x3(_STEM, _STEM, stride=2)
        self.bn2 = nn.BatchNorm2d(_STEM)
        self.relu = nn.ReLU(inplace=True)
        n_layer1 = _STEM * Bottleneck.expansion
        self.layer1 = nn.Sequential(Bottleneck(_STEM, _STEM), Bottleneck(n_layer1, _STEM))
        self.transition1 = _transition((n_layer1,), CHANNELS[:2])
        self.stage2 = _stage(2)
        self.transition2 = _transition(CHANNELS[:2], CHANNELS[:3])
        self.stage3 = _stage(3)
        self.transition3 = _transition(CHANNELS[:3], CHANNELS)
        self.stage4 = _stage(4)

    def branches(self, x: Tensor) -> list[Tensor]:
        """
        Return the feature maps of the branches.

        Parameters
        ----------
        x : Tensor, shape (n, 3, height, width)
            RGB, 0 to 255.

        Returns
        -------
        list of Tensor
            Four maps of 18, 36, 72 and 144 channels, at strides 4, 8, 16 and 32, sizes
            rounded up.
        """
        y = self.relu(self.bn1(self.conv1(self.normalise(x))))
        y = self.layer1(self.relu(self.bn2(self.conv2(y))))
        maps: list[Tensor] = [branch(y) for branch in self.transition1]
        maps = self.stage2(maps)
        maps = self.stage3(_widened(self.transition2, maps))
        out: list[Tensor] = self.stage4(_widened(self.transition3, maps))
        return out


class _Module(nn.Module):
    """Blocks in each branch, then every branch hears every other."""

    def __init__(self, n_branches: int) -> None:
        super().__init__()
        channels = CHANNELS[:n_branches]
        self.branches = nn.ModuleList(
            nn.Sequential(*(BasicBlock(n, n) for _ in range(_BLOCKS))) for n in channels
        )
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(_fuse_layer(channels, source, target) for source in range(n_branches))
            for target in range(n_branches)
        )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        heard = [branch(one) for branch, one in zip(self.branches, maps, strict=True)]
        fused: list[Tensor] = []
        for target, layers in enumerate(self.fuse_layers):
            total = heard[target]
            size = total.shape[-2:]
            for source, layer in enumerate(_layers_of(layers)):
                if source == target:
                    continue
                y = layer(heard[source])
                if source > target:
                    y = functional.interpolate(y, size=size, mode="nearest")
                total = total + y
            fused.append(self.relu(total))
        return fused


def _layers_of(layers: nn.Module) -> nn.ModuleList:
    if not isinstance(layers, nn.ModuleList):
        raise TypeError(f"expected a list of fuse layers, got {type(layers).__name__}")
    return layers


def _fuse_layer(channels: Sequence[int], source: int, target: int) -> nn.Module:
    if source == target:
        return nn.Identity()
    n_in, n_out = channels[source], channels[target]
    if source > target:
        return nn.Sequential(nn.Conv2d(n_in, n_out, 1, bias=False), nn.BatchNorm2d(n_out))
    steps: list[nn.Module] = [_halved(n_in, n_in) for _ in range(target - source - 1)]
    last = nn.Sequential(conv3x3(n_in, n_out, stride=2), nn.BatchNorm2d(n_out))
    return nn.Sequential(*steps, last)


def _halved(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(
        conv3x3(n_in, n_out, stride=2), nn.BatchNorm2d(n_out), nn.ReLU(inplace=True)
    )


def _transition(before: Sequence[int], after: Sequence[int]) -> nn.ModuleList:
    layers: list[nn.Module] = []
    for i, n_out in enumerate(after):
        if i >= len(before):
            layers.append(nn.Sequential(_halved(before[-1], n_out)))
        elif before[i] == n_out:
            layers.append(nn.Identity())
        else:
            layers.append(
                nn.Sequential(
                    conv3x3(before[i], n_out), nn.BatchNorm2d(n_out), nn.ReLU(inplace=True)
                )
            )
    return nn.ModuleList(layers)


def _widened(transition: nn.ModuleList, maps: Sequence[Tensor]) -> list[Tensor]:
    # A new branch grows out of the coarsest one there is.
    return [layer(maps[min(i, len(maps) - 1)]) for i, layer in enumerate(transition)]


def _stage(n_branches: int) -> nn.Sequential:
    return nn.Sequential(*(_Module(n_branches) for _ in range(_MODULES[n_branches])))
