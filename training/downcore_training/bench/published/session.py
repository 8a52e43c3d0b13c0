"""``downcore bench --published`` at the terminal: reading, running, printing, writing."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console

from downcore.exit_codes import REFUSED
from downcore_training.bench.layouts import read_folder
from downcore_training.bench.published.report import tell_table, write_table
from downcore_training.bench.published.running import TableOrder, TableResult, run_table
from downcore_training.bench.session import Places, check_places, failures_reported, progress


@dataclass(frozen=True, slots=True)
class WantedTable:
    """Options of the command line."""

    data: Path
    order: TableOrder
    places: Places
    is_strict: bool = False
    """Whether a failed control decides the exit code."""


def run_table_session(wanted: WantedTable) -> None:
    """
    Run the published table and report on the terminal.

    Raises
    ------
    typer.Exit
        With the exit code of what went wrong; 1 if the control failed and that was to decide.
    """
    console = Console()
    begun_s = time.monotonic()
    with failures_reported(console):
        check_places(wanted.data, wanted.places)
        with progress(console) as report:
            data = read_folder(wanted.data)
            result = run_table(data, wanted.order, report=report, begun_s=begun_s)
        tell_table(result, console)
        _write(result, wanted.places, console)
    if wanted.is_strict and any(control.has_passed is False for control in result.controls):
        raise typer.Exit(REFUSED)


def _write(result: TableResult, places: Places, console: Console) -> None:
    written: list[Path] = []
    if places.json_file is not None:
        text = json.dumps(result.for_json(), indent=1, allow_nan=False) + "\n"
        places.json_file.parent.mkdir(parents=True, exist_ok=True)
        places.json_file.write_text(text, encoding="utf-8")
        written.append(places.json_file)
    if places.report is not None:
        written.append(write_table(result, places.report, with_picture=places.with_pictures))
    if written:
        names = ", ".join(str(path) for path in written)
        console.print(f"wrote {names}", soft_wrap=True, highlight=False, markup=False)
