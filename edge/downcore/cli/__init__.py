"""
The command line.

Commands import what they need when they run, so that ``--help`` answers at once.
Commands of other packages (training, export) are found by the entry point group
``downcore.commands``.
"""

import io
import sys
from importlib.metadata import entry_points

import typer

from downcore.cli import (
    compose,
    correct,
    flags,
    images,
    learn,
    log,
    plate,
    play,
    snapshot,
    station,
    view,
)
from downcore.cli.config import config_app
from downcore.cli.depths import depths_app
from downcore.exit_codes import MISSING_EXTRA, exit_code_of
from downcore.extras import EXTRA_OF, install_command
from downcore.strata.errors import DowncoreError

app = typer.Typer(
    name="downcore",
    help="A live depth log from the line scans of a sediment core.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(play.demo)
app.command()(station.init)
app.command()(station.doctor)
app.command()(station.run)
app.command()(station.status)
app.command()(images.process)
app.command()(images.mask)
app.command()(compose.compose)
app.command()(log.log)
app.command()(view.view)
app.command()(log.corrections)
app.command()(flags.flags)
app.command()(learn.learn)
app.command()(correct.redo)
app.command()(correct.accept)
app.command()(correct.rename)
app.command()(correct.exclude)
app.command()(correct.include)
app.command()(correct.release)
app.command()(correct.forget)
app.command()(plate.plate)
app.command()(snapshot.snapshot)
app.command()(play.simulate)
app.add_typer(config_app, name="config")
app.add_typer(depths_app, name="depths")


@app.callback(invoke_without_command=True)
def _root(
    *, version: bool = typer.Option(default=False, help="Print the version and end.")
) -> None:
    if version:
        from downcore import __version__

        typer.echo(f"downcore {__version__}")
        raise typer.Exit


def _add_commands_of_other_packages() -> None:
    for point in sorted(entry_points(group="downcore.commands"), key=lambda p: p.name):
        app.command(name=point.name)(point.load())


def main() -> None:
    """Run the command line; a downcore error becomes its message and exit code."""
    _add_commands_of_other_packages()
    for stream in (sys.stdout, sys.stderr):
        # Names of sections may hold letters that the locale's encoding lacks.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except DowncoreError as error:
        typer.echo(f"downcore: {error}", err=True)
        sys.exit(exit_code_of(error))
    except ModuleNotFoundError as error:
        module = (error.name or "").split(".")[0]
        if module not in EXTRA_OF:
            raise
        typer.echo(
            f"downcore: this command needs {module}; install it with: {install_command(module)}",
            err=True,
        )
        sys.exit(MISSING_EXTRA)
