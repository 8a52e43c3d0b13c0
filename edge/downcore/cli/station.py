"""``downcore init``, ``doctor`` and ``run``: from a folder of scans to a running station."""

from pathlib import Path
from typing import Annotated

import typer

from downcore.cli.config import ConfigOption
from downcore.exit_codes import REFUSED


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
    typer.echo(f"wrote {out}; next: downcore doctor --config {out}")


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
        raise typer.Exit(REFUSED)


def run(
    config: ConfigOption = None,
    *,
    once: Annotated[
        bool, typer.Option(help="End when everything in the inbox is done, rather than wait.")
    ] = False,
) -> None:
    """Follow the inbox until stopped; rows go to the store, the broker and the terminal."""
    from downcore.service.daemon import run_daemon
    from downcore.settings import load_settings

    raise typer.Exit(run_daemon(load_settings(config), ends_when_idle=once))
