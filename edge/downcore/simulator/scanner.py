"""A simulated scanner: writes a section into a folder, in any write pattern, at a line rate."""

import difflib
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from downcore.simulator.write_patterns import write_patterns
from downcore.simulator.writing import LineSource, ScanJob, Step, WritePattern

CM_PER_M = 100
S_PER_MIN = 60


class Pacer(Protocol):
    """Clock of a simulated scanner, injected so that tests never wait."""

    def monotonic_s(self) -> float:
        """Return seconds that never jump."""
        ...

    def sleep_s(self, seconds: float) -> None:
        """Wait."""
        ...


class RealTime:
    """The time of this machine."""

    def monotonic_s(self) -> float:
        """Return seconds that never jump."""
        return time.monotonic()

    def sleep_s(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def pattern_named(name: str) -> WritePattern:
    """
    Return a write pattern by its name.

    Raises
    ------
    ValueError
        If there is none of that name; names the nearest.
    """
    known = write_patterns()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"expected one of {', '.join(known)}, got {name!r}{hint}")


def scan_job(
    lines: LineSource,
    folder: Path,
    name: str,
    *,
    px_per_cm: float | str | Fraction,
    lines_per_step: int = 64,
    may_replace: bool = False,
) -> ScanJob:
    """
    Return a section to be written, of a scale as a person writes it.

    Raises
    ------
    ValueError
        If the name holds a folder, or a number is out of range.
    """
    return ScanJob(
        lines=lines,
        folder=folder,
        name=name,
        px_per_cm=Fraction(str(px_per_cm)),
        lines_per_step=lines_per_step,
        may_replace=may_replace,
    )


def play(
    job: ScanJob, pattern: WritePattern, *, metres_per_min: float = 0.0, pacer: Pacer | None = None
) -> Iterator[Step]:
    """
    Write a section step by step, each line no earlier than it passes the camera.

    Parameters
    ----------
    job : ScanJob
        What is scanned, and where to.
    pattern : WritePattern
        How it is written.
    metres_per_min : float, default 0
        Speed of the track; 0 is as fast as the steps are requested.
    pacer : Pacer, optional
        Time; this machine's by default. Not asked at speed 0.

    Yields
    ------
    Step
        After each change that can be seen in the folder.

    Raises
    ------
    FileExistsError
        If a file of the name is there already and may not be replaced.
    ValueError
        If the speed is negative.
    """
    if metres_per_min < 0:
        raise ValueError(f"expected a speed of 0 or more m/min, got {metres_per_min:g}")
    if metres_per_min > 0:
        lines_per_s = metres_per_min * CM_PER_M * float(job.px_per_cm) / S_PER_MIN
        job = replace(job, lines=_PassingLines(job.lines, lines_per_s, pacer or RealTime()))
    yield from pattern.write(job)


class _PassingLines:
    """Lines on a moving track: none is given before it has passed the camera."""

    def __init__(self, lines: LineSource, lines_per_s: float, pacer: Pacer) -> None:
        self._lines = lines
        self._lines_per_s = lines_per_s
        self._pacer = pacer
        self._start_s = pacer.monotonic_s()

    @property
    def n_lines(self) -> int:
        return self._lines.n_lines

    @property
    def n_across(self) -> int:
        return self._lines.n_across

    def lines(self, first_line: int, n_lines: int) -> NDArray[np.uint8]:
        chunk = self._lines.lines(first_line, n_lines)
        passed_s = self._start_s + (first_line + n_lines) / self._lines_per_s
        ahead_s = passed_s - self._pacer.monotonic_s()
        if ahead_s > 0:
            self._pacer.sleep_s(ahead_s)
        return chunk
