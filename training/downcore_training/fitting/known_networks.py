"""Every network that a recipe can name: those trained by gradient, and the boosted colour model."""

from downcore_training import networks
from downcore_training.boosted.network import NETWORK as BOOSTED
from downcore_training.network import Network


def network_named(name: str) -> Network:
    """
    Return the network called ``name``, the boosted colour model included.

    Raises
    ------
    ValueError
        If there is none; the message lists those there are.
    """
    # The boosted model is not trained by gradient, so it is outside the package of networks.
    found = networks.networks() | {BOOSTED.name: BOOSTED}
    if name not in found:
        raise ValueError(f"expected a network of {', '.join(sorted(found))}, got {name!r}")
    return found[name]
