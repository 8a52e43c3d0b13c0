"""
The training loop.

All randomness is a function of the recipe's seed and the number of the step, so a resumed run
continues exactly, without a random state on disk. With ``budget_min`` the learning rate follows the
clock, and the result depends on the machine.
"""

import copy
import dataclasses
import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from downcore.strata.errors import SettingsError
from downcore.strata.properties import PROPERTIES
from downcore_training.datasets import CoreSets, TileSet
from downcore_training.evaluation.slice_scores import SliceValues, at_support, join_slices, score
from downcore_training.fitting import checkpoint
from downcore_training.fitting.augmentation import augment, crop, step_generator
from downcore_training.fitting.averaging import RunningMean, renormalise
from downcore_training.fitting.known_networks import network_named
from downcore_training.fitting.loss import Target, WideLabel, footprint_nll
from downcore_training.fitting.prediction import Seen, as_input, device_named, predict
from downcore_training.fitting.scaling import TargetScaling, fit_scaling
from downcore_training.fitting.summary import finished_checkpoint
from downcore_training.fitting.tile_groups import (
    ALONE,
    GroupedTiles,
    TileGroups,
    quadrature_of,
    wide_footprints,
)
from downcore_training.networks import load_public_weights
from downcore_training.progress import Report
from downcore_training.recipe import Recipe, parse_recipe

Clock = Callable[[], float]
"""Seconds that never jump."""

_CLIP_NORM = 5.0
"""Gradients are clipped to this norm; a batch with an absurd label must not ruin the run."""
_TOLD_STEPS = 50
"""Steps over which the reported loss is averaged."""
_SECOND_DESCENT = 0.5
"""Learning rate of a second descent, of the first one's."""


@dataclass(slots=True)
class _State:
    """State of a run that changes with each step."""

    module: nn.Module
    optimiser: torch.optim.Optimizer
    mean: RunningMean
    step: int = 0
    elapsed_s: float = 0.0
    best_score: float = -math.inf
    validations_since_best: int = 0


@dataclass(frozen=True, slots=True)
class Assignment:
    """A training task: recipe, cores and output folder."""

    recipe: Recipe
    recipe_text: str
    """The recipe's TOML, kept in the checkpoint."""
    sets: CoreSets
    out: Path
    """Folder for ``checkpoint.pt``, ``best.pt`` and ``last.pt``; made if absent."""


@dataclass(frozen=True, slots=True, eq=False)
class _Lesson:
    """Constants of a run."""

    recipe: Recipe
    tiles: TileSet
    target: Target
    """Of all tiles."""
    scaling: TargetScaling
    wide: tuple[WideLabel, ...]
    seen: Seen


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
    lesson = _lesson(recipe, task.sets.training)
    state = _fresh_state(lesson, report)
    if resume:
        _restore(state, recipe, task.out)
        report.note(f"resumed at step {state.step} after {state.elapsed_s / 60:.1f} min")
    groups = _groups(lesson, state.step)
    started_s = clock() - state.elapsed_s
    losses: deque[float] = deque(maxlen=_TOLD_STEPS)
    while not _is_over(state, recipe):
        _set_learning_rate(state, recipe)
        losses.append(_one_step(state, lesson, next(groups)))
        state.step += 1
        state.mean.add(state.module, state.step)
        state.elapsed_s = clock() - started_s
        line = f"step {state.step}  loss {sum(losses) / len(losses):+.3f}"
        report.at(_share(state, recipe), f"{line}  {state.elapsed_s / 60:.1f} min")
        if state.step % recipe.validate_every == 0 or _is_over(state, recipe):
            _validate(state, task, lesson, report)
    return _finish(state, task, lesson, report)


def _lesson(recipe: Recipe, tiles: TileSet) -> _Lesson:
    scaling = fit_scaling(tiles.labels)
    place = {prop.name: i for i, prop in enumerate(PROPERTIES)}
    wide = tuple(
        WideLabel(
            column=place[footprint.property],
            centre=float(scaling.centre[place[footprint.property]]),
            spread=float(scaling.spread[place[footprint.property]]),
            is_mean_of_log=footprint.is_mean_of_log,
        )
        for footprint in wide_footprints()
    )
    expected = tiles.labels
    if recipe.learn_from == "expected":
        expected = np.where(np.isfinite(tiles.visible), tiles.visible, tiles.labels)
    return _Lesson(
        recipe=recipe,
        tiles=tiles,
        target=Target(
            torch.from_numpy(scaling.scaled(tiles.labels)).float(),
            torch.from_numpy(scaling.scaled(expected)).float(),
        ),
        scaling=scaling,
        wide=wide,
        seen=Seen(recipe.precision, device_named(recipe.device)),
    )


def _groups(lesson: _Lesson, first_step: int) -> Iterator[TileGroups]:
    recipe = lesson.recipe
    quadrature = quadrature_of(wide_footprints()[0]) if recipe.footprint_in_loss else ALONE
    return GroupedTiles(lesson.tiles, quadrature, recipe.seed).batches(
        recipe.batch // len(quadrature.offsets), first_step
    )


def _fresh_state(lesson: _Lesson, report: Report) -> _State:
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
        report.note(f"took {len(loaded.taken)} tensors from {recipe.public_weights}")
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
    return _State(module, optimiser, RunningMean(module, recipe.average_decay))


