"""``downcore log``: the depth log of a section, as a table or as CSV."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from downcore.cli.config import ConfigOption
from downcore.strata.core_depths import DepthScale

DbOption = Annotated[
    Path | None,
    typer.Option("--db", help="Store to use.", show_default="as the settings say"),
]


def log(
    section: Annotated[
        str | None,
        typer.Argument(help="Section, or a part of its name; leave out to list the sections."),
    ] = None,
    *,
    db: DbOption = None,
    config: ConfigOption = None,
    csv: Annotated[
        bool, typer.Option("--csv", help="Comma separated, units in the header.")
    ] = False,
    composition: Annotated[
        bool, typer.Option("--composition", help="What the slices are made of instead.")
    ] = False,
    scan: Annotated[
        str | None,
        typer.Option("--scan", help="A scan by its identity, or how that begins; any scan."),
    ] = None,
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

    place = store_path(db, config)
    if depth is not None:
        if section is None or composition or scan is not None:
            raise typer.BadParameter("with --depth: expected a core, no --composition, no --scan")
        from downcore.commands.core_log_table import write_core_log

        for note in write_core_log(place, section, depth, sys.stdout, as_csv=csv):
            typer.echo(f"note: {note}", err=True)
        return
    if section is None and scan is None:
        list_sections(place, sys.stdout)
        return
    if section is not None:
        section = meant(place, section)
    if composition:
        from downcore.commands.composition_table import (
            write_composition_csv,
            write_composition_table,
        )

        write = write_composition_csv if csv else write_composition_table
        write(place, section, sys.stdout, scan=scan)
    else:
        (write_csv if csv else write_table)(place, section, sys.stdout, scan=scan)


def corrections(
    section: Annotated[
        str | None, typer.Argument(help="Section, or a part of its name; leave out for all.")
    ] = None,
    *,
    db: DbOption = None,
    config: ConfigOption = None,
) -> None:
    """List what people corrected: who, when, what and why."""
    from downcore.commands.log_table import write_corrections

    place = store_path(db, config)
    write_corrections(place, None if section is None else meant(place, section), sys.stdout)


def store_path(db: Path | None, config: Path | None) -> Path:
    """Return the store that was named, else that of the settings."""
    from downcore.settings import load_settings

    return load_settings(config).store.path if db is None else db


def meant(db: Path, name: str) -> str:
    """Return the section that is meant; one that was found by a part of its name is said."""
    from downcore.commands.section_lookup import section_named
    from downcore.store import Reader

    with Reader.open(db) as reader:
        section = section_named(reader, name)
    if section != name:
        typer.echo(f"section {section}", err=True)
    return section
