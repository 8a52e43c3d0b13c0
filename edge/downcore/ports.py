"""The few protocols the pipeline and the service need, on one page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from downcore.strata.bundle import Manifest
from downcore.strata.depth import LineScale
from downcore.strata.depthlog import SliceRow
from downcore.strata.estimates import TilePrediction
from downcore.strata.regions.window import RegionRefiner
from downcore.strata.section import SliceLines
from downcore.strata.segment import Segment

__all__ = [
    "Clock",
    "MaskedSlice",
    "Predictor",
    "RegionRefiner",
    "ScanLines",
    "SlicePipeline",
    "TilePrediction",
]

MaskedSlice: TypeAlias = tuple[SliceLines, NDArray[np.uint8]]
"""The lines of a slice and the class of each of its pixels."""


class Predictor(Protocol):
    """
    A bundle that is loaded and running; used from one thread.

    The numbers of a tile, or of a window, do not depend on those predicted with it, bit for bit.
    """

    @property
    def manifest(self) -> Manifest:
        """The manifest of the bundle that runs."""
        ...

    def submit(self, tag: object, tiles: NDArray[np.uint8]) -> None:
        """
        Begin to predict the tiles of a slice, or a window; copied.

        They are of 8 bit and of shape (n, *input_shape), with the manifest's ``input_shape``.
        Waits only while every inference request is busy.
        """
        ...

    def collect(self, *, wait: bool) -> list[tuple[Any, TilePrediction]]:
        """
        Return what is finished, with its tag, in the order of submission.

        A prediction has a row for each tile, or ``rows_per_input`` rows for a window. With
        ``wait`` everything that was submitted is finished first; without it the list may be
        empty, and tiles may still be held back to fill a batch.
        """
        ...


class SlicePipeline(Protocol):
    """Turns the scan lines of one section into rows of the depth log, in order."""

    @property
    def next_line(self) -> int:
        """The scan line that must come next."""
        ...

    def mask(self, segment: Segment) -> list[MaskedSlice]:
        """
        Add consecutive lines; return the slices they complete, with their masks.

        Another thread may do this while slices masked before are predicted.
        """
        ...

    def predict(self, slices: Sequence[MaskedSlice]) -> list[SliceRow]:
        """Begin to predict masked slices, in order; return the rows that are ready."""
        ...

    def push(self, segment: Segment) -> list[SliceRow]:
        """Mask and predict consecutive lines; return the rows that are ready, without waiting."""
        ...

    def drain(self) -> list[SliceRow]:
        """Wait for the predictions of every slice whose lines are there; return their rows."""
        ...

    def finish(self) -> list[SliceRow]:
        """Return every row that is left; the last slice may be short."""
        ...


@dataclass(frozen=True, slots=True)
class ScanDescription:
    """What is known of a scan besides its pixels, and who said so."""

    format_name: str
    """Name of the scanner format that reads it."""

    px_per_cm: str
    """Scan lines per centimetre as exact text: a decimal, or a ratio such as ``9600/7``."""

    px_per_cm_from: str
    """``settings``, or the name of the sidecar that says so."""

    top: Literal["up", "left", "right"]
    """Side of the stored image where the core's top is."""

    top_from: Literal["settings", "format"]

    bits: Literal[8, 16]
    """Bits per channel."""

    core: str | None = None
    """The core's name in the sidecar, or None."""

    section: str | None = None
    """The section's number or name in the sidecar, or None."""

    section_top_um: int | None = None
    """Depth of the section's top below the core's top, or None when the sidecar leaves it open."""

    warnings: tuple[str, ...] = ()
    """What a technician should know: doubts about the sidecar, dropped channels, odd names."""


class ScanLines(Protocol):
    """
    An opened scan, growing or finished, read line by line; used from one thread.

    Lines that were trusted once stay as they are, unless the file is rewritten.
    """

    @property
    def scale(self) -> LineScale:
        """Scan lines per centimetre."""
        ...

    @property
    def n_across(self) -> int:
        """Pixels in a scan line."""
        ...

    @property
    def n_lines_expected(self) -> int | None:
        """Scan lines the file promises, or None while that is unknown."""
        ...

    @property
    def description(self) -> ScanDescription:
        """What is known of the scan besides its pixels."""
        ...

    def refresh(self, *, is_still: bool = False) -> tuple[int, bool]:
        """
        Look at the file again.

        Parameters
        ----------
        is_still : bool, default False
            Whether the caller saw the file unchanged for long enough, closed by its
            writer, or was told that it is finished. Zeros at its end that may be black
            pixels are then believed to be so, unless the whole last line is blank.

        Returns
        -------
        int
            Lines that can be trusted by now.
        bool
            Whether these are all, that is, the structure is complete.
        """
        ...

    def read(self, first_line: int, n_lines: int) -> Segment:
        """
        Return lines ``[first_line, first_line + n_lines)``, core top first.

        Raises
        ------
        GrowingError
            If they were not trusted when ``refresh`` last looked.
        """
        ...

    def close(self) -> None:
        """Give the files back; harmless when called again."""
        ...


class Clock(Protocol):
    """Time, injected so that tests never wait."""

    def monotonic_s(self) -> float:
        """Return seconds that never jump; for order and time-outs."""
        ...

    def utc_rfc3339(self) -> str:
        """Return the wall clock as ``2026-01-31T23:59:59.123Z``; for people only."""
        ...
