"""
The training loop.

Everything random is a function of the recipe's seed and the number of the step, so a run
that is resumed goes on exactly as it would have, and needs no random state on disk. With
``budget_min`` the learning rate follows the clock, and the result depends on the machine.
"""

import dataclasses
import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from downcore.strata.errors import SettingsError
from downcore_training import checkpoint
from downcore_training.augmentation import augment, crop, step_generator
from downcore_training.datasets import CoreSets, TileSet
from downcore_training.evaluation import join_slices, score
from downcore_training.loss import beta_nll
from downcore_training.networks import load_public_weights, network_named
from downcore_training.progress import Report
from downcore_training.recipe import Recipe, parse_recipe
from downcore_training.scaling import TargetScaling, fit_scaling
from downcore_training.summary import finished_checkpoint

Clock = Callable[[], float]
"""Seconds that never jump."""

_CLIP_NORM = 5.0
"""Longest gradient; a batch with an absurd label must not undo the run."""
_EVALUATION_BATCH = 32
_TOLD_STEPS = 50
"""Steps over which the loss that is told is averaged."""


@dataclass(slots=True)
class _State:
    """What changes from step to step."""

    module: nn.Module
    optimiser: torch.optim.Optimizer
    step: int = 0
    elapsed_s: float = 0.0
    best_score: float = -math.inf
    looks_since_best: int = 0


