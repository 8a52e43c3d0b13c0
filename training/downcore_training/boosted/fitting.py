"""
From generated cores to the checkpoint of the boosted colour model.

The sd is fitted to errors on cores that the trees did not see: each fifth of the training
cores is predicted by trees of the others.
"""

import math
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import sklearn
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

from downcore.strata.errors import SettingsError
from downcore.strata.properties import PROPERTIES
from downcore_training.boosted._boosting import (
    Boosting,
    Lessons,
    fit_means,
    fit_trees,
    predicted,
)
from downcore_training.boosted.features import Described, TileFeatures
from downcore_training.boosted.network import N_SPREAD_TREES, N_TREES, BoostedColour
from downcore_training.datasets import CoreSets, TileSet
from downcore_training.evaluation.slice_scores import SliceValues, join_slices
from downcore_training.fitting import checkpoint
from downcore_training.fitting.lesson import Assignment
from downcore_training.fitting.prediction import as_input
from downcore_training.fitting.scaling import TargetScaling, fit_scaling
from downcore_training.fitting.summary import finished_checkpoint
from downcore_training.progress import Report

N_FOLDS = 5
"""Parts of the training cores that are predicted by trees of the others."""

_BATCH = 4
"""Small enough for the processor's cache: larger batches are slower."""
_MIN_ERROR = 0.02
"""Smallest error, in spreads; smaller ones are raised to it before the logarithm."""
_PENALTY = 1.0
"""Of the straight line through cells, on standardised features, as so many tiles."""


@dataclass(frozen=True, slots=True, eq=False)
class _DescribedTiles:
    """Tiles and their features."""

    tiles: TileSet
    features: NDArray[np.float32]
    """Shape (n_tiles, k)."""
    cells: NDArray[np.float32]
    """Shape (n_tiles, 4, 25)."""
    wanted: NDArray[np.float64]
    """Target of the means for each tile, shape (n_tiles, 3); NaN where unknown."""


def fit(task: Assignment, *, report: Report) -> Path:
    """
    Fit the boosted colour model and return the path of its checkpoint.

    Parameters
    ----------
    task : Assignment
        What to learn from; of the recipe, ``seed``, ``threads``, ``learn_from`` and the cores
        count.
    report : Report
        Hears of the progress.

    Raises
    ------
    SettingsError
        If the recipe asks for another precision than ``f32``: a rounded threshold is another
        tree.
    """
    recipe = task.recipe
    if recipe.precision != "f32":
        raise SettingsError(
            f'expected precision = "f32" for {recipe.network}, got "{recipe.precision}"'
        )
    started_s = time.monotonic()
    task.out.mkdir(parents=True, exist_ok=True)
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    training = _described_tiles(task.sets.training, report, (0.0, 0.45))
    if recipe.learn_from == "expected":
        visible = training.tiles.visible
        wanted = np.where(np.isfinite(visible), visible, training.tiles.labels)
        training = replace(training, wanted=wanted)
    scaling = fit_scaling(training.tiles.labels)
    module = fit_module(training, scaling, how=Boosting(N_TREES, seed=recipe.seed), report=report)
    report.note("fitted; judging on the validation and test cores")
    validation, test = (
        _judged(module, _described_tiles(tiles, report, span), scaling)
        for tiles, span in ((task.sets.validation, (0.85, 0.92)), (task.sets.test, (0.92, 1.0)))
    )
    return _written(task, scaling, module, (validation, test, time.monotonic() - started_s))


def fit_module(
    training: _DescribedTiles, scaling: TargetScaling, *, how: Boosting, report: Report
) -> BoostedColour:
    """Return the fitted module, in evaluation mode."""
    report.at(0.5, "trees for cores that they do not see")
    unseen = _out_of_fold(training, scaling, how, report)
    report.at(0.75, "trees of all training cores")
    wanted = scaling.scaled(training.wanted)
    means = fit_means(Lessons(training.features, training.tiles, wanted), scaling, how=how)
    spreads = _fit_spreads(training, scaling, unseen, how=how)
    module = BoostedColour()
    module.trees.take([*means, *((model,) for model, _ in spreads)])
    for i, (_, shift) in enumerate(spreads):
        module.trees.baseline[len(means) + i] += shift
    features = training.features.astype(np.float64)
    spread = features.std(axis=0)
    module.centre.copy_(torch.from_numpy(features.mean(axis=0)))
    module.spread.copy_(torch.from_numpy(np.where(spread > 0, spread, 1.0)))
    module.cell_weights.copy_(torch.from_numpy(_cell_weights(training, scaling)))
    return module.eval()


def _described_tiles(tiles: TileSet, report: Report, span: tuple[float, float]) -> _DescribedTiles:
    features_of = TileFeatures().eval()
    features, cells = [], []
    with torch.inference_mode():
        for first in range(0, len(tiles), _BATCH):
            share = span[0] + (span[1] - span[0]) * first / len(tiles)
            report.at(share, f"describing tile {first} of {len(tiles)}")
            indices = np.arange(first, min(first + _BATCH, len(tiles)))
            described = features_of(as_input(tiles.pixels(indices)).contiguous())
            features.append(described.features.numpy())
            cells.append(described.cells.numpy())
    return _DescribedTiles(tiles, np.concatenate(features), np.concatenate(cells), tiles.labels)


