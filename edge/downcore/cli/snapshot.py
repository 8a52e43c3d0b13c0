"""``downcore snapshot``: a checked copy of the store, while the station runs."""

from pathlib import Path
from typing import Annotated

import typer

from downcore.cli.config import ConfigOption


def snapshot(
    file: Annotated[Path, typer.Argument(help="File to write; must not exist.", readable=False)],
    *,
    db: Annotated[
        Path | None,
        typer.Option("--db", help="Store to copy.", show_default="as the settings say"),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Copy the store into one file, checked, also while the station runs."""
    from downcore.commands.progress import page_progress
    from downcore.store.snapshot import snapshot as take_snapshot

    if db is None:
        from downcore.settings import load_settings

        db = load_settings(config).store.path
    with page_progress() as on_pages:
        n_rows = take_snapshot(db, file, on_pages=on_pages)
    typer.echo(f"wrote {file}: {n_rows} rows, checked")
