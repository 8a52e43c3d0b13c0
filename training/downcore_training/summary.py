"""What a finished run says of itself: scaling, intervals, figures and where they come from."""

import dataclasses
from typing import Any

import numpy as np

from downcore.strata.properties import PROPERTIES
from downcore_training.baselines import ridge_on_colour, training_mean
from downcore_training.checkpoint import FORMAT_VERSION
from downcore_training.datasets import CoreSets, TileSet
from downcore_training.evaluation import SliceValues, join_slices, score, visible_share
from downcore_training.intervals import coverage, fit_intervals
from downcore_training.recipe import Recipe
from downcore_training.scaling import TargetScaling


def finished_checkpoint(
    recipe: Recipe,
    recipe_text: str,
    sets: CoreSets,
    scaling: TargetScaling,
    *,
    validation: SliceValues,
    test: SliceValues,
) -> dict[str, Any]:
    """
    Return the content of a checkpoint, all but the weights and the story of the run.

    Returns
    -------
    dict
        ``outputs`` has, for each property, the fields of
        :class:`downcore.strata.bundle.OutputScaling`; ``data`` says which cores; ``metrics``
        has the figures of :mod:`downcore_training.evaluation` on ``validation`` and ``test``,
        of the baselines on the same test cores, the visible share, and the coverage of the
        intervals.
    """
    intervals = fit_intervals(validation)
    return {
        "format_version": FORMAT_VERSION,
        "network": recipe.network,
        "recipe": recipe_text,
        "outputs": [
            {
                "property": one.name,
                "unit": one.unit,
                "is_log10": one.is_log_scaled,
                "centre": float(scaling.centre[i]),
                "spread": float(scaling.spread[i]),
                "interval_factor": intervals[i].factor,
                "interval_floor": intervals[i].floor,
            }
            for i, one in enumerate(PROPERTIES)
        ],
        "data": _data(recipe, sets),
        "metrics": {
            "validation": score(validation.mean, validation),
            "test": score(test.mean, test),
            "test_baseline_training_mean": _baseline(training_mean(sets.training, sets.test), sets),
            "test_baseline_ridge_on_colour": _baseline(
                ridge_on_colour(sets.training, sets.test), sets
            ),
            "visible_share": {
                "validation": visible_share(validation),
                "test": visible_share(test),
            },
            "interval_coverage": {
                "validation": _by_property(coverage(validation, intervals)),
                "test": _by_property(coverage(test, intervals)),
            },
        },
    }


def _baseline(predicted: np.ndarray[Any, np.dtype[np.float64]], sets: CoreSets) -> dict[str, Any]:
    values = join_slices(sets.test, predicted, np.ones_like(predicted))
    return score(values.mean, values)


def _by_property(values: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, float]:
    return {one.name: float(value) for one, value in zip(PROPERTIES, values, strict=True)}


def _data(recipe: Recipe, sets: CoreSets) -> dict[str, Any]:
    scales = [core.px_per_cm for core in sets.training.cores]
    return {
        "sentence": (
            f"{len(sets.training.cores)} generated cores of {recipe.cores.length_cm} cm, no "
            f"natural core; validated on {len(sets.validation.cores)} and tested on "
            f"{len(sets.test.cores)} other generated cores"
        ),
        "cores": dataclasses.asdict(recipe.cores),
        "trained_px_per_cm": [min(scales), max(scales)],
        **{
            f"{name}_tiles": len(getattr(sets, name)) for name in ("training", "validation", "test")
        },
        **{
            f"{name}_slices": _n_slices(getattr(sets, name))
            for name in ("training", "validation", "test")
        },
    }


def _n_slices(tiles: TileSet) -> int:
    return int(tiles.group.max()) + 1
