"""``downcore init``, ``doctor`` and ``run``: from a folder of scans to a running station."""

import logging
import shlex
from pathlib import Path
from typing import Annotated

import typer

from downcore.cli.config import ConfigOption
from downcore.cli.view import read_token
from downcore.exit_codes import INTERNAL, REFUSED

logger = logging.getLogger(__name__)


def init(
    inbox: Annotated[Path, typer.Argument(help="Folder the core logger writes to.")],
    *,
    out: Annotated[Path, typer.Option("--out", help="Settings file to write.")] = Path("edge.toml"),
    force: Annotated[bool, typer.Option(help="Overwrite a settings file that is there.")] = False,
) -> None:
    """Look at the folder the scanner writes to and write settings that fit it."""
    from downcore.commands.init import look_around, write_settings
    from downcore.commands.progress import scan_progress

    with scan_progress() as on_scan:
        findings = look_around(inbox, on_scan=on_scan)
    for line in findings.sentences:
        typer.echo(line)
    write_settings(findings, out, may_overwrite=force)
    typer.echo(f"wrote {out}; next: downcore doctor --config {shlex.quote(str(out))}")


def doctor(config: ConfigOption = None) -> None:
    """Check settings, folder, disk, store, bundles, broker and clock; say what to do."""
    from downcore.commands.doctor import examine
    from downcore.commands.progress import scan_progress

    with scan_progress() as on_scan:
        checks = examine(config, on_scan=on_scan)
    for check in checks:
        typer.echo(f"{'ok   ' if check.is_ok else 'WRONG'} {check.name}: {check.finding}")
        if check.advice:
            typer.echo(f"      {check.advice}")
    if not all(check.is_ok for check in checks):
        again = "" if config is None else f" --config {shlex.quote(str(config))}"
        typer.echo(f"mend what is WRONG, then check again: downcore doctor{again}")
        raise typer.Exit(REFUSED)


def run(
    config: ConfigOption = None,
    *,
    once: Annotated[
        bool, typer.Option(help="End when everything in the inbox is done, rather than wait.")
    ] = False,
) -> None:
    """Follow the inbox until stopped; rows go to the store, the broker and the terminal."""
    from downcore.strata.errors import DowncoreError

    try:
        code = _followed(config, once=once)
    except DowncoreError:
        raise
    except Exception:
        # The edge of the process: a fault of the program itself has an exit code of its own.
        logger.critical("the daemon failed", exc_info=True)
        code = INTERNAL
    raise typer.Exit(code)


def _followed(config: Path | None, *, once: bool) -> int:
    """Run the daemon in this process; return its exit code."""
    from downcore.service.daemon import run_daemon
    from downcore.settings import load_settings

    settings = load_settings(config)
    if not once:
        if not settings.page.enabled:
            return run_daemon(settings, ends_when_idle=False)
        from downcore.web.access import check_access
        from downcore.web.beside import page_beside

        check_access(settings.page.host, read_token(settings.page.token_file))
        with page_beside(settings):
            return run_daemon(settings, ends_when_idle=False)
    from rich.console import Console

    from downcore.commands.once_view import once_view

    console = Console(stderr=True)
    if not console.is_terminal:
        return run_daemon(settings, ends_when_idle=True)
    with once_view(settings, config, console) as view:
        return run_daemon(settings, ends_when_idle=True, view=view)


def status(
    config: ConfigOption = None,
    *,
    db: Annotated[
        Path | None,
        typer.Option("--db", help="Store of the daemon.", show_default="as the settings say"),
    ] = None,
) -> None:
    """Say how the running daemon fares: scans, backlog, broker, disk, what is set aside."""
    from downcore.commands.status import is_running, status_lines
    from downcore.settings import load_settings

    database = load_settings(config).store.path if db is None else db
    for line in status_lines(database):
        typer.echo(line)
    if not is_running(database):
        raise typer.Exit(REFUSED)
