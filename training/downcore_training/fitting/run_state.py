"""The state of a run: made anew or restored, moved along its schedule, and saved."""

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from downcore.strata.errors import SettingsError
from downcore_training.fitting import checkpoint
from downcore_training.fitting.averaging import RunningMean
from downcore_training.fitting.known_networks import network_named
from downcore_training.fitting.lesson import Assignment, Lesson
from downcore_training.networks import load_public_weights
from downcore_training.progress import Report
from downcore_training.recipe import Recipe, parse_recipe

_SECOND_DESCENT = 0.5
"""Learning rate of a second descent, of the first one's."""


@dataclass(slots=True)
class RunState:
    """State of a run that changes with each step."""

    module: nn.Module
    optimiser: torch.optim.Optimizer
    mean: RunningMean
    step: int = 0
    elapsed_s: float = 0.0
    best_score: float = -math.inf
    validations_since_best: int = 0


def fresh_state(lesson: Lesson, report: Report) -> RunState:
    """
    Return the state before the first step, with public weights where the recipe names them.

    Raises
    ------
    SettingsError
        If the network has no public weights and the recipe asks for some.
    """
    recipe = lesson.recipe
    torch.manual_seed(recipe.seed)
    network = network_named(recipe.network)
    module = network.build()
    if recipe.public_weights:
        if network.left_out is None:
            raise SettingsError(
                f"expected no public_weights for {network.name}, of which none are published, got "
                f"{recipe.public_weights}; leave the key out"
            )
        loaded = load_public_weights(module, Path(recipe.public_weights), left_out=network.left_out)
        report.note(f"{recipe.public_weights}: {loaded.sentence}")
    # torch's own types leave memory_format out of this call.
    module.to(lesson.seen.device, memory_format=torch.channels_last)  # type: ignore[call-overload] # see above
    module.train()
    decayed = [p for p in module.parameters() if p.ndim > 1]
    free = [p for p in module.parameters() if p.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=recipe.learning_rate)
    return RunState(module, optimiser, RunningMean(module, recipe.average_decay))


def restore(state: RunState, recipe: Recipe, out: Path) -> None:
    """
    Bring a fresh state to where ``last.pt`` in ``out`` left off.

    Raises
    ------
    SettingsError
        If another recipe led there.
    BundleError
        If there is nothing to resume.
    """
    last = checkpoint.read(out / checkpoint.LAST)
    then = parse_recipe(last["recipe"], origin=str(out / checkpoint.LAST))
    # The budget and the threads may differ: they affect when the run ends, not its state.
    if dataclasses.replace(then, budget_min=0, threads=0) != dataclasses.replace(
        recipe, budget_min=0, threads=0
    ):
        raise SettingsError(
            f"expected the recipe that {out / checkpoint.LAST} was trained by, got another; "
            "give that recipe, or start afresh without --resume"
        )
    state.module.load_state_dict(last["state_dict"])
    state.optimiser.load_state_dict(last["optimiser"])
    state.mean.restore(last["running_mean"])
    state.step, state.elapsed_s = last["step"], last["elapsed_s"]
    state.best_score, state.validations_since_best = last["best_score"], last["looks_since_best"]


def save_state(state: RunState, task: Assignment, module: nn.Module, name: str) -> None:
    """Save the weights of ``module`` as ``name``; ``last.pt`` also holds what resuming needs."""
    content: dict[str, Any] = {
        "format_version": checkpoint.FORMAT_VERSION,
        "recipe": task.recipe_text,
        "state_dict": checkpoint.frozen_state(module),
        "step": state.step,
        "elapsed_s": state.elapsed_s,
        "best_score": state.best_score,
        "looks_since_best": state.validations_since_best,
    }
    if name == checkpoint.LAST:
        content["optimiser"] = state.optimiser.state_dict()
        content["running_mean"] = state.mean.state()
    checkpoint.save(content, task.out / name)


def share_done(state: RunState, recipe: Recipe) -> float:
    """Return how much of the run is done, by steps or by time, whichever is further, 0 to 1."""
    by_steps = state.step / recipe.steps
    by_time = state.elapsed_s / (60 * recipe.budget_min) if recipe.budget_min else 0.0
    return min(1.0, max(by_steps, by_time))


def _share_of_descent(state: RunState, recipe: Recipe) -> float:
    """Return the share done of the current descent, the first or the second."""
    if not recipe.restart_at:
        return share_done(state, recipe)
    if state.step < recipe.restart_at:
        return state.step / recipe.restart_at
    return min(1.0, (state.step - recipe.restart_at) / (recipe.steps - recipe.restart_at))


def is_cropped(state: RunState, recipe: Recipe) -> bool:
    """Return whether the step learns from crops of tiles, as the first ones do for speed."""
    return _share_of_descent(state, recipe) < recipe.crop_until


def is_over(state: RunState, recipe: Recipe) -> bool:
    """Return whether steps, budget or patience are used up."""
    if recipe.patience and state.validations_since_best >= recipe.patience:
        return True
    return share_done(state, recipe) >= 1.0


def set_learning_rate(state: RunState, recipe: Recipe) -> None:
    """Set the optimiser's learning rate: a warm-up, then a cosine over each descent."""
    warm = min(1.0, (state.step + 1) / max(1, recipe.warm_up_steps))
    cosine = 0.5 * (1 + math.cos(math.pi * _share_of_descent(state, recipe)))
    if recipe.restart_at and state.step >= recipe.restart_at:
        cosine *= _SECOND_DESCENT
    for group in state.optimiser.param_groups:
        group["lr"] = recipe.learning_rate * warm * cosine
