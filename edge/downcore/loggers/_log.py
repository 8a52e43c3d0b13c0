"""A log of any format: rows of depth and values, with the doubts about them."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntFlag
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from downcore.strata.errors import DowncoreError

HEAD_BYTES = 65_536
"""Bytes at the start of a file from which its format is recognised."""

MsKind = Literal["loop", "point", "unknown"]
MsUnit = Literal["1e-5 SI", "about 1e-5 SI", "instrument units", "other", "unknown"]
"""
``about 1e-5 SI``: instrument units known to be 1e-5 SI within a factor of 0.7 to 1.3; ``other``: a
unit that the file names and that is not converted.
"""


class LogError(DowncoreError):
    """Raised when a log cannot be read; says what was expected, what was found, and where."""


class LogFlag(IntFlag):
    """Doubts about a single value."""

    NONE = 0
    OUT_OF_RANGE = 1
    """Outside :data:`CREDIBLE`; the number is kept."""
    UNREADABLE = 2
    """A text stands where a number should; the value is NaN."""
    OTHER_UNIT = 4
    """In a unit that is not converted; the number is kept as it was written."""


@dataclass(frozen=True, slots=True)
class Range:
    """The values of a property that soft sediment can have, both ends included."""

    property: str
    lowest: float
    highest: float


CREDIBLE = (Range("density", 1.0, 2.7), Range("vp", 1_350.0, 2_500.0), Range("ms", -10.0, 2_000.0))
"""
In the order of PROPERTIES: g/cm3, m/s, 1e-5 SI.

Wide enough for every marine and lake mud and sand. Loggers write about 1.0 g/cm3 and 1,100 m/s
over voids, spikes of up to 2,900 m/s, and below -50e-5 SI for a fault of the sensor.
"""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A doubt about all values of one property in a log."""

    property: str
    reason: str
    source: str
    """A publication, or the arithmetic that shows it."""
    excludes_absolute_use: bool
    """Whether the values may be ranked but not used in their unit."""


@dataclass(frozen=True, slots=True, eq=False)
class CoreLog:
    """The rows of one file in its own order; arrays and tuples are of one length."""

    source: str
    """Name of the file."""
    sha256: str
    """Of its bytes."""
    format: str
    """Name of the format that read it."""
    core: tuple[str, ...]
    """The core of each row; from the file's name where the rows do not name it."""
    section: tuple[str, ...]
    """The section of each row as written, such as ``1`` or ``CC``; "" where it is not given."""
    section_depth_cm: NDArray[np.float64]
    """Below the section's top; NaN where the file does not give it."""
    core_depth_cm: NDArray[np.float64]
    """Below the core's or the hole's top; NaN likewise."""
    density: NDArray[np.float64]
    """g/cm3, converted where the file says another unit; NaN where blank or unreadable."""
    vp: NDArray[np.float64]
    """m/s, likewise."""
    ms: NDArray[np.float64]
    """In ``ms_unit``, likewise."""
    flags: NDArray[np.uint8]
    """:class:`LogFlag` of each value, shape (n, 3), in the order of PROPERTIES."""
    ms_kind: MsKind
    """What measured susceptibility: a loop averages over centimetres, a point sensor does not."""
    ms_unit: MsUnit
    doubts: tuple[Doubt, ...]
    warnings: tuple[str, ...]
    """What a person should know, the reasons of the doubts included."""

    def __len__(self) -> int:
        return len(self.core)

    @property
    def values(self) -> NDArray[np.float64]:
        """Density, Vp and susceptibility, shape (n, 3)."""
        return np.stack([self.density, self.vp, self.ms], axis=1)

    @property
    def excluded(self) -> frozenset[str]:
        """Names of the properties that may not be used in their unit."""
        return frozenset(doubt.property for doubt in self.doubts if doubt.excludes_absolute_use)


@dataclass(frozen=True, slots=True)
class LogFormat:
    """A format of logs: which files it recognises, and how it reads them."""

    name: str
    """The module's name."""
    title: str
    """A name to show to people."""
    looks_like: Callable[[bytes], bool]
    """Whether a file is of this format, by its first :data:`HEAD_BYTES`; never raises."""
    read: Callable[[Path], CoreLog]
    """Reads a file; raises :class:`LogError` if it is of another format or damaged."""
    parse: Callable[[bytes, Path], CoreLog]
    """Reads the bytes of a file or of a part of it below its header; raises likewise."""
    n_head_rows: Callable[[bytes], int]
    """Rows above the first row of data, of a file's beginning; blank lines do not count."""
