"""
Tiles of real cores with the labels of their logs, cut once and kept in a cache folder.

A core is read slice by slice, so that memory does not grow with the release. Each core is a folder
of its own, written whole or not at all, and named after all that determines its content. The cache
may be deleted at any time.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from downcore.strata import tiles
from downcore.strata.bundle import TILE_PX
from downcore.strata.colour_profile import PROFILE_NAMES, profile_of_lines
from downcore.strata.errors import SegmentError, SettingsError
from downcore.strata.mask import masker, weights
from downcore.strata.properties import PROPERTIES
from downcore.strata.tiles import cut_tiles
from downcore_training.datasets._tile_set import CoreSets, CoreTiles, TileSet
from downcore_training.datasets.alignment import find_shift
from downcore_training.datasets.folders import matched_cores
from downcore_training.datasets.generated import colour_of
from downcore_training.datasets.matched_core import MatchedCore
from downcore_training.datasets.release_split import ReleaseSplit, parts_of
from downcore_training.notes import notes_by_kind, write_notes
from downcore_training.progress import Report

_LAYOUT_VERSION = 1
"""Version of the cache's content; raised when this module cuts other tiles of the same cores."""
_NEAR_CM = 4
"""Slices this close to a labelled one are kept too, since a loop's reading includes them."""


def release_sets(folder: Path, cache: Path, split: ReleaseSplit, *, report: Report) -> CoreSets:
    """
    Return the tiles of a folder's cores, cutting those that ``cache`` lacks.

    Where there are fewer than three sites the parts that are split are sections, or cores of one
    site, and the report hears so; each part is then a core of its own.

    Parameters
    ----------
    folder : Path
        A release or slice tables, read by :func:`downcore_training.datasets.folders.matched_cores`.
    cache : Path
        Folder that may be deleted at any time; made if absent. About 0.12 MB a tile.
    split : ReleaseSplit
        The split of the cores. Without names it depends on the sites' names alone.
    report : Report
        Receives every core cut, its warnings, and whether its log seems shifted.

    Returns
    -------
    CoreSets
        ``seed`` of a core is a number made from its name; ``visible`` is NaN throughout.

    Raises
    ------
    SettingsError
        If there are too few sections with labels, a named core is absent, or a set would be empty.
    """
    notes: list[str] = []
    labelled = [core for core in matched_cores(folder) if _has_labels(core, notes)]
    # Said first, since they are why there may be too few.
    n_said = len(notes)
    for line in notes_by_kind(notes):
        report.note(line)
    parts = parts_of(labelled, split)
    cores, names = parts.parts, parts.names
    if parts.sentence:
        report.note(parts.sentence)
    home = cache / "releases"
    home.mkdir(parents=True, exist_ok=True)
    found: dict[str, CoreTiles] = {}
    is_new = not all((home / _key(core, split.tiles_per_slice)).is_dir() for core in cores)
    for i, core in enumerate(cores):
        share, text = i / len(cores), f"core {core.name}, {i + 1} of {len(cores)}"
        report.at(share, text)
        try:
            made = _made(core, home, split.tiles_per_slice, notes, partial(report.at, share, text))
        except SegmentError as error:
            notes.append(f"{core.name} is left out: {error}")
            continue
        if len(made.slice_index):
            found[core.name] = made
        else:
            notes.append(f"{core.name} is left out: no slice with a label shows sediment")
    for line in (*notes_by_kind(notes[n_said:]), write_notes(notes, home / "notes.txt")):
        if line:
            report.note(line)
    if is_new:
        _check_together([core for core in cores if core.name in found], home, split, report)
    return CoreSets(
        training=_set_of(names.training, found, "training"),
        validation=_set_of(names.validation, found, "validation"),
        test=_set_of(names.test, found, "test"),
        split=parts.sentence,
    )


def _set_of(names: tuple[str, ...], cut: dict[str, CoreTiles], what: str) -> TileSet:
    found = [cut[name] for name in names if name in cut]
    if not found:
        raise SettingsError(
            f"expected at least one core with tiles for {what}, got none of "
            f"{', '.join(names) or 'no core at all'}"
        )
    return TileSet(found)


def _has_labels(core: MatchedCore, notes: list[str]) -> bool:
    if np.isfinite(core.labels).any():
        return True
    reasons = "; ".join(core.warnings[:3])
    notes.append(f"{core.name} is left out: no slice has a label. {reasons}")
    return False


