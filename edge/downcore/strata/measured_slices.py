"""What stands beside the rows of a log: means of what loggers measured, and flags on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from downcore.strata.depth import SLICE_UM
from downcore.strata.depthlog import Estimate
from downcore.strata.flags import Flag
from downcore.strata.measured import MeasuredPoint


@dataclass(frozen=True, slots=True)
class MeasuredSlice:
    """What was measured of one property in one slice."""

    value: float
    """Mean of the values that nothing speaks against; of all where there are no others."""
    flags: tuple[str, ...]
    """What speaks against the values; empty where one is without a flag."""


BySlice = Mapping[tuple[int, str], MeasuredSlice]
"""By the number of the slice and the name of the property."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What is known of a section's slices besides their own rows; nothing by default."""

    measured: BySlice = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()
    """On the measured logs, standing and cleared."""
    profile: Mapping[tuple[int, str, str], Estimate] = field(default_factory=dict)
    """
    What measured rows and picture say together, by the number of the slice, the property and the
    bundle; none where nothing was measured near.
    """


def by_slice(points: Sequence[MeasuredPoint]) -> BySlice:
    """Return the mean of the measured points in each slice of 1 cm."""
    groups: dict[tuple[int, str], list[MeasuredPoint]] = {}
    for one in points:
        groups.setdefault((one.depth_um // SLICE_UM, one.property), []).append(one)
    found: dict[tuple[int, str], MeasuredSlice] = {}
    for key, group in groups.items():
        sound = [one for one in group if not one.flag]
        flags = () if sound else tuple(sorted({one.flag for one in group}))
        values = [one.value for one in sound or group]
        found[key] = MeasuredSlice(sum(values) / len(values), flags)
    return found
