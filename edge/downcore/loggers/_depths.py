"""Depths of a log's rows in centimetres, and what is odd about them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from downcore.file_names import printable
from downcore.loggers._cells import numbers_of
from downcore.loggers._conversion import converted
from downcore.loggers._layout import Header, Layout
from downcore.loggers._log import LogError
from downcore.loggers._rows import DataRows
from downcore.loggers._written_units import written_unit

_FIELDS = ("section_depth", "core_depth")


@dataclass(frozen=True, slots=True, eq=False)
class Depths:
    """Depth of each row in cm, NaN where it is not known."""

    in_section: NDArray[np.float64]
    in_core: NDArray[np.float64]
    notes: tuple[str, ...]


def depths_of(
    data: DataRows, header: Header, layout: Layout, groups: list[tuple[str, str]], path: Path
) -> Depths:
    """
    Return the depths of rows.

    Parameters
    ----------
    data : DataRows
        The rows.
    header : Header
        For the units it declares.
    layout : Layout
        Of the format.
    groups : list of (core, section)
        Of each row; depth is compared within one only.
    path : Path
        For messages.

    Raises
    ------
    LogError
        If no depth is in a unit that is known, or the file holds several logs.
    """
    notes: list[str] = []
    found = [_depth(data, header, layout, field, notes) for field in _FIELDS]
    if not any(np.isfinite(depth).any() for depth in found) and notes:
        raise LogError(
            f"expected depths in m, cm, mm, ft or in, got none: {'; '.join(notes)}: "
            f"{printable(path)}"
        )
    in_section, in_core = found
    depth = in_section if np.isfinite(in_section).any() else in_core
    _check_parts(data, depth, groups, path)
    notes += _order_of(depth, groups)
    return Depths(in_section, in_core, tuple(notes))


def _depth(
    data: DataRows, header: Header, layout: Layout, field: str, notes: list[str]
) -> NDArray[np.float64]:
    name = field.replace("_", " ")
    got = numbers_of(data.column(field), data.decimal)
    if got.n_fills:
        notes.append(f"{name}: {got.n_fills} fill values ({', '.join(got.fills)}) are no depth")
    unit = written_unit(header, layout, field)
    done = converted("depth", unit, got.values)
    if done.is_refused:
        notes.append(f"{name}: {done.doubts[0].reason}")
        return np.full(len(data.rows), np.nan)
    if unit.is_composite and np.isfinite(done.values).any():
        notes.append(f"{name} is composite depth ({unit.text}), taken as depth in the core")
    known = done.values[np.isfinite(done.values)]
    if known.size and known.max() <= 0.0 and known.min() < 0.0:
        notes.append(f"{name} is negative throughout; its sign is left out")
        return np.abs(done.values)
    if known.size and known.min() < 0.0:
        n_above = int((known < 0.0).sum())
        notes.append(f"{name} is negative in {n_above} rows, which lie above the top")
    return done.values


def _check_parts(
    data: DataRows, depth: NDArray[np.float64], groups: list[tuple[str, str]], path: Path
) -> None:
    """Refuse a file in which a header is followed by depths of the same section once more."""
    for part in data.parts:
        before, after = range(part), range(part, len(groups))
        shared = {groups[i] for i in before} & {groups[i] for i in after}
        for group in shared:
            above = [depth[i] for i in before if groups[i] == group and np.isfinite(depth[i])]
            below = [depth[i] for i in after if groups[i] == group and np.isfinite(depth[i])]
            if above and below and min(below) < max(above):
                raise LogError(
                    f"expected one log, got several joined in one file, as depth begins again "
                    f"after the header in row {part + 1} of the data: {printable(path)}; split it "
                    f"into a file for each core"
                )


def _order_of(depth: NDArray[np.float64], groups: list[tuple[str, str]]) -> list[str]:
    rows_of: dict[tuple[str, str], list[float]] = {}
    for group, value in zip(groups, depth.tolist(), strict=True):
        if np.isfinite(value):
            rows_of.setdefault(group, []).append(value)
    steps = [np.diff(values) for values in rows_of.values() if len(values) > 1]
    n_back = sum(int((step < 0.0).sum()) for step in steps if (step > 0.0).any())
    n_same = sum(len(values) - len(set(values)) for values in rows_of.values())
    notes = []
    if n_back:
        notes.append(
            f"depth goes back {n_back} times within a section; rows are taken in order of depth. "
            f"If the file holds several cores, split it"
        )
    if n_same:
        notes.append(f"{n_same} rows repeat a depth of their section; the mean of such rows counts")
    return notes
