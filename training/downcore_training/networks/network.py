"""What a network is: a name and a way to build it."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from downcore.strata.properties import PROPERTIES

N_OUTPUTS = len(PROPERTIES)
"""Values that a network predicts of one tile."""


@dataclass(frozen=True, slots=True)
class Network:
    """An architecture that can be trained."""

    name: str
    """As recipes, checkpoints and bundles call it."""

    title: str
    """As a model card calls it."""

    build: Callable[[], nn.Module]
    """Returns the module with fresh random weights, from torch's global generator."""

    left_out: tuple[str, ...]
    """Prefixes of the state-dict keys that public weights do not supply."""
