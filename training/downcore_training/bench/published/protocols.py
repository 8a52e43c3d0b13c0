"""How the slices of a table are split, and what their targets are scaled by."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore_training.bench.protocols import TRAINING_SHARE, VALIDATION_SHARE
from downcore_training.bench.published.slice_table import SliceTable

MAX_FOLDS = 4
"""Folds of sections, cores or sites; networks are trained once for each."""

Mask = NDArray[np.bool_]
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """One split of the slices of a table; what is in neither part is not used."""

    training: Mask
    test: Mask


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """Labels scaled for training: ``scaled = (label - centre) / spread``, slice by slice."""

    centre: Values
    """Shape (n, 3)."""
    spread: Values
    """Shape (n, 3); above 0."""

    def scaled(self, labels: Values) -> Values:
        """Return scaled labels (n, 3)."""
        return np.asarray((labels - self.centre) / self.spread)

    def unscaled(self, values: Values) -> Values:
        """Return scaled values (n, 3) in the property's unit, ``ms`` as log10."""
        return np.asarray(values * self.spread + self.centre)


@dataclass(frozen=True, slots=True)
class TableProtocol:
    """One rule for splitting slices."""

    name: str
    title: str
    splits: Callable[[SliceTable, int], list[Split]]
    """Of a table and a seed; none where the table does not allow it."""
    needs: str
    """What the table must have for it, for a message."""
    is_scaled_in_core: bool = False
    """Whether targets are scaled inside each core, its test slices included, as published."""

    def targets(self, table: SliceTable, split: Split) -> Targets:
        """Return the scaling of the targets of a split."""
        if self.is_scaled_in_core:
            return _scaled_in_core(table)
        return _scaled_alike(table.labels[split.training], len(table))

    def scale_of_errors(self, table: SliceTable) -> Targets:
        """Return what errors are divided by where properties are put together."""
        if self.is_scaled_in_core:
            return _scaled_in_core(table)
        return _scaled_alike(table.labels, len(table))


def _random_slices(table: SliceTable, seed: int) -> list[Split]:
    part = np.full(len(table), -1)
    for number in np.unique(table.core):
        mine = np.flatnonzero((table.core == number) & table.is_labelled)
        order = np.random.default_rng([seed, 17, int(number)]).permutation(mine)
        n_training = round(TRAINING_SHARE * len(mine))
        n_validation = round(VALIDATION_SHARE * len(mine))
        part[order[:n_training]] = 0
        part[order[n_training : n_training + n_validation]] = 1
        part[order[n_training + n_validation :]] = 2
    return [Split(part == 0, part == 2)]  # noqa: PLR2004 - the last of three parts


def _whole(table: SliceTable, number: NDArray[np.int64]) -> list[Split]:
    """Return splits that keep slices of one number together; every n-th number to a fold."""
    distinct = np.unique(number[table.is_labelled])
    n_folds = min(len(distinct), MAX_FOLDS)
    if n_folds < 2:  # noqa: PLR2004 - nothing to learn from
        return []
    found = []
    for fold in range(n_folds):
        away = np.isin(number, distinct[fold::n_folds])
        found.append(Split(~away & table.is_labelled, away & table.is_labelled))
    return found


def _scaled_in_core(table: SliceTable) -> Targets:
    centre, spread = np.zeros(table.labels.shape), np.ones(table.labels.shape)
    for number in np.unique(table.core):
        mine = table.core == number
        centre[mine], spread[mine] = _moments(table.labels[mine])
    return Targets(centre, spread)


def _scaled_alike(labels: Values, n: int) -> Targets:
    """Return the scaling of ``n`` slices by mean and sd of ``labels``."""
    centre, spread = _moments(labels)
    shape = (n, labels.shape[1])
    return Targets(np.broadcast_to(centre, shape), np.broadcast_to(spread, shape))


def _moments(labels: Values) -> tuple[Values, Values]:
    """Return mean and sd of each property; 0 and 1 where nothing differs."""
    centre, spread = np.zeros(labels.shape[1]), np.ones(labels.shape[1])
    for i, column in enumerate(labels.T):
        known = column[np.isfinite(column)]
        if known.size:
            centre[i] = known.mean()
        if known.size > 1 and known.std() > 1e-9 * max(1.0, abs(centre[i])):
            spread[i] = known.std()
    return centre, spread


RANDOM_SLICES = TableProtocol(
    "random-slices",
    "slices drawn at random inside each core, 70/15/15, targets scaled inside it (leaky)",
    _random_slices,
    "slices",
    is_scaled_in_core=True,
)
WHOLE_SECTIONS = TableProtocol(
    "whole-sections",
    "whole sections held out",
    lambda table, _: _whole(table, table.section),
    "two sections with labels",
)
WHOLE_CORES = TableProtocol(
    "whole-cores",
    "whole cores held out",
    lambda table, _: _whole(table, table.core),
    "two cores with labels",
)
WHOLE_SITES = TableProtocol(
    "whole-sites",
    "whole sites held out",
    lambda table, _: _whole(table, table.site),
    "two sites with labels",
)
TABLE_PROTOCOLS = (RANDOM_SLICES, WHOLE_SECTIONS, WHOLE_CORES, WHOLE_SITES)
