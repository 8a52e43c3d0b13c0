"""What a network is: its name, how it is built, and how it is trained."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from downcore.strata.properties import PROPERTIES
from downcore_training.recipe import Recipe

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

    left_out: tuple[str, ...] | None = None
    """
    Prefixes of the state-dict keys that public weights do not supply; ``None`` where nobody
    publishes weights of this architecture.
    """

    recipe: Recipe | None = None
    """How it is trained where no file says otherwise; ``None`` for the defaults of a recipe."""

    def default_recipe(self) -> Recipe:
        """Return how the network is trained where no file says otherwise."""
        return self.recipe or Recipe(network=self.name)
