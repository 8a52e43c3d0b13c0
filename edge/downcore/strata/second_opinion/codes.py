"""What can be wrong with a measured log, as codes, and one finding."""

import enum
from dataclasses import dataclass


class Code(enum.StrEnum):
    """Why a stretch of a measured log is flagged."""

    VP_BELOW_WATER = "vp below water"
    """Slower than any mud: the transducers had no contact, or the travel time is off."""
    VP_DROP_OUT = "vp drop-out"
    """A stretch of vp that neither density nor picture explains: the first arrival was missed."""
    MS_SPIKE = "ms spike"
    """Susceptibility far above what the picture says: rust, a screw, a flake of the liner's saw."""
    DENSITY_VOID = "density void"
    """Density falls where the picture shows sediment: a void below the cut, a gap to the liner."""
    DRIFT = "drift"
    """The difference between both logs grows steadily."""
    CONSTANT = "constant sensor"
    """One value over and over."""
    SECTION_OFFSET = "section offset"
    """The log fits if it is moved along the section."""
    SECTION_SWAPPED = "section swapped"
    """The log fits another section of the core better than its own."""
    UPSIDE_DOWN = "section upside down"
    """The log fits if it is turned round."""
    DUPLICATE_SECTION = "duplicate section"
    """The log of a section is that of another one."""
    UNIT_OR_SCALE = "unit or scale"
    """The whole section is off by a factor or a level."""
    IMAGE_UNLIKE = "image unlike training"
    """No bundle answers for most of the section, so the log has no second opinion."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One stretch of one section that is flagged."""

    code: Code
    property: str
    """Name of one of PROPERTIES; empty where the section as a whole is meant."""
    top_um: int
    """Below the section's top."""
    bottom_um: int
    score: float
    """How far from what is expected, in the units of the limit."""
    limit: float
    """Above which score it is flagged."""
    evidence: str
    """In one sentence."""

    def __post_init__(self) -> None:
        if not 0 <= self.top_um < self.bottom_um:
            raise ValueError(f"expected 0 <= top < bottom, got {self.top_um} and {self.bottom_um}")
