"""The report of a run: Markdown with every table, and pictures beside it."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from downcore_training.bench.console_report import (
    CALIBRATED_HEADINGS,
    CONTROL_HEADINGS,
    GAP_HEADINGS,
    HEADINGS,
    calibrated_cells,
    control_cells,
    gap_cells,
    score_cells,
)
from downcore_training.bench.figures import (
    MAX_CORES,
    chosen_predictions,
    draw_downcore,
    draw_leakage,
    draw_scatter,
)
from downcore_training.bench.online_correction import DELAY_CM, FIRST_CM
from downcore_training.bench.running import Result
from downcore_training.bench.scoring import MIN_SECTION_SLICES

FILE_NAME = "report.md"
_MAX_MODELS = 4
"""Number of models that are drawn."""


_CALIBRATED = f"""\
The first {FIRST_CM} logged slices of each core set its level; the rest of the core is scored, as
the model was and as it is then. No figure here is one of a core without logs."""

_HOW_TO_READ = f"""\
R2 and Spearman of `ms` are those of its log10; every error is in the unit. `RMSE - core bias` is
the RMSE once each core's mean error is known. `RMSE / noise` compares it with the log's own noise
(sd of second differences over the square root of 6, Gasser et al. 1986), since no repeat run comes
with a log. `± se` is one bootstrap error, drawn over cores, or over blocks of 20 cm below three
cores, where it is too small. `of visible` is R2 over that of what the generator let pixels tell.
`worst section` is the lowest coverage of a section with {MIN_SECTION_SLICES} scored slices or more.
`in 90 %, following` is the coverage of intervals that follow the logger, which is
{DELAY_CM} cm behind the scanner. Models that read the core's own log (`core-mean`, `interpolation`)
are no candidates."""


def write_report(result: Result, folder: Path, *, with_pictures: bool = True) -> Path:
    """
    Write ``report.md`` and its pictures into ``folder``, made if absent; return the former.

    Pictures show the data, so they fall under its licence. The tables hold
    scores only.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pictures = _draw(result, folder) if with_pictures else []
    parts = [report_text(result)]
    if pictures:
        parts += ["## Pictures", "", *(f"![{_words(name)}]({name})\n" for name in pictures)]
    path = folder / FILE_NAME
    path.write_text("\n".join(parts).rstrip() + "\n", encoding="utf-8")
    return path


def report_text(result: Result) -> str:
    """Return the report without pictures, Markdown: scores, gap, controls, verdict and notes."""
    lines = [f"# Bench of {result.data.folder.resolve().name}", ""]
    lines += _cores(result)
    lines += [
        "## Verdict",
        "",
        *(f"- {sentence}" for sentence in (*result.verdict, *result.audit)),
        "",
    ]
    lines += [
        "## Scores",
        "",
        _HOW_TO_READ,
        "",
    ]
    lines += [*markdown_table(HEADINGS, score_cells(result)), ""]
    fixed = calibrated_cells(result)
    if fixed:
        lines += ["## Calibrated with the first rows", "", _CALIBRATED, ""]
        lines += [*markdown_table(CALIBRATED_HEADINGS, fixed), ""]
    if result.gaps:
        lines += ["## Leakage gap", "", *markdown_table(GAP_HEADINGS, gap_cells(result)), ""]
    if result.controls:
        lines += [
            "## Negative controls",
            "",
            *markdown_table(CONTROL_HEADINGS, control_cells(result)),
            "",
        ]
    lines += ["## Notes", "", *(f"- {note}" for note in result.notes), ""]
    order = result.order
    lines += [f"Seed {order.seed}, {order.draws} draws of the bootstrap.", ""]
    return "\n".join(lines)


def _cores(result: Result) -> list[str]:
    headings = ("core", "site", "slices", "with colour", "px/cm")
    cells = [
        (
            core.name,
            core.site,
            str(len(core)),
            str(int(core.has_colour.sum())),
            "-" if core.px_per_cm is None else f"{core.px_per_cm:.3g}",
        )
        for core in result.data.cores[:MAX_CORES]
    ]
    left = len(result.data.cores) - MAX_CORES
    more = [f"and {left} more.", ""] if left > 0 else []
    return [*markdown_table(headings, cells), "", *more]


def _draw(result: Result, folder: Path) -> list[str]:
    cores = result.data.cores
    made: list[str] = []
    rows = [row for row in result.rows if row.is_main]
    if draw_leakage(result.gaps, rows, folder / "leakage.png"):
        made.append("leakage.png")
    chosen = chosen_predictions(rows)[:_MAX_MODELS]
    for prediction in chosen:
        name = f"scatter-{_file(prediction.network)}.png"
        if draw_scatter(prediction, cores, folder / name):
            made.append(name)
    for prediction in chosen[:2]:
        for k, core in enumerate(cores[:MAX_CORES]):
            name = f"downcore-{_file(core.name)}-{_file(prediction.network)}.png"
            if draw_downcore(prediction, core, k, folder / name):
                made.append(name)
    return made


def markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table."""

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"

    return [line(headings), line(["---"] * len(headings)), *(line(row) for row in rows)]


def _file(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "core"


def _words(name: str) -> str:
    return name.removesuffix(".png").replace("-", " ")
