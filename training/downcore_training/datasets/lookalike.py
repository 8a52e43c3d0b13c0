"""
A look-alike of the USGS release 2019-643-FA, written by the core generator, for tests and trials.

``python -m downcore_training.datasets.lookalike OUT --cores 3 --seed 1`` writes ``OUT/release``,
with the names, the columns and the faults of the real one, and ``OUT/truth``, outside the release.
Every third core lacks the images of a section, every third has a section whose image was trimmed at
its top, and every second writes ``physical-top`` in hundredths of centimetres.
"""

import csv
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated
from xml.sax.saxutils import escape

import numpy as np
import typer
from numpy.typing import NDArray

from downcore.simulator.generator import CoreRecipe, GeneratedCore, generate
from downcore.simulator.scanner import pattern_named, play, scan_job

ACTIVITY = "2019_643_FA"
COLUMNS = ("sb_depth_cm", "density", "pwave_vel", "mag_sus")
TRIM_CM = 1.4
_KINDS = ("GC{:02d}", "JPC{:02d}", "TC{:02d}")
_SPIKES = ((0.4, 3.9), (1_100.0, 2_869.0), (-60.0, 2_900.0))
"""A sensor's value at a fault, in the order of PROPERTIES."""
_IN_VOIDS = (1.0, 1_100.0, 0.0)


@dataclass(frozen=True, slots=True)
class LookalikeRecipe:
    """All parameters of a look-alike."""

    cores: int = 3
    seed: int = 1
    sections: int = 3
    """Sections of a core."""
    section_cm: int = 60
    px_per_cm: int = 60
    width_cm: float = 6.5
    with_artefacts: bool = True
    blank_share: float = 0.04
    """Share of values that are blank, in runs of one to four."""
    spike_share: float = 0.01

    def __post_init__(self) -> None:
        if min(self.cores, self.sections, self.section_cm, self.px_per_cm) < 1:
            raise ValueError("expected at least 1 core, section, centimetre and pixel")


@dataclass(frozen=True, slots=True)
class _Window:
    """Some lines of a generated core, as the scanner sees one section."""

    core: GeneratedCore
    first: int
    n_lines: int
    n_across: int

    def lines(self, first_line: int, n_lines: int) -> NDArray[np.uint8]:
        """Return lines of the section."""
        return self.core.lines(self.first + first_line, n_lines)


def write_lookalike(out: Path, recipe: LookalikeRecipe) -> Path:
    """
    Write a look-alike release, and its truth beside it.

    Parameters
    ----------
    out : Path
        Folder for ``release`` and ``truth``; neither may be there.
    recipe : LookalikeRecipe
        What to write.

    Returns
    -------
    Path
        The release's folder.

    Raises
    ------
    FileExistsError
        If ``release`` or ``truth`` is there already.
    """
    release, truth = out / "release", out / "truth"
    for folder in (release, truth):
        folder.mkdir(parents=True)
    for i in range(recipe.cores):
        _write_core(i, recipe, release, truth)
    return release


