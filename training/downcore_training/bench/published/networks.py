"""HRNet-DeepLabV3+ and ResNet-18 on windows, trained on some slices of a table and asked others."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from downcore_training.bench.published.protocols import Mask
from downcore_training.bench.published.slice_table import SliceTable
from downcore_training.fitting.scaling import TargetScaling
from downcore_training.progress import Report
from downcore_training.windows.learning import Lesson, answers, trained
from downcore_training.windows.networks import (
    NETWORK_WINDOW,
    WindowHRNet,
    WindowNetwork,
    WindowResNet18,
)
from downcore_training.windows.section_views import SectionViews
from downcore_training.windows.window_set import WindowSet

Values = NDArray[np.float64]

_UNCHANGED = TargetScaling(np.zeros(3), np.ones(3))
"""Targets come scaled already."""

_MIN_TARGETS = 2


@dataclass(frozen=True, slots=True)
class TableNetwork:
    """A network of the table."""

    name: str
    title: str
    build: Callable[[Sequence[int]], WindowNetwork]
    """Of the places in PROPERTIES of what is predicted; random weights."""


TABLE_NETWORKS = (
    TableNetwork("resnet-18", "ResNet-18 on windows", WindowResNet18),
    TableNetwork("hrnet-deeplabv3plus", "HRNet-DeepLabV3+ on windows", WindowHRNet),
)


def predict(
    network: TableNetwork,
    table: SliceTable,
    targets: Values,
    asked: Mask,
    *,
    steps: int,
    seed: int,
    report: Report,
) -> Values:
    """
    Train a network and return its predictions.

    Parameters
    ----------
    network : TableNetwork
    table : SliceTable
    targets : ndarray, shape (n, 3)
        Scaled labels of the training slices, NaN elsewhere.
    asked : ndarray of bool, shape (n,)
        Slices to predict.
    steps, seed : int
        Of the training.
    report : Report
        Receives the progress of the training.

    Returns
    -------
    ndarray, shape (n, 3)
        Scaled; NaN where nothing was asked, or of a property without training slices.
    """
    properties = np.flatnonzero(np.isfinite(targets).sum(axis=0) >= _MIN_TARGETS).tolist()
    predicted = np.full(targets.shape, np.nan)
    lessons = _with_targets(table, targets)
    if not properties or not lessons:
        return predicted
    torch.manual_seed(seed)
    lesson = Lesson(steps=steps, seed=seed)
    module = trained(network.build(properties), lessons, _UNCHANGED, lesson, report=report)
    for number in np.unique(table.section[asked]):
        mine = np.flatnonzero(table.section == number)
        windows = WindowSet([table.sections[number]], module.window)
        mean = answers(module, windows).mean[: len(mine)].astype(np.float64)
        predicted[mine[:, None], properties] = mean
    predicted[~asked] = np.nan
    return predicted


def n_windows(table: SliceTable, targets: Values, asked: Mask) -> int:
    """Return how many windows are passed through a network once it is trained."""
    has_target = np.isfinite(targets).any(axis=1)
    found = 0
    for part in (has_target, asked):
        for number in np.unique(table.section[part]):
            found += -(-len(table.sections[number]) // NETWORK_WINDOW.rows_cm)
    return found


def _with_targets(table: SliceTable, targets: Values) -> list[SectionViews]:
    """Return the sections that hold a target, with these in place of their labels."""
    found = []
    for number, section in enumerate(table.sections):
        mine = targets[table.section == number]
        if np.isfinite(mine).any():
            found.append(dataclasses.replace(section, labels=mine))
    return found
