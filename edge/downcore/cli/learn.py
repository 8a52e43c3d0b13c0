"""``downcore learn``: the site's own bundle from scans and logs of this station."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from downcore.cli.config import ConfigOption


def learn(
    *,
    core: Annotated[
        list[str] | None,
        typer.Option("--core", help="Core or pattern to learn from; may be given again."),
    ] = None,
    logs: Annotated[
        Path | None,
        typer.Option("--logs", help="Folder of logs to bring into the store first."),
    ] = None,
    use: Annotated[
        bool,
        typer.Option("--use", help="Answer with it from the next section on, if it is better."),
    ] = False,
    db: Annotated[
        Path | None,
        typer.Option("--db", help="Store to learn from.", show_default="as the settings say"),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """
    Learn this site from the colour and the logs that the store holds.

    From four logged sections on: fits trees, judges them section by section beside the mean, a
    straight line in depth and what runs now, and writes a bundle beside the store.
    """
    from downcore.commands.learn import (
        check_libraries,
        running_with_learned,
        take_logs,
        use_if_better,
    )
    from downcore.commands.learn import learn as learn_site
    from downcore.settings import load_settings

    if use and db is not None and config is None:
        raise typer.BadParameter(
            "--use with --db: expected --config, too, since the settings say what runs now"
        )
    check_libraries()
    settings = load_settings(config)
    place = db if db is not None else settings.store.path
    if logs is not None:
        take_logs(place, logs)
    running = running_with_learned(place, settings.predict.bundles)
    done = learn_site(place, core or [], running, sys.stdout)
    if use:
        use_if_better(place, done, sys.stdout)
