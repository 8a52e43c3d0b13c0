"""
Networks: one module each, found by name.

To add one, put a module here that defines ``NETWORK``; the contract tests do the rest.
Modules whose name starts with an underscore are parts of networks.

Every network is a torch module with

``forward(x: (n, 3, height, width)) -> (mean, log_sd, within_sd, each (n, 3), features (n, k))``

where ``x`` is RGB, sRGB encoded, 0 to 255 as float: the module itself normalises. The first
three outputs are in scaled target space, in the order of
:data:`downcore.strata.properties.PROPERTIES`; ``features`` is the pooled vector that the heads
read, float32, by which it is judged whether a tile is like those the network learned from.
"""

from downcore.discovery import values_in
from downcore_training.network import Network
from downcore_training.networks._deeplab import Decoder
from downcore_training.networks._hrnet import CHANNELS, HRNet
from downcore_training.networks._layers import initialise
from downcore_training.networks._public_weights import LoadedWeights, load_public_weights

__all__ = [
    "CHANNELS",
    "Decoder",
    "HRNet",
    "LoadedWeights",
    "initialise",
    "load_public_weights",
    "networks",
]


def networks() -> dict[str, Network]:
    """Return every network in this package, by name."""
    return {network.name: network for network in values_in(__name__, "NETWORK", Network)}
