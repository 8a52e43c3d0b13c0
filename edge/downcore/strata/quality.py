"""Quality flags of a slice, which a reader should know before trusting its values."""

from collections.abc import Sequence

from downcore.strata.mask.classes import MaskClass

SHORT = "short"
"""The section ended before the centimetre did."""
NO_SEDIMENT = "no_sediment"
"""No pixel of the slice is sediment."""
MOSTLY_MASKED = "mostly_masked"
"""Less than half of what lies within the core is sediment."""
CRACKED = "cracked"
"""Voids or open cracks take a tenth of the core or more."""
GLARE = "glare"
"""Glare takes a twentieth of the core or more, so colour near it is doubtful."""
OVER_EXPOSED = "over_exposed"
"""A twentieth of the sediment or more has a channel at the end of its range."""
DARK = "dark"
"""The sediment is too dark for its colour to be more than camera noise."""
LOW_RESOLUTION = "low_resolution"
"""The scan has less than a quarter of the detail that a tile has room for."""

FLAGS = (SHORT, NO_SEDIMENT, MOSTLY_MASKED, CRACKED, GLARE, OVER_EXPOSED, DARK, LOW_RESOLUTION)
"""Every flag, in the order in which a slice carries them."""

MOSTLY_MASKED_BELOW = 0.5
"""Valid fraction of the core."""
CRACKED_FROM = 0.1
"""Share of the core."""
GLARE_FROM = 0.05
"""Share of the core."""
OVER_EXPOSED_FROM = 0.05
"""Share of the sediment's pixels."""
DARK_BELOW_LIGHTNESS = 10.0
"""Mean L* of the sediment."""
LOW_RESOLUTION_BELOW_PX_PER_CM = 50.0


def flags_of(
    class_fractions: Sequence[float],
    *,
    is_short: bool,
    px_per_cm: float,
    lightness: float | None,
    saturated_fraction: float,
) -> tuple[str, ...]:
    """
    Return the flags of a slice, in the order of :data:`FLAGS`.

    Parameters
    ----------
    class_fractions : sequence of float
        Share of pixels in each :class:`MaskClass`, 0 to 1.
    is_short : bool
        Whether the slice has fewer lines than a whole centimetre.
    px_per_cm : float
        Scale of the scan.
    lightness : float or None
        Mean L* of the sediment, 0 to 100; ``None`` where there is none.
    saturated_fraction : float
        Share of the sediment's pixels with a channel at the end of its range, 0 to 1.
    """
    core = 1.0 - class_fractions[MaskClass.OUTSIDE] - class_fractions[MaskClass.TRAY]
    raised = {
        SHORT: is_short,
        NO_SEDIMENT: lightness is None,
        MOSTLY_MASKED: class_fractions[MaskClass.SEDIMENT] < MOSTLY_MASKED_BELOW * core
        or lightness is None,
        CRACKED: core > 0.0 and class_fractions[MaskClass.VOID] >= CRACKED_FROM * core,
        GLARE: core > 0.0 and class_fractions[MaskClass.GLARE] >= GLARE_FROM * core,
        OVER_EXPOSED: saturated_fraction >= OVER_EXPOSED_FROM,
        DARK: lightness is not None and lightness < DARK_BELOW_LIGHTNESS,
        LOW_RESOLUTION: px_per_cm < LOW_RESOLUTION_BELOW_PX_PER_CM,
    }
    return tuple(flag for flag in FLAGS if raised[flag])
