"""``downcore view``: the live page of a database."""

from pathlib import Path
from typing import Annotated

import typer


def view(
    db: Annotated[Path, typer.Argument(help="Store to show; it is only read.")],
    *,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the page.")] = 8887,
    host: Annotated[
        str, typer.Option(help="Address to listen at; any but this computer's needs a token.")
    ] = "127.0.0.1",
    token_file: Annotated[
        Path | None, typer.Option("--token-file", help="File with the token that readers show.")
    ] = None,
) -> None:
    """Show a database in the browser, live, until stopped."""
    from downcore.sources import Limits
    from downcore.strata.errors import SettingsError
    from downcore.web.server import serve

    token = ""
    if token_file is not None:
        try:
            token = token_file.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise SettingsError(
                f"expected a readable token file at {token_file}: {error}"
            ) from error
        if not token:
            raise SettingsError(f"expected a token in {token_file}, got nothing")
    shown = f"[{host}]" if ":" in host else host
    typer.echo(f"page: http://{shown}:{port}/  (Ctrl-C ends it)")
    serve(db, host=host, port=port, token=token, limits=Limits())