@dataclass(frozen=True, slots=True)
class Assignment:
    """What to train, on what, and where to keep it."""

    recipe: Recipe
    recipe_text: str
    """The recipe's TOML, kept in the checkpoint."""
    sets: CoreSets
    out: Path
    """Folder for ``checkpoint.pt``, ``best.pt`` and ``last.pt``; made if absent."""


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
        Go on from ``last.pt``.
    clock : callable
        Seconds, for the budget.

    Raises
    ------
    SettingsError
        If ``resume`` is asked for with a recipe that would not have led to ``last.pt``.
    BundleError
        If there is nothing to resume.
    """
    recipe, training = task.recipe, task.sets.training
    task.out.mkdir(parents=True, exist_ok=True)
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    scaling = fit_scaling(training.labels)
    targets = torch.from_numpy(scaling.scaled(training.labels)).float()
    state = _fresh_state(recipe, report)
    if resume:
        _restore(state, recipe, task.out)
        report.note(f"resumed at step {state.step} after {state.elapsed_s / 60:.1f} min")
    batches = _batches(len(training), recipe, state.step)
    started_s = clock() - state.elapsed_s
    losses: deque[float] = deque(maxlen=_TOLD_STEPS)
    while not _is_over(state, recipe):
        _set_learning_rate(state, recipe)
        indices = next(batches)
        losses.append(_one_step(state, recipe, training, indices, targets[indices]))
        state.step += 1
        state.elapsed_s = clock() - started_s
        told = f"step {state.step}  loss {sum(losses) / len(losses):+.3f}"
        report.at(_share(state, recipe), f"{told}  {state.elapsed_s / 60:.1f} min")
        if state.step % recipe.validate_every == 0 or _is_over(state, recipe):
            _look(state, task, scaling, report)
    return _finish(state, task, scaling, report)


@dataclass(frozen=True, slots=True)
class Seen:
    """How a network looks at tiles when it is judged."""

    precision: str = "bf16"
    """``bf16`` (autocast) or ``f32``."""
    side_px: int | None = None
    """Side of the square in the middle of the tile; ``None`` for all of it."""


def predict(
    module: nn.Module,
    tiles: TileSet,
    scaling: TargetScaling,
    *,
    indices: NDArray[np.int64] | None = None,
    seen: Seen = Seen(),
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """
    Predict tiles, all or those at ``indices``.

    Returns
    -------
    mean, sd : ndarray, each of shape (n_tiles, 3)
        In the property's unit, log10 for ``ms``.
    """
    chosen = np.arange(len(tiles)) if indices is None else indices
    means, sds = [], []
    was_training = module.training
    module.eval()
    with torch.inference_mode(), _autocast(seen.precision):
        for first in range(0, len(chosen), _EVALUATION_BATCH):
            x = _centre(_input(tiles.pixels(chosen[first : first + _EVALUATION_BATCH])), seen)
            mean, log_sd, _ = module(x.contiguous(memory_format=torch.channels_last))
            means.append(mean.double().numpy())
            sds.append(log_sd.double().exp().numpy())
    module.train(was_training)
    return scaling.unscaled(np.concatenate(means)), np.concatenate(sds) * scaling.spread


def _fresh_state(recipe: Recipe, report: Report) -> _State:
    torch.manual_seed(recipe.seed)
    network = network_named(recipe.network)
    module = network.build()
    if recipe.public_weights:
        loaded = load_public_weights(module, Path(recipe.public_weights), left_out=network.left_out)
        report.note(f"took {len(loaded.taken)} tensors from {recipe.public_weights}")
    # torch's own types leave memory_format out of this call.
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # see above
    module.train()
    decayed = [p for p in module.parameters() if p.ndim > 1]
    free = [p for p in module.parameters() if p.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]
    return _State(module, torch.optim.AdamW(groups, lr=recipe.learning_rate))


def _restore(state: _State, recipe: Recipe, out: Path) -> None:
    last = checkpoint.read(out / checkpoint.LAST)
    then = parse_recipe(last["recipe"], origin=str(out / checkpoint.LAST))
    # The budget and the threads may differ: they decide when the run ends, not where it was.
    if dataclasses.replace(then, budget_min=0, threads=0) != dataclasses.replace(
        recipe, budget_min=0, threads=0
    ):
        raise SettingsError(
            f"expected the recipe that {out / checkpoint.LAST} was trained by, got another; "
            "give that recipe, or start afresh without --resume"
        )
    state.module.load_state_dict(last["state_dict"])
    state.optimiser.load_state_dict(last["optimiser"])
    state.step, state.elapsed_s = last["step"], last["elapsed_s"]
    state.best_score, state.looks_since_best = last["best_score"], last["looks_since_best"]


def _batches(n_tiles: int, recipe: Recipe, first_step: int) -> Iterator[NDArray[np.int64]]:
    """Yield the tiles of every step; each epoch is a new order, and its remainder is dropped."""
    if n_tiles < recipe.batch:
        raise SettingsError(f"expected at least {recipe.batch} tiles for a batch, got {n_tiles}")
    per_epoch = n_tiles // recipe.batch
    step = first_step
    while True:
        order = np.random.default_rng([recipe.seed, step // per_epoch]).permutation(n_tiles)
        for i in range(step % per_epoch, per_epoch):
            yield order[i * recipe.batch : (i + 1) * recipe.batch]
            step += 1


def _one_step(
    state: _State, recipe: Recipe, tiles: TileSet, indices: NDArray[np.int64], target: Tensor
) -> float:
    generator = step_generator(recipe.seed, state.step)
    x = _input(tiles.pixels(indices))
    if _share(state, recipe) < recipe.crop_until:
        x = crop(x, recipe.crop_px, generator)
    x = augment(x, recipe, generator)
    state.optimiser.zero_grad(set_to_none=True)
    with _autocast(recipe.precision):
        mean, log_sd, _ = state.module(x.contiguous(memory_format=torch.channels_last))
    loss = beta_nll(mean, log_sd, target, beta=recipe.beta)
    loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
    nn.utils.clip_grad_norm_(state.module.parameters(), _CLIP_NORM)
    state.optimiser.step()
    return float(loss.detach())


def _input(pixels: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float()


def _centre(x: Tensor, seen: Seen) -> Tensor:
    if seen.side_px is None:
        return x
    edge = (x.shape[-1] - seen.side_px) // 2
    return x[:, :, edge : edge + seen.side_px, edge : edge + seen.side_px]


def _autocast(precision: str) -> torch.autocast:
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16")


def _share(state: _State, recipe: Recipe) -> float:
    """Return how much of the run is done, by steps or by time, whichever is further, 0 to 1."""
    by_steps = state.step / recipe.steps
    by_time = state.elapsed_s / (60 * recipe.budget_min) if recipe.budget_min else 0.0
    return min(1.0, max(by_steps, by_time))


def _is_over(state: _State, recipe: Recipe) -> bool:
    if recipe.patience and state.looks_since_best >= recipe.patience:
        return True
    return _share(state, recipe) >= 1.0


def _set_learning_rate(state: _State, recipe: Recipe) -> None:
    warm = min(1.0, (state.step + 1) / max(1, recipe.warm_up_steps))
    cosine = 0.5 * (1 + math.cos(math.pi * _share(state, recipe)))
    for group in state.optimiser.param_groups:
        group["lr"] = recipe.learning_rate * warm * cosine


def _look(state: _State, task: Assignment, scaling: TargetScaling, report: Report) -> None:
    """
    Judge the network on one tile of each validation slice, and save.

    While the run sees squares of the tiles, so does the look: the statistics of the
    normalisation are those of squares, and whole tiles would be judged by the wrong ones.
    Such a look cannot choose the best weights.
    """
    validation, recipe = task.sets.validation, task.recipe
    is_cropped = _share(state, recipe) < recipe.crop_until
    how = Seen(recipe.precision, recipe.crop_px if is_cropped else None)
    first = validation.one_tile_a_slice()
    mean, sd = predict(state.module, validation, scaling, indices=first, seen=how)
    values = join_slices(validation, mean[validation.group], sd[validation.group])
    r2 = {name: one.get("r2", math.nan) for name, one in score(values.mean, values).items()}
    now = float(np.mean(list(r2.values())))
    is_best = not is_cropped and not now <= state.best_score
    if is_best:
        state.best_score = now
        _save_state(state, task.recipe_text, task.out / checkpoint.BEST, with_optimiser=False)
    if not is_cropped:
        state.looks_since_best = 0 if is_best else state.looks_since_best + 1
    _save_state(state, task.recipe_text, task.out / checkpoint.LAST, with_optimiser=True)
    told = "  ".join(f"{name} {value:+.3f}" for name, value in r2.items())
    mark = "  of squares" if is_cropped else "  best" if is_best else ""
    report.note(
        f"step {state.step}  {state.elapsed_s / 60:.1f} min  validation R2 {told}  "
        f"mean {now:+.3f}{mark}"
    )


def _save_state(state: _State, recipe_text: str, path: Path, *, with_optimiser: bool) -> None:
    content: dict[str, Any] = {
        "format_version": checkpoint.FORMAT_VERSION,
        "recipe": recipe_text,
        "state_dict": checkpoint.frozen_state(state.module),
        "step": state.step,
        "elapsed_s": state.elapsed_s,
        "best_score": state.best_score,
        "looks_since_best": state.looks_since_best,
    }
    if with_optimiser:
        content["optimiser"] = state.optimiser.state_dict()
    checkpoint.save(content, path)


def _finish(state: _State, task: Assignment, scaling: TargetScaling, report: Report) -> Path:
    """Take the best weights, judge them on all tiles, and write the checkpoint."""
    recipe, sets = task.recipe, task.sets
    best = checkpoint.read(task.out / checkpoint.BEST)
    state.module.load_state_dict(best["state_dict"])
    report.note(f"best weights are those of step {best['step']}; judging on the test cores")
    judged = [
        join_slices(tiles, *predict(state.module, tiles, scaling, seen=Seen(recipe.precision)))
        for tiles in (sets.validation, sets.test)
    ]
    content = finished_checkpoint(
        recipe, task.recipe_text, sets, scaling, validation=judged[0], test=judged[1]
    )
    content["state_dict"] = checkpoint.frozen_state(state.module)
    content["run"] = {
        "steps": state.step,
        "best_step": best["step"],
        "elapsed_min": state.elapsed_s / 60,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__.split("+")[0],
    }
    path = task.out / checkpoint.CHECKPOINT
    checkpoint.save(content, path)
    return path
