"""The lab's sub-commands of ``downcore``. torch is loaded only when one runs."""

from pathlib import Path
from typing import Annotated

import typer


def train(
    config: Annotated[
        Path | None,
        typer.Argument(
            help="Recipe, TOML, or a network's name for the recipe it brings; with --data alone, "
            "trees and a network with context."
        ),
    ] = None,
    *,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the checkpoint; runs/NETWORK if not given.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of real cores, as bench reads it; generated ones without."),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(help="Folder for tiles once cut; the user's cache if not given."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last state in the folder.")
    ] = False,
    budget_min: Annotated[
        float | None,
        typer.Option(help="Minutes for the whole command, in place of the recipe's.", min=0),
    ] = None,
) -> None:
    """
    Train a network on generated cores, or on those of a folder that bench reads.

    With --data and no recipe, or a recipe of kind "windows", trees on the colour profile come
    first, in a minute; then networks on windows of 10 cm and blends of both, each judged on
    sections that it had not learned from, so that you see what a network adds.

    The learning rate falls to 0 by the last step or the end of the budget, whichever comes
    first. With a budget the result depends on the machine's speed; with 0, steps alone
    decide, and the same recipe gives the same network. The budget is that of the whole
    command: time for judging is set aside, and where reading alone uses it up, it ends
    with 1; what was read stays in the cache.

    Exit codes: 0 trained, 1 the recipe or the folder cannot be used, 130 interrupted.
    """
    # torch takes seconds to load, and the command line lists this command without it.
    from downcore_training.fitting.run import TrainingFiles, run_training  # noqa: PLC0415
    from downcore_training.windows.recipe import is_window_recipe  # noqa: PLC0415

    if config is None or is_window_recipe(config):
        from downcore_training.windows.session import WindowFiles, run_session  # noqa: PLC0415

        run_session(WindowFiles(config=config, data=data, out=out), budget_min=budget_min)
        return
    run_training(
        TrainingFiles(config=config, out=out, cache=cache, data=data),
        resume=resume,
        budget_min=budget_min,
    )
