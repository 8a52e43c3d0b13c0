"""The published table on the console and as Markdown with a picture."""

from pathlib import Path

from rich.console import Console

from downcore_training.bench.console_report import (
    CONTROL_HEADINGS,
    Cells,
    control_row,
    number,
    print_line,
    print_table,
    tell_notes,
)
from downcore_training.bench.controls import LIMIT
from downcore_training.bench.published.picture import draw_table
from downcore_training.bench.published.protocols import RANDOM_SLICES, TABLE_PROTOCOLS
from downcore_training.bench.published.running import TableResult
from downcore_training.bench.published.scoring import ALL
from downcore_training.bench.report import markdown_table

FILE_NAME = "published.md"
PICTURE_NAME = "published.png"

HEADINGS = (
    "protocol", "model", "property", "R2", "MSE", "unit of MSE", "leakage gap", "slices", "folds",
    "steps",
)  # fmt: skip

_TITLE = "published table; all: properties together, in standard deviations"

_HOW_TO_READ = f"""\
`{RANDOM_SLICES.name}` is the published way: slices drawn at random inside each core, 70 % to learn
from, 15 % set aside and 15 % scored, targets less their core's mean and over its sd. It is leaky:
a scored slice has near copies among those learnt from, and its core's mean and sd are known. The
leakage gap is R2 there less R2 of the row. `all` puts the properties together in standard
deviations, inside each core for the published way and of all cores otherwise; R2 is about each
property's mean over the scored slices. R2 of `ms` is that of its log10, its MSE is in the unit."""


def table_cells(result: TableResult) -> list[Cells]:
    """Return the rows of the table."""
    return [
        (
            score.protocol,
            score.model,
            score.target,
            number(score.r2, 2),
            "-" if score.mse is None else f"{score.mse:.3g}",
            "sd²" if score.target == ALL else f"({score.unit})²",
            number(score.gap, 2),
            str(score.n_slices),
            str(score.n_folds),
            _steps(score.steps),
        )
        for score in result.scores
    ]


def tell_table(result: TableResult, console: Console) -> None:
    """Write the table, the controls and the notes to the terminal."""
    tell_notes(result.notes, console)
    print_table(console, _TITLE, HEADINGS, table_cells(result))
    title = "negative control: labels shuffled inside each core must score about zero"
    print_table(console, title, CONTROL_HEADINGS, [control_row(one) for one in result.controls])
    if any(control.has_passed is False for control in result.controls):
        print_line(console, "a negative control FAILED: believe no score above", style="red")


def write_table(result: TableResult, folder: Path, *, with_picture: bool = True) -> Path:
    """
    Write ``published.md`` and its picture into ``folder``, made if absent; return the former.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = table_text(result)
    if with_picture and draw_table(result, folder / PICTURE_NAME):
        text += f"\n![R2 of every model under every protocol]({PICTURE_NAME})\n"
    path = folder / FILE_NAME
    path.write_text(text, encoding="utf-8")
    return path


def table_text(result: TableResult) -> str:
    """Return the table as Markdown, without its picture."""
    lines = [f"# Published table of {result.folder}", "", _HOW_TO_READ, ""]
    used = {score.protocol for score in result.scores}
    lines += [f"- `{one.name}`: {one.title}" for one in TABLE_PROTOCOLS if one.name in used]
    lines += ["", *markdown_table(HEADINGS, table_cells(result)), ""]
    lines += ["## Models", "", *(f"- `{name}`: {text}" for name, text in result.titles.items()), ""]
    lines += ["## Negative control", ""]
    lines += [f"Labels shuffled inside each core; R2 above {LIMIT:g} fails.", ""]
    lines += [*markdown_table(CONTROL_HEADINGS, [control_row(one) for one in result.controls]), ""]
    lines += ["## Notes", "", *(f"- {note}" for note in result.notes), ""]
    lines += [f"Seed {result.order.seed}.", ""]
    return "\n".join(lines)


def _steps(steps: tuple[int, int] | None) -> str:
    if steps is None:
        return "-"
    return str(steps[0]) if steps[0] == steps[1] else f"{steps[0]} to {steps[1]}"
