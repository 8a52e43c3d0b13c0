"""Protocols: how cores are split into training and test slices."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore_training.bench.core import BenchCore

Masks = tuple[NDArray[np.bool_], ...]
"""For each core, which of its slices, shape (n,)."""

MAX_FOLDS = 12
"""Up to this number of cores each one is held out alone; more are held out in groups."""

N_GROUPS = 6
"""Groups of whole cores where there are more."""

TRAINING_SHARE = 0.7
VALIDATION_SHARE = 0.15
"""Of the slices of each core, in the published protocol; the rest is tested on."""


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """One split into training and test slices."""

    training: Masks
    validation: Masks | None
    """Slices that set the intervals; ``None`` where whole cores are held out for that in turn."""
    test: Masks


@dataclass(frozen=True, slots=True)
class Protocol:
    """One rule for splitting cores."""

    name: str
    title: str
    folds: Callable[[Sequence[BenchCore], int], list[Fold]]
    """Of cores and a seed; none where the cores do not allow it."""
    needs: str
    """What the cores must have for it, for a message."""


def _random_slices(cores: Sequence[BenchCore], seed: int) -> list[Fold]:
    training, validation, test = [], [], []
    for k, core in enumerate(cores):
        n = len(core)
        order = np.random.default_rng([seed, 17, k]).permutation(n)
        n_training, n_validation = round(TRAINING_SHARE * n), round(VALIDATION_SHARE * n)
        part = np.full(n, 2)
        part[order[:n_training]] = 0
        part[order[n_training : n_training + n_validation]] = 1
        training.append(part == 0)
        validation.append(part == 1)
        test.append(part == 2)  # noqa: PLR2004 - the third of three parts
    return [Fold(tuple(training), tuple(validation), tuple(test))]


def _whole(cores: Sequence[BenchCore], names: Sequence[str]) -> list[Fold]:
    """Return folds that hold out every core of a name together, or groups of names."""
    distinct = sorted(set(names))
    if len(distinct) < 2:  # noqa: PLR2004 - nothing to learn from
        return []
    n_folds = len(distinct) if len(distinct) <= MAX_FOLDS else N_GROUPS
    fold_of = {name: i % n_folds for i, name in enumerate(distinct)}
    folds = []
    for fold in range(n_folds):
        test = tuple(np.full(len(c), fold_of[n] == fold) for c, n in zip(cores, names, strict=True))
        folds.append(Fold(tuple(~mask for mask in test), None, test))
    return folds


def _by_core(cores: Sequence[BenchCore], _: int) -> list[Fold]:
    return _whole(cores, [core.name for core in cores])


def _by_site(cores: Sequence[BenchCore], _: int) -> list[Fold]:
    return _whole(cores, [core.site for core in cores])


def _by_core_in_site(cores: Sequence[BenchCore], seed: int) -> list[Fold]:
    """Hold out each core and learn from the other cores of its site alone."""
    sites = [core.site for core in cores]
    if len(set(sites)) < 2:  # noqa: PLR2004 - the same as holding out by core
        return []
    folds: list[Fold] = []
    for site in sorted(set(sites)):
        mine = np.array([other == site for other in sites])
        names = [core.name if own else "" for core, own in zip(cores, mine, strict=True)]
        if len({name for name in names if name}) < 2:  # noqa: PLR2004 - no other core there
            continue
        inside = [core for core, own in zip(cores, mine, strict=True) if own]
        folds += [_widened(fold, cores, mine) for fold in _by_core(inside, seed)]
    return folds


def _widened(fold: Fold, cores: Sequence[BenchCore], mine: NDArray[np.bool_]) -> Fold:
    """Return a fold of some cores as a fold of all, the others unused."""
    place = iter(range(int(mine.sum())))
    at = [next(place) if own else None for own in mine]

    def spread(masks: Masks) -> Masks:
        return tuple(
            np.zeros(len(core), bool) if k is None else masks[k]
            for core, k in zip(cores, at, strict=True)
        )

    return Fold(spread(fold.training), None, spread(fold.test))


RANDOM = Protocol(
    "random-slices", "slices drawn at random inside each core (published)", _random_slices, "slices"
)
BY_CORE = Protocol("leave-one-core-out", "whole cores held out", _by_core, "two cores")
BY_CORE_IN_SITE = Protocol(
    "leave-one-core-out-in-site",
    "whole cores held out, learned from other cores of the same site",
    _by_core_in_site,
    "two cores at one of several sites",
)
BY_SITE = Protocol("leave-one-site-out", "whole sites held out", _by_site, "two sites")
PROTOCOLS = (RANDOM, BY_CORE, BY_CORE_IN_SITE, BY_SITE)
UNSEEN = "unseen"
"""Name of the protocol of a finished bundle, which was not trained on DATA."""
