"""Rows of a table as a log: numbers as written, with flags; rows left out are counted."""

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from downcore.file_names import printable
from downcore.loggers._doubts import declared_unit, doubts_of
from downcore.loggers._layout import FIELDS, Header, Layout, header_of, is_calibration_cell
from downcore.loggers._log import CREDIBLE, CoreLog, LogError, LogFlag, LogFormat
from downcore.loggers._table import column_of, number, read_bytes

_CM_OF = {"m": 100.0, "mbsf": 100.0, "mm": 0.1, "cm": 1.0}
_TAKEN_AS_CM = frozenset({"", *_CM_OF})


@dataclass(slots=True)
class _Tally:
    """Counts of rows that the warnings mention."""

    n_calibration: int = 0
    n_short: int = 0
    n_repeated_headers: int = 0
    n_without_depth: int = 0


def log_format(layout: Layout) -> LogFormat:
    """Return the format whose files have a layout."""
    return LogFormat(
        layout.name,
        layout.title,
        looks_like=lambda head: header_of(head, layout) is not None,
        read=lambda path: _read(path, layout),
    )


def _read(path: Path, layout: Layout) -> CoreLog:
    raw = read_bytes(path)
    header = header_of(raw, layout)
    if header is None:
        raise LogError(
            f"expected {layout.title}, got a file without such a header: {printable(path)}; "
            f"let another format read it"
        )
    at = {field: column_of(header.names, layout.columns.of(field)) for field in FIELDS}
    where = {field: column for field, (column, _) in at.items()}
    tally = _Tally()
    rows = _rows(header, where, tally)
    if not rows:
        raise LogError(f"expected rows of data below the header, got none: {printable(path)}")
    values, flags = _measured(rows, where)
    depths = [_depth(rows, header, layout, field) for field in ("section_depth", "core_depth")]
    tally.n_without_depth = int((np.isnan(depths[0]) & np.isnan(depths[1])).sum())
    doubts = doubts_of(values, header, layout)
    several = [
        f"{count} columns are called {header.written[column]!r}; the first was read"
        for column, count in at.values()
        if column is not None and count > 1
    ]
    return CoreLog(
        source=printable(path.name),
        sha256=hashlib.sha256(raw).hexdigest(),
        format=layout.name,
        core=_cores(rows, header, layout, path),
        section=tuple(_cell(row, where["section"]) for row in rows),
        section_depth_cm=depths[0],
        core_depth_cm=depths[1],
        density=values[:, 0],
        vp=values[:, 1],
        ms=values[:, 2],
        flags=flags,
        ms_kind=layout.ms_kind_of(header),
        ms_unit=layout.ms_unit_of(header),
        doubts=doubts,
        warnings=(
            *(f"{doubt.property}: {doubt.reason} ({doubt.source})" for doubt in doubts),
            *several,
            *_odd_depth_units(header, layout),
            *_warnings(tally, flags, rows, where),
        ),
    )


def _rows(header: Header, where: dict[str, int | None], tally: _Tally) -> list[tuple[str, ...]]:
    kept = []
    width = max((at for at in where.values() if at is not None), default=0) + 1
    for row in header.table.rows[header.first_row :]:
        if any(is_calibration_cell(_cell(row, where[field])) for field in ("core", "section")):
            tally.n_calibration += 1
        elif row == header.table.rows[header.row]:
            tally.n_repeated_headers += 1
        else:
            tally.n_short += len(row) < width
            kept.append(row)
    return kept


def _cell(row: tuple[str, ...], column: int | None) -> str:
    return "" if column is None or column >= len(row) else row[column]


def _measured(
    rows: list[tuple[str, ...]], where: dict[str, int | None]
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    values = np.full((len(rows), 3), np.nan)
    flags = np.zeros((len(rows), 3), np.uint8)
    for k, credible in enumerate(CREDIBLE):
        for i, row in enumerate(rows):
            value = number(_cell(row, where[credible.property]))
            if value is None:
                flags[i, k] = LogFlag.UNREADABLE
            else:
                values[i, k] = value
        outside = (values[:, k] < credible.lowest) | (values[:, k] > credible.highest)
        flags[outside, k] |= np.uint8(LogFlag.OUT_OF_RANGE)
    return values, flags


def _depth(
    rows: list[tuple[str, ...]], header: Header, layout: Layout, field: str
) -> NDArray[np.float64]:
    column, _ = column_of(header.names, layout.columns.of(field))
    unit = declared_unit(header, layout, field)
    texts = [_cell(row, column) for row in rows]
    found = [number(text) for text in texts]
    return _CM_OF.get(unit, 1.0) * np.array(
        [math.nan if value is None else value for value in found], np.float64
    )


def _odd_depth_units(header: Header, layout: Layout) -> list[str]:
    fields = ("section_depth", "core_depth")
    units = {declared_unit(header, layout, field): field for field in fields}
    return [
        f"{field.replace('_', ' ')} is in {unit!r}, which is not known, and was taken as cm; "
        "write m, cm or mm"
        for unit, field in units.items()
        if unit not in _TAKEN_AS_CM
    ]


def _cores(
    rows: list[tuple[str, ...]], header: Header, layout: Layout, path: Path
) -> tuple[str, ...]:
    if layout.core_parts:
        columns = [
            next(header.names.index(name) for name in part if name in header.names)
            for part in layout.core_parts
        ]
    else:
        columns = [at for at, _ in [column_of(header.names, layout.columns.core)] if at is not None]
    fallback = printable(path.stem)
    return tuple(
        layout.core_of(tuple(_cell(row, at) for at in columns)) or fallback for row in rows
    )


def _warnings(
    tally: _Tally,
    flags: NDArray[np.uint8],
    rows: list[tuple[str, ...]],
    where: dict[str, int | None],
) -> list[str]:
    warnings = []
    if tally.n_calibration:
        warnings.append(f"{tally.n_calibration} calibration rows were left out")
    if tally.n_repeated_headers:
        warnings.append(f"{tally.n_repeated_headers} repeated header rows were left out")
    if tally.n_short:
        warnings.append(f"{tally.n_short} rows are short; what they lack is missing")
    if tally.n_without_depth:
        warnings.append(f"{tally.n_without_depth} rows have no depth that can be read")
    for k, credible in enumerate(CREDIBLE):
        outside = int(np.count_nonzero(flags[:, k] & LogFlag.OUT_OF_RANGE))
        if outside:
            warnings.append(
                f"{credible.property}: {outside} of {len(rows)} values outside "
                f"{credible.lowest:g} to {credible.highest:g}; flagged, not changed"
            )
        odd = int(np.count_nonzero(flags[:, k] & LogFlag.UNREADABLE))
        if odd:
            texts = (_cell(row, where[credible.property]) for row in rows)
            with_comma = sum("," in text for text in texts)
            hint = "; numbers with a decimal comma are not read, export with a point" * bool(
                with_comma
            )
            warnings.append(f"{credible.property}: {odd} values are no numbers{hint}")
    return warnings
