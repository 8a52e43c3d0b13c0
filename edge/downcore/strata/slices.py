"""One centimetre of core: what was seen of it, before anything is predicted from it."""

from dataclasses import dataclass

from downcore.strata.mask_classes import MaskClass


@dataclass(frozen=True, slots=True)
class SliceColour:
    """Colour of the sediment in a slice, CIE L*a*b* under D65."""

    lab_mean: tuple[float, float, float]
    """L* 0 to 100, a* and b* about -128 to 127."""
    lab_sd: tuple[float, float, float]
    """Standard deviation over the slice's sediment pixels, same scales."""
    linear_rgb_mean: tuple[float, float, float]
    """Mean of the channels in linear light, 0 to 1."""


@dataclass(frozen=True, slots=True)
class CoreSlice:
    """One centimetre of core, the unit of every result."""

    index: int
    """Which centimetre, counted from the section's top."""
    first_line: int
    """Scan line at which it starts."""
    n_lines: int
    """Its scan lines; the last slice of a section may have fewer than a full centimetre."""
    top_um: int
    """Depth of its top below the section's top."""
    bottom_um: int
    """Depth of its bottom below the section's top."""
    class_fractions: tuple[float, ...]
    """Share of pixels in each :class:`MaskClass`, in its order; sums to 1."""
    colour: SliceColour | None
    """``None`` where no pixel is sediment."""
    flags: tuple[str, ...]
    """What a reader should know, from :mod:`downcore.strata.quality`; empty when nothing."""

    @property
    def valid_fraction(self) -> float:
        """Share of the core's own pixels that are sediment, 0 to 1; 0 where there is no core."""
        core = 1.0 - self.class_fractions[MaskClass.OUTSIDE] - self.class_fractions[MaskClass.TRAY]
        return self.class_fractions[MaskClass.SEDIMENT] / core if core > 0.0 else 0.0
