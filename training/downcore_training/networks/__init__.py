"""
Networks: one module each, found by name.

To add one, put a module here that defines ``NETWORK`` and a recipe in
``config/training``; the contract tests do the rest. Modules whose name starts with
an underscore are parts of networks; ``network`` says what a network is.

Every network is a torch module with

``forward(x: (n, 3, height, width)) -> (mean, log_sd, within_sd, each (n, 3), features (n, k))``

where ``x`` is RGB, sRGB encoded, 0 to 255 as float: the module itself normalises. The first
three outputs are in scaled target space, in the order of
:data:`downcore.strata.properties.PROPERTIES`; ``features`` is the pooled vector that the heads
read, float32, by which it is judged whether a tile is like those the network learned from.
"""

import importlib
import pkgutil

from downcore_training.networks._public_weights import LoadedWeights, load_public_weights
from downcore_training.networks.network import N_OUTPUTS, Network

__all__ = [
    "N_OUTPUTS",
    "LoadedWeights",
    "Network",
    "load_public_weights",
    "networks",
]


def networks() -> dict[str, Network]:
    """Return every network in this package, by name."""
    found: dict[str, Network] = {}
    for module_info in pkgutil.iter_modules(__path__):
        if not module_info.name.startswith("_") and module_info.name != "network":
            module = importlib.import_module(f"{__name__}.{module_info.name}")
            network: Network = module.NETWORK
            found[network.name] = network
    return found
