"""Training of predictors with context from the command line."""

import time
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from downcore.strata.errors import DowncoreError, SettingsError
from downcore_training.bench.layouts import read_folder
from downcore_training.fitting.budget import Budget
from downcore_training.notes import notes_by_kind, write_notes
from downcore_training.progress import Report, shown_report
from downcore_training.windows.fitting import Fitted, fit_all
from downcore_training.windows.recipe import WindowRecipe, load_window_recipe
from downcore_training.windows.section_views import SectionViews, sections_of


@dataclass(frozen=True, slots=True)
class WindowFiles:
    """Files of a run; ``None`` for the default."""

    config: Path | None
    """Recipe."""
    data: Path | None
    """Folder of cores with images and logs, in any form that the bench reads."""
    out: Path | None
    """Folder for the checkpoints."""


def run_windows(files: WindowFiles, budget: Budget, *, report: Report) -> list[Fitted]:
    """
    Fit trees, networks and blends to the cores in a folder, and return what was fitted.

    Raises
    ------
    SettingsError
        If the recipe or the folder cannot be used, or the budget ends before anything is fitted.
    """
    if files.data is None:
        raise SettingsError(
            "expected a recipe, a network's name or a folder of cores, got none: "
            "give --data FOLDER, or a recipe such as config/training/resnet-18.toml"
        )
    recipe = WindowRecipe() if files.config is None else load_window_recipe(files.config)
    found = read_folder(files.data)
    out = files.out or Path("runs") / "windows"
    for note in (*notes_by_kind(found.notes), write_notes(found.notes, out / "notes.txt")):
        if note:
            report.note(note)
    watched = budget.watched(report)
    sections: list[SectionViews] = []
    for i, core in enumerate(found.cores):
        watched.at(0.0, f"core {core.name}, {i + 1} of {len(found.cores)}")
        sections += sections_of(core)
    return fit_all(recipe, sections, out, report=report, budget=budget)


def tell(found: list[Fitted], console: Console) -> None:
    """Print what was reached on sections held out, and what a network added to the trees."""
    trees = found[0].judged.metrics.values()
    is_by_core = any(figures["n_held_out"] < figures["n_sections"] for figures in trees)
    title = f"Held out by {'core' if is_by_core else 'section'}"
    table = Table(title=title, caption="R2; ms as log10")
    columns = ("predictor", "property", "R2", "MAE", "in 90 % interval", "worst section", "slices")
    for heading in columns:
        table.add_column(heading)
    for fitted in found:
        for name, figures in fitted.judged.metrics.items():
            shown = [figures[key] for key in ("r2", "mae", "coverage", "worst_section_coverage")]
            cells = [f"{value:.3g}" for value in shown]
            table.add_row(fitted.network, name, *cells, f"{figures['n']:.0f}")
    console.print(table)
    for line in gains(found):
        console.print(line, highlight=False, soft_wrap=True)
    for fitted in found:
        console.print(
            f"wrote {fitted.path}; next: downcore bundle {fitted.path} --data DATA --out DIR",
            soft_wrap=True,
            highlight=False,
        )


def gains(found: list[Fitted]) -> list[str]:
    """Return a sentence for each network: what it and its blend add to the trees."""
    trees, *others = found
    lines = []
    for fitted in others:
        parts = [
            f"{name} {figures['r2'] - trees.judged.metrics[name]['r2']:+.3f}"
            for name, figures in fitted.judged.metrics.items()
        ]
        lines.append(f"{fitted.network} against the boosted profile, R2: {', '.join(parts)}")
    return lines


def run_session(files: WindowFiles, *, budget_min: float | None) -> None:
    """
    Fit and report on the terminal.

    Raises
    ------
    typer.Exit
        With 1 if the recipe or the folder cannot be used, 130 if interrupted.
    """
    console = Console()
    budget = Budget(budget_min or 0.0, time.monotonic())
    try:
        with shown_report(console) as report:
            found = run_windows(files, budget, report=report)
    except (DowncoreError, ValueError) as error:
        console.print(str(error), style="red", soft_wrap=True, highlight=False, markup=False)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as error:
        console.print("interrupted; the same command goes on with the parts that are done")
        raise typer.Exit(130) from error
    tell(found, console)
