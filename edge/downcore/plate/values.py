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

COMPOSITION_CAVEAT = "composition of a table of end members, not a measurement"
"""Caveat for slices that were composed."""


@dataclass(frozen=True, slots=True)
class PlateSlice:
    """One centimetre of the plate."""

    top_um: int
    """Where it is drawn, on the plate's depth axis."""
    bottom_um: int
    class_fractions: tuple[float, ...]
    """Share of pixels in each :class:`MaskClass`, in its order; sums to 1."""
    estimates: tuple[Estimate, ...]
    """At most one for each property; a property without one is left blank."""
    composition: tuple[GroupShare, ...] = ()
    """Groups' shares; empty where nothing was composed."""
    linear_rgb: tuple[float, float, float] | None = None
    """Mean colour of the sediment, linear light, 0 to 1; ``None`` where there is none."""


@dataclass(frozen=True, slots=True)
class PlateFlag:
    """A flag of the second opinion, as a plate shows it."""

    number: int
    words: str
    """Code, in the words of the list of flags."""
    property: str
    """Empty where the section as a whole is meant."""
    top_um: int
    """On the plate's depth axis."""
    bottom_um: int
    is_acknowledged: bool


@dataclass(frozen=True, slots=True, eq=False)
class PlateEvidence:
    """What a property was judged by; arrays of one value for each centimetre, NaN for none."""

    property: str
    depth_um: NDArray[np.float64]
    """Middles, on the plate's depth axis."""
    measured: NDArray[np.float64]
    """In the property's unit."""
    residual: NDArray[np.float64]
    """Predicted less measured, log10 for susceptibility; and so are the next two."""
    lower: NDArray[np.float64]
    """Of the 90 % band that the rows above say."""
    upper: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class PlateSection:
    """All that a plate shows of one scan of a section."""

    name: str
    """As it is written beside the section where a plate has several."""
    top_um: int
    """Where the section's top is drawn, on the plate's depth axis."""
    bottom_um: int
    """Where it ends: at or below the last slice's bottom, for a picture may be longer."""
    slices: tuple[PlateSlice, ...]
    """From the top down; at least one. A depth without a slice is left blank."""
    picture: NDArray[np.uint8] | None = None
    """Thumbnail, shape (n_rows, n_across, 3), sRGB, from top to bottom; ``None`` for the mean
    colour of each slice in its place."""
    labels: NDArray[np.int32] | None = None
    """Regions from top to bottom, shape (n_rows, n_across); 0 is no sediment; ``None`` where there
    are none. Drawn only with a picture, which gives them their colours."""
    classes: NDArray[np.uint8] | None = None
    """Class of each pixel's region, shape (n_rows, n_across), from 1 for the darkest, the same in
    all sections of a plate; 0 is no sediment; ``None`` where there are none."""

    flags: tuple[PlateFlag, ...] = ()
    evidence: tuple[PlateEvidence, ...] = ()
    """Of the measured logs; empty where nothing is flagged."""

    def __post_init__(self) -> None:
        if not self.slices:
            raise ValueError(f"expected at least one slice of {self.name}, got none")

    @property
    def span_cm(self) -> tuple[float, float]:
        """Where it begins and ends on the plate's depth axis."""
        return self.top_um / UM_PER_CM, self.bottom_um / UM_PER_CM

    def estimates(self, prop: Property) -> list[Estimate | None]:
        """Return the estimate of each slice, from the top down; ``None`` where there is none."""
        return [
            next((e for e in part.estimates if e.property == prop.name), None)
            for part in self.slices
        ]


@dataclass(frozen=True, slots=True, eq=False)
class Plate:
    """One sheet: sections one below the other, along one depth axis."""

    title: str
    """Which core, section or image it is, as a person says it."""
    sections: tuple[PlateSection, ...]
    """From the top down, none over another; at least one."""
    is_depth_in_core: bool
    """Whether there is one axis for all sections. Otherwise the numbers begin again at each
    section's top."""
    depth_name: str = "Depth in core"
    """What that axis shows, such as depth in the hole."""
    scan: str = ""
    """Identity of each scan."""
    bundle: str = ""
    """Name and identity of the bundle that made the values; empty when there is none."""
    silent: tuple[str, ...] = ()
    """Bundles that looked at the core and do not answer, each with its reason."""
    table: str = ""
    """Name of the end-member table; empty when there is none."""
    caveat: str = ""
    """What a reader must know before using a number; empty when there is nothing to say."""
    note: str = ""
    """What is missing on the plate, and why; empty when nothing is."""

    def __post_init__(self) -> None:
        if not self.sections:
            raise ValueError(f"expected at least one section of {self.title}, got none")

    @property
    def span_cm(self) -> tuple[float, float]:
        """Where the depth axis begins and ends."""
        return self.sections[0].span_cm[0], self.sections[-1].span_cm[1]

    @property
    def flagged(self) -> tuple[str, ...]:
        """Properties whose evidence is drawn: all that were measured in a flagged section."""
        named = {one.property for section in self.sections for one in section.flags}
        found = dict.fromkeys(
            one.property
            for section in self.sections
            if section.flags
            for one in section.evidence
            if "" in named or one.property in named
        )
        return tuple(found)

    @property
    def slices(self) -> tuple[PlateSlice, ...]:
        """The slices of all sections, from the top down."""
        return tuple(part for section in self.sections for part in section.slices)

    @property
    def has_composition(self) -> bool:
        """Whether any slice was composed."""
        return any(part.composition for part in self.slices)

    def estimates(self, prop: Property) -> list[Estimate | None]:
        """Return the estimate of each slice, from the top down; ``None`` where there is none."""
        return [e for section in self.sections for e in section.estimates(prop)]
