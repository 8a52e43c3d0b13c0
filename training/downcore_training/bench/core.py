"""A core as the bench uses it: depth, colour profile, labels and, where there is one, image."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from downcore.strata.colour_profile import PROFILE_NAMES
from downcore.strata.properties import PROPERTIES


class SliceImages(Protocol):
    """The image of a core, slice by slice."""

    def lines_and_classes(self, i: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
        """
        Return the pixels of slice ``i`` and their classes.

        Returns
        -------
        tuple or None
            RGB of shape (n_lines, n_across, 3), core top first, and values of ``MaskClass`` of
            shape (n_lines, n_across) from the device's own mask; ``None`` where the slice has no
            image.
        """
        ...

    def close(self) -> None:
        """Release files and memory; they are opened again on demand."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class SensorLog:
    """A property of a core as a second sensor logged it."""

    property: int
    """Index into PROPERTIES."""
    sensor: str
    """``loop`` or ``point``; empty where nothing says which."""
    values: NDArray[np.float64]
    """Shape (n,), ``ms`` as log10; NaN for none."""


UNSAID = ("",) * len(PROPERTIES)
"""Sensors of a core whose logs do not name them."""


@dataclass(frozen=True, slots=True, eq=False)
class BenchCore:
    """One core, slice by slice in order of depth."""

    name: str
    site: str
    """Where it was taken; cores of one site are held out together."""
    depth_cm: NDArray[np.float64]
    """Top of each slice, shape (n,)."""
    run: NDArray[np.int64]
    """Number of the unbroken stretch that each slice is in, shape (n,)."""
    profile: NDArray[np.float64]
    """Colour profile, shape (n, 5), in the order of ``PROFILE_NAMES``; NaN where unknown."""
    labels: NDArray[np.float64]
    """Logged values, shape (n, 3), in the order of PROPERTIES, ``ms`` as log10; NaN for none."""
    visible: NDArray[np.float64] | None = None
    """The part of the labels visible in the image, same shape; ``None`` for a real core."""
    px_per_cm: float | None = None
    """Resolution of the image; ``None`` without one."""
    image: SliceImages | None = None
    ranks: NDArray[np.float64] | None = None
    """
    Values of which only the order is credible, same shape as ``labels``; never scored in units.
    """
    sensors: tuple[str, ...] = UNSAID
    """Sensor of each property's labels, such as ``loop``; empty where unknown."""
    further: tuple[SensorLog, ...] = ()
    """Logs of the same properties by other sensors; never mixed with ``labels``."""

    def __post_init__(self) -> None:
        n = self.depth_cm.size
        wanted = {
            "run": (n,),
            "profile": (n, len(PROFILE_NAMES)),
            "labels": (n, len(PROPERTIES)),
            "visible": (n, len(PROPERTIES)),
            "ranks": (n, len(PROPERTIES)),
        }
        for name, shape in wanted.items():
            value = getattr(self, name)
            if value is not None and value.shape != shape:
                raise ValueError(f"core {self.name}: expected {name} of {shape}, got {value.shape}")

    def __len__(self) -> int:
        return int(self.depth_cm.size)

    @property
    def has_colour(self) -> NDArray[np.bool_]:
        """Whether the colour of each slice is known, shape (n,)."""
        return np.asarray(np.isfinite(self.profile[:, :3]).all(axis=1))


@dataclass(frozen=True, slots=True)
class BenchSet:
    """All cores of a folder."""

    folder: Path
    cores: tuple[BenchCore, ...]
    notes: tuple[str, ...]
    """What was left out, changed or assumed, one sentence each."""


def runs_of(depth_cm: NDArray[np.float64], section: Sequence[str]) -> NDArray[np.int64]:
    """
    Return the number of the unbroken stretch of each slice, shape (n,).

    A stretch ends where the section changes or the tops of two slices are more than 1.6 cm apart,
    the limit for interpolating a label.
    """
    n = depth_cm.size
    is_new = np.ones(n, bool)
    if n:
        same = np.array([a == b for a, b in itertools.pairwise(section)], bool)
        step = np.diff(depth_cm)
        is_new[1:] = ~same | (step > LONGEST_STEP_CM) | (step <= 0)
    return np.asarray(np.cumsum(is_new) - 1, np.int64)


LONGEST_STEP_CM = 1.6
"""Largest distance of two slices that are neighbours."""
