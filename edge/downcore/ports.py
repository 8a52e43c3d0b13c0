"""The few protocols the pipeline and the service need, on one page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from downcore.strata.bundle import Manifest
from downcore.strata.depth import LineScale
from downcore.strata.segment import Segment


@dataclass(frozen=True, slots=True, eq=False)
class TilePrediction:
    """What a network says of tiles, in physical units (``ms`` in log10)."""

    mean: NDArray[np.float64]
    """Shape (n_tiles, n_properties), in the manifest's order of properties, scaled space undone."""

    sd: NDArray[np.float64]
    """Shape (n_tiles, n_properties), same units; the network's own, not yet calibrated."""


class Predictor(Protocol):
    """A bundle that is loaded and running."""

    @property
    def manifest(self) -> Manifest:
        """The manifest of the bundle that runs."""
        ...

    def predict(self, slices: Sequence[NDArray[np.uint8]]) -> list[TilePrediction]:
        """
        Predict each slice's tiles; the answer of a tile does not depend on its neighbours.

        Parameters
        ----------
        slices : sequence of ndarray, each of shape (n_tiles, 200, 200, 3)
            RGB tiles, sRGB, 8 bit.

        Returns
        -------
        list of TilePrediction
            One for each entry of ``slices``, in order; an entry without tiles gives none.
        """
        ...


class ScanLines(Protocol):
    """
    An opened scan, growing or finished, read line by line.

    It is used from one thread. ``n_complete`` and ``is_complete`` are decided by
    looking at the file again each time ``refresh`` is called.
    """

    @property
    def scale(self) -> LineScale:
        """Scan lines per centimetre."""
        ...

    def refresh(self) -> tuple[int, bool]:
        """Return how many lines can be trusted by now, and whether the structure is complete."""
        ...

    def read(self, first_line: int, n_lines: int) -> Segment:
        """Return lines ``[first_line, first_line + n_lines)``, core top first."""
        ...


class Clock(Protocol):
    """Time, injected so that tests never wait."""

    def monotonic_s(self) -> float:
        """Return seconds that never jump; for order and time-outs."""
        ...

    def utc_rfc3339(self) -> str:
        """Return the wall clock as ``2026-01-31T23:59:59.123Z``; for people only."""
        ...


