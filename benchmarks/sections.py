"""Sections for the benchmarks: simulated cores as finished TIFF files."""

from pathlib import Path

from downcore.simulator.generator import CoreRecipe, generate
from downcore.simulator.scanner import pattern_named, play, scan_job

PX_PER_CM = 200


def write_section(
    folder: Path, *, length_cm: float, px_per_cm: float = PX_PER_CM, seed: int = 7
) -> Path:
    """Write a finished section, 7 cm (1,400 px at 200 px/cm) across, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    core = generate(CoreRecipe(seed=seed, length_cm=length_cm, px_per_cm=px_per_cm))
    job = scan_job(core, folder, "2026_000_FA_SIM01_01", px_per_cm=px_per_cm)
    *_, last = play(job, pattern_named("whole-by-rename"))
    return last.path
