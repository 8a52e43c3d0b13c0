"""Sections that a site is learned from: their colour profile and what the logger read."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.errors import TooFewSectionsError
from downcore.strata.properties import PROPERTIES
from downcore.strata.window_profile import profile_features

Values = NDArray[np.float64]

MIN_SECTIONS = 4
"""Fewest sections with measured values that a site is learned from."""

FEW_SECTIONS = 8
"""Below this many, what is learned holds for little more than the sections themselves."""

MIN_LABELS = 50
"""Fewest measured slices of a property that is learned."""

MIN_WEIGHT = 0.05
"""Least weight of a centimetre that is learned from: a quarter of a square centimetre."""


@dataclass(frozen=True, slots=True, eq=False)
class SiteSection:
    """One section, centimetre by centimetre from its top."""

    name: str
    profile: Values
    """Shape (n, 8), see :data:`~downcore.strata.window_profile.COLUMNS`."""
    weight: Values
    """Shape (n,), 0 where no sediment shows."""
    depth_cm: Values
    """Of each slice's middle, in the core where that is known, else in the section; (n,)."""
    labels: Values
    """Measured, shape (n, 3) in the order of PROPERTIES, ``ms`` as log10; NaN without."""
    running: Values
    """What the bundle that runs now says, scaled as ``labels``; NaN without."""
    px_per_cm: float
    """Scale of the scan."""


@dataclass(frozen=True, slots=True, eq=False)
class SiteSlices:
    """The slices of some sections that can be learned from or judged."""

    features: Values
    labels: Values
    running: Values
    depth_cm: Values
    section: NDArray[np.int64]

    def of(self, kept: NDArray[np.bool_]) -> "SiteSlices":
        """Return some of the slices."""
        return SiteSlices(
            self.features[kept],
            self.labels[kept],
            self.running[kept],
            self.depth_cm[kept],
            self.section[kept],
        )


def measured_sections(sections: Sequence[SiteSection]) -> list[SiteSection]:
    """Return the sections with measured values on sediment that a scan shows."""
    return [
        one
        for one in sections
        if (np.isfinite(one.labels).any(axis=1) & (one.weight >= MIN_WEIGHT)).any()
    ]


def slices_of(sections: Sequence[SiteSection]) -> SiteSlices:
    """Return the slices with sediment; their features from whole sections."""
    parts = [
        SiteSlices(
            profile_features(one.profile, one.weight),
            one.labels,
            one.running,
            one.depth_cm,
            np.full(len(one.weight), number, np.int64),
        ).of(one.weight >= MIN_WEIGHT)
        for number, one in enumerate(sections)
    ]
    names = ("features", "labels", "running", "depth_cm", "section")
    return SiteSlices(*(np.concatenate([getattr(part, n) for part in parts]) for n in names))


def learnable(slices: SiteSlices) -> tuple[int, ...]:
    """
    Return the places in PROPERTIES of what can be learned.

    Raises
    ------
    TooFewSectionsError
        If no property was measured in enough sections; says how many there are.
    """
    known = np.isfinite(slices.labels)
    counts = {
        PROPERTIES[i].name: (len(np.unique(slices.section[known[:, i]])), int(known[:, i].sum()))
        for i in range(len(PROPERTIES))
    }
    found = tuple(
        i
        for i, (n_sections, n) in enumerate(counts.values())
        if n_sections >= MIN_SECTIONS and n >= MIN_LABELS
    )
    if not found:
        said = ", ".join(
            f"{name} {n_sections} ({n} slices)" for name, (n_sections, n) in counts.items()
        )
        raise TooFewSectionsError(
            f"expected at least {MIN_SECTIONS} sections with {MIN_LABELS} measured slices of a "
            f"property, got: {said}; log more sections, then learn again"
        )
    return found
