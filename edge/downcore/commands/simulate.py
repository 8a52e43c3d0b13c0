"""``downcore simulate``: plays a section into a folder, in real time."""

from pathlib import Path
from typing import Literal

from downcore.simulator.generator import CoreRecipe, generate
from downcore.simulator.image_lines import ImageLines
from downcore.simulator.scanner import pattern_named, play, scan_job
from downcore.simulator.write_patterns import write_patterns
from downcore.strata.input_text import exact_ratio, shown


def pattern_lines() -> list[str]:
    """Return every write pattern with its title, one a line."""
    return [f"{pattern.name:26s} {pattern.title}" for pattern in write_patterns().values()]


def play_section(
    folder: Path,
    *,
    image: Path | None,
    top: Literal["up", "left", "right"],
    pattern: str,
    px_per_cm: str,
    metres_per_min: float,
    length_cm: float,
    name: str,
    seed: int,
) -> str:
    """
    Scan a generated core, or an image, into ``folder``; return what was written, in a sentence.

    Raises
    ------
    ValueError, OverflowError, OSError
        If the pattern is unknown, a number is out of range, or a file is there already.
    """
    exact = exact_ratio(px_per_cm)
    if exact is None:
        raise ValueError(f"expected pixels per centimetre for --px-per-cm, got {shown(px_per_cm)}")
    lines = (
        ImageLines(image, top=top)
        if image
        else generate(CoreRecipe(seed=seed, length_cm=length_cm, px_per_cm=float(exact)))
    )
    folder.mkdir(parents=True, exist_ok=True)
    job = scan_job(lines, folder, name, px_per_cm=exact)
    steps = list(play(job, pattern_named(pattern), metres_per_min=metres_per_min))
    kind = "an image" if image else "a simulated core"
    return f"{name}: {steps[-1].n_scanned} lines of {kind}, {pattern}, in {folder}"
