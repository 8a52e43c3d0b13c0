"""
Networks: one module each, found by name.

To add one, put a module here that defines ``NETWORK`` and a recipe in
``config/training``; the contract tests do the rest. Modules whose name starts with
an underscore are parts of networks.

Every network is a torch module with

``forward(x: (n, 3, height, width)) -> (mean, log_sd, within_sd, each (n, 3), features (n, k))``

where ``x`` is RGB, sRGB encoded, 0 to 255 as float: the module itself normalises. The first
three outputs are in scaled target space, in the order of
:data:`downcore.strata.properties.PROPERTIES`; ``features`` is the pooled vector that the heads
read, float32, by which it is judged whether a tile is like those the network learned from.
"""

import importlib
import pkgutil

from downcore_training.networks._network import N_OUTPUTS, Network
from downcore_training.networks._public_weights import LoadedWeights, load_public_weights

__all__ = [
    "N_OUTPUTS",
    "LoadedWeights",
    "Network",
    "load_public_weights",
    "network_named",
    "networks",
]


def networks() -> dict[str, Network]:
    """Return every network in this package, by name."""
    found: dict[str, Network] = {}
    for module_info in pkgutil.iter_modules(__path__):
        if not module_info.name.startswith("_"):
            module = importlib.import_module(f"{__name__}.{module_info.name}")
            network: Network = module.NETWORK
            found[network.name] = network
    return found


def network_named(name: str) -> Network:
    """
    Return the network called ``name``, the boosted colour model included.

    Raises
    ------
    ValueError
        If there is none; the message lists those there are.
    """
    # It is fitted, not trained by gradient, so that it stands apart; it needs this package.
    from downcore_training.boosted import NETWORK as BOOSTED  # noqa: PLC0415 - see above

    found = networks() | {BOOSTED.name: BOOSTED}
    if name not in found:
        raise ValueError(f"expected a network of {', '.join(sorted(found))}, got {name!r}")
    return found[name]
