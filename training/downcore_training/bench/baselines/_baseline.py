"""What a baseline is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from downcore_training.bench.core import BenchCore


class Fitted(Protocol):
    """A fitted baseline."""

    def predict(self, core: BenchCore) -> NDArray[np.float64]:
        """
        Return its predictions for every slice of ``core``, shape (n, 3).

        The labels of ``core`` are all NaN, unless the baseline needs them. They are at the logger's
        support, ``ms`` as log10; NaN where there is none.
        """
        ...


Fit = Callable[[Sequence[BenchCore], int], Fitted]
"""Fit to cores, whose labels are NaN where they are held out; the number is a seed."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """A model that a network must beat."""

    name: str
    title: str
    simplicity: int
    """Place in the order from simple to not; the verdict prefers lower ones."""
    fit: Fit
    extrapolates: bool = False
    """
    Whether it predicts beyond any label it learned from; its intervals then widen with the
    distance from the mean of those.
    """
    needs_core_labels: bool = False
    """
    Whether it predicts a slice from logs of the same core. Such a baseline shows what is possible
    without an image. It is no candidate for the verdict, since a new core has no log.
    """


def pooled(
    cores: Sequence[BenchCore],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Return profiles (n, 5), labels (n, 3) and number of the core (n,) of all slices."""
    profile = np.concatenate([core.profile for core in cores])
    labels = np.concatenate([core.labels for core in cores])
    number = np.repeat(np.arange(len(cores)), [len(core) for core in cores])
    return profile, labels, number.astype(np.int64)


def mean_of_cores(cores: Sequence[BenchCore]) -> NDArray[np.float64]:
    """Return the mean label over all slices, shape (3,); NaN for a property nobody logged."""
    labels = np.concatenate([core.labels for core in cores])
    known = np.isfinite(labels)
    count = known.sum(axis=0)
    total = np.where(known, labels, 0.0).sum(axis=0)
    nothing = np.full(labels.shape[1], np.nan)
    mean: NDArray[np.float64] = np.divide(total, count, out=nothing, where=count > 0)
    return mean
