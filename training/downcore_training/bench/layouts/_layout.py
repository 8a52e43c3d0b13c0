"""The type of a layout."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from downcore_training.bench.core import BenchCore


@dataclass(frozen=True, slots=True)
class Found:
    """The cores a layout found in a folder."""

    cores: tuple[BenchCore, ...]
    """Cores with at least one label, in any order; none is no error."""
    notes: tuple[str, ...] = field(default=())
    """What was left out, changed or assumed, one sentence each."""
    proposal: str = ""
    """What a person can add for cores to be found, or ""."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One layout of a folder of cores."""

    name: str
    title: str
    """For a message, such as ``*_slices_1cm.csv tables``."""
    rank: int
    """Lower ranks are tried first."""
    knows: Callable[[Path], bool]
    """Whether the folder looks like this layout; quick, and never raises."""
    read: Callable[[Path], Found]
    """Read it; a core that cannot be read becomes a note."""
