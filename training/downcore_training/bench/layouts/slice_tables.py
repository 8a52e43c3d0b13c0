"""Tables named ``*_slices_1cm.csv``: a row a slice, with labels, colours, place in an image."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from downcore.strata.colour_profile import PROFILE_NAMES, lab_of_mean, profile_of_lines
from downcore.strata.properties import PROPERTIES
from downcore_training.bench.core import BenchCore, SensorLog, runs_of
from downcore_training.bench.layouts._layout import Found, Layout
from downcore_training.bench.layouts._table_images import Place, TableImages
from downcore_training.bench.layouts._unused_files import unused_files
from downcore_training.datasets.slice_tables.columns import Columns, sensor_of
from downcore_training.datasets.slice_tables.credible import believed
from downcore_training.datasets.slice_tables.labels import chosen_columns
from downcore_training.datasets.slice_tables.table import (
    ENDING,
    MAX_DEPTH_CM,
    Rows,
    Table,
    Values,
    by_core,
    depths_cm,
    image_named,
    is_depth_in_section,
    measured,
    numbers,
    read_table,
    site_of,
    tables_below,
)
from downcore_training.datasets.slice_tables.units import in_our_unit

_COUNTS_8, _COUNTS_16 = 255.0, 65_535.0
_COUNTS_PER_LIGHTNESS = 2.55
"""Luminance counts of 8 bit in one unit of L*, by their ranges; encoded counts follow L* nearly."""


def knows(folder: Path) -> bool:
    """Return whether a table lies anywhere below ``folder``."""
    return bool(tables_below(folder))


def read(folder: Path) -> Found:
    """Return the cores of every table below ``folder``; a table without a label becomes a note."""
    cores: list[BenchCore] = []
    notes: list[str] = []
    for path in tables_below(folder):
        table = read_table(path)
        if isinstance(table, str):
            notes.append(f"{path.name}: {table}")
            continue
        if table.columns.untrusted:
            names = ", ".join(table.columns.untrusted)
            notes.append(f"{path.name}: {names} is not used, its own name says uncalibrated")
        for name, mine in by_core(table).items():
            core, new_notes = _core_of(mine, name, site_of(table, folder))
            notes += new_notes
            if any(core.name == other.name for other in cores):
                notes.append(f"{path.name}: core {name} stands in an earlier table, left out")
            elif not (np.isfinite(core.labels).any() or np.isfinite(_or_nan(core.ranks)).any()):
                notes.append(f"{path.name}: core {name} has no label that is believed")
            else:
                cores.append(core)
    notes += unused_files(folder, cores)
    return Found(tuple(cores), tuple(dict.fromkeys(notes)))


LAYOUT = Layout("slice-tables", f"*{ENDING} tables, anywhere below", 10, knows, read)


def _core_of(table: Table, name: str, site: str) -> tuple[BenchCore, list[str]]:
    columns, rows = table.columns, table.rows
    notes: list[str] = []
    depth = depths_cm(rows, columns.depth) if columns.depth else np.full(len(rows), np.nan)
    far = np.abs(depth) > MAX_DEPTH_CM
    if far.any():
        notes.append(f"{name}: {far.sum()} rows with a depth beyond {MAX_DEPTH_CM:g} cm left out")
        depth[far] = np.nan
    if not np.isfinite(depth).all():
        if not np.isfinite(depth).any():
            notes.append(
                f"{name}: no depth column, so rows are taken to be consecutive centimetres"
            )
            depth = np.arange(len(rows), dtype=np.float64)
        elif n_without := int(np.isnan(depth).sum() - far.sum()):
            notes.append(f"{name}: {n_without} rows without a depth are left out")
        keep = np.flatnonzero(np.isfinite(depth))
        rows, depth = [rows[i] for i in keep], depth[keep]
    sections = [row[columns.section].strip() if columns.section else "" for row in rows]
    depth, is_joined = _in_core(depth, sections)
    if is_joined:
        notes.append(f"{name}: depth is that in the section; sections are joined in their order")
    order = _order_of(depth, sections)
    rows, depth = [rows[i] for i in order], depth[order]
    sections = [sections[i] for i in order]
    run = runs_of(depth, sections)
    image, px_per_cm, new_notes = _image_of(replace(table, rows=rows), depth, run)
    notes += [f"{name}: {note}" for note in new_notes]
    chosen = chosen_columns(rows, columns)
    notes += [f"{name}: {note}" for note in chosen.notes]
    further, new_notes = _further_of(name, rows, columns, chosen.names)
    notes += new_notes
    kept = believed(name, chosen.values, len(rows))
    profile, new_notes = _profile_of(rows, columns, image, px_per_cm)
    notes += [*kept.notes, *(f"{name}: {note}" for note in new_notes)]
    has_ranks = bool(np.isfinite(kept.ranks).any())
    core = BenchCore(
        name=name,
        site=site,
        depth_cm=depth,
        run=run,
        profile=profile,
        labels=kept.labels,
        px_per_cm=px_per_cm,
        image=image,
        ranks=kept.ranks if has_ranks else None,
        sensors=tuple(sensor_of(chosen.names.get(prop.name, "")) for prop in PROPERTIES),
        further=further,
    )
    return core, notes


def _in_core(depth: Values, sections: list[str]) -> tuple[Values, bool]:
    """Return depths in the core, and whether the table's were those in each section."""
    rows_of: dict[str, list[int]] = {}
    for i, section in enumerate(sections):
        rows_of.setdefault(section, []).append(i)
    if not is_depth_in_section([depth[rows] for rows in rows_of.values()]):
        return depth, False
    joined, end_cm = depth.copy(), 0.0
    for rows in rows_of.values():
        joined[rows] += end_cm
        end_cm = float(joined[rows].max()) + 1.0
    return joined, True