def _restore(state: _State, recipe: Recipe, out: Path) -> None:
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


def _one_step(state: _State, lesson: _Lesson, groups: TileGroups) -> float:
    recipe, seen = lesson.recipe, lesson.seen
    generator = step_generator(recipe.seed, state.step)
    indices = groups.tiles.ravel()
    x = as_input(lesson.tiles.pixels(indices))
    if _is_cropped(state, recipe):
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


def _share(state: _State, recipe: Recipe) -> float:
    """Return how much of the run is done, by steps or by time, whichever is further, 0 to 1."""
    by_steps = state.step / recipe.steps
    by_time = state.elapsed_s / (60 * recipe.budget_min) if recipe.budget_min else 0.0
    return min(1.0, max(by_steps, by_time))


def _share_of_descent(state: _State, recipe: Recipe) -> float:
    """Return the share done of the current descent, the first or the second."""
    if not recipe.restart_at:
        return _share(state, recipe)
    if state.step < recipe.restart_at:
        return state.step / recipe.restart_at
    return min(1.0, (state.step - recipe.restart_at) / (recipe.steps - recipe.restart_at))


def _is_cropped(state: _State, recipe: Recipe) -> bool:
    return _share_of_descent(state, recipe) < recipe.crop_until


def _is_over(state: _State, recipe: Recipe) -> bool:
    if recipe.patience and state.validations_since_best >= recipe.patience:
        return True
    return _share(state, recipe) >= 1.0


def _set_learning_rate(state: _State, recipe: Recipe) -> None:
    warm = min(1.0, (state.step + 1) / max(1, recipe.warm_up_steps))
    cosine = 0.5 * (1 + math.cos(math.pi * _share_of_descent(state, recipe)))
    if recipe.restart_at and state.step >= recipe.restart_at:
        cosine *= _SECOND_DESCENT
    for group in state.optimiser.param_groups:
        group["lr"] = recipe.learning_rate * warm * cosine


def _kept_module(state: _State, lesson: _Lesson) -> nn.Module:
    """Return a copy of the network with the running mean of the weights, fit for whole tiles."""
    recipe, seen = lesson.recipe, lesson.seen
    module = copy.deepcopy(state.module)
    state.mean.put_into(module)
    batches = GroupedTiles(lesson.tiles, ALONE, recipe.seed).batches(recipe.batch, 0)
    with seen.autocast():
        renormalise(
            module,
            (
                seen.placed(as_input(lesson.tiles.pixels(groups.tiles.ravel())))
                for groups in islice(batches, recipe.normalise_batches)
            ),
        )
    return module.eval()


def _validate(state: _State, task: Assignment, lesson: _Lesson, report: Report) -> None:
    """Validate the running mean of the weights on some slices, and save."""
    recipe = task.recipe
    module = _kept_module(state, lesson)
    values = _few_slices(module, task.sets.validation, lesson)
    # With expectations as labels a few cores distinguish models that would need many with logs.
    is_expected = recipe.learn_from == "expected" and bool(np.isfinite(values.visible).any())
    if is_expected:
        values = dataclasses.replace(values, label=values.visible)
    r2 = {
        name: figures.get("r2", math.nan)
        for name, figures in score(values.at_support, values).items()
    }
    known = [x for x in r2.values() if math.isfinite(x)]
    now = sum(known) / len(known) if known else math.nan
    # Where nothing can be scored the newest weights are kept, but never replace scored ones.
    is_best = now > state.best_score or (not known and state.best_score == -math.inf)
    if is_best:
        state.best_score = now if known else -math.inf
        _save_state(state, task, module, checkpoint.BEST)
    # Crops of tiles come first for speed; patience counts only once whole tiles are used.
    if not _is_cropped(state, recipe):
        state.validations_since_best = 0 if is_best else state.validations_since_best + 1
    _save_state(state, task, state.module, checkpoint.LAST)
    scores_text = "  ".join(f"{name} {value:+.3f}" for name, value in r2.items())
    report.note(
        f"step {state.step}  {state.elapsed_s / 60:.1f} min  "
        f"validation R2{' of the visible part' if is_expected else ''} {scores_text}  "
        f"mean {now:+.3f}{'  best' if is_best else ''}"
    )


def _few_slices(module: nn.Module, validation: TileSet, lesson: _Lesson) -> SliceValues:
    """Return the network's values of some slices of some cores; NaN for the others."""
    recipe = lesson.recipe
    tiles = validation.some_cores(recipe.look_cores)
    first = tiles.one_tile_a_slice()
    validated: NDArray[np.int64] = np.arange(0, first.size, recipe.look_every_slice)
    mean = np.full((first.size, len(PROPERTIES)), np.nan)
    sd = np.full_like(mean, np.nan)
    mean[validated], sd[validated] = predict(
        module, tiles, lesson.scaling, indices=first[validated], seen=lesson.seen
    )
    return SliceValues(
        mean=mean,
        sd=sd,
        label=tiles.labels[first],
        visible=tiles.visible[first],
        core=tiles.core[first],
        logger_mean=at_support(tiles, mean),
    )


def _save_state(state: _State, task: Assignment, module: nn.Module, name: str) -> None:
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


def _finish(state: _State, task: Assignment, lesson: _Lesson, report: Report) -> Path:
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
        recipe, task.recipe_text, sets, lesson.scaling, validation=judged[0], test=judged[1]
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
