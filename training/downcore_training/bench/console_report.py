"""The result on the console: tables on a terminal, lines of text elsewhere."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from downcore_training.bench.controls import LIMIT, Control
from downcore_training.bench.rows import CALIBRATED, Row
from downcore_training.bench.running import Result
from downcore_training.notes import notes_by_kind

HEADINGS = (
    "protocol", "model", "property", "unit", "R2", "± se", "RMSE", "MAE", "bias", "Spearman",
    "RMSE - core bias", "RMSE / noise", "of visible", "in 90 %", "worst section",
    "in 90 %, following", "width", "abstained", "slices", "cores",
)  # fmt: skip
CALIBRATED_HEADINGS = (
    "protocol", "model", "property", "unit", "R2 before", "R2", "RMSE before", "RMSE",
    "bias before", "bias", "in 90 % before", "in 90 %", "slices", "cores",
)  # fmt: skip

GAP_HEADINGS = ("model", "property", "R2 random slices", "R2 by core", "gap")
CONTROL_HEADINGS = (
    "control",
    "model",
    "property",
    "R2",
    "r2 best line",
    "slices",
    f"R2 <= {LIMIT:g}",
)

Cells = Sequence[str]


def score_cells(result: Result) -> list[Cells]:
    """Return the table of scores, one row a model, protocol and property."""
    return [
        (
            row.protocol,
            row.network,
            _named(row),
            row.target.unit,
            number(row.figures.r2, 2),
            number(row.spread.se if row.spread else None, 2),
            figure(row.figures.rmse),
            figure(row.figures.mae),
            figure(row.figures.bias),
            number(row.figures.spearman, 2),
            figure(row.figures.rmse_bias_removed),
            figure(row.extra.get("rmse_over_noise")),
            share(row.extra.get("share_of_visible")),
            share(row.figures.coverage90),
            share(row.figures.worst_section_coverage90),
            share(row.extra.get("coverage90_adaptive")),
            figure(row.figures.width90),
            share(row.figures.abstained),
            str(row.figures.n_slices),
            str(row.figures.n_cores),
        )
        for row in result.rows
        if not row.protocol.endswith(CALIBRATED)
    ]


def calibrated_cells(result: Result) -> list[Cells]:
    """Return the table of models whose level the first rows of each core set."""
    return [
        (
            row.protocol,
            row.network,
            _named(row),
            row.target.unit,
            number(row.extra.get("r2_uncalibrated"), 2),
            number(row.figures.r2, 2),
            figure(row.extra.get("rmse_uncalibrated")),
            figure(row.figures.rmse),
            figure(row.extra.get("bias_uncalibrated")),
            figure(row.figures.bias),
            share(row.extra.get("coverage90_uncalibrated")),
            share(row.figures.coverage90),
            str(row.figures.n_slices),
            str(row.figures.n_cores),
        )
        for row in result.rows
        if row.protocol.endswith(CALIBRATED)
    ]


def _named(row: Row) -> str:
    """Return the property, with its sensor where that is not the one of the main figures."""
    return row.target.name if row.is_main else f"{row.target.name} ({row.sensor or 'unnamed'})"


def gap_cells(result: Result) -> list[Cells]:
    """Return the table of the leakage gap."""
    return [
        (g.network, g.target, number(g.random, 2), number(g.by_core, 2), number(g.gap, 2))
        for g in result.gaps
    ]


def control_cells(result: Result) -> list[Cells]:
    """Return the table of the negative controls."""
    return [control_row(control) for control in result.controls]


def control_row(control: Control) -> Cells:
    """Return one row of the table of negative controls."""
    words = {True: "passed", False: "FAILED", None: "not computed"}
    return (
        control.control,
        control.network,
        control.target,
        number(control.r2, 2),
        number(control.r2_of_best_line, 2),
        str(control.n_slices),
        words[control.has_passed] + (f": {control.reason}" if control.reason else ""),
    )


def tell(result: Result, console: Console) -> None:
    """Write everything that a run found to the terminal."""
    names = ", ".join(f"{core.name} ({core.site})" for core in result.data.cores[:12])
    more = f" and {len(result.data.cores) - 12} more" if len(result.data.cores) > 12 else ""  # noqa: PLR2004 - as many as are named
    print_line(console, f"{len(result.data.cores)} cores: {names}{more}")
    tell_notes(result.notes, console)
    title = "scores; R2 and Spearman of ms are those of log10, all else is in the unit"
    print_table(console, title, HEADINGS, score_cells(result))
    rows = calibrated_cells(result)
    if rows:
        title = "level set by each core's first measured rows, scored on the rest of it"
        print_table(console, title, CALIBRATED_HEADINGS, rows)
    if result.gaps:
        title = "leakage gap: what drawing slices at random inside cores adds to R2"
        print_table(console, title, GAP_HEADINGS, gap_cells(result))
    if result.controls:
        title = "negative controls: each must score about zero"
        print_table(console, title, CONTROL_HEADINGS, control_cells(result))
    for sentence in (*result.verdict, *result.audit):
        print_line(console, sentence)
    failed = sum(control.has_passed is False for control in result.controls)
    if failed:
        print_line(
            console, f"{failed} negative controls FAILED: believe no score above", style="red"
        )


def tell_notes(notes: Sequence[str], console: Console) -> None:
    """Write one line for each kind of note, and where each note is."""
    lines = notes_by_kind(notes)
    for note in lines:
        print_line(console, f"note: {note}")
    if len(lines) < len(notes):
        print_line(console, f"note: --report DIR and --json FILE have all {len(notes)} notes")


def number(value: float | None, places: int) -> str:
    """Return a number with fixed places, ``-`` for none; a very bad score is cut short."""
    if value is None:
        return "-"
    return f"{value:.{places}f}" if value > -100 else f"{value:.0f}"  # noqa: PLR2004 - places no longer matter


def figure(value: float | None) -> str:
    """Return a number with three significant digits, ``-`` for none."""
    if value is None:
        return "-"
    return f"{value:.3g}" if abs(value) < 1_000 else f"{value:.0f}"  # noqa: PLR2004 - no 1e+03


def share(value: float | None) -> str:
    """Return a share in whole percent, ``-`` for none."""
    return "-" if value is None else f"{100 * value:.0f} %"


def print_table(console: Console, title: str, headings: Cells, rows: Iterable[Cells]) -> None:
    """Write a table on a terminal, lines of text elsewhere."""
    if not console.is_terminal:
        print_line(console, "")
        print_line(console, title)
        every: list[Cells] = [headings, *rows]
        widths = [max(len(row[i]) for row in every) for i in range(len(headings))]
        for row in every:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            print_line(console, "  ".join(cells).rstrip())
        return
    table = Table(title=title, title_justify="left")
    for i, heading in enumerate(headings):
        table.add_column(heading, justify="left" if i < 4 else "right", overflow="fold")  # noqa: PLR2004 - names stand left
    for row in rows:
        table.add_row(*row)
    console.print(table)


def print_line(console: Console, text: str, *, style: str | None = None) -> None:
    """Write one line."""
    console.print(text, style=style, soft_wrap=True, highlight=False, markup=False)
