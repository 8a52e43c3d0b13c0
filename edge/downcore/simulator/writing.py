"""Common parts of all write patterns: take lines, yield the steps visible in a folder."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

import numpy as np
from numpy.typing import NDArray


class LineSource(Protocol):
    """A source of scan lines: a generated core, or an image of a real one."""

    @property
    def n_lines(self) -> int:
        """Scan lines from top to end."""
        ...

    @property
    def n_across(self) -> int:
        """Pixels in a scan line."""
        ...

    def lines(self, first_line: int, n_lines: int) -> NDArray[np.uint8]:
        """Return lines from ``first_line`` on, shape (n_lines, n_across, 3), RGB."""
        ...


@dataclass(frozen=True, slots=True)
class ScanJob:
    """One section to be written by a simulated scanner."""

    lines: LineSource

    folder: Path
    """Where the scanner writes; must exist."""

    name: str
    """Name of the section, without an ending."""

    px_per_cm: Fraction
    """Scan lines per centimetre; goes into sidecars."""

    lines_per_step: int = 64
    """Scan lines that appear at a time; at least 1."""

    may_replace: bool = False
    """Whether files of the same name may be overwritten, as scanners do at a re-scan."""

    def __post_init__(self) -> None:
        if self.name != Path(self.name).name or not self.name:
            raise ValueError(f"expected a file name without folders, got {self.name!r}")
        if self.lines_per_step < 1 or self.lines.n_lines < 1:
            raise ValueError("expected at least 1 scan line, and 1 at a step")

    @property
    def mode(self) -> Literal["wb", "xb"]:
        """Mode in which files are opened; refuses to overwrite unless allowed."""
        return "wb" if self.may_replace else "xb"

    def file(self, ending: str) -> Path:
        """Return the path of the section's file with this ending."""
        return self.folder / f"{self.name}{ending}"

    def chunks(self) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Yield the lines as they pass the camera: how many have by then, and the lines."""
        for first in range(0, self.lines.n_lines, self.lines_per_step):
            n = min(self.lines_per_step, self.lines.n_lines - first)
            yield first + n, self.lines.lines(first, n)


@dataclass(frozen=True, slots=True)
class Step:
    """One change visible in the folder."""

    path: Path
    """The file that changed."""

    n_scanned: int
    """Scan lines that have passed the camera by then."""

    what: str
    """What happened, in a few words."""


@dataclass(frozen=True, slots=True)
class WritePattern:
    """A pattern in which scanners, or programs that copy for them, write a section."""

    name: str
    """Its name on the command line."""

    title: str
    """Description for people."""

    write: Callable[[ScanJob], Iterator[Step]]
    """
    Writes the section, stopping after each visible change.

    Raises ``FileExistsError`` where a file is there already and may not be replaced.
    """


def append(file: BinaryIO, content: bytes | NDArray[np.uint8]) -> None:
    """Append to the file and flush, so that others see it at once."""
    file.write(content if isinstance(content, bytes) else np.ascontiguousarray(content).data)
    file.flush()
