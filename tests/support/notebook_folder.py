"""A folder as a scientist has it: one scan of a core, and the database made of it."""

from pathlib import Path

from downcore.commands.process import process_files
from downcore.settings import Settings, load_settings
from downcore.simulator.generator import CoreRecipe, generate
from downcore.simulator.scanner import pattern_named, play, scan_job

BUNDLE = "resnet-18"


def scan_core(folder: Path, name: str, *, seed: int = 2019, length_cm: float = 4.0) -> Path:
    """Write an image of a simulated core, 3 cm wide at 200 px/cm, its top up."""
    core = generate(CoreRecipe(seed=seed, length_cm=length_cm, px_per_cm=200.0, width_cm=3.0))
    job = scan_job(core, folder, name, px_per_cm=200, may_replace=True)
    list(play(job, pattern_named("whole-by-rename"), metres_per_min=0))
    return folder / f"{name}.tif"


def settings_of(db: Path, **predict: object) -> Settings:
    return load_settings(
        None,
        inbox={"px_per_cm": "200", "top": "up"},
        predict={"bundles": (BUNDLE,), "mode": "backlog", **predict},
        store={"path": db},
    )


def process(image: Path, db: Path) -> None:
    (outcome,) = process_files([image], settings_of(db), on_slices=lambda *_: None)
    assert outcome.is_stored, outcome.sentence


def fill(folder: Path) -> None:
    """Write ``GC01_01.tif``, and ``downcore.db`` with its rows."""
    process(scan_core(folder, "GC01_01"), folder / "downcore.db")
