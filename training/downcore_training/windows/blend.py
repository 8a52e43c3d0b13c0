"""A network and the trees together: their means, weighted property by property."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from downcore.strata.core_view import VIEW_PX_PER_CM
from downcore_training.windows.boosted_profile import BoostedProfile
from downcore_training.windows.networks import Outputs, WindowNetwork


class Blend(nn.Module):
    """
    The weighted mean of a network on windows and of the boosted profile.

    Parameters
    ----------
    network : WindowNetwork
    trees : BoostedProfile
        Of the same properties, on a window that holds the network's.
    """

    network_share: Tensor

    def __init__(self, network: WindowNetwork, trees: BoostedProfile) -> None:
        super().__init__()
        self.network = network
        self.boosted = trees
        self.window = trees.window
        self.properties = network.properties
        self.n_outputs = network.n_outputs
        self.register_buffer("network_share", torch.full((self.n_outputs,), 0.5))

    def take_shares(self, shares: Sequence[float]) -> None:
        """Set the network's share of each property's mean, 0 to 1."""
        self.network_share.copy_(torch.tensor(list(shares)))

    def forward(self, x: Tensor) -> Outputs:
        """Predict the rows of each window; as :meth:`BoostedProfile.forward`."""
        seen, window = self.network.window, self.window
        first = (window.above_cm - seen.above_cm) * VIEW_PX_PER_CM
        mean, log_sd, within, features = self.network(x[:, :, first : first + seen.shape[0]])
        tree_mean, tree_log_sd, _, profile = self.boosted(x)
        share = self.network_share
        variance = share * torch.exp(2 * log_sd) + (1 - share) * torch.exp(2 * tree_log_sd)
        # The profile's features of the wider window stand for those of the network's own.
        n_profile = profile.shape[2]
        both = torch.cat([profile, features[..., n_profile:]], dim=2)
        joined = share * mean + (1 - share) * tree_mean
        return joined, 0.5 * torch.log(variance), within, both
