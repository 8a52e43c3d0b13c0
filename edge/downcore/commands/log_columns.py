"""The columns of a depth log and of a composition: one definition for CSV, pandas and xarray."""

import enum
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from downcore.commands.flag_words import marks_of
from downcore.strata.composed import ComposedSlice
from downcore.strata.depth import SLICE_UM
from downcore.strata.depthlog import Estimate, SliceRow
from downcore.strata.measured_slices import Beside, MeasuredSlice
from downcore.strata.properties import PROPERTIES
from downcore.strata.slices import CoreSlice
from downcore.strata.unmixing.composition import GroupShare

Cell: TypeAlias = str | float | int | bool | None
"""What stands in a table; ``None`` where there is no value."""


class Level(enum.Enum):
    """What a column says something of."""

    SECTION = "section"
    """The same in every row of a section's table."""
    DEPTH = "depth"
    """Where a slice lies."""
    SLICE = "slice"
    """The slice, whoever looked at it."""
    KEY = "key"
    """Which of several rows of one slice this is."""
    ROW = "row"
    """What the row itself says."""


@dataclass(frozen=True, slots=True)
class LogRow:
    """One line of a depth log: a slice, a property and a bundle."""

    section: str
    scan_id: str
    core_slice: CoreSlice
    estimate: Estimate
    measured: MeasuredSlice | None = None
    """What a logger measured of the property in the slice; ``None`` where it did not."""
    profile: Estimate | None = None
    """What measured rows and picture say together; ``None`` where no measured row is near."""
    flags: str = ""
    """The flags of the second opinion that cover the slice, with their numbers."""


@dataclass(frozen=True, slots=True)
class ShareRow:
    """One line of a composition: a slice and a group."""

    section: str
    scan_id: str
    composed: ComposedSlice
    share: GroupShare
    is_sum: bool
    """Whether the group is a sum of others, known where its parts are not."""


Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """One column of a table."""

    name: str
    """Its header, with the unit where the column has one of its own."""
    level: Level
    kind: type[str] | type[float] | type[int] | type[bool]
    """Type of its values; ``float`` for numbers that may be absent."""
    cell: Callable[[Row], Cell]
    meaning: str
    """In words, for the label of an axis."""
    unit: str = ""
    """Unit; empty for text, for pure numbers, and where it is that of the row's property."""


NOTHING_BESIDE = Beside()

UNIT_OF = {one.name: one.unit for one in PROPERTIES}
"""Unit of each property."""


def _lab(row: LogRow, channel: int) -> float | None:
    colour = row.core_slice.colour
    return None if colour is None else colour.lab_mean[channel]


LOG_COLUMNS: tuple[Column[LogRow], ...] = (
    Column("section", Level.SECTION, str, lambda row: row.section, "section"),
    Column("scan", Level.SECTION, str, lambda row: row.scan_id, "identity of the scan"),
    Column("slice", Level.SLICE, int, lambda row: row.core_slice.index, "number of the slice"),
    Column("top (cm)", Level.DEPTH, float, lambda row: row.core_slice.top_um / SLICE_UM,
           "top of the slice below the section's top", "cm"),
    Column("bottom (cm)", Level.DEPTH, float, lambda row: row.core_slice.bottom_um / SLICE_UM,
           "bottom of the slice below the section's top", "cm"),
    Column("valid fraction", Level.SLICE, float, lambda row: row.core_slice.valid_fraction,
           "share of the core's pixels that are sediment", "1"),
    Column("L*", Level.SLICE, float, lambda row: _lab(row, 0), "lightness, CIE D65"),
    Column("a*", Level.SLICE, float, lambda row: _lab(row, 1), "green to red, CIE D65"),
    Column("b*", Level.SLICE, float, lambda row: _lab(row, 2), "blue to yellow, CIE D65"),
    Column("flags", Level.SLICE, str, lambda row: " ".join(row.core_slice.flags),
           "what a reader should know of the slice"),
    Column("property", Level.KEY, str, lambda row: row.estimate.property, "property"),
    Column("unit", Level.KEY, str, lambda row: UNIT_OF.get(row.estimate.property, ""),
           "unit of the property"),
    Column("value", Level.ROW, float, lambda row: row.estimate.value, "value"),
    Column("lower 90 %", Level.ROW, float, lambda row: row.estimate.lower,
           "lower end of the 90 % interval"),
    Column("upper 90 %", Level.ROW, float, lambda row: row.estimate.upper,
           "upper end of the 90 % interval"),
    Column("heterogeneity", Level.ROW, float, lambda row: row.estimate.heterogeneity,
           "standard deviation inside the slice"),
    Column("status", Level.ROW, str, lambda row: row.estimate.status.value,
           "where the value comes from"),
    Column("reason", Level.ROW, str, lambda row: row.estimate.reason,
           "why there is no value, or what to beware of"),
    Column("bundle", Level.KEY, str, lambda row: row.estimate.bundle_id,
           "identity of the bundle that made the value"),
    Column("measured", Level.ROW, float,
           lambda row: None if row.measured is None else row.measured.value,
           "mean of what a logger measured in the slice"),
    Column("measured flags", Level.ROW, str,
           lambda row: "" if row.measured is None else "; ".join(row.measured.flags),
           "why not to rely on what was measured"),
    Column("profile", Level.ROW, float,
           lambda row: None if row.profile is None else row.profile.value,
           "what measured rows and picture say together"),
    Column("profile lower 90 %", Level.ROW, float,
           lambda row: None if row.profile is None else row.profile.lower,
           "lower end of the profile's 90 % interval"),
    Column("profile upper 90 %", Level.ROW, float,
           lambda row: None if row.profile is None else row.profile.upper,
           "upper end of the profile's 90 % interval"),
    Column("profile reason", Level.ROW, str,
           lambda row: "" if row.profile is None
           else f"{row.profile.status.value}: {row.profile.reason}",
           "where the profile comes from"),
    Column("second opinion", Level.ROW, str, lambda row: row.flags,
           "flags that cover the slice, by number"),
)  # fmt: skip
"""A depth log, measured beside predicted; one line for each slice, property and bundle."""


