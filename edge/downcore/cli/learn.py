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
    from downcore.commands.learn import check_libraries, running_with_learned, use_if_better
    from downcore.commands.learn import learn as learn_site
    from downcore.settings import load_settings

    check_libraries()
    settings = load_settings(config) if db is None or config is not None else None
    place = db if db is not None else load_settings(config).store.path
    bundles = () if settings is None else settings.predict.bundles
    done = learn_site(place, core or [], running_with_learned(place, bundles), sys.stdout)
    if use:
        use_if_better(place, done, sys.stdout)