def _out_of_fold(
    training: _DescribedTiles, scaling: TargetScaling, how: Boosting, report: Report
) -> NDArray[np.float64]:
    """Return scaled predictions of all training tiles by trees of other cores."""
    cores = training.tiles.cores
    n_folds = min(N_FOLDS, len(cores))
    out = np.full((len(training.tiles), len(PROPERTIES)), np.nan)
    wanted = scaling.scaled(training.wanted)
    # A single core has no others; its own trees are then overconfident, which the intervals
    # correct.
    for fold in range(n_folds):
        report.at(0.5 + 0.25 * fold / n_folds, f"part {fold + 1} of {n_folds}")
        away = np.arange(len(cores)) % n_folds == fold
        kept = [c for c, is_away in zip(cores, away, strict=True) if not is_away] or list(cores)
        is_kept = ~away[training.tiles.core] if n_folds > 1 else np.ones(len(out), np.bool_)
        lessons = Lessons(training.features[is_kept], TileSet(kept), wanted[is_kept])
        models = fit_means(lessons, scaling, how=how)
        mine = away[training.tiles.core]
        out[mine] = predicted(models, training.features[mine])
    return out


def _fit_spreads(
    training: _DescribedTiles, scaling: TargetScaling, unseen: NDArray[np.float64], *, how: Boosting
) -> list[tuple[HistGradientBoostingRegressor, float]]:
    """Return trees for the log of the error of each slice's reading, and what to add to them."""
    tiles = training.tiles
    joined = join_slices(tiles, scaling.unscaled(unseen), np.ones_like(unseen))
    error = np.abs(joined.at_support - joined.label) / scaling.spread
    target = np.log(np.maximum(error, _MIN_ERROR))[tiles.group]
    found = []
    for i in range(len(PROPERTIES)):
        model = fit_trees(training.features, target[:, i], n_trees=N_SPREAD_TREES, how=how)
        known = np.isfinite(target[:, i])
        if not known.any():
            found.append((model, 0.0))
            continue
        log_error = predicted([(model,)], training.features[known])[:, 0]
        ratio = error[tiles.group][known, i] / np.exp(log_error)
        # Of the errors in units of the sd, the mean square is to be 1.
        found.append((model, 0.5 * math.log(float((ratio**2).mean()) + 1e-12)))
    return found


def _cell_weights(training: _DescribedTiles, scaling: TargetScaling) -> NDArray[np.float64]:
    """Return what each property changes with L*, a*, b* and roughness, by ridge over tiles."""
    seen = training.cells.mean(axis=2).astype(np.float64)
    # Cells are kept less their tile's colour; across tiles it is the colour that tells.
    seen[:, :3] += training.features[:, :3]
    scaled = scaling.scaled(training.wanted)
    out = np.zeros((len(PROPERTIES), seen.shape[1]))
    for i in range(len(out)):
        known = np.isfinite(scaled[:, i])
        if not known.any():
            continue
        x, y = seen[known], scaled[known, i]
        apart = x - x.mean(axis=0)
        spread = np.where(apart.std(axis=0) > 0, apart.std(axis=0), 1.0)
        unit = apart / spread
        gram = unit.T @ unit + _PENALTY * np.eye(unit.shape[1])
        out[i] = np.linalg.solve(gram, unit.T @ (y - y.mean())) / spread
    return out


def _judged(
    module: BoostedColour, described_tiles: _DescribedTiles, scaling: TargetScaling
) -> SliceValues:
    with torch.inference_mode():
        described = Described(
            torch.from_numpy(described_tiles.features), torch.from_numpy(described_tiles.cells)
        )
        mean, log_sd, _, _ = module.judge(described)
    return join_slices(
        described_tiles.tiles,
        scaling.unscaled(mean.double().numpy()),
        log_sd.double().exp().numpy() * scaling.spread,
    )


def _written(
    task: Assignment,
    scaling: TargetScaling,
    module: BoostedColour,
    outcome: tuple[SliceValues, SliceValues, float],
) -> Path:
    validation, test, elapsed_s = outcome
    sets: CoreSets = task.sets
    content = finished_checkpoint(
        task.recipe, task.recipe_text, sets, scaling, validation=validation, test=test
    )
    content["state_dict"] = checkpoint.frozen_state(module)
    content["run"] = {
        "trees": N_TREES,
        "elapsed_min": elapsed_s / 60,
        "threads": torch.get_num_threads(),
        "scikit-learn": sklearn.__version__,
        "torch": torch.__version__.split("+")[0],
    }
    path = task.out / checkpoint.CHECKPOINT
    checkpoint.save(content, path)
    return path
