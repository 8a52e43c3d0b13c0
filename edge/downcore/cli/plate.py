"""``downcore plate``: sections of the store with their depth log, on one sheet."""

from pathlib import Path
from typing import Annotated

import typer

from downcore.cli.config import ConfigOption
from downcore.strata.core_depths import DepthScale


def plate(
    sections: Annotated[
        list[str],
        typer.Argument(
            metavar="SECTION|CORE...",
            help="Sections, as 'downcore log' lists them, or a core or hole.",
        ),
    ],
    *,
    out: Annotated[Path, typer.Option("--out", help="PNG, PDF or SVG to write.")],
    db: Annotated[
        Path | None,
        typer.Option("--db", help="Store to read.", show_default="as the settings say"),
    ] = None,
    config: ConfigOption = None,
    bundle: Annotated[
        str | None,
        typer.Option(
            "--bundle",
            help="Bundle to draw, by name or by how its id begins.",
            show_default="the one with the most values",
        ),
    ] = None,
    depth: Annotated[
        DepthScale | None,
        typer.Option(
            "--depth",
            help="Along which depth to draw.",
            show_default="core, or hole for several cores",
        ),
    ] = None,
) -> None:
    """
    Draw sections with image, mask, properties and composition, depth down, from the store.

    The image is drawn where its file still is what was scanned; else the colour kept of each
    centimetre. Sections are drawn by depth in the core where the depth ledger knows it, and a core
    is drawn across its sections.
    """
    from downcore.commands.plate import write_plate
    from downcore.settings import load_settings

    settings = load_settings(config, **({"store": {"path": db.absolute()}} if db else {}))
    typer.echo(write_plate(sections, out, settings, bundle=bundle, scale=depth))
