"""``downcore bench`` at the terminal. torch is needed for the published table only."""

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_BUDGET_MIN = 60.0
"""Minutes of the published table where neither steps nor a budget are given."""


def bench(
    data: Annotated[
        Path,
        typer.Argument(help="Folder: *_slices_1cm.csv tables, a release, or a generated.toml."),
    ],
    *,
    bundle: Annotated[
        list[Path] | None,
        typer.Option(
            help="Finished bundle to score, its folder or a shipped one's name; repeatable. "
            "Nothing is trained then."
        ),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="File for the figures, JSON.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Folder for a Markdown report with pictures.")
    ] = None,
    pictures: Annotated[
        bool, typer.Option(help="Draw pictures into the report; they show the data.")
    ] = True,
    baselines: Annotated[
        bool | None,
        typer.Option(
            "--baselines/--no-baselines",
            help="Train the baselines; on unless a bundle is given.",
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="End with 1 if a negative control failed.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of splits, fits, shuffles and bootstrap.", min=0)] = 0,
    bootstrap: Annotated[
        int, typer.Option(help="Times cores are drawn again; 0 for no errors.", min=0)
    ] = 1_000,
    published: Annotated[
        bool,
        typer.Option(
            "--published",
            help="The published table in place of the bench: both networks, trees and simple "
            "models by random slices, sections, cores and sites.",
        ),
    ] = False,
    steps: Annotated[
        int | None,
        typer.Option(help="Training steps of each network of the published table.", min=1),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(
            help="Minutes that the published table may take in all; 60 unless --steps is given.",
            min=0,
        ),
    ] = None,
) -> None:
    """
    Score baselines, or finished bundles, on cores they have not learned from.

    Baselines are scored with slices drawn at random inside each core, as the published method
    does, and with whole cores and sites held out; the difference is what the random draw leaks.
    A bundle is scored on everything, since it has learned from none of it. --published trains
    networks, which takes an hour unless --steps or --budget say otherwise. Inputs are only read.

    Exit codes: 0 scored, 1 a file cannot be written, or --strict and a negative control failed,
    66 a bundle cannot be used, 78 DATA cannot be used, 130 interrupted.
    """
    if not published and (steps is not None or budget is not None):
        raise typer.BadParameter("expected --published beside --steps and --budget")
    if published and (bundle or baselines):
        raise typer.BadParameter("expected --published without --bundle and --baselines")
    # What these load takes seconds, and the command line lists this command without it.
    from downcore_training.bench.session import Places, Wanted, run_session  # noqa: PLC0415

    places = Places(json_file, report, pictures)
    if published:
        from downcore_training.bench.published.running import TableOrder  # noqa: PLC0415
        from downcore_training.bench.published.session import (  # noqa: PLC0415
            WantedTable,
            run_table_session,
        )

        minutes = DEFAULT_BUDGET_MIN if budget is None and steps is None else budget
        order = TableOrder(steps, minutes, seed)
        run_table_session(WantedTable(data, order, places, is_strict=strict))
        return
    bundles = tuple(bundle or ())
    run_session(
        Wanted(
            data=data,
            bundles=bundles,
            places=places,
            with_baselines=not bundles if baselines is None else baselines,
            seed=seed,
            draws=bootstrap,
            is_strict=strict,
        )
    )
