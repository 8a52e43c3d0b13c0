"""What a plate shows: values only, so that any reader of the store can fill them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.depthlog import Estimate
from downcore.strata.properties import Property
from downcore.strata.unmixing.composition import GroupShare

UM_PER_CM = 10_000

GENERATOR_CAVEAT = "generator-trained network: not a measurement"
"""Caveat for a real core whose values come from a network that saw generated cores only."""

SIMULATED_CAVEAT = f"simulated core, {GENERATOR_CAVEAT}"
"""Caveat for a core that the simulator made."""


@dataclass(frozen=True, slots=True)
class PlateSlice:
    """One centimetre of the plate."""

    top_um: int
    bottom_um: int
    class_fractions: tuple[float, ...]
    """Share of pixels in each :class:`MaskClass`, in its order; sums to 1."""
    estimates: tuple[Estimate, ...]
    """At most one for each property; a property without one is left blank."""
    composition: tuple[GroupShare, ...] = ()
    """Groups' shares; empty where nothing was composed."""


@dataclass(frozen=True, slots=True, eq=False)
class PlateSection:
    """All that a plate shows of one scan."""

    title: str
    """Name of the section, as a person says it."""
    scan: str
    """Identity of the scan."""
    bundle: str
    """Name and identity of the bundle that made the values; empty when there is none."""
    caveat: str
    """What a reader must know before using a number; empty when there is nothing to say."""
    slices: tuple[PlateSlice, ...]
    """From the top down; at least one. A depth without a slice is left blank."""
    picture: NDArray[np.uint8] | None
    """Thumbnail, shape (n_rows, n_across, 3), sRGB, over the whole span; ``None`` when
    there is none."""
    labels: NDArray[np.int32] | None = None
    """Regions over the same span, shape (n_rows, n_across); 0 is no sediment; ``None`` when there
    are none."""
    table: str = ""
    """Name of the end-member table; empty when there is none."""
    bottom_um: int | None = None
    """Where the span ends, at or below the last slice's bottom; ``None`` for right there."""

    def __post_init__(self) -> None:
        if not self.slices:
            raise ValueError(f"expected at least one slice of {self.title}, got none")

    @property
    def span_cm(self) -> tuple[float, float]:
        """Depth of the first slice's top, and of where the picture ends."""
        bottom_um = self.slices[-1].bottom_um if self.bottom_um is None else self.bottom_um
        return self.slices[0].top_um / UM_PER_CM, bottom_um / UM_PER_CM

    @property
    def n_cm_with_slices(self) -> float:
        """How many centimetres of the span have a slice."""
        return sum(one.bottom_um - one.top_um for one in self.slices) / UM_PER_CM

    @property
    def has_composition(self) -> bool:
        """Whether any slice was composed."""
        return any(part.composition for part in self.slices)

    def estimates(self, prop: Property) -> list[Estimate | None]:
        """Return the estimate of each slice, from the top down; None where there is none."""
        return [
            next((one for one in part.estimates if one.property == prop.name), None)
            for part in self.slices
        ]
