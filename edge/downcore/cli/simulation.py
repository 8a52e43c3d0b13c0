"""Plays a section into a folder, in real time, for ``downcore simulate``."""

from pathlib import Path
from typing import Literal

import typer

from downcore.simulator.generator import CoreRecipe, generate
from downcore.simulator.image_lines import ImageLines
from downcore.simulator.scanner import play, scan_job, way_called
from downcore.simulator.write_patterns import ways
from downcore.strata.input_text import exact_ratio, shown


def list_ways() -> None:
    """Print every way of writing."""
    for way in ways().values():
        typer.echo(f"{way.name:26s} {way.title}")


def play_section(
    folder: Path,
    *,
    image: Path | None,
    top: Literal["up", "left", "right"],
    way: str,
    px_per_cm: str,
    metres_per_min: float,
    length_cm: float,
    name: str,
    seed: int,
) -> None:
    """
    Scan a generated core, or an image, into ``folder``.

    Raises
    ------
    typer.BadParameter
        If the way is unknown, a number is out of range, or a file is there already.
    """
    exact = exact_ratio(px_per_cm)
    if exact is None:
        raise typer.BadParameter(
            f"expected pixels per centimetre for --px-per-cm, got {shown(px_per_cm)}"
        )
    try:
        lines = (
            ImageLines(image, top=top)
            if image
            else generate(CoreRecipe(seed=seed, length_cm=length_cm, px_per_cm=float(exact)))
        )
        folder.mkdir(parents=True, exist_ok=True)
        job = scan_job(lines, folder, name, px_per_cm=exact)
        steps = list(play(job, way_called(way), metres_per_min=metres_per_min))
    except (ValueError, OverflowError, OSError) as error:
        raise typer.BadParameter(str(error)) from None
    kind = "an image" if image else "a simulated core"
    typer.echo(f"{name}: {steps[-1].n_scanned} lines of {kind}, {way}, in {folder}")
