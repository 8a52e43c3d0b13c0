"""A core as training and bench see it: sections with images, and labels by the centimetre."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from downcore_training.datasets.placing import PlacedSection
from downcore_training.datasets.slice_images import SliceImages


@dataclass(frozen=True, slots=True)
class MatchedSection:
    """One section image and its depth in the core."""

    name: str
    """Such as ``2019_643_FA_GC01_01``."""
    number: int
    """Counted from the core's top, from 1."""
    image: Path
    """The image, or its first strip."""
    top_cm: float
    """Depth in the core of the image's first line."""
    px_per_cm: float
    n_slices: int
    """Centimetres in the image, a short last one included."""


@dataclass(frozen=True, slots=True, eq=False)
class MatchedCore:
    """A core's slices, top to bottom, with their labels; arrays of one length."""

    name: str
    """Expedition and core, such as ``2019-643-FA-GC01``."""
    site: str
    """Cores that were taken together, such as a piston core and its trigger core, share it."""
    sections: tuple[MatchedSection, ...]
    """Sections with an image, top to bottom."""
    section: NDArray[np.int64]
    """Index into ``sections`` of each slice."""
    slice_index: NDArray[np.int64]
    """Which centimetre of the section's image each slice is."""
    depth_cm: NDArray[np.float64]
    """Depth of each slice's centre in the core."""
    run: NDArray[np.int64]
    """Number of the unbroken stretch each slice is in; every section is one of its own."""
    labels: NDArray[np.float64]
    """Shape (n, 3), in the order of PROPERTIES, ``ms`` as log10; NaN where there is none."""
    ms_kind: str
    """``loop``, ``point`` or ``unknown``: what measured the susceptibility of the labels."""
    logs: tuple[tuple[str, str], ...]
    """Name and SHA-256 of every log used."""
    warnings: tuple[str, ...]
    """Warnings for the person who uses the core."""
    placed: tuple[PlacedSection, ...]
    """The placed sections, in the order of ``sections``."""

    def images(self) -> SliceImages:
        """Return a reader of the slices' pixels; close it, or use it in a ``with`` statement."""
        return SliceImages([place.image for place in self.placed], self.section, self.slice_index)
