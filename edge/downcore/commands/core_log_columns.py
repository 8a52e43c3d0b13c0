"""The columns of the depth log of a whole core: those of a section's, with its depths before."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from downcore.commands.log_columns import LOG_COLUMNS, Cell, Column, Level, LogRow, log_rows
from downcore.strata.core_depths import DepthScale
from downcore.strata.core_log import CoreLog, CorePiece, DepthGap, PlacedRow
from downcore.strata.depth_ledger import UM_PER_CM, UM_PER_M


@dataclass(frozen=True, slots=True)
class CoreLogRow:
    """One line of the depth log of a core: a slice, a property and a bundle, or a gap."""

    part: CorePiece | DepthGap
    placed: PlacedRow | None = None
    """``None`` for a gap."""
    line: LogRow | None = None
    """``None`` for a gap."""


def core_log_rows(log: CoreLog) -> Iterator[CoreLogRow]:
    """Yield the lines of the depth log of a core, top first; a gap is one line."""
    for part in log.parts:
        if isinstance(part, DepthGap):
            yield CoreLogRow(part)
            continue
        for placed in part.rows:
            for line in log_rows(part.section_id, part.scan_id, [placed.row], part.beside):
                yield CoreLogRow(part, placed, line)


def depth_um(row: CoreLogRow, scale: DepthScale, *, is_bottom: bool) -> int | None:
    """Return where a line begins or ends on a scale; ``None`` where that is not known."""
    if isinstance(row.part, DepthGap):
        own = DepthScale.CORE if row.part.scale is DepthScale.SECTION else row.part.scale
        return (row.part.bottom_um if is_bottom else row.part.top_um) if own is scale else None
    offset_um = row.part.depths.offset_um(scale)
    if row.placed is None or offset_um is None:
        return None
    return (row.placed.bottom_um if is_bottom else row.placed.top_um) + offset_um


def _depth(scale: DepthScale, unit_um: int, *, is_bottom: bool) -> Callable[[CoreLogRow], Cell]:
    def cell(row: CoreLogRow) -> Cell:
        value_um = depth_um(row, scale, is_bottom=is_bottom)
        return None if value_um is None else value_um / unit_um

    return cell


def _of_section(column: Column[LogRow]) -> Column[CoreLogRow]:
    """Return a column of a section's log as one of a core's; a gap has only its reason."""
    blank: Cell = "" if column.kind is str else None

    def cell(row: CoreLogRow) -> Cell:
        if row.line is not None:
            return column.cell(row.line)
        if column.name == "reason" and isinstance(row.part, DepthGap):
            return f"gap: {row.part.reason}"
        return blank

    # A gap has no number of a slice, and an integer cannot be absent.
    kind = float if column.kind is int else column.kind
    return Column(column.name, column.level, kind, cell, column.meaning, column.unit)


def _core(row: CoreLogRow) -> Cell:
    return str(row.part.depths.core) if isinstance(row.part, CorePiece) else ""


_DEPTHS = tuple(
    Column(
        f"{end} in {scale} ({unit})",
        Level.DEPTH,
        float,
        _depth(scale, unit_um, is_bottom=end == "bottom"),
        f"{end} of the slice, {meaning}",
        unit,
    )
    for scale, unit, unit_um, meaning in (
        (DepthScale.CORE, "cm", UM_PER_CM, "below the core's top"),
        (DepthScale.HOLE, "m", UM_PER_M, "below the sea or lake floor"),
        (DepthScale.COMPOSITE, "m", UM_PER_M, "composite depth"),
    )
    for end in ("top", "bottom")
)

CORE_LOG_COLUMNS: tuple[Column[CoreLogRow], ...] = (
    Column("core", Level.SECTION, str, _core, "core"),
    *(_of_section(column) for column in LOG_COLUMNS[:3]),
    *_DEPTHS,
    *(_of_section(column) for column in LOG_COLUMNS[3:]),
)
"""The depth log of a core; one line for each slice, property and bundle, and for each gap."""