def _made(
    core: MatchedCore,
    home: Path,
    tiles_per_slice: int,
    notes: list[str],
    at_slice: Callable[[], None],
) -> CoreTiles:
    """
    Return the tiles of a core, cut now or before, and add what is to be known of it to ``notes``.

    ``at_slice``, called at each, may raise.
    """
    place = home / _key(core, tiles_per_slice)
    if not place.is_dir():
        beside = Path(tempfile.mkdtemp(prefix=".partial-", dir=home))
        try:
            _cut(core, beside, tiles_per_slice, at_slice)
            beside.rename(place)
        except OSError:
            # Another process may have been faster; its tiles are the same.
            if not place.is_dir():
                raise
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    notes += json.loads((place / "notes.json").read_text(encoding="utf-8"))
    return _opened(core, place)


def _key(core: MatchedCore, tiles_per_slice: int) -> str:
    files = [path for place in core.placed for path in place.image.paths]
    described = {
        "layout": _LAYOUT_VERSION,
        "name": core.name,
        "tiles": tiles_per_slice,
        "images": [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files],
        "scales": [str(place.image.px_per_cm) for place in core.placed],
    }
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    for array in (core.labels, core.section, core.slice_index):
        digest.update(np.ascontiguousarray(array).tobytes())
    for module in (tiles, masker, weights):
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()[:20]


def _cut(
    core: MatchedCore, place: Path, tiles_per_slice: int, at_slice: Callable[[], None]
) -> None:
    """Cut the tiles of a core, one slice in memory at a time."""
    wanted = _near_labels(core)
    profile = np.full((len(wanted), len(PROFILE_NAMES)), np.nan)
    index: list[int] = []
    colour = [np.empty((0, 6))]
    with core.images() as images, (place / "pixels.u8").open("wb") as file:
        for i in np.flatnonzero(wanted):
            at_slice()
            lines, classes = images.lines_and_classes(int(i))
            px_per_cm = images.px_per_cm(int(i))
            profile[i] = profile_of_lines(lines, classes, px_per_cm)
            squares = cut_tiles(lines, classes, px_per_cm, max_tiles=tiles_per_slice).pixels
            file.write(squares.tobytes())
            index += [int(i)] * len(squares)
            colour.append(colour_of(squares))
    np.savez(
        place / "rest.npz",
        slice_index=np.array(index, np.int64),
        colour=np.concatenate(colour),
        profile=profile,
    )
    notes = [*core.warnings]
    shift = find_shift(profile[:, :3], core.labels, core.run)
    if shift is not None:
        notes.append(shift.sentence(core.name))
    (place / "notes.json").write_text(json.dumps(notes), encoding="utf-8")


def _check_together(
    cores: list[MatchedCore], home: Path, split: ReleaseSplit, report: Report
) -> None:
    """Report whether all logs seem shifted alike, which single cores may be too short to show."""
    profiles = []
    for core in cores:
        with np.load(home / _key(core, split.tiles_per_slice) / "rest.npz") as rest:
            profiles.append(rest["profile"][:, :3])
    runs = [core.run + 1_000 * i for i, core in enumerate(cores)]
    if len(cores) > 1:
        labels = np.concatenate([core.labels for core in cores])
        shift = find_shift(np.concatenate(profiles), labels, np.concatenate(runs))
        if shift is not None:
            report.note(shift.sentence(f"all {len(cores)} cores together"))


def _near_labels(core: MatchedCore) -> NDArray[np.bool_]:
    has: NDArray[np.bool_] = np.asarray(np.isfinite(core.labels).any(axis=1))
    near = has.copy()
    for lag in range(1, _NEAR_CM + 1):
        same = core.run[lag:] == core.run[:-lag]
        near[lag:] |= has[:-lag] & same
        near[:-lag] |= has[lag:] & same
    return near


def _opened(core: MatchedCore, place: Path) -> CoreTiles:
    with np.load(place / "rest.npz") as rest:
        index, colour = rest["slice_index"], rest["colour"]
    shape = (len(index), TILE_PX, TILE_PX, 3)
    # An empty file cannot be mapped.
    pixels: NDArray[np.uint8] = (
        np.memmap(place / "pixels.u8", np.uint8, "r", shape=shape)
        if len(index)
        else np.empty(shape, np.uint8)
    )
    return CoreTiles(
        seed=int.from_bytes(hashlib.sha256(core.name.encode()).digest()[:6], "big"),
        px_per_cm=core.sections[0].px_per_cm,
        pixels=pixels,
        slice_index=index,
        labels=core.labels,
        visible=np.full((len(core.labels), len(PROPERTIES)), np.nan),
        colour=colour,
        run=core.run,
    )
