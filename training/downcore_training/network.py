"""What a network is: its name, how it is built, and how it is trained."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

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


class SomeProperties(nn.Module):
    """
    A network that answers for some properties only, as one trained without the others must.

    Parameters
    ----------
    module : Module
        A network; its first three outputs have a column a property.
    columns : list of int
        Those that stay.
    """

    def __init__(self, module: nn.Module, columns: list[int]) -> None:
        super().__init__()
        self.module = module
        self.columns = columns

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return mean, log sd and sd within, each (n, k), and the features."""
        mean, log_sd, within_sd, features = self.module(x)
        return (self._kept(mean), self._kept(log_sd), self._kept(within_sd), features)

    def _kept(self, values: Tensor) -> Tensor:
        return torch.cat([values[:, i : i + 1] for i in self.columns], dim=1)
