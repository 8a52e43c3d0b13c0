"""``downcore flags``: where measured and predicted logs part company, and who has seen it."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from downcore.cli.config import ConfigOption
from downcore.cli.log import meant, store_path

DbOption = Annotated[
    Path | None,
    typer.Option("--db", help="Store to use.", show_default="as the settings say"),
]


def flags(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SECTION] | ack FLAG",
            help="Section; or 'ack' and the number of a flag, to say that you have seen it.",
        ),
    ] = None,
    *,
    word: Annotated[str, typer.Option("--word", help="With ack: what you found.")] = "",
    with_all: Annotated[bool, typer.Option("--all", help="List cleared ones as well.")] = False,
    db: DbOption = None,
    config: ConfigOption = None,
) -> None:
    """
    List the flags on measured logs, of a section or of all; or acknowledge one.

    A flag says where the logger's values and the picture part company. It stays open until it is
    acknowledged, with your user name and a word, or what was measured and predicted gives no cause
    for it any more.
    """
    from downcore.commands.flags import acknowledge, list_flags

    place = store_path(db, config)
    asked = what or []
    if asked[:1] == ["ack"]:
        if len(asked) != 2 or not asked[1].isdecimal():  # noqa: PLR2004 - ack and a number
            raise typer.BadParameter(
                "expected the number of a flag after 'ack'; 'downcore flags' lists them"
            )
        typer.echo(acknowledge(place, int(asked[1]), word))
        return
    if word or len(asked) > 1:
        raise typer.BadParameter("expected one section, or 'ack', a number and --word")
    section = meant(place, asked[0]) if asked else None
    list_flags(place, section, sys.stdout, with_all=with_all)
