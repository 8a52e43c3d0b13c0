"""What a run is to learn, and the constants that follow: task, targets, groups of tiles."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from downcore.strata.properties import PROPERTIES
from downcore_training.datasets import CoreSets, TileSet
from downcore_training.fitting.loss import Target, WideLabel
from downcore_training.fitting.prediction import Seen, device_named
from downcore_training.fitting.scaling import TargetScaling, fit_scaling
from downcore_training.fitting.tile_groups import (
    ALONE,
    GroupedTiles,
    TileGroups,
    quadrature_of,
    wide_footprints,
)
from downcore_training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Assignment:
    """A training task: recipe, cores and output folder."""

    recipe: Recipe
    recipe_text: str
    """The recipe's TOML, kept in the checkpoint."""
    sets: CoreSets
    out: Path
    """Folder for ``checkpoint.pt``, ``best.pt`` and ``last.pt``; made if absent."""
    baselines: Mapping[str, Any] | None = None
    """Figures of the baselines where they are known before the training, as with a budget."""


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """Constants of a run."""

    recipe: Recipe
    tiles: TileSet
    target: Target
    """Of all tiles."""
    scaling: TargetScaling
    wide: tuple[WideLabel, ...]
    seen: Seen


def lesson_of(recipe: Recipe, tiles: TileSet) -> Lesson:
    """Return the constants of a run on ``tiles``; targets are scaled on these tiles alone."""
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
    return Lesson(
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


def tile_groups(lesson: Lesson, first_step: int) -> Iterator[TileGroups]:
    """Yield the groups of tiles of each step, from ``first_step`` on, without end."""
    recipe = lesson.recipe
    quadrature = quadrature_of(wide_footprints()[0]) if recipe.footprint_in_loss else ALONE
    return GroupedTiles(lesson.tiles, quadrature, recipe.seed).batches(
        recipe.batch // len(quadrature.offsets), first_step
    )