def name_of(index: int) -> str:
    """Return the name of a core: a gravity core, then a piston core and its trigger core."""
    number = 2 * (index // 3) + (1 if index % 3 == 0 else 2)
    return f"{ACTIVITY}_{_KINDS[index % 3].format(number)}"


def _write_core(index: int, recipe: LookalikeRecipe, release: Path, truth: Path) -> None:
    name = name_of(index)
    core = generate(
        CoreRecipe(
            seed=recipe.seed * 10_000 + index,
            length_cm=float(recipe.sections * recipe.section_cm),
            px_per_cm=float(recipe.px_per_cm),
            width_cm=recipe.width_cm,
            with_artefacts=recipe.with_artefacts,
        )
    )
    with (truth / f"{name}_sections.csv").open("x", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("section", "top_cm", "length_cm", "image_top_cm", "has_image"))
        for number in range(1, recipe.sections + 1):
            rows.writerow(_write_section(core, index, number, recipe, release))
    rng = np.random.default_rng([recipe.seed, index, 9])
    true = np.stack([core.truth.density, core.truth.vp, core.truth.ms], axis=1)
    logged, is_good = _as_logged(true, rng, recipe)
    _write_table(release / f"{name}.csv", COLUMNS, logged)
    good = tuple(f"{column}_is_good" for column in COLUMNS[1:])
    _write_table(
        truth / f"{name}.csv", (*COLUMNS, *good), np.hstack([true, is_good.astype(np.float64)])
    )


def _write_section(
    core: GeneratedCore, index: int, number: int, recipe: LookalikeRecipe, release: Path
) -> tuple[int, int, int, float, int]:
    top = (number - 1) * recipe.section_cm
    is_second = number == min(2, recipe.sections)
    trim = TRIM_CM if is_second and index % 3 == 1 else 0.0
    if is_second and index % 3 == 0 and recipe.sections > 1:
        return number, top, recipe.section_cm, 0.0, 0
    # The release mixes upper and lower case.
    stem = f"{name_of(index)}_{number:02d}"
    stem = stem.lower() if index % 2 else stem
    first = round((top + trim) * recipe.px_per_cm)
    window = _Window(
        core, first, (top + recipe.section_cm) * recipe.px_per_cm - first, core.n_across
    )
    job = scan_job(window, release, stem, px_per_cm=Fraction(recipe.px_per_cm))
    for _ in play(job, pattern_named("growing-tiff")):
        pass
    unit = 100 if index % 2 else 1
    with (release / f"{stem}.xml").open("xb") as file:
        file.write(_sidecar(stem, number, top * unit, recipe, core.n_across))
    return number, top, recipe.section_cm, trim, 1


def _sidecar(stem: str, number: int, top: int, recipe: LookalikeRecipe, n_across: int) -> bytes:
    tags = {
        "image-type": "Linescan",
        "coreID": stem.rpartition("_")[0],
        "section-number": str(number),
        "physical-width": f"{recipe.width_cm:.3f}",
        "physical-height": f"{recipe.section_cm:.3f}",
        "physical-top": f"{top:.3f}",
        "pixels-per-CM": str(recipe.px_per_cm),
        "pixel-width": str(n_across),
        "scan-lines": str(recipe.section_cm * recipe.px_per_cm),
        "comments": "",
        "filename": f"{stem}.tif",
    }
    body = "".join(f"  <{tag}> {escape(text)}</{tag}>\n" for tag, text in tags.items())
    return f'<?xml version="1.0"?>\n<geotek-image>\n{body}</geotek-image>\n'.encode()


def _as_logged(
    true: NDArray[np.float64], rng: np.random.Generator, recipe: LookalikeRecipe
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the logger's values with faults, and which values are correct."""
    is_good = np.isfinite(true)
    logged = np.where(is_good, true, _IN_VOIDS)
    for k, spikes in enumerate(_SPIKES):
        at = rng.random(len(true)) < recipe.spike_share
        logged[at, k] = rng.choice(spikes, int(at.sum()))
        is_good[at, k] = False
        for start in np.flatnonzero(rng.random(len(true)) < recipe.blank_share / 2.5):
            blank = slice(start, start + int(rng.integers(1, 5)))
            logged[blank, k] = np.nan
            is_good[blank, k] = False
    return logged, is_good


def _write_table(path: Path, columns: tuple[str, ...], values: NDArray[np.float64]) -> None:
    """Write one row a centimetre, its depth first."""
    with path.open("x", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(columns)
        for i, row in enumerate(values):
            texts = ["" if np.isnan(value) else f"{value:.4f}" for value in row]
            rows.writerow([f"{i + 0.5:.1f}", *texts])


def _main(
    out: Annotated[Path, typer.Argument(help="Folder for release and truth.")],
    *,
    cores: Annotated[int, typer.Option(help="Cores to write.", min=1)] = 3,
    seed: Annotated[int, typer.Option(help="Same seed, same files.", min=0)] = 1,
    px_per_cm: Annotated[int, typer.Option(help="Pixels per centimetre.", min=20, max=400)] = 60,
    sections: Annotated[int, typer.Option(help="Sections of a core.", min=1)] = 3,
) -> None:
    """Write a look-alike of the USGS release 2019-643-FA."""
    recipe = LookalikeRecipe(cores=cores, seed=seed, px_per_cm=px_per_cm, sections=sections)
    try:
        release = write_lookalike(out, recipe)
    except OSError as error:
        typer.echo(f"cannot write {out}: {error.strerror}", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{cores} cores in {release}, what is true of them in {out / 'truth'}")


if __name__ == "__main__":
    typer.run(_main)
