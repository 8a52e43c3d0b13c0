"""``downcore depths``: where sections lie in the core, from files and from people."""

import sys
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from downcore.cli.config import ConfigOption

depths_app = typer.Typer(
    help="Where sections lie in the core: import, show or edit the depth ledger.",
    no_args_is_help=True,
)

_MAX_NUMBER = 1_000_000

DbOption = Annotated[
    Path | None,
    typer.Option("--db", help="Store to use.", show_default="as the settings say"),
]
WhyOption = Annotated[str, typer.Option("--why", help="Reason, kept in the ledger.")]


@depths_app.command(name="import")
def import_(
    files: Annotated[
        list[Path],
        typer.Argument(
            readable=False,
            metavar="FILE...",
            help="Section summary, affine table, table of depths (CSV), or Geotek XML.",
        ),
    ],
    *,
    db: DbOption = None,
    config: ConfigOption = None,
    why: WhyOption = "",
) -> None:
    """Add what files say of section tops and lengths to the ledger; nothing is replaced."""
    from downcore.clock import SystemClock
    from downcore.commands.depths import import_depths

    _say(import_depths(_store(db, config), files, SystemClock(), why=why))


@depths_app.command()
def show(
    core: Annotated[
        str | None,
        typer.Argument(help="Core or hole; leave out to list the cores there are."),
    ] = None,
    *,
    db: DbOption = None,
    config: ConfigOption = None,
    csv: Annotated[
        bool, typer.Option("--csv", help="As the table that 'depths import' reads.")
    ] = False,
    history: Annotated[
        bool, typer.Option("--history", help="List every version, with who, when and why.")
    ] = False,
) -> None:
    """Show where the sections of a core lie, and who or what says so."""
    from downcore.commands.depths_table import list_cores, show_depths, write_depths_csv

    path = _store(db, config)
    if core is None:
        list_cores(path, sys.stdout)
    elif csv:
        write_depths_csv(path, core, sys.stdout)
    else:
        show_depths(path, core, sys.stdout, history=history)


@depths_app.command()
def edit(
    core: Annotated[str, typer.Argument(help="Core, as 'downcore depths show' lists it.")],
    *,
    section: Annotated[
        str | None, typer.Option("--section", help="Section; leave out for the whole core.")
    ] = None,
    top_cm: Annotated[
        str | None, typer.Option("--top-cm", help="Its top below the core's top.")
    ] = None,
    top_m: Annotated[
        str | None, typer.Option("--top-m", help="Its top below the sea or lake floor.")
    ] = None,
    gap_cm: Annotated[
        str | None, typer.Option("--gap-cm", help="Core missing above it, in place of a top.")
    ] = None,
    length_cm: Annotated[str | None, typer.Option("--length-cm", help="Curated length.")] = None,
    expanded_cm: Annotated[
        str | None,
        typer.Option("--expanded-cm", help="Length when it was scanned, had it expanded."),
    ] = None,
    core_top_m: Annotated[
        str | None, typer.Option("--core-top-m", help="The core's top below the floor.")
    ] = None,
    shift_m: Annotated[
        str | None, typer.Option("--shift-m", help="From depth in the hole to composite depth.")
    ] = None,
    withdraw: Annotated[
        bool,
        typer.Option("--withdraw", help="What was said before counts no more, but the sidecar."),
    ] = False,
    why: WhyOption = "",
    db: DbOption = None,
    config: ConfigOption = None,
) -> None:
    """Add a depth that you know to the ledger; it counts from now on, and nothing is replaced."""
    from downcore.clock import SystemClock
    from downcore.commands.depths import TypedDepths, edit_depths

    typed = TypedDepths(
        section=section,
        top_in_core_um=_um("--top-cm", top_cm, 10_000),
        top_in_hole_um=_um("--top-m", top_m, 1_000_000),
        gap_above_um=_um("--gap-cm", gap_cm, 10_000),
        curated_length_um=_um("--length-cm", length_cm, 10_000),
        expanded_length_um=_um("--expanded-cm", expanded_cm, 10_000),
        core_top_um=_um("--core-top-m", core_top_m, 1_000_000),
        shift_um=_um("--shift-m", shift_m, 1_000_000),
        withdraws=withdraw,
    )
    _say(edit_depths(_store(db, config), core, typed, SystemClock(), why=why))


def _store(db: Path | None, config: Path | None) -> Path:
    if db is not None:
        return db
    from downcore.settings import load_settings

    return load_settings(config).store.path


def _um(option: str, text: str | None, unit_um: int) -> int | None:
    """Return a length as a person typed it, in micrometres."""
    if text is None:
        return None
    try:
        number = Decimal(text.replace(",", "."))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number) > _MAX_NUMBER:
        raise typer.BadParameter(f"expected a number, got {text!r}", param_hint=option)
    return round(number * unit_um)


def _say(lines: Sequence[str]) -> None:
    for line in lines:
        typer.echo(line)
