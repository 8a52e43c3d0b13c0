"""Validation of a run: the running mean of the weights, scored on some slices of some cores."""

import copy
import dataclasses
import math
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from torch import nn

from downcore.strata.properties import PROPERTIES
from downcore_training.datasets import TileSet
from downcore_training.evaluation.slice_scores import SliceValues, at_support, score
from downcore_training.fitting import checkpoint
from downcore_training.fitting.averaging import renormalise
from downcore_training.fitting.lesson import Assignment, Lesson
from downcore_training.fitting.prediction import as_input, predict
from downcore_training.fitting.run_state import RunState, is_cropped, save_state
from downcore_training.fitting.tile_groups import (
    ALONE,
    GroupedTiles,
)
from downcore_training.progress import Report


def validate(state: RunState, task: Assignment, lesson: Lesson, report: Report) -> None:
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
        save_state(state, task, module, checkpoint.BEST)
    # Crops of tiles come first for speed; patience counts only once whole tiles are used.
    if not is_cropped(state, recipe):
        state.validations_since_best = 0 if is_best else state.validations_since_best + 1
    save_state(state, task, state.module, checkpoint.LAST)
    scores_text = "  ".join(f"{name} {value:+.3f}" for name, value in r2.items())
    report.note(
        f"step {state.step}  {state.elapsed_s / 60:.1f} min  "
        f"validation R2{' of the visible part' if is_expected else ''} {scores_text}  "
        f"mean {now:+.3f}{'  best' if is_best else ''}"
    )


def _kept_module(state: RunState, lesson: Lesson) -> nn.Module:
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


def _few_slices(module: nn.Module, validation: TileSet, lesson: Lesson) -> SliceValues:
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
