"""The source of a bundle: a checkpoint and the cores it was trained on."""

import dataclasses
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from downcore.strata.bundle import OutputScaling
from downcore.strata.errors import BundleError, SettingsError
from downcore_training.datasets import CoreSets, CoreTiles
from downcore_training.datasets.generated import core_sets
from downcore_training.datasets.real_cores import release_sets
from downcore_training.datasets.release_split import ReleaseSplit
from downcore_training.fitting.checkpoint import read, trained_network
from downcore_training.fitting.known_networks import network_named
from downcore_training.fitting.scaling import TargetScaling
from downcore_training.progress import Report
from downcore_training.recipe import parse_recipe

MAX_TEST_CORES = 24
"""Test cores on which the choice is judged; the unquantised network is slow."""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A checkpoint as the export needs it."""

    module: nn.Module
    """With its weights, in evaluation mode."""
    network: str
    title: str
    outputs: tuple[OutputScaling, ...]
    trained_px_per_cm: tuple[float, float]
    training_data: str
    """In a sentence."""
    metrics: Mapping[str, Any]
    """Figures of the training, nested as :mod:`downcore_training.fitting.summary` left them."""
    run: Mapping[str, Any]
    """Steps, minutes and versions of the training."""
    recipe: str
    """TOML."""
    is_generated: bool = True
    """Whether it learned from generated cores, not from those of a release."""

    @property
    def recipe_sha256(self) -> str:
        """SHA-256 of the recipe's text."""
        return hashlib.sha256(self.recipe.encode()).hexdigest()

    @property
    def properties(self) -> tuple[str, ...]:
        """Names of the properties that it predicts, in the order of PROPERTIES."""
        return tuple(output.property for output in self.outputs)

    @property
    def scaling(self) -> TargetScaling:
        """Centre and spread of each of its properties."""
        return TargetScaling(
            np.array([output.centre for output in self.outputs]),
            np.array([output.spread for output in self.outputs]),
        )


def read_source(path: Path) -> Source:
    """
    Return the finished checkpoint at ``path``.

    Raises
    ------
    BundleError
        If it is none, or that of a run that has not ended.
    """
    content = read(path)
    missing = {"outputs", "data", "metrics", "run", "network"} - set(content)
    if missing:
        lacks = ", ".join(sorted(missing))
        raise BundleError(
            f"expected a finished checkpoint at {path}, got one without {lacks}: "
            "let the training end, or give its checkpoint.pt"
        )
    low, high = content["data"]["trained_px_per_cm"]
    return Source(
        module=trained_network(content),
        network=content["network"],
        title=network_named(content["network"]).title,
        outputs=tuple(OutputScaling(**output) for output in content["outputs"]),
        trained_px_per_cm=(float(low), float(high)),
        training_data=content["data"]["sentence"],
        metrics=content["metrics"],
        run=content["run"],
        recipe=content["recipe"],
        is_generated=bool(content["data"].get("is_generated", True)),
    )


def cores_of(
    source: Source, cache: Path, *, release: Path | None, report: Report, processes: int = 1
) -> CoreSets:
    """
    Return the cores that ``source`` was trained, validated and, some of them, tested on.

    Parameters
    ----------
    source : Source
        The checkpoint.
    cache : Path
        Folder of tiles once cut.
    release : Path or None
        The release that it learned from; ``None`` for generated cores.
    report : Report
        Hears of the progress.
    processes : int, default 1
        Generated cores made at once.

    Raises
    ------
    SettingsError
        If it learned from a release and none is given, or the reverse.
    """
    if source.is_generated != (release is None):
        learned = "generated cores" if source.is_generated else "a release"
        advice = "leave out --data" if source.is_generated else "give the release with --data"
        raise SettingsError(
            f"expected the cores that the network learned from, {learned}, got others: {advice}"
        )
    if release is not None:
        sets = release_sets(release, cache, ReleaseSplit(), report=report)
        return dataclasses.replace(sets, test=sets.test.some_cores(MAX_TEST_CORES))
    cores = parse_recipe(source.recipe, origin="the checkpoint's recipe").cores
    fewer = dataclasses.replace(cores, test=min(cores.test, MAX_TEST_CORES))
    return core_sets(fewer, cache, report=report, processes=processes)


def data_sha256(sets: CoreSets) -> dict[str, str]:
    """
    Return a digest of the cores of each set, by name.

    Over seed, resolution, slices and labels of every core, and the mean colours and their
    spread of every tile: it shows whether cores made again are the same.
    """
    return {
        name: _digest_of(getattr(sets, name).cores) for name in ("training", "validation", "test")
    }


def _digest_of(cores: Sequence[CoreTiles]) -> str:
    digest = hashlib.sha256()
    for core in cores:
        digest.update(f"{core.seed} {core.px_per_cm!r} {core.labels.shape}".encode())
        for array in (core.slice_index, core.labels, core.colour):
            digest.update(np.ascontiguousarray(array).astype("<f8").tobytes())
    return digest.hexdigest()


def flat_figures(metrics: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Return nested figures as ``{protocol: {"density.r2": 0.5}}``, finite numbers only."""
    return {name: dict(_flat("", value)) for name, value in metrics.items()}


def _flat(prefix: str, value: Any) -> list[tuple[str, float]]:
    if isinstance(value, Mapping):
        nested = (
            (f"{prefix}.{key}" if prefix else str(key), nested_value)
            for key, nested_value in value.items()
        )
        return [pair for name, number in nested for pair in _flat(name, number)]
    return [(prefix, float(value))] if math.isfinite(value) else []
