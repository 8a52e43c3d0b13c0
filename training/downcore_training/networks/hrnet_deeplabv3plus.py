"""HRNet-W18-small-v2 with a DeepLabV3+ head: a dense map of each property, pooled to a value."""

from torch import Tensor, nn

from downcore_training.network import N_OUTPUTS, Network
from downcore_training.networks._deeplab import Decoder
from downcore_training.networks._hrnet import CHANNELS, HRNet
from downcore_training.networks._layers import clamp_log_sd, initialise
from downcore_training.recipe import CoreSet, Recipe

_WIDTH = 64


class HRNetDeepLabV3Plus(HRNet):
    """
    One map for each property; its mean is the value, its sd the heterogeneity of the tile.

    It extends the backbone instead of holding it, so that the state-dict keys of the public
    weights stand at the root.
    """

    def __init__(self) -> None:
        super().__init__()
        self.decoder = Decoder(CHANNELS, width=_WIDTH)
        self.maps = nn.Conv2d(_WIDTH, N_OUTPUTS, 1)
        self.log_sd = nn.Linear(_WIDTH, N_OUTPUTS)
        initialise(self)
        # The values start near the training mean, so that the first steps do not undo noise.
        nn.init.normal_(self.maps.weight, std=0.01)

    def dense(self, x: Tensor) -> Tensor:
        """
        Return the map of each property.

        Parameters
        ----------
        x : Tensor, shape (n, 3, height, width)
            RGB, 0 to 255.

        Returns
        -------
        Tensor, shape (n, 3, height / 4, width / 4)
            In scaled target space, sizes rounded up.
        """
        out: Tensor = self.maps(self.decoder(self.branches(x))).float()
        return out

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
            In scaled target space: mean of the map, log of the sd of the error of that mean,
            and sd of the map within the tile.
        features : Tensor, shape (n, 64)
            Means of the decoder's maps, float32: what the heads read.
        """
        decoded = self.decoder(self.branches(x))
        dense = self.maps(decoded).float()
        mean = dense.mean(dim=(2, 3))
        # The small term keeps the gradient of the root finite on a flat map.
        variance = (dense - mean[:, :, None, None]).square().mean(dim=(2, 3))
        features = decoded.mean(dim=(2, 3))
        raw = self.log_sd(features).float()
        return mean, clamp_log_sd(raw), (variance + 1e-8).sqrt(), features.float()


NETWORK = Network(
    "hrnet-deeplabv3plus",
    "HRNet-W18-small-v2 + DeepLabV3+",
    HRNetDeepLabV3Plus,
    left_out=("decoder.", "maps.", "log_sd."),
    recipe=Recipe(
        "hrnet-deeplabv3plus",
        steps=2400,
        restart_at=1600,
        learn_from="expected",
        average_decay=0.98,
        normalise_batches=8,
        threads=1,
        crop_px=128,
        crop_until=0.85,
        cores=CoreSet(validation=128),
    ),
)
"""4.5 M parameters; the default."""
