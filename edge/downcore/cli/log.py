"""``downcore log``: the depth log of a section, as a table or as CSV."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from downcore.cli.config import ConfigOption


def log(
    section: Annotated[
        str | None, typer.Argument(help="Section; leave out to list the sections there are.")
    ] = None,
    *,
    db: Annotated[
        Path | None,
        typer.Option("--db", help="Store to read.", show_default="as the settings say"),
    ] = None,
    config: ConfigOption = None,
    csv: Annotated[
        bool, typer.Option("--csv", help="Comma separated, units in the header.")
    ] = False,
    composition: Annotated[
        bool, typer.Option("--composition", help="What the slices are made of instead.")
    ] = False,
) -> None:
    """Print the depth log of a section, newest scan; without a section, list the sections."""
    from downcore.commands.log_table import list_sections, write_csv, write_table

    if db is None:
        from downcore.settings import load_settings

        db = load_settings(config).store.path

    if section is None:
        list_sections(db, sys.stdout)
    elif composition:
        from downcore.commands.composition_table import (
            write_composition_csv,
            write_composition_table,
        )

        write = write_composition_csv if csv else write_composition_table
        write(db, section, sys.stdout)
    elif csv:
        write_csv(db, section, sys.stdout)
    else:
        write_table(db, section, sys.stdout)
