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
    ends_with: Annotated[int | None, typer.Option("--ends-with", hidden=True)] = None,
) -> None:
    """Show a database in the browser, live, until stopped."""
    from downcore.sources import Limits
    from downcore.web.access import check_access
    from downcore.web.server import serve

    token = read_token(token_file)
    check_access(host, token)
    shown = f"[{host}]" if ":" in host else host
    typer.echo(f"page: http://{shown}:{port}/  (Ctrl-C ends it)")
    serve(db, host=host, port=port, token=token, limits=Limits(), ends_with=ends_with)


def read_token(token_file: Path | None) -> str:
    """
    Return the token of a file; empty where none is named.

    Raises
    ------
    SettingsError
        If it cannot be read or holds nothing.
    """
    from downcore.strata.errors import SettingsError

    if token_file is None:
        return ""
    try:
        token = token_file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise SettingsError(f"expected a readable token file at {token_file}: {error}") from error
    if not token:
        raise SettingsError(f"expected a token in {token_file}, got nothing")
    return token
