"""The boosted colour model: trees on colour and texture of a tile, as a network among others."""

from downcore_training.boosted.fitting import fit
from downcore_training.boosted.network import NETWORK

__all__ = ["NETWORK", "fit"]
