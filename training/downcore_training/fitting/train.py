"""
The training loop.

All randomness is a function of the recipe's seed and the number of the step, so a resumed run
continues exactly, without a random state on disk. With ``budget_min`` the learning rate follows the
clock, and the result depends on the machine.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from downcore.strata.errors import SettingsError
from downcore_training.evaluation.slice_scores import join_slices
from downcore_training.fitting import checkpoint
from downcore_training.fitting.augmentation import augment, crop, step_generator
from downcore_training.fitting.lesson import Assignment, Lesson, lesson_of, tile_groups
from downcore_training.fitting.loss import Target, footprint_nll
from downcore_training.fitting.prediction import as_input, predict
from downcore_training.fitting.run_state import (
    RunState,
    fresh_state,
    is_cropped,
    is_over,
    restore,
    set_learning_rate,
    share_done,
)
from downcore_training.fitting.summary import finished_checkpoint
from downcore_training.fitting.tile_groups import (
    TileGroups,
)
from downcore_training.fitting.validation import validate
from downcore_training.progress import Report

Clock = Callable[[], float]
"""Seconds that never jump."""

_CLIP_NORM = 5.0
"""Gradients are clipped to this norm; a batch with an absurd label must not ruin the run."""
_TOLD_STEPS = 50
"""Steps over which the reported loss is averaged."""


def train(
    task: Assignment, *, report: Report, resume: bool = False, clock: Clock = time.monotonic
) -> Path:
    """
    Train a network and return the path of its checkpoint.

    Parameters
    ----------
    task : Assignment
        What to train.
    report : Report
        Hears of the progress.
    resume : bool, default False
        Continue from ``last.pt``.
    clock : callable
        Seconds, for the budget.

    Raises
    ------
    SettingsError
        If ``resume`` is asked for with a recipe that would not have led to ``last.pt``, or
        the recipe asks for a device that is not there, or the loss is no number.
    BundleError
        If there is nothing to resume.
    """
    recipe = task.recipe
    task.out.mkdir(parents=True, exist_ok=True)
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    lesson = lesson_of(recipe, task.sets.training)
    state = fresh_state(lesson, report)
    if resume:
        restore(state, recipe, task.out)
        report.note(f"resumed at step {state.step} after {state.elapsed_s / 60:.1f} min")
    groups = tile_groups(lesson, state.step)
    started_s = clock() - state.elapsed_s
    losses: deque[float] = deque(maxlen=_TOLD_STEPS)
    while not is_over(state, recipe):
        set_learning_rate(state, recipe)
        losses.append(_one_step(state, lesson, next(groups)))
        state.step += 1
        state.mean.add(state.module, state.step)
        state.elapsed_s = clock() - started_s
        line = f"step {state.step}  loss {sum(losses) / len(losses):+.3f}"
        report.at(share_done(state, recipe), f"{line}  {state.elapsed_s / 60:.1f} min")
        if state.step % recipe.validate_every == 0 or is_over(state, recipe):
            validate(state, task, lesson, report)
    return _finish(state, task, lesson, report)


def _one_step(state: RunState, lesson: Lesson, groups: TileGroups) -> float:
    recipe, seen = lesson.recipe, lesson.seen
    generator = step_generator(recipe.seed, state.step)
    indices = groups.tiles.ravel()
    x = as_input(lesson.tiles.pixels(indices))
    if is_cropped(state, recipe):
        x = crop(x, recipe.crop_px, generator)
    x = augment(x, recipe, generator)
    state.optimiser.zero_grad(set_to_none=True)
    with seen.autocast():
        mean, log_sd, *_ = state.module(seen.placed(x))
    loss = footprint_nll(
        mean,
        log_sd,
        Target(
            lesson.target.label[indices].to(seen.device),
            lesson.target.expected[indices].to(seen.device),
        ),
        weights=torch.from_numpy(groups.weights).float().to(seen.device),
        wide=lesson.wide,
        beta=recipe.beta,
    )
    loss_value = float(loss.detach())
    if not math.isfinite(loss_value):
        # Its gradient would make every weight NaN.
        raise SettingsError(
            f"expected a finite loss at step {state.step + 1}, got {loss_value}: the run has "
            "diverged; lower learning_rate, or look for absurd labels, and start afresh"
        )
    loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
    nn.utils.clip_grad_norm_(state.module.parameters(), _CLIP_NORM)
    state.optimiser.step()
    return loss_value


def _finish(state: RunState, task: Assignment, lesson: Lesson, report: Report) -> Path:
    """Take the best weights, evaluate them on all tiles, and write the checkpoint."""
    recipe, sets = task.recipe, task.sets
    best = checkpoint.read(task.out / checkpoint.BEST)
    state.module.load_state_dict(best["state_dict"])
    report.note(f"best weights are those of step {best['step']}; judging on the test cores")
    judged = [
        join_slices(tiles, *predict(state.module, tiles, lesson.scaling, seen=lesson.seen))
        for tiles in (sets.validation, sets.test)
    ]
    content = finished_checkpoint(
        recipe,
        task.recipe_text,
        sets,
        lesson.scaling,
        validation=judged[0],
        test=judged[1],
        baselines=task.baselines,
    )
    content["state_dict"] = checkpoint.frozen_state(state.module)
    content["run"] = {
        "steps": state.step,
        "best_step": best["step"],
        "elapsed_min": state.elapsed_s / 60,
        "threads": torch.get_num_threads(),
        "device": lesson.seen.device,
        "torch": torch.__version__.split("+")[0],
    }
    path = task.out / checkpoint.CHECKPOINT
    checkpoint.save(content, path)
    return path
