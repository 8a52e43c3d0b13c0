"""A file as a log: its numbers in our units, with flags; what is left out is counted."""

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from downcore.file_names import printable
from downcore.loggers._cells import numbers_of
from downcore.loggers._conversion import Converted, converted
from downcore.loggers._depths import depths_of
from downcore.loggers._doubts import doubts_of
from downcore.loggers._layout import FIELDS, Header, Layout, header_of
from downcore.loggers._log import CREDIBLE, CoreLog, LogError, LogFlag, LogFormat, MsUnit
from downcore.loggers._rows import DataRows, Tally, cell_of, data_rows
from downcore.loggers._table import column_of, read_bytes
from downcore.loggers._units import Kind, Unit
from downcore.loggers._unread import unread_columns
from downcore.loggers._written_units import written_unit

_KINDS: tuple[Kind, ...] = ("density", "vp", "ms")


def log_format(layout: Layout) -> LogFormat:
    """Return the format whose files have a layout."""
    return LogFormat(
        layout.name,
        layout.title,
        looks_like=lambda head: header_of(head, layout, is_head=True) is not None,
        read=lambda path: _parse(read_bytes(path), path, layout),
        parse=lambda raw, path: _parse(raw, path, layout),
        n_head_rows=lambda head: _n_head_rows(head, layout),
    )


def _n_head_rows(head: bytes, layout: Layout) -> int:
    header = header_of(head, layout, is_head=True)
    return 0 if header is None else header.first_row


def _parse(raw: bytes, path: Path, layout: Layout) -> CoreLog:
    header = header_of(raw, layout)
    if header is None:
        raise LogError(
            f"expected {layout.title}, got a file without such a header, or with a quote that is "
            f"never closed: {printable(path)}; let another format read it"
        )
    data = data_rows(header, layout, path)
    core = _cores(data, header, layout, path)
    section = tuple(data.column("section"))
    depths = depths_of(data, header, layout, list(zip(core, section, strict=True)), path)
    data.tally.n_without_depth = int((np.isnan(depths.in_section) & np.isnan(depths.in_core)).sum())
    units = [written_unit(header, layout, kind) for kind in _KINDS]
    done, flags, notes = _measured(data, units)
    values = np.stack([one.values for one in done], axis=1)
    ms_unit = _ms_unit(header, layout, units[2], done[2])
    known = np.where(flags & LogFlag.OTHER_UNIT, np.nan, values)
    doubts = (
        *(doubt for one in done for doubt in one.doubts),
        *doubts_of(known, layout, ms_unit),
    )
    return CoreLog(
        source=printable(path.name),
        sha256=hashlib.sha256(raw).hexdigest(),
        format=layout.name,
        core=core,
        section=section,
        section_depth_cm=depths.in_section,
        core_depth_cm=depths.in_core,
        density=values[:, 0],
        vp=values[:, 1],
        ms=values[:, 2],
        flags=flags,
        ms_kind=layout.ms_kind_of(header),
        ms_unit=ms_unit,
        doubts=doubts,
        warnings=(
            *(f"{doubt.property}: {doubt.reason} ({doubt.source})" for doubt in doubts),
            *_several(header, layout),
            *unread_columns(header, layout),
            *depths.notes,
            *notes,
            *_left_out(data.tally),
            *_flagged(data, flags),
        ),
    )


def _measured(
    data: DataRows, units: list[Unit]
) -> tuple[list[Converted], NDArray[np.uint8], list[str]]:
    """Return the values of each property in our units, their flags, and what to know of them."""
    flags = np.zeros((len(data.rows), len(CREDIBLE)), np.uint8)
    done: list[Converted] = []
    notes: list[str] = []
    for k, (kind, credible, unit) in enumerate(zip(_KINDS, CREDIBLE, units, strict=True)):
        got = numbers_of(data.column(kind), data.decimal, is_zero_blank=kind != "ms")
        if got.n_fills:
            fills = ", ".join(got.fills)
            notes.append(f"{kind}: {got.n_fills} fill values ({fills}) are taken as blanks")
        one = converted(kind, unit, got.values)
        notes += one.notes
        done.append(one)
        flags[got.is_unreadable, k] = LogFlag.UNREADABLE
        outside = (one.values < credible.lowest) | (one.values > credible.highest)
        if one.is_refused:
            outside = np.isfinite(one.values)
        flag = LogFlag.OTHER_UNIT if one.is_refused else LogFlag.OUT_OF_RANGE
        flags[outside, k] |= np.uint8(flag)
    return done, flags, notes


def _ms_unit(header: Header, layout: Layout, unit: Unit, done: Converted) -> MsUnit:
    usual = layout.ms_unit_of(header)
    if layout.is_raw or not unit.text:
        return usual
    if unit.is_instrument:
        return usual if usual == "about 1e-5 SI" else "instrument units"
    return "other" if done.is_refused else "1e-5 SI"


def _several(header: Header, layout: Layout) -> list[str]:
    found = [column_of(header.written, layout.columns.of(field)) for field in FIELDS]
    return [
        f"{count} columns are called {header.written[column]!r}; the first was read"
        for column, count in found
        if column is not None and count > 1
    ]


def _cores(data: DataRows, header: Header, layout: Layout, path: Path) -> tuple[str, ...]:
    if layout.core_parts:
        columns = [
            next(header.names.index(name) for name in part if name in header.names)
            for part in layout.core_parts
        ]
    else:
        columns = [at for at in [data.where["core"]] if at is not None]
    fallback = printable(path.stem)
    return tuple(
        layout.core_of(tuple(cell_of(row, at) for at in columns)) or fallback for row in data.rows
    )


def _left_out(tally: Tally) -> list[str]:
    counts = (
        (tally.n_calibration, "calibration rows were left out"),
        (tally.n_repeated_headers, "repeated header rows were left out"),
        (tally.n_short, "rows are short; what they lack is missing"),
        (tally.n_without_depth, "rows have no depth that can be read"),
    )
    return [f"{count} {text}" for count, text in counts if count]


def _flagged(data: DataRows, flags: NDArray[np.uint8]) -> list[str]:
    warnings = []
    for k, credible in enumerate(CREDIBLE):
        outside = int(np.count_nonzero(flags[:, k] & LogFlag.OUT_OF_RANGE))
        if outside:
            warnings.append(
                f"{credible.property}: {outside} of {len(data.rows)} values outside "
                f"{credible.lowest:g} to {credible.highest:g}; flagged, not changed"
            )
        odd = np.flatnonzero(flags[:, k] & LogFlag.UNREADABLE)
        if odd.size:
            texts = data.column(credible.property)
            has_comma = any("," in texts[i] for i in odd)
            hint = (
                "; a decimal comma is read where no number of the file has a decimal point"
                if has_comma
                else f", the first is {texts[odd[0]][:20]!r}"
            )
            warnings.append(f"{credible.property}: {odd.size} values are no numbers{hint}")
    return warnings
