"""A run of the bench from the command line: reading, running, printing, writing."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import Progress

from downcore.exit_codes import INTERRUPTED, REFUSED, exit_code_of
from downcore.inference import find_bundle
from downcore.strata.errors import DowncoreError, SettingsError
from downcore_training.bench.console_report import tell
from downcore_training.bench.layouts import read_folder
from downcore_training.bench.running import Order, Result, run_bench
from downcore_training.progress import Bar, Plain, Report, bar_columns


@dataclass(frozen=True, slots=True)
class Places:
    """What is written, and where."""

    json_file: Path | None = None
    report: Path | None = None
    """Folder of the report."""
    with_pictures: bool = True


@dataclass(frozen=True, slots=True)
class Wanted:
    """Options of the command line."""

    data: Path
    bundles: tuple[Path, ...] = ()
    places: Places = Places()
    with_baselines: bool = True
    seed: int = 0
    draws: int = 1_000
    is_strict: bool = False
    """Whether a failed control decides the exit code."""


def run_session(wanted: Wanted) -> None:
    """
    Run the bench and report on the terminal.

    Raises
    ------
    typer.Exit
        With the exit code of what went wrong; 130 if interrupted; 1 if a negative control failed
        and that was to decide.
    """
    console = Console()
    with failures_reported(console):
        if not wanted.with_baselines and not wanted.bundles:
            raise SettingsError(
                "expected something to score: give --bundle, or leave the baselines on"
            )
        check_places(wanted.data, wanted.places)
        with progress(console) as report:
            data = read_folder(wanted.data)
            folders = tuple(find_bundle(str(folder)) for folder in wanted.bundles)
            order = Order(folders, wanted.with_baselines, wanted.seed, wanted.draws)
            result = run_bench(data, order, report=report)
        tell(result, console)
        _write(result, wanted.places, console)
    if wanted.is_strict and any(control.has_passed is False for control in result.controls):
        raise typer.Exit(REFUSED)


@contextmanager
def failures_reported(console: Console) -> Iterator[None]:
    """
    Write a failure as one sentence, and end with its exit code.

    Raises
    ------
    typer.Exit
        In place of an error that the user can mend; 130 if interrupted.
    """
    try:
        yield
    except (DowncoreError, OSError) as error:
        console.print(str(error), style="red", soft_wrap=True, highlight=False, markup=False)
        code = exit_code_of(error) if isinstance(error, DowncoreError) else REFUSED
        raise typer.Exit(code) from error
    except KeyboardInterrupt as error:
        raise typer.Exit(INTERRUPTED) from error


def check_places(data: Path, places: Places) -> None:
    """
    Refuse places inside DATA before any work, since inputs are never written.

    Raises
    ------
    SettingsError
        If one lies there.
    """
    folder = data.resolve()
    for place in (places.json_file, places.report):
        if place is not None and place.resolve().is_relative_to(folder):
            raise SettingsError(f"expected a place outside {data} to write to, got {place}")


def _write(result: Result, places: Places, console: Console) -> None:
    written: list[Path] = []
    if places.json_file is not None:
        text = json.dumps(result.for_json(), indent=1, allow_nan=False) + "\n"
        places.json_file.parent.mkdir(parents=True, exist_ok=True)
        places.json_file.write_text(text, encoding="utf-8")
        written.append(places.json_file)
    if places.report is not None:
        # matplotlib takes a second to load.
        from downcore_training.bench.report import write_report  # noqa: PLC0415

        written.append(write_report(result, places.report, with_pictures=places.with_pictures))
    if written:
        names = ", ".join(str(path) for path in written)
        console.print(f"wrote {names}", soft_wrap=True, highlight=False, markup=False)


@contextmanager
def progress(console: Console) -> Iterator[Report]:
    """Show the progress: a bar on a terminal, lines of text elsewhere."""
    if not console.is_terminal:
        yield Plain(console)
        return
    with Progress(*bar_columns(), console=console) as bar:
        yield Bar(bar)
