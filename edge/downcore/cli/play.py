"""``downcore demo`` and ``downcore simulate``: a scanner without a scanner."""

from pathlib import Path
from typing import Annotated

import typer

from downcore.cli.images import Top
from downcore.exit_codes import REFUSED

MAX_METRES_PER_MIN = 1000.0
"""Fastest scanner the demo plays."""


def demo(
    *,
    once: Annotated[bool, typer.Option(help="End by itself after one core.")] = False,
    folder: Annotated[
        Path, typer.Option("--folder", help="Where the demo keeps its files.")
    ] = Path("demo"),
    metres_per_min: Annotated[float, typer.Option(help="Line rate of the scanner.")] = 8.0,
    length_cm: Annotated[int, typer.Option(min=1, help="Length of the simulated core.")] = 312,
    seed: Annotated[int, typer.Option(help="Which simulated core.")] = 2019,
) -> None:
    """Scan a simulated core: rows appear on MQTT while it is scanned, a plate at the end."""
    import signal

    from downcore.demo import DemoPlan, run_demo

    # A demo that is ended must end its broker, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if not 0 <= metres_per_min < MAX_METRES_PER_MIN:
        raise typer.BadParameter(
            f"expected 0 to {MAX_METRES_PER_MIN:g} m/min, got {metres_per_min:g}"
        )
    plan = DemoPlan(
        folder=folder,
        metres_per_min=metres_per_min,
        length_cm=length_cm,
        seed=seed,
        ends_by_itself=once,
    )
    if not run_demo(plan):
        raise typer.Exit(REFUSED)


def simulate(
    folder: Annotated[Path, typer.Argument(help="Folder to play a scanner into.")],
    *,
    image: Annotated[
        Path | None, typer.Option("--from", help="Image to scan; else a core is generated.")
    ] = None,
    top: Annotated[Top, typer.Option(help="Where the core's top is in the image.")] = Top.UP,
    pattern: Annotated[
        str, typer.Option(help="Write pattern; 'list' prints them.")
    ] = "growing-tiff",
    way: Annotated[str | None, typer.Option("--way", hidden=True)] = None,
    px_per_cm: Annotated[str, typer.Option(help="Scan lines per centimetre.")] = "200",
    metres_per_min: Annotated[
        float, typer.Option(help="Line rate; 0 for as fast as it goes.")
    ] = 6.0,
    length_cm: Annotated[float, typer.Option(help="Length of a generated section.")] = 100.0,
    name: Annotated[str, typer.Option(help="Name of the section.")] = "2026_000_FA_SIM01_01",
    seed: Annotated[int, typer.Option(help="Which generated core.")] = 2019,
) -> None:
    """Play a core scanner into a folder, in one of the patterns scanners and copies write."""
    from downcore.commands.simulate import pattern_lines, play_section

    if way is not None:
        typer.echo("--way is now called --pattern; the old name ends with this version", err=True)
        pattern = way
    if pattern == "list":
        for line in pattern_lines():
            typer.echo(line)
        return
    try:
        played = play_section(
            folder,
            image=image,
            top=top.value,
            pattern=pattern,
            px_per_cm=px_per_cm,
            metres_per_min=metres_per_min,
            length_cm=length_cm,
            name=name,
            seed=seed,
        )
    except (ValueError, OverflowError, OSError) as error:
        raise typer.BadParameter(str(error)) from None
    typer.echo(played)
