"""``downcore log``: the depth log of a section, as a table or as CSV."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from downcore.cli.config import ConfigOption
from downcore.strata.core_depths import DepthScale


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
    depth: Annotated[
        DepthScale | None,
        typer.Option("--depth", help="Print a whole core, or the cores of a hole, by this depth."),
    ] = None,
) -> None:
    """
    Print the depth log of a section, newest scan; without a section, list the sections.

    With --depth, SECTION is a core such as 887A-1H, or a hole such as 887A: its sections are
    printed one below the other, with the gaps between.
    """
    from downcore.commands.log_table import list_sections, write_csv, write_table

    if db is None:
        from downcore.settings import load_settings

        db = load_settings(config).store.path

    if depth is not None:
        if section is None or composition:
            raise typer.BadParameter("expected a core, and no --composition, with --depth")
        from downcore.commands.core_log_table import write_core_log

        for note in write_core_log(db, section, depth, sys.stdout, as_csv=csv):
            typer.echo(f"note: {note}", err=True)
    elif section is None:
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
