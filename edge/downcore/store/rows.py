"""How values become rows of the store, and rows values again."""

import math
import os
import typing
from collections.abc import Sequence
from fractions import Fraction

from downcore.strata.depthlog import Estimate, Status
from downcore.strata.errors import StoreError
from downcore.strata.mask.classes import MaskClass
from downcore.strata.record import Scan, ScanState, ScanStatus
from downcore.strata.slices import CoreSlice, SliceColour

SLICE_COLUMNS = (
    "slice_index", "top_um", "bottom_um", "first_line", "n_lines", "valid_fraction",
    "lab_l_mean", "lab_a_mean", "lab_b_mean", "lab_l_sd", "lab_a_sd", "lab_b_sd",
    "linear_r_mean", "linear_g_mean", "linear_b_mean",
    *(f"fraction_{one.name.lower()}" for one in MaskClass),
    "flags",
)  # fmt: skip
"""Columns of ``slice`` that a :class:`CoreSlice` fills, in the order of :func:`row_of_slice`."""

ESTIMATE_COLUMNS = (
    "property", "bundle_id", "value", "lower", "upper", "heterogeneity", "status", "reason",
)  # fmt: skip
"""Columns of ``estimate`` that an :class:`Estimate` fills."""

SCAN_COLUMNS = (
    "scan_id, section_id, path, format, px_per_cm, top, expedition, core, section, half,"
    " section_top_um, header_digest, content_digest, px_per_cm_from, top_from, corrects"
)
"""Columns of ``scan`` that a :class:`Scan` fills, in the order of :func:`scan_of_row`."""

STATUS_COLUMNS = (
    "section_id, scan_id, CASE WHEN left_out <> '' THEN left_out"
    " WHEN question <> '' AND superseded_by IS NULL THEN 'questioned' ELSE state END,"
    " CASE WHEN left_out <> '' THEN left_out_because"
    " WHEN question <> '' AND superseded_by IS NULL THEN question ELSE reason END,"
    " (SELECT count(*) FROM slice WHERE slice.scan_id = scan.scan_id),"
    " n_lines_done, superseded_by, duplicate_of, updated_utc"
)
"""What :func:`status_of_row` needs of ``scan``."""

Cell: typing.TypeAlias = int | float | str | None
"""What SQLite is given."""

_FIRST_COLOUR = SLICE_COLUMNS.index("lab_l_mean")
_FIRST_CLASS = SLICE_COLUMNS.index("fraction_sediment")


def row_of_slice(core_slice: CoreSlice) -> tuple[Cell, ...]:
    """
    Return the cells of one slice, in the order of :data:`SLICE_COLUMNS`.

    Raises
    ------
    StoreError
        If a number is not finite, the classes are not seven, or a flag cannot be kept.
    """
    if len(core_slice.class_fractions) != len(MaskClass):
        raise StoreError(
            f"expected {len(MaskClass)} class fractions in slice {core_slice.index}, "
            f"got {len(core_slice.class_fractions)}"
        )
    if any(not flag or "," in flag for flag in core_slice.flags):
        raise StoreError(f"expected flags without commas, got {core_slice.flags}")
    where = f"slice {core_slice.index}"
    colour = core_slice.colour
    colours: Sequence[float | None] = (
        (None,) * 9
        if colour is None
        else (*colour.lab_mean, *colour.lab_sd, *colour.linear_rgb_mean)
    )
    return (
        int(core_slice.index),
        int(core_slice.top_um),
        int(core_slice.bottom_um),
        int(core_slice.first_line),
        int(core_slice.n_lines),
        real_cell(core_slice.valid_fraction, where),
        *(real_cell(x, where) for x in colours),
        *(real_cell(x, where) for x in core_slice.class_fractions),
        ",".join(core_slice.flags),
    )


def slice_of_row(row: Sequence[typing.Any]) -> CoreSlice:
    """Return the slice whose cells are ``row``, in the order of :data:`SLICE_COLUMNS`."""
    colours = tuple(row[_FIRST_COLOUR:_FIRST_CLASS])
    return CoreSlice(
        index=row[0],
        top_um=row[1],
        bottom_um=row[2],
        first_line=row[3],
        n_lines=row[4],
        class_fractions=tuple(row[_FIRST_CLASS : _FIRST_CLASS + len(MaskClass)]),
        colour=None
        if colours[0] is None
        else SliceColour(colours[0:3], colours[3:6], colours[6:9]),
        flags=tuple(flag for flag in row[-1].split(",") if flag),
    )


def row_of_estimate(estimate: Estimate) -> tuple[Cell, ...]:
    """
    Return the cells of one estimate, in the order of :data:`ESTIMATE_COLUMNS`.

    Raises
    ------
    StoreError
        If a number is not finite.
    """
    return (
        str(estimate.property),
        str(estimate.bundle_id),
        real_cell(estimate.value, estimate.property),
        real_cell(estimate.lower, estimate.property),
        real_cell(estimate.upper, estimate.property),
        real_cell(estimate.heterogeneity, estimate.property),
        str(estimate.status),
        str(estimate.reason),
    )


def estimate_of_row(row: Sequence[typing.Any]) -> Estimate:
    """Return the estimate whose cells are ``row``, in the order of :data:`ESTIMATE_COLUMNS`."""
    cells: dict[str, typing.Any] = dict(zip(ESTIMATE_COLUMNS, row, strict=True))
    cells["status"] = Status(cells["status"])
    return Estimate(**cells)


def scan_of_row(row: Sequence[typing.Any]) -> Scan:
    """Return the scan whose cells are ``row``, in the order of :data:`SCAN_COLUMNS`."""
    scan_id, section_id, path, form, px_per_cm, *rest = row
    return Scan(scan_id, section_id, path, form, Fraction(px_per_cm), *rest)


def status_of_row(row: Sequence[typing.Any]) -> ScanStatus:
    """Return where a scan stands, from a row of :data:`STATUS_COLUMNS`."""
    section_id, scan_id, state, *rest = row
    return ScanStatus(section_id, scan_id, ScanState(state), *rest)


def storable_text(text: str) -> str:
    """Return ``text`` with what UTF-8 cannot hold, such as bytes of odd file names, spelt out."""
    return os.fsencode(text).decode("utf-8", errors="backslashreplace")


def real_cell(number: float | None, where: str) -> float | None:
    """
    Return a number as SQLite is to keep it.

    Raises
    ------
    StoreError
        If it is not finite.
    """
    # Values often are numpy scalars, which sqlite3 would keep as blobs, and it would keep NaN
    # as NULL without a word.
    if number is None:
        return None
    plain = float(number)
    if not math.isfinite(plain):
        raise StoreError(f"expected a finite number in {where}, got {plain}")
    return plain
