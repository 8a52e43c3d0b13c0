"""
Tiles of generated cores, cut once and kept in a cache folder.

Each core is a folder of its own, named after its seed and written whole or not at all, so that
building can be interrupted, shared between processes and extended. The folder above is named after
what decides its content, the code of the generator included: a changed generator never uses old
tiles. The cache may be deleted at any time.
"""

import ast
import dataclasses
import hashlib
import json
import math
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

import downcore.simulator
import downcore.strata.tiles
from downcore.strata.depth import LineScale
from downcore.strata.tiles import cut_tiles
from downcore_training.datasets._tile_set import CoreSets, CoreTiles, TileSet
from downcore_training.progress import Report
from downcore_training.recipe import CoreSet

_LAYOUT_VERSION = 2
"""Version of the cache's content; raised when this module cuts other tiles of the same cores."""
_VALIDATION_OFFSET = 100_000
_TEST_OFFSET = 200_000
"""Added to the first seed, so that more training cores leave the other sets as they are."""


class Truth(Protocol):
    """The true properties of a generated core by centimetre; arrays of one length."""

    @property
    def density(self) -> NDArray[np.float64]:
        """Log, g/cm3; NaN where nothing was logged."""
        ...

    @property
    def vp(self) -> NDArray[np.float64]:
        """Log, m/s; NaN likewise."""
        ...

    @property
    def ms(self) -> NDArray[np.float64]:
        """Log, 1e-5 SI; NaN likewise."""
        ...

    @property
    def visible_density(self) -> NDArray[np.float64]:
        """The part of ``density`` that can be seen, g/cm3."""
        ...

    @property
    def visible_vp(self) -> NDArray[np.float64]:
        """The part of ``vp`` that can be seen, m/s."""
        ...

    @property
    def visible_log_ms(self) -> NDArray[np.float64]:
        """The part of log10 of ``ms`` that can be seen."""
        ...


class Core(Protocol):
    """The interface of a generated core used here."""

    @property
    def scale(self) -> LineScale:
        """Scan lines per centimetre."""
        ...

    @property
    def truth(self) -> Truth:
        """Its properties."""
        ...

    def lines(self, first_line: int, n_lines: int) -> NDArray[np.uint8]:
        """Return scan lines, shape (n_lines, n_across, 3)."""
        ...

    def classes(self, first_line: int, n_lines: int) -> NDArray[np.uint8]:
        """Return the class of each pixel, shape (n_lines, n_across)."""
        ...


MakeCore = Callable[[int, CoreSet], Core]
"""Makes the core of a seed."""


def generated_core(seed: int, cores: CoreSet) -> Core:
    """Return the core of ``seed``, with the simulator's generator."""
    # Imported only where a core is generated.
    from downcore.simulator.generator import CoreRecipe, generate  # noqa: PLC0415

    return generate(
        CoreRecipe(
            seed=seed,
            length_cm=cores.length_cm,
            px_per_cm=px_per_cm_of(seed, cores),
            width_cm=cores.width_cm,
            with_artefacts=True,
        )
    )


def px_per_cm_of(seed: int, cores: CoreSet) -> float:
    """Return the resolution at which the core of ``seed`` is scanned, a whole number."""
    rng = np.random.default_rng([seed, 1])
    low, usual, high = (
        math.log(x)
        for x in (cores.px_per_cm_lowest, cores.px_per_cm_usual, cores.px_per_cm_highest)
    )
    return float(round(math.exp(rng.triangular(low, usual, high) if low < high else low)))


def core_sets(
    cores: CoreSet,
    cache: Path,
    *,
    report: Report,
    processes: int = 1,
    make: MakeCore = generated_core,
) -> CoreSets:
    """
    Return the tiles of all cores, building those that ``cache`` lacks.

    Parameters
    ----------
    cores : CoreSet
        How many cores, and of what kind.
    cache : Path
        Folder that may be deleted at any time; made if absent. About 7 MB a core of 60 cm and
        tile of a slice.
    report : Report
        Receives the progress of every core built.
    processes : int, default 1
        Cores built at once; more than 1 needs a ``make`` that can be pickled.
    make : callable
        Makes a core.
    """
    folder = cache / f"cores-{_key(cores)}"
    folder.mkdir(parents=True, exist_ok=True)
    seeds = {
        "training": range(cores.first_seed, cores.first_seed + cores.training),
        "validation": _seeds(cores.first_seed + _VALIDATION_OFFSET, cores.validation),
        "test": _seeds(cores.first_seed + _TEST_OFFSET, cores.test),
    }
    missing = [s for part in seeds.values() for s in part if not _folder_of(folder, s).is_dir()]
    held_out = frozenset([*seeds["validation"], *seeds["test"]])
    build = partial(_build_core, cores=cores, folder=folder, make=make, held_out=held_out)
    for i, seed in enumerate(_mapped(build, missing, processes), start=1):
        report.at(i / len(missing), f"core {seed}, {i} of {len(missing)} made")
    sets = {
        name: TileSet([c for c in map(partial(_open_core, folder), part) if len(c.slice_index)])
        for name, part in seeds.items()
    }
    return CoreSets(sets["training"], sets["validation"], sets["test"])


