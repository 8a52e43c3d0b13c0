"""Summary of a finished run: scaling, intervals, figures and their sources."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from downcore.strata.bundle import NO_NATURAL_CORE
from downcore.strata.errors import SettingsError
from downcore.strata.properties import PROPERTIES
from downcore_training.datasets import CoreSets, TileSet
from downcore_training.evaluation.baselines import boosted_on_colour, ridge_on_colour, training_mean
from downcore_training.evaluation.intervals import ConformalTable, coverage, fit_intervals
from downcore_training.evaluation.slice_scores import SliceValues, join_slices, score, visible_share
from downcore_training.fitting.checkpoint import FORMAT_VERSION
from downcore_training.fitting.scaling import TargetScaling
from downcore_training.recipe import Recipe


def finished_checkpoint(
    recipe: Recipe,
    recipe_text: str,
    sets: CoreSets,
    scaling: TargetScaling,
    *,
    validation: SliceValues,
    test: SliceValues,
    baselines: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """
    Return the content of a checkpoint, except the weights and the log of the run.

    ``baselines`` are what :func:`baseline_figures` returns, where they are known already.

    Returns
    -------
    dict
        ``outputs`` has, for each property that training and validation cores have labels of,
        the fields of :class:`downcore.strata.bundle.OutputScaling`; ``data`` says which cores;
        ``metrics`` has the figures of :mod:`downcore_training.evaluation.slice_scores` on
        ``validation`` and ``test`` at the support of the logger's sensors, those of the values
        of the slices themselves (``test_slice_values``), of the baselines on the same test
        cores, the visible share, and the coverage of the intervals.
    """
    intervals = fit_intervals(validation)
    trained = np.asarray(np.isfinite(sets.training.labels).any(axis=0))
    outputs = [
        {
            "property": prop.name,
            "unit": prop.unit,
            "is_log10": prop.is_log_scaled,
            "centre": float(scaling.centre[i]),
            "spread": float(scaling.spread[i]),
            "interval_factor": interval.factor,
            "interval_floor": interval.floor,
        }
        for i, (prop, interval) in enumerate(zip(PROPERTIES, intervals, strict=True))
        if trained[i] and interval is not None
    ]
    if not outputs:
        raise SettingsError(
            "expected validation cores with labels of a property that is trained, got none"
        )
    return {
        "format_version": FORMAT_VERSION,
        "network": recipe.network,
        "recipe": recipe_text,
        "outputs": outputs,
        "data": _data(recipe, sets),
        "metrics": _metrics(validation, test, intervals)
        | dict(baseline_figures(sets) if baselines is None else baselines),
    }


def baseline_figures(sets: CoreSets) -> dict[str, Any]:
    """Return the figures of each baseline on the test cores, by ``test_baseline_NAME``."""
    baselines = {
        "training_mean": training_mean,
        "ridge_on_colour": ridge_on_colour,
        "boosted_on_colour": boosted_on_colour,
    }
    return {
        f"test_baseline_{name}": _baseline(judge(sets.training, sets.test), sets)
        for name, judge in baselines.items()
    }


def _metrics(
    validation: SliceValues,
    test: SliceValues,
    intervals: tuple[ConformalTable | None, ...],
) -> dict[str, Any]:
    return {
        "validation": score(validation.at_support, validation),
        "test": score(test.at_support, test),
        "test_slice_values": score(test.mean, test),
        "visible_share": {
            "validation": visible_share(validation),
            "test": visible_share(test),
        },
        "interval_coverage": {
            "validation": _by_property(coverage(validation, intervals)),
            "test": _by_property(coverage(test, intervals)),
        },
    }


def _baseline(predicted: np.ndarray[Any, np.dtype[np.float64]], sets: CoreSets) -> dict[str, Any]:
    values = join_slices(sets.test, predicted, np.ones_like(predicted))
    return score(values.at_support, values)


def _by_property(values: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, float]:
    return {
        prop.name: float(value)
        for prop, value in zip(PROPERTIES, values, strict=True)
        if np.isfinite(value)
    }


def _data(recipe: Recipe, sets: CoreSets) -> dict[str, Any]:
    scales = [core.px_per_cm for core in sets.training.cores]
    return {
        "sentence": _sentence(recipe, sets),
        "is_generated": _is_generated(sets),
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


def _sentence(recipe: Recipe, sets: CoreSets) -> str:
    counts = [len(tile_set.cores) for tile_set in (sets.training, sets.validation, sets.test)]
    if sets.split:
        return (
            f"{counts[0]} parts of a release, validated on {counts[1]} and tested on {counts[2]}; "
            f"{sets.split}"
        )
    if not _is_generated(sets):
        return (
            f"{counts[0]} cores of a release, validated on {counts[1]} and tested on {counts[2]} "
            "cores of other sites"
        )
    taught = (
        "; the means learned from what is expected of the log given the image, which only "
        "generated cores know, and the sd from the log"
        if recipe.learn_from == "expected"
        else ""
    )
    return (
        f"{counts[0]} generated cores of {recipe.cores.length_cm} cm, {NO_NATURAL_CORE}; "
        f"validated on {counts[1]} and tested on {counts[2]} other generated cores{taught}"
    )


def _is_generated(sets: CoreSets) -> bool:
    """Return whether the visible part of the logs is known, which it is not for real cores."""
    return bool(np.isfinite(sets.training.visible).any())


def _n_slices(tiles: TileSet) -> int:
    return int(tiles.group.max()) + 1