def _order_of(depth: Values, sections: list[str]) -> NDArray[np.int64]:
    """Return the order of depth with the slices of each section together, by its first depth."""
    top: dict[str, float] = {}
    for section, at in zip(sections, depth, strict=True):
        top[section] = min(top.get(section, float("inf")), float(at))
    keys = [(top[s], s, d) for s, d in zip(sections, depth.tolist(), strict=True)]
    return np.array(sorted(range(len(keys)), key=keys.__getitem__), np.int64)


def _further_of(
    core: str, rows: Rows, columns: Columns, chosen: dict[str, str]
) -> tuple[tuple[SensorLog, ...], list[str]]:
    """Return the logs of other sensors than the chosen ones, one for each sensor."""
    found: list[SensorLog] = []
    notes: list[str] = []
    for i, prop in enumerate(PROPERTIES):
        seen = {sensor_of(chosen.get(prop.name, ""))}
        for column in columns.properties.get(prop.name, ()):
            sensor = sensor_of(column)
            values, _ = measured(rows, column, prop.name)
            if sensor in seen or not np.isfinite(values).any():
                continue
            seen.add(sensor)
            converted, new_notes = in_our_unit(column, prop.name, values)
            kept = believed(core, {prop.name: converted}, len(rows))
            notes += [f"{core}: {new_notes}"] if new_notes else []
            notes += [f"{note} (sensor: {sensor or 'unsaid'})" for note in kept.notes]
            if np.isfinite(kept.labels[:, i]).any():
                found.append(SensorLog(i, sensor, kept.labels[:, i]))
    return tuple(found), notes


def _image_of(
    table: Table, depth: Values, run: NDArray[np.int64]
) -> tuple[TableImages | None, float | None, list[str]]:
    columns = table.columns
    if not (columns.image and columns.first_px and columns.last_px):
        return None, None, []
    first, last = numbers(table.rows, columns.first_px), numbers(table.rows, columns.last_px)
    folder = table.path.parent.resolve()
    exists: dict[str, Path | None] = {}
    places: list[Place | None] = []
    for row, begin, end in zip(table.rows, first, last, strict=True):
        name = row[columns.image].strip()
        if name not in exists:
            exists[name] = image_named(folder, name)
        there = exists[name]
        known = there is not None and np.isfinite(begin) and np.isfinite(end)
        places.append(Place(there, begin, end) if known and there is not None else None)
    missing = [name for name, path in exists.items() if path is None and name]
    notes = [f"image {name} is not there" for name in missing]
    px_per_cm = _scale_of(first, depth, run)
    if all(place is None for place in places) or px_per_cm is None:
        return None, None, notes
    return TableImages(tuple(places), columns.is_along_rows, px_per_cm), px_per_cm, notes


def _scale_of(first_px: Values, depth: Values, run: NDArray[np.int64]) -> float | None:
    """Return the pixels along the core to a centimetre, from the longest stretch."""
    known = np.isfinite(first_px)
    if not known.any():
        return None
    longest = np.argmax(np.bincount(run[known]))
    mine = np.flatnonzero(known & (run == longest))
    length = depth[mine[-1]] - depth[mine[0]]
    if length <= 0:
        return None
    scale = abs(float((first_px[mine[-1]] - first_px[mine[0]]) / length))
    return scale if 1.0 <= scale <= 2_000.0 else None  # noqa: PLR2004 - what a scan can have


def _profile_of(
    rows: Rows, columns: Columns, image: TableImages | None, px_per_cm: float | None
) -> tuple[Values, list[str]]:
    profile = np.full((len(rows), len(PROFILE_NAMES)), np.nan)
    profile[:, :3] = _lab_of(rows, columns)
    for k, name in ((3, columns.sd_down), (4, columns.sd_across)):
        if name:
            profile[:, k] = numbers(rows, name)
    if columns.lightness_sd and not columns.sd_down:
        profile[:, 3] = _COUNTS_PER_LIGHTNESS * numbers(rows, columns.lightness_sd)
    if np.isfinite(profile[:, :3]).any():
        return profile, []
    if image is None or px_per_cm is None:
        return profile, ["neither colours nor an image, so nothing that reads colour can be scored"]
    for i in range(len(rows)):
        cut = image.lines_and_classes(i)
        if cut is not None:
            profile[i] = profile_of_lines(*cut, px_per_cm)
    return profile, ["colours are taken from its images, the table has none"]


def _lab_of(rows: Rows, columns: Columns) -> Values:
    """Return L*a*b* of each row, shape (n, 3); NaN where the table has no colour."""
    if not columns.rgb:
        if not columns.lab:
            return np.full((len(rows), 3), np.nan)
        return np.stack([numbers(rows, name) for name in columns.lab], axis=1)
    counts = np.stack([numbers(rows, name) for name in columns.rgb], axis=1)
    highest = float(np.nanmax(counts)) if np.isfinite(counts).any() else 0.0
    if highest > _COUNTS_8:
        counts = counts * (_COUNTS_8 / _COUNTS_16)
    elif highest <= 1.0:
        counts = counts * _COUNTS_8
    return lab_of_mean(counts)


def _or_nan(values: Values | None) -> Values:
    return np.full(1, np.nan) if values is None else values
