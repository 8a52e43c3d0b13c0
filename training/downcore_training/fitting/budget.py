"""The budget of a whole run: reading, training and judging together."""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from downcore.strata.errors import SettingsError
from downcore_training.fitting.known_networks import network_named
from downcore_training.fitting.lesson import Assignment, lesson_of
from downcore_training.fitting.prediction import predict
from downcore_training.fitting.summary import baseline_figures
from downcore_training.progress import Report

_TIMED_TILES = 32
"""Tiles whose prediction is timed, to know how long all take."""
_MARGIN = 1.25
"""Of the time for judging: a machine is not always as fast as in the first seconds."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Wall time of a run from its start on."""

    minutes: float
    """0 for no limit."""
    started_s: float
    """Of ``clock``."""
    clock: Callable[[], float] = time.monotonic

    @property
    def left_s(self) -> float:
        """Seconds until the run must have ended."""
        return self.started_s + 60 * self.minutes - self.clock()

    def watched(self, report: Report) -> Report:
        """Return a report that ends the run once the budget is used up; without one, itself."""
        return _Watched(report, self) if self.minutes else report

    def within(self, task: Assignment, report: Report) -> Assignment:
        """
        Return the task with the part of the budget that is left for training.

        Reading is over by now; the baselines are computed here and not after the training, and the
        time for judging is measured on some tiles and set aside.

        Raises
        ------
        SettingsError
            If nothing is left for training.
        """
        if not self.minutes:
            return task
        report.note("figures of the baselines on the test cores, before the training")
        task = dataclasses.replace(task, baselines=baseline_figures(task.sets))
        judging_s = _MARGIN * _judging_s(task, self.clock)
        left_min = (self.left_s - judging_s) / 60
        if left_min <= 0:
            spent_min = self.minutes - self.left_s / 60
            raise SettingsError(
                f"expected a budget that leaves time for training, got {self.minutes:g} min: "
                f"reading took {spent_min:.1f}, judging takes about {judging_s / 60:.1f}; what was "
                f"read stays in the cache, so that the next run starts sooner"
            )
        report.note(f"{left_min:.1f} of {self.minutes:g} min are left for training")
        return dataclasses.replace(
            task, recipe=dataclasses.replace(task.recipe, budget_min=left_min)
        )


@dataclass(frozen=True, slots=True)
class _Watched:
    """A report that raises once the budget is used up."""

    report: Report
    budget: Budget

    def at(self, share: float, text: str) -> None:
        """Report, or end the run."""
        if self.budget.left_s <= 0:
            raise SettingsError(
                f"the budget of {self.budget.minutes:g} min is used up at {share:.0%}: {text}; "
                f"give more, or run it again: what was read stays in the cache"
            )
        self.report.at(share, text)

    def note(self, text: str) -> None:
        """Report."""
        self.report.note(text)


def _judging_s(task: Assignment, clock: Callable[[], float]) -> float:
    """Return about how long the last validation and the prediction of all held-out tiles take."""
    recipe, sets = task.recipe, task.sets
    lesson = lesson_of(recipe, sets.training)
    module = network_named(recipe.network).build().to(lesson.seen.device)
    some = np.arange(min(_TIMED_TILES, len(sets.test)))
    begun_s = clock()
    predict(module, sets.test, lesson.scaling, indices=some, seen=lesson.seen)
    each_s = (clock() - begun_s) / some.size
    renormalised = recipe.normalise_batches * recipe.batch
    return each_s * (2 * len(sets.validation) + len(sets.test) + renormalised)
