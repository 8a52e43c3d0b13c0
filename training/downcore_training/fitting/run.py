"""A training run from the command line: recipe, cores, loop and results."""

import dataclasses
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs
import typer
from rich.console import Console
from rich.table import Table

from downcore.strata.errors import DowncoreError, SettingsError
from downcore.strata.properties import PROPERTIES
from downcore_training.boosted.fitting import fit
from downcore_training.boosted.network import NETWORK as BOOSTED
from downcore_training.datasets import CoreSets
from downcore_training.datasets.generated import core_sets
from downcore_training.datasets.real_cores import release_sets
from downcore_training.datasets.release_split import ReleaseSplit
from downcore_training.fitting import checkpoint
from downcore_training.fitting.budget import Budget
from downcore_training.fitting.known_networks import network_named
from downcore_training.fitting.lesson import Assignment
from downcore_training.fitting.train import train
from downcore_training.progress import Report, shown_report
from downcore_training.recipe import Recipe, load_recipe, recipe_text


@dataclass(frozen=True, slots=True)
class TrainingFiles:
    """Folders that a run reads and writes; ``None`` for the default."""

    config: Path
    out: Path | None
    cache: Path | None
    data: Path | None = None
    """Release of real cores; ``None`` for generated ones."""


def run_training(files: TrainingFiles, *, resume: bool, budget_min: float | None) -> None:
    """
    Train by the recipe and report on the terminal.

    Raises
    ------
    typer.Exit
        With 1 if the recipe, the folder or a checkpoint cannot be used, 130 if interrupted.
    """
    console = Console()
    started_s = time.monotonic()
    try:
        recipe, text = recipe_of(files.config)
        if budget_min is not None:
            recipe = dataclasses.replace(recipe, budget_min=budget_min)
        _check_resume(recipe, resume=resume)
        out = files.out or Path("runs") / recipe.network
        cache = files.cache or Path(platformdirs.user_cache_dir("downcore")) / "training"
        budget = Budget(recipe.budget_min, started_s)
        with shown_report(console) as report:
            sets = sets_of(recipe, files.data, cache, budget.watched(report))
            task = Assignment(recipe=recipe, recipe_text=text, sets=sets, out=out)
            path = _trained(task, budget, report, resume=resume)
    except (DowncoreError, ValueError) as error:
        console.print(str(error), style="red", soft_wrap=True, highlight=False, markup=False)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as error:
        console.print(
            "interrupted; the same command with --resume continues from the last validation"
        )
        raise typer.Exit(130) from error
    content = checkpoint.read(path)
    metrics = path.with_name("metrics.json")
    metrics.write_text(json.dumps(content["metrics"], indent=2) + "\n", encoding="utf-8")
    console.print(_table(content))
    console.print(f"wrote {path}; next: downcore bundle {path} --out DIR", soft_wrap=True)


def recipe_of(config: Path) -> tuple[Recipe, str]:
    """
    Return the recipe in a TOML file, or the one that a network of this name brings, and its text.

    Raises
    ------
    SettingsError
        If it is neither, or the file cannot be used.
    """
    if not config.exists() and config.suffix != ".toml":
        try:
            recipe = network_named(str(config)).default_recipe()
        except ValueError as error:
            raise SettingsError(f"expected a recipe's file or a network's name: {error}") from None
        return recipe, recipe_text(recipe)
    return load_recipe(config), config.read_text(encoding="utf-8")


def _check_resume(recipe: Recipe, *, resume: bool) -> None:
    if resume and recipe.network == BOOSTED.name:
        raise SettingsError(
            f"expected no --resume for {BOOSTED.name}, which is fitted in one go; leave it out"
        )


def sets_of(recipe: Recipe, release: Path | None, cache: Path, report: Report) -> CoreSets:
    """
    Return the cores that a recipe is trained on: those of ``release``, or generated ones.

    Raises
    ------
    SettingsError
        If the release cannot be split into training, validation and test cores.
    """
    if release is not None:
        if (release / "generated.toml").is_file():
            raise SettingsError(
                f"expected a folder of real cores, got {release} with a generated.toml; leave out "
                "--data: the recipe's [cores] says which generated cores are trained on"
            )
        return release_sets(release, cache, ReleaseSplit(), report=report)
    return core_sets(recipe.cores, cache, report=report, processes=os.cpu_count() or 1)


def _trained(task: Assignment, budget: Budget, report: Report, *, resume: bool) -> Path:
    if task.recipe.network != BOOSTED.name:
        return train(budget.within(task, report), report=report, resume=resume)
    return fit(task, report=budget.watched(report))


def _table(content: dict[str, Any]) -> Table:
    metrics = content["metrics"]
    table = Table(
        title=f"{content['network']} on test cores",
        caption="R2 at the support of the logger's sensors; visible: what a perfect reader reaches",
    )
    for heading in (
        *("property", "R2", "visible", "R2 of the slice", "mean", "ridge", "boosted"),
        *("RMSE", "bias", "in 90 % interval"),
    ):
        table.add_column(heading)
    trained = {output["property"] for output in content["outputs"]}
    for prop in (prop for prop in PROPERTIES if prop.name in trained):
        got = metrics["test"][prop.name]
        unit = f"log10 {prop.unit}" if prop.is_log_scaled else prop.unit
        table.add_row(
            f"{prop.name}, {unit}",
            _number(got.get("r2")),
            _number(metrics["visible_share"]["test"].get(prop.name)),
            _number(metrics["test_slice_values"][prop.name].get("r2")),
            *(
                _number(metrics[f"test_baseline_{name}"][prop.name].get("r2"))
                for name in ("training_mean", "ridge_on_colour", "boosted_on_colour")
            ),
            _number(got.get("rmse")),
            _number(got.get("bias")),
            _number(metrics["interval_coverage"]["test"].get(prop.name)),
        )
    return table


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
