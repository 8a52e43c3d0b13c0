"""How many steps the networks may train, so that the whole command ends within its minutes."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from downcore.strata.errors import SettingsError

Clock = Callable[[], float]

MAX_STEPS = 500
"""Most steps of a training, unless a number is asked for."""

MIN_STEPS = 10
"""Fewest steps of a training for which a budget is accepted."""

_SPARE = 0.9
"""Share of the time left that is planned with."""


@dataclass(slots=True)
class Pace:
    """How long one network takes; corrected by each training."""

    step_s: float
    """Seconds of a training step."""
    window_s: float
    """Seconds in which a window is passed through the trained network."""

    def expected_s(self, steps: int, n_windows: int) -> float:
        """Return the seconds of a training with its answers."""
        return steps * self.step_s + n_windows * self.window_s

    def took(self, seconds: float, steps: int, n_windows: int) -> None:
        """Correct the pace by what a training took."""
        ratio = seconds / max(self.expected_s(steps, n_windows), 1e-9)
        self.step_s *= ratio
        self.window_s *= ratio


@dataclass(slots=True)
class StepPlan:
    """
    Steps of the trainings that are left.

    Parameters
    ----------
    steps : int or None
        Steps asked for; ``None`` for as many as the budget allows, at most :data:`MAX_STEPS`.
    budget_s : float or None
        Of the whole command; ``None`` for no limit.
    begun_s : float
        When the command began, by ``clock``.
    clock : callable
        Seconds, growing.
    """

    steps: int | None
    budget_s: float | None
    begun_s: float
    clock: Clock = time.monotonic
    paces: dict[str, Pace] = field(default_factory=dict)
    """By name of the network; empty without a budget."""
    left: list[tuple[str, int]] = field(default_factory=list)
    """Network and windows to pass of each training that is left, in order."""

    def check(self) -> None:
        """
        Refuse a budget that is too small for any training.

        Raises
        ------
        SettingsError
            With the minutes that it would take.
        """
        if self.budget_s is None or self._affordable() >= (self.steps or MIN_STEPS):
            return
        wanted = self.steps or MIN_STEPS
        spent = self.clock() - self.begun_s
        need_s = spent + sum(self.paces[name].expected_s(wanted, n) for name, n in self.left)
        raise SettingsError(
            f"expected a budget of {need_s / _SPARE / 60:.1f} minutes or more for {wanted} steps "
            f"of {len(self.left)} trainings, got {self.budget_s / 60:g}: give more with --budget, "
            "or fewer --steps"
        )

    def next_steps(self) -> int:
        """Return the steps of the next training."""
        most = self.steps or MAX_STEPS
        return most if self.budget_s is None else max(1, min(most, self._affordable()))

    def done(self, seconds: float, steps: int) -> None:
        """Take note that the next training is done."""
        name, n_windows = self.left.pop(0)
        if name in self.paces:
            self.paces[name].took(seconds, steps, n_windows)

    def _affordable(self) -> int:
        """Return how many steps each of the trainings left may have."""
        if self.budget_s is None:
            return MAX_STEPS
        seconds = _SPARE * (self.budget_s - (self.clock() - self.begun_s))
        seconds -= sum(self.paces[name].expected_s(0, n) for name, n in self.left)
        per_step = sum(self.paces[name].step_s for name, _ in self.left)
        return int(seconds / per_step) if per_step > 0 else MAX_STEPS