def _seeds(first: int, count: int) -> range:
    return range(first, first + count)


def _key(cores: CoreSet) -> str:
    # The counts and the first seed choose cores and do not change them.
    kind = dataclasses.replace(cores, training=0, validation=0, test=0, first_seed=0)
    described = {"layout": _LAYOUT_VERSION, **dataclasses.asdict(kind)}
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    simulator = Path(downcore.simulator.__path__[0])
    generator = sorted(_with_imports(simulator / "generator.py", set()))
    for file in [*generator, Path(downcore.strata.tiles.__file__)]:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _with_imports(file: Path, found: set[Path]) -> set[Path]:
    """Return ``file`` and every module beside it that it imports, without the simulated scanner."""
    if file.is_file() and file not in found:
        found.add(file)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                _with_imports(file.with_name(f"{node.module.rpartition('.')[2]}.py"), found)
    return found


def _mapped(build: Callable[[int], int], seeds: Iterable[int], processes: int) -> Iterator[int]:
    if processes <= 1:
        yield from map(build, seeds)
        return
    # Spawned, not forked: torch may have threads by now.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(build, seeds)


def _folder_of(folder: Path, seed: int) -> Path:
    return folder / str(seed)


def _build_core(
    seed: int, *, cores: CoreSet, folder: Path, make: MakeCore, held_out: frozenset[int]
) -> int:
    cv2.setNumThreads(1)
    core = make(seed, cores)
    per_slice = cores.tiles_per_slice_held_out if seed in held_out else cores.tiles_per_slice
    pixels, slice_index = _tiles_of(core, seed, per_slice)
    truth = core.truth
    beside = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder))
    np.save(beside / "pixels.npy", pixels)
    np.savez(
        beside / "rest.npz",
        slice_index=slice_index,
        px_per_cm=np.array(float(core.scale.px_per_cm)),
        labels=np.stack([truth.density, truth.vp, _log10(truth.ms)], axis=1),
        visible=np.stack([truth.visible_density, truth.visible_vp, truth.visible_log_ms], axis=1),
        colour=colour_of(pixels),
    )
    try:
        beside.rename(_folder_of(folder, seed))
    except OSError:
        # Another process was faster; its core is the same, bit for bit.
        shutil.rmtree(beside)
        if not _folder_of(folder, seed).is_dir():
            raise
    return seed


def _tiles_of(core: Core, seed: int, per_slice: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    rng = np.random.default_rng([seed, 2])
    kept: list[NDArray[np.uint8]] = [np.empty((0, 200, 200, 3), np.uint8)]
    index: list[int] = []
    for i in range(len(core.truth.density)):
        first, after = core.scale.first_line_of_slice(i), core.scale.first_line_of_slice(i + 1)
        lines, classes = core.lines(first, after - first), core.classes(first, after - first)
        tiles = cut_tiles(lines, classes, float(core.scale.px_per_cm)).pixels
        chosen = np.sort(rng.permutation(len(tiles))[:per_slice])
        kept.append(tiles[chosen])
        index += [i] * len(chosen)
    return np.concatenate(kept), np.array(index, np.int64)


def colour_of(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """
    Return mean and sd of L*, a*, b* of tiles, shape (n, 6), from one pixel in sixteen.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (n, 200, 200, 3)
        RGB.
    """
    out = np.empty((len(pixels), 6))
    for row, tile in zip(out, pixels, strict=True):
        few = np.ascontiguousarray(tile[::4, ::4]).astype(np.float32) / np.float32(255)
        lab = cv2.cvtColor(few, cv2.COLOR_RGB2LAB).reshape(-1, 3)
        row[:3], row[3:] = lab.mean(axis=0), lab.std(axis=0)
    return out


def _log10(values: NDArray[np.float64]) -> NDArray[np.float64]:
    out = np.full(len(values), np.nan)
    np.log10(values, out=out, where=np.isfinite(values) & (values > 0))
    return out


def _open_core(folder: Path, seed: int) -> CoreTiles:
    home = _folder_of(folder, seed)
    with np.load(home / "rest.npz") as rest:
        return CoreTiles(
            seed=seed,
            px_per_cm=float(rest["px_per_cm"]),
            pixels=np.load(home / "pixels.npy", mmap_mode="r"),
            slice_index=rest["slice_index"],
            labels=rest["labels"],
            visible=rest["visible"],
            colour=rest["colour"],
        )