def _n_regions(row: ShareRow) -> int | None:
    regions = row.composed.regions
    return None if regions is None else regions.n_regions


def _grain_um(row: ShareRow) -> float | None:
    regions = row.composed.regions
    grains = None if regions is None else regions.grains
    return None if grains is None else grains.d50_um


COMPOSITION_COLUMNS: tuple[Column[ShareRow], ...] = (
    Column("section", Level.SECTION, str, lambda row: row.section, "section"),
    Column("scan", Level.SECTION, str, lambda row: row.scan_id, "identity of the scan"),
    Column("slice", Level.SLICE, int, lambda row: row.composed.index, "number of the slice"),
    Column("top (cm)", Level.DEPTH, float, lambda row: row.composed.top_um / SLICE_UM,
           "top of the slice below the section's top", "cm"),
    Column("bottom (cm)", Level.DEPTH, float, lambda row: row.composed.bottom_um / SLICE_UM,
           "bottom of the slice below the section's top", "cm"),
    Column("table", Level.SLICE, str, lambda row: row.composed.table, "end-member table"),
    Column("porosity", Level.SLICE, float, lambda row: row.composed.composition.porosity,
           "share of pores in the volume", "1"),
    Column("group", Level.KEY, str, lambda row: row.share.group, "mineral group"),
    Column("sum of groups", Level.KEY, bool, lambda row: row.is_sum,
           "whether the group is a sum of others, and counts nothing new"),
    Column("fraction", Level.ROW, float, lambda row: row.share.fraction,
           "share of the solids' volume", "1"),
    Column("lower 90 %", Level.ROW, float, lambda row: row.share.lower,
           "lower end of the 90 % interval", "1"),
    Column("upper 90 %", Level.ROW, float, lambda row: row.share.upper,
           "upper end of the 90 % interval", "1"),
    Column("status", Level.ROW, str, lambda row: row.share.status.value,
           "where the value comes from"),
    Column("prior-driven", Level.ROW, bool, lambda row: row.share.is_prior_driven,
           "whether the fraction is what was expected anyway"),
    Column("reason", Level.ROW, str, lambda row: row.share.reason,
           "why there is no value, or what to beware of"),
    Column("regions", Level.SLICE, float, _n_regions, "number of regions"),
    Column("grain d50 (um)", Level.SLICE, float, _grain_um, "median diameter of grains", "um"),
    Column("composer", Level.SLICE, str, lambda row: row.composed.composer_id,
           "identity of what made the composition"),
)  # fmt: skip
"""A composition; one line for each slice and group."""


def log_rows(
    section: str,
    scan_id: str,
    rows: Iterable[SliceRow],
    beside: Beside = NOTHING_BESIDE,
) -> Iterator[LogRow]:
    """Yield the lines of a depth log, top first, with what is known besides."""
    for row in rows:
        index = row.core_slice.index
        mark = marks_of(beside.flags, index)
        for estimate in row.estimates:
            measured = beside.measured.get((index, estimate.property))
            key = (index, estimate.property, estimate.bundle_id)
            profile = beside.profile.get(key)
            yield LogRow(section, scan_id, row.core_slice, estimate, measured, profile, mark)


def share_rows(section: str, scan_id: str, slices: Iterable[ComposedSlice]) -> Iterator[ShareRow]:
    """Yield the lines of a composition, top first; of each slice its groups, then their sums."""
    for one in slices:
        for share in one.composition.groups:
            yield ShareRow(section, scan_id, one, share, is_sum=False)
        for share in one.composition.joined:
            yield ShareRow(section, scan_id, one, share, is_sum=True)
