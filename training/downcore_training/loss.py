"""The loss of a network that says how sure it is."""

import torch
from torch import Tensor


def beta_nll(mean: Tensor, log_sd: Tensor, target: Tensor, *, beta: float) -> Tensor:
    """
    Return the beta-weighted Gaussian negative log likelihood.

    Weighing each term by its own variance to the power ``beta`` keeps the mean learning
    where the network has given up and calls everything uncertain.

    Parameters
    ----------
    mean, log_sd : Tensor, shape (n, 3)
        Predictions in scaled space.
    target : Tensor, shape (n, 3)
        Scaled labels; NaN where there is none.
    beta : float
        0 for the plain likelihood, 1 for weights of a squared error.

    Returns
    -------
    Tensor, scalar
        Mean over the labels there are; 0, with a gradient of 0, if there are none.

    Notes
    -----
    Source: Seitzer et al. (2022), On the pitfalls of heteroscedastic uncertainty estimation.

    """
    known = torch.isfinite(target)
    # A NaN that is masked after the difference would still spoil the gradient.
    error = torch.where(known, target, mean.detach()) - mean
    variance = torch.exp(2 * log_sd)
    term = 0.5 * error.square() / variance + log_sd
    weighted = term * variance.detach() ** beta
    return (weighted * known).sum() / known.sum().clamp(min=1)
