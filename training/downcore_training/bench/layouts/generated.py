"""A folder with a ``generated.toml``: generated cores, with the visible part of their logs."""

import dataclasses
import math
import multiprocessing
import os
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from downcore.strata.colour_profile import profile_of_lines
from downcore.strata.errors import SettingsError
from downcore.strata.mask.masker import MASK_HALO_UM, SectionMasker
from downcore.strata.section import SectionBuffer, SliceLines
from downcore.strata.segment import Segment
from downcore_training.bench.core import BenchCore
from downcore_training.bench.layouts._layout import Found, Layout
from downcore_training.datasets.generated import Core, generated_core, px_per_cm_of
from downcore_training.recipe import CoreSet

FILE_NAME = "generated.toml"
_KEYS = {
    "first_seed": int,
    "cores": int,
    "length_cm": int,
    "width_cm": float,
    "px_per_cm_lowest": float,
    "px_per_cm_usual": float,
    "px_per_cm_highest": float,
    "cores_per_site": int,
}
MAX_CORES = 10_000
PROCESSES = 2
"""Processes that draw many cores; no more, since a core takes some hundred megabytes."""

_MANY = 16
"""Fewest cores for which further processes are worth starting."""


@dataclass(slots=True, eq=False)
class GeneratedImages:
    """
    The image of a generated core, drawn and masked as it is read; cheapest in order of depth.

    Parameters
    ----------
    recipe : CoreSet
        How cores are drawn.
    seed : int
        Which one.
    site : int, optional
        Number of its site; ``None`` where it shares nothing with another core.
    """

    recipe: CoreSet
    seed: int
    site: int | None = None
    _released: Iterator[tuple[SliceLines, NDArray[np.uint8]]] | None = None
    _last: tuple[SliceLines, NDArray[np.uint8]] | None = field(default=None)

    def lines_and_classes(self, i: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
        """Return the pixels of slice ``i`` and their classes; ``None`` past the core's end."""
        if self._last is not None and self._last[0].index > i:
            self.close()
        if self._released is None:
            self._released = _masked(_drawn(self))
        while self._last is None or self._last[0].index < i:
            self._last = next(self._released, None)
            if self._last is None:
                self._released = None
                return None
        lines, classes = self._last
        return np.asarray(lines.lines, np.uint8), classes

    def close(self) -> None:
        """Release the core's memory."""
        self._released = self._last = None


def knows(folder: Path) -> bool:
    """Return whether the folder has the file."""
    return (folder / FILE_NAME).is_file()


def read(folder: Path) -> Found:
    """
    Draw the cores that the file asks for.

    Raises
    ------
    SettingsError
        If the file cannot be used.
    """
    n_cores, per_site, recipe = _asked(folder / FILE_NAME)
    seeds = [recipe.first_seed + i for i in range(n_cores)]
    sites = [recipe.first_seed + i // per_site if per_site else None for i in range(n_cores)]
    images = [
        GeneratedImages(recipe, *seed_and_site) for seed_and_site in zip(seeds, sites, strict=True)
    ]
    cores = _all_of(images)
    note = (
        f"{n_cores} generated cores of {recipe.length_cm} cm, seeds {recipe.first_seed} to "
        f"{recipe.first_seed + n_cores - 1}; no natural core"
        + (f", {per_site} to a site" if per_site else ", each of a site of its own")
    )
    return Found(tuple(cores), (note,))


LAYOUT = Layout("generated", f"a {FILE_NAME} that asks for generated cores", 0, knows, read)


def _asked(path: Path) -> tuple[int, int, CoreSet]:
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"expected a TOML file, got {path}: {error}") from error
    unknown = set(raw) - set(_KEYS)
    missing = {"first_seed", "cores"} - set(raw)
    if unknown or missing:
        raise SettingsError(
            f"expected the keys {', '.join(_KEYS)} in {path}, "
            f"got {', '.join(sorted(raw)) or 'none'}; first_seed and cores must be there"
        )
    for key, value in raw.items():
        _refuse_unusable(key, value, path)
    n_cores = int(raw.pop("cores"))
    if not 1 <= n_cores <= MAX_CORES:
        raise SettingsError(f"expected 1 to {MAX_CORES} cores in {path}, got {n_cores}")
    per_site = int(raw.pop("cores_per_site", 0))
    values = {key: _KEYS[key](value) for key, value in raw.items()}
    recipe = dataclasses.replace(CoreSet(), **values)
    scales = (recipe.px_per_cm_lowest, recipe.px_per_cm_usual, recipe.px_per_cm_highest)
    if list(scales) != sorted(scales):
        raise SettingsError(
            f"expected px_per_cm_lowest <= px_per_cm_usual <= px_per_cm_highest in {path}, "
            f"got {', '.join(f'{scale:g}' for scale in scales)}"
        )
    return n_cores, per_site, recipe


def _refuse_unusable(key: str, value: object, path: Path) -> None:
    may_be_0 = key in ("first_seed", "cores_per_site")
    is_flag = isinstance(value, bool)
    if isinstance(value, (int, float)) and not is_flag and math.isfinite(value) and value >= 0:
        usable = may_be_0 or value > 0
    else:
        usable = False
    if usable:
        return
    least = "0 or more" if may_be_0 else "above 0"
    raise SettingsError(f"expected a number {least} for {key} in {path}, got {value!r}")


def _all_of(images: Sequence[GeneratedImages]) -> list[BenchCore]:
    n = min(PROCESSES, os.cpu_count() or 1)
    if len(images) < _MANY or n < 2:  # noqa: PLR2004 - one process is this one
        return [_core_of(image) for image in images]
    # Started afresh: a copy of a process with running threads may hang.
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(n, mp_context=fresh) as pool:
        return list(pool.map(_core_of, images, chunksize=4))


def _drawn(images: GeneratedImages) -> Core:
    if images.site is None:
        return generated_core(images.seed, images.recipe)
    # Imported only where a core is generated.
    from downcore.simulator.generator import CoreRecipe, generate  # noqa: PLC0415

    recipe = images.recipe
    return generate(
        CoreRecipe(
            seed=images.seed,
            length_cm=recipe.length_cm,
            px_per_cm=px_per_cm_of(images.seed, recipe),
            width_cm=recipe.width_cm,
            site=images.site,
        )
    )


def _core_of(images: GeneratedImages) -> BenchCore:
    seed, core = images.seed, _drawn(images)
    truth, px_per_cm = core.truth, float(core.scale.px_per_cm)
    n = len(truth.density)
    rows: list[NDArray[np.float64]] = []
    for i in range(n):
        cut = images.lines_and_classes(i)
        rows.append(np.full(5, np.nan) if cut is None else profile_of_lines(*cut, px_per_cm))
    images.close()
    log_ms = np.full(n, np.nan)
    np.log10(truth.ms, out=log_ms, where=np.isfinite(truth.ms) & (truth.ms > 0))
    labels = np.stack([truth.density, truth.vp, log_ms], axis=1)
    visible = np.stack([truth.visible_density, truth.visible_vp, truth.visible_log_ms], axis=1)
    return BenchCore(
        name=f"generated-{seed}",
        site=f"generated-{seed if images.site is None else images.site}",
        depth_cm=np.arange(n, dtype=np.float64),
        run=np.zeros(n, np.int64),
        profile=np.stack(rows),
        labels=labels,
        visible=np.where(np.isfinite(labels), visible, np.nan),
        px_per_cm=px_per_cm,
        image=images,
    )


def _masked(core: Core) -> Iterator[tuple[SliceLines, NDArray[np.uint8]]]:
    """Yield each slice with its mask by the device, not the true one."""
    scale = core.scale
    buffer, masker = SectionBuffer(scale, halo_um=MASK_HALO_UM), SectionMasker(scale)
    for i in range(len(core.truth.density)):
        first = scale.first_line_of_slice(i)
        n_lines = scale.first_line_of_slice(i + 1) - first
        segment = Segment(lines=core.lines(first, n_lines), first_line=first)
        for lines in buffer.push(segment):
            yield lines, masker.mask(lines)
    for lines in buffer.finish():
        yield lines, masker.mask(lines)
