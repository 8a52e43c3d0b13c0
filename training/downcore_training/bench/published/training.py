"""Trainings of the networks, one after another, within the budget."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore_training.bench.published.networks import TableNetwork, n_windows, predict
from downcore_training.bench.published.pace import Pace, StepPlan
from downcore_training.bench.published.protocols import Mask, Split, TableProtocol, Targets
from downcore_training.bench.published.scoring import Predicted
from downcore_training.bench.published.slice_table import SliceTable
from downcore_training.progress import Report

Values = NDArray[np.float64]

_TRIAL_STEPS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One protocol on some labels, with its splits."""

    protocol: TableProtocol
    labels: Values
    splits: tuple[Split, ...]
    targets: tuple[Targets, ...]
    """One a split."""
    scale: Targets
    """What errors are divided by where properties are put together."""
    is_control: bool = False
    """Whether the labels were shuffled."""

    @property
    def test(self) -> Mask:
        """Slices that any split tests, shape (n,)."""
        return np.asarray(np.any([split.test for split in self.splits], axis=0))

    def is_like(self, other: "Case") -> bool:
        """Return whether another case has the same labels, splits and targets."""
        mine, theirs = ((one.is_control, one.protocol.is_scaled_in_core) for one in (self, other))
        if mine != theirs or len(self.splits) != len(other.splits):
            return False
        return all(
            np.array_equal(a.training, b.training) and np.array_equal(a.test, b.test)
            for a, b in zip(self.splits, other.splits, strict=True)
        )

    def given(self, k: int) -> Values:
        """Return the scaled labels of the training slices of a split, NaN elsewhere."""
        split = self.splits[k]
        return np.where(split.training[:, None], self.targets[k].scaled(self.labels), np.nan)

    def predicted(self, values: Values, steps: tuple[int, int] | None = None) -> Predicted:
        """Return the predictions (n, 3) of all splits, in units, for scoring."""
        return Predicted(values, self.test, self.scale, len(self.splits), steps)


@dataclass(frozen=True, slots=True)
class _Part:
    """Passes a training's progress on as a part of the whole."""

    report: Report
    first: float
    share: float
    text: str

    def at(self, share: float, text: str) -> None:
        """Report the share done of this training."""
        self.report.at(self.first + share * self.share, f"{self.text}: {text}")

    def note(self, text: str) -> None:
        """Report a line that stays on the screen."""
        self.report.note(text)


def train_all(
    cases: Sequence[Case],
    networks: Sequence[TableNetwork],
    table: SliceTable,
    plan: StepPlan,
    *,
    seed: int,
    report: Report,
) -> list[tuple[TableNetwork, Case, Predicted]]:
    """
    Train every network on every split of every case and return its predictions.

    Raises
    ------
    SettingsError
        If the budget is too small for any training.
    """
    every = [(net, case, k) for case in cases for net in networks for k in range(len(case.splits))]
    plan.left = [
        (net.name, n_windows(table, case.given(k), case.splits[k].test)) for net, case, k in every
    ]
    if plan.budget_s is not None:
        report.at(0.05, "speed of the networks")
        for net in networks:
            plan.paces[net.name] = _pace_of(net, table, cases[0], report)
        plan.check()
    found = {
        (net.name, i): np.full(case.labels.shape, np.nan)
        for net in networks
        for i, case in enumerate(cases)
    }
    steps: dict[tuple[str, int], list[int]] = {key: [] for key in found}
    for number, (net, case, k) in enumerate(every):
        n_steps = plan.next_steps()
        text = f"training {number + 1} of {len(every)}, {net.name}"
        part = _Part(report, 0.1 + 0.9 * number / len(every), 0.9 / len(every), text)
        begun_s = plan.clock()
        test = case.splits[k].test
        said = predict(net, table, case.given(k), test, steps=n_steps, seed=seed, report=part)
        plan.done(plan.clock() - begun_s, n_steps)
        key = net.name, next(i for i, other in enumerate(cases) if other is case)
        found[key][test] = case.targets[k].unscaled(said)[test]
        steps[key].append(n_steps)
    return [
        (
            net,
            case,
            case.predicted(found[net.name, i], (min(steps[net.name, i]), max(steps[net.name, i]))),
        )
        for net in networks
        for i, case in enumerate(cases)
    ]


def _pace_of(network: TableNetwork, table: SliceTable, case: Case, report: Report) -> Pace:
    """Return the speed of a network, from two short trainings on the shortest labelled section."""
    given = case.given(0)
    numbers = np.unique(table.section[np.isfinite(given).any(axis=1)])
    shortest = min(numbers.tolist(), key=lambda number: len(table.sections[number]))
    mine = table.section == shortest
    given = np.where(mine[:, None], given, np.nan)
    seconds = []
    for steps in (1, 1 + _TRIAL_STEPS):
        begun_s = time.monotonic()
        predict(
            network,
            table,
            given,
            mine,
            steps=steps,
            seed=0,
            report=_Part(report, 0.05, 0.0, "speed"),
        )
        seconds.append(time.monotonic() - begun_s)
    step_s = max((seconds[1] - seconds[0]) / _TRIAL_STEPS, 1e-3)
    rest = max(seconds[0] - step_s, 0.0)
    return Pace(step_s, rest / max(n_windows(table, given, mine), 1))
