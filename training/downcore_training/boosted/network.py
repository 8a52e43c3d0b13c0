"""
The boosted colour model as a network: tiles in, the same outputs as the others.

Being a torch module, it is kept, exported, tested and run like the networks, though its
numbers come from scikit-learn and not from gradients.
"""

import torch
from torch import Tensor, nn

from downcore_training.boosted.features import CELL_NAMES, Described, TileFeatures
from downcore_training.boosted.trees import Trees
from downcore_training.network import N_OUTPUTS, Network
from downcore_training.recipe import Recipe

N_TREES = 300
"""Trees of each property's mean."""
N_SPREAD_TREES = 80
"""Trees of each property's log sd."""
N_FEATURES = 48
"""Features of a tile."""


class BoostedColour(nn.Module):
    """Boosted trees on colour and texture of a tile."""

    centre: Tensor
    spread: Tensor
    cell_weights: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.look = TileFeatures()
        self.trees = Trees((N_TREES,) * N_OUTPUTS + (N_SPREAD_TREES,) * N_OUTPUTS)
        self.register_buffer("centre", torch.zeros(N_FEATURES))
        self.register_buffer("spread", torch.ones(N_FEATURES))
        self.register_buffer("cell_weights", torch.zeros(N_OUTPUTS, len(CELL_NAMES)))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """
        Predict the properties of each tile.

        Parameters
        ----------
        x : Tensor, shape (n, 3, 200, 200)
            RGB, 0 to 255.

        Returns
        -------
        mean, log_sd, within_sd : Tensor, each of shape (n, 3)
            In scaled target space. ``within_sd`` is the spread, over cells of 2 x 2 mm, of a
            straight-line reading of their colour and roughness.
        features : Tensor, shape (n, 48)
            Standardised by the training tiles.
        """
        return self.judge(self.look(x))

    def judge(self, described: Described) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Predict from described tiles; as :meth:`forward`."""
        cells = torch.matmul(self.cell_weights, described.cells)
        apart = cells - cells.mean(dim=2, keepdim=True)
        within = torch.sqrt((apart**2).mean(dim=2))
        features = (described.features - self.centre) / self.spread
        sums = self.trees(described.features)
        return sums[:, :N_OUTPUTS], sums[:, N_OUTPUTS:].clamp(-4.0, 2.0), within, features


NETWORK = Network(
    "boosted-colour",
    "Boosted colour",
    BoostedColour,
    recipe=Recipe("boosted-colour", learn_from="expected", precision="f32", threads=0),
)
"""Trees on colour and texture; fitted by :mod:`downcore_training.boosted.fitting`."""
