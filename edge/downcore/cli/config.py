"""``downcore config``: are the settings right, and where does each value come from."""

from pathlib import Path
from typing import Annotated

import typer

config_app = typer.Typer(help="Check or show the settings.", no_args_is_help=True)

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Settings file, TOML.", show_default="defaults"),
]


@config_app.command()
def check(config: ConfigOption = None) -> None:
    """Read the settings and say whether they can be used; exit code 78 if not."""
    from downcore.service.station_setup import check_settings
    from downcore.settings import load_settings

    check_settings(load_settings(config))
    typer.echo(f"{config or 'defaults and environment'}: ok")


@config_app.command()
def show(config: ConfigOption = None) -> None:
    """Print every setting, its value and where that comes from."""
    from downcore.settings import known_keys, load_settings, origin_of

    settings = load_settings(config)
    for key in known_keys():
        section, name = key.split(".")
        value = getattr(getattr(settings, section), name)
        typer.echo(f"{key} = {value!s}  ({origin_of(key, config)})")
