"""Limits of colour for a bundle's windows, from the windows of its training sections."""

import numpy as np

from downcore.strata.window_colour import ColourLimits, colour_of_window
from downcore_training.windows.window_set import WindowSet

RESIDUAL_SHARE = 0.9
"""Share of the training windows' least colour residual that a window must have."""

MARGIN = 0.1
"""By how much of their span the training windows' shares of red and blue may be exceeded."""

_ROUNDING_COUNTS = 0.5
"""Colour residual below which a scan is held to be in shades of one colour."""


def colour_limits_of(windows: WindowSet) -> ColourLimits | None:
    """
    Return the limits for windows like these.

    With the share and the margin as they are, at most 1 % of the windows of each section of
    ODP 887A lie beyond the limits by the other sections.

    Returns
    -------
    ColourLimits or None
        ``None`` where one of the windows has no colour, since then nothing can be asked.
    """
    found = [
        colour
        for i in range(len(windows))
        if (colour := colour_of_window(windows.pixels(np.array([i]))[0])) is not None
    ]
    least = min((colour.residual_counts for colour in found), default=0.0)
    if RESIDUAL_SHARE * least <= _ROUNDING_COUNTS:
        return None
    return ColourLimits(
        RESIDUAL_SHARE * least,
        _span([colour.red_to_green for colour in found]),
        _span([colour.blue_to_green for colour in found]),
    )


def _span(values: list[float]) -> tuple[float, float]:
    margin = MARGIN * (max(values) - min(values))
    return max(min(values) - margin, -1.0), max(values) + margin
