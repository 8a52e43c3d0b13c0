"""
The loss of a network with its own sd, compared with a logger's readings.

A label is the reading of a sensor. Where the sensor sees little more than the slice, each
tile is compared with the label of its slice. Where it sees far more, as a susceptibility loop
does, the mean of a group of tiles over the footprint is compared with the label of the
group's slice, so that the network learns the values of single slices.

Much of a label's variance is not visible in the image. Where its expectation given the image is
known, as for generated cores, the means learn from that: the best mean is the same, and fewer cores
suffice. The sd always learns from the labels.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

_LN10 = math.log(10.0)


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """What predictions are compared with."""

    label: Tensor
    """Scaled labels, shape (n, k); NaN where there is none."""
    expected: Tensor
    """
    Scaled expectation of the label given the image, same shape; the label itself where it is
    not known. NaN where the label is.
    """

    def rows(self, chosen: slice, column: int) -> "Target":
        """Return one column of some rows, shape (m, 1)."""
        return Target(self.label[chosen, column, None], self.expected[chosen, column, None])

    def columns(self, chosen: list[int]) -> "Target":
        """Return some columns."""
        return Target(self.label[:, chosen], self.expected[:, chosen])


def beta_nll(mean: Tensor, log_sd: Tensor, target: Tensor, *, beta: float) -> Tensor:
    """
    Return the beta-weighted Gaussian negative log likelihood.

    Weighting each term by its own variance to the power ``beta`` keeps the mean learning where the
    network predicts a large sd.

    Parameters
    ----------
    mean, log_sd : Tensor, shape (n, k)
        Predictions in scaled space.
    target : Tensor, shape (n, k)
        Scaled labels; NaN where there is none.
    beta : float
        0 for the plain likelihood, 1 for weights of a squared error.

    Returns
    -------
    Tensor, scalar
        Mean over the columns of the mean over the labels there are; a column without labels
        does not count. 0, with a gradient of 0, if there are none at all.

    Notes
    -----
    Source: Seitzer et al. (2022), On the pitfalls of heteroscedastic uncertainty estimation.

    """
    return _mean_of_columns([_column(mean, log_sd, Target(target, target), beta)])


@dataclass(frozen=True, slots=True, eq=False)
class WideLabel:
    """Comparison of a property whose sensor averages over several slices."""

    column: int
    """Of the outputs."""
    centre: float
    """Of the scaling, in the property's unit, log10 where it is kept so."""
    spread: float
    """Likewise."""
    is_mean_of_log: bool
    """Whether the sensor averages the plain value of what is kept as log10."""


def footprint_nll(
    mean: Tensor,
    log_sd: Tensor,
    target: Target,
    *,
    weights: Tensor,
    wide: tuple[WideLabel, ...],
    beta: float,
) -> Tensor:
    """
    Return the loss of groups of tiles, the first of each group being that of the label.

    Parameters
    ----------
    mean, log_sd : Tensor, shape (n_groups * k, n_properties)
        As in :func:`beta_nll`, the tiles of a group one after another.
    target : Target
        Of the slices of the tiles.
    weights : Tensor, shape (n_groups, k)
        Of the tiles within the footprint; the sum of each row is 1.
    wide : tuple of WideLabel
        Properties that are compared group by group; all others are tile by tile.
    beta : float
        As in :func:`beta_nll`.

    Returns
    -------
    Tensor, scalar
        Mean over the properties, as in :func:`beta_nll`. The sd of a group is that of its
        first tile: the interval of a slice must hold the reading at that slice.
    """
    n, k = weights.shape
    narrow = [
        i for i in range(mean.shape[1]) if i not in {wide_label.column for wide_label in wide}
    ]
    columns = [_column(mean[:, narrow], log_sd[:, narrow], target.columns(narrow), beta)]
    for wide_label in wide:
        grouped = over_footprint(mean[:, wide_label.column].reshape(n, k), weights, wide_label)
        first = slice(0, n * k, k)
        columns.append(
            _column(
                grouped[:, None],
                log_sd[first, wide_label.column, None],
                target.rows(first, wide_label.column),
                beta,
            )
        )
    return _mean_of_columns(columns)


def over_footprint(mean: Tensor, weights: Tensor, label: WideLabel) -> Tensor:
    """
    Return the sensor's reading, shape (n,), of scaled values (n, k) by ``weights``.

    Of a property kept as log10 it is the log10 of the mean of the plain values.
    """
    if not label.is_mean_of_log:
        return (weights * mean).sum(dim=1)
    log10 = mean * label.spread + label.centre
    total = torch.logsumexp(_LN10 * log10 + weights.log(), dim=1) / _LN10
    return (total - label.centre) / label.spread


def _column(mean: Tensor, log_sd: Tensor, target: Target, beta: float) -> tuple[Tensor, Tensor]:
    """Return the sums of the terms and the numbers of labels, column by column."""
    known = torch.isfinite(target.label) & torch.isfinite(target.expected)
    # A NaN masked after the difference would still give a NaN gradient.
    error = torch.where(known, target.expected, mean.detach()) - mean
    seen = torch.where(known, target.label, mean.detach()) - mean.detach()
    # The value is that of the label's error, the gradient that of the expectation's.
    squared = error.square() + (seen.square() - error.square()).detach()
    variance = torch.exp(2 * log_sd)
    term = 0.5 * squared / variance + log_sd
    weighted = term * variance.detach() ** beta
    return (weighted * known).sum(dim=0), known.sum(dim=0)


def _mean_of_columns(columns: list[tuple[Tensor, Tensor]]) -> Tensor:
    sums = torch.cat([sums for sums, _ in columns])
    counts = torch.cat([counts for _, counts in columns])
    return (sums / counts.clamp(min=1)).sum() / (counts > 0).sum().clamp(min=1)
