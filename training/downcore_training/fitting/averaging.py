"""
Running mean of the weights, with normalisations computed for it.

A running mean of the weights is steadier than any one step. The statistics of its batch
normalisations cannot be averaged from those of the steps, least of all where the steps saw
parts of tiles: they are taken anew over whole tiles.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

_WARM_STEPS = 10
"""The mean is short at first, so that the initial random weights drop out early."""


class RunningMean:
    """
    An exponential running mean of a module's parameters.

    Parameters
    ----------
    module : Module
        Whose parameters the mean starts from.
    decay : float
        Share of the mean that stays at each step, 0 or more and below 1; 0 keeps the newest
        weights.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._decay = decay
        self._mean = {k: p.detach().clone() for k, p in module.named_parameters()}

    @torch.no_grad()
    def add(self, module: nn.Module, step: int) -> None:
        """Add the parameters of ``module`` after ``step`` steps, counted from 1."""
        decay = min(self._decay, step / (step + _WARM_STEPS))
        newest = dict(module.named_parameters())
        for k, mean in self._mean.items():
            mean.lerp_(newest[k], 1 - decay)

    def put_into(self, module: nn.Module) -> None:
        """Give ``module`` the mean as its parameters; its buffers stay."""
        module.load_state_dict(self._mean, strict=False)

    def state(self) -> dict[str, Tensor]:
        """Return a copy of the mean, for a checkpoint."""
        return {k: v.clone() for k, v in self._mean.items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Continue from what :meth:`state` returned."""
        for key, value in self._mean.items():
            value.copy_(state[key])


@torch.no_grad()
def renormalise(module: nn.Module, batches: Iterable[Tensor]) -> None:
    """
    Recompute the statistics of every batch normalisation as plain means over ``batches``.

    Parameters
    ----------
    module : Module
        Changed in place, but for its parameters and mode.
    batches : iterable of Tensor
        Inputs of the module; at least one.
    """
    norms = [part for part in module.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]  # noqa: SLF001 - the base of all of them has no public name
    before = [(norm.momentum, norm.training) for norm in norms]
    was_training = module.training
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    module.train()
    for batch in batches:
        module(batch)
    module.train(was_training)
    for norm, (momentum, training) in zip(norms, before, strict=True):
        norm.momentum = momentum
        norm.training = training
