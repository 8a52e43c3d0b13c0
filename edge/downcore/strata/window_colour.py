"""
The colour of a window as a whole: whether it has any, and whether a cast lies on it.

A scan in grey, or in shades of one colour, has channels that follow one another; a camera's
colours do not, since sediment varies in colour and sensors have noise in each channel. A cast moves
the mean of a channel against green. A bundle that learned from colours declares what its own cores
have.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.core_view import VIEW_PX_PER_CM

_LEAST_PX = VIEW_PX_PER_CM**2 // 4
"""Fewest pixels of sediment that have a colour to speak of, 0.25 cm2."""


@dataclass(frozen=True, slots=True)
class WindowColour:
    """Colour of the sediment in one window."""

    residual_counts: float
    """
    What a straight line in green leaves of red and blue, root mean square over both, sRGB counts;
    0 in grey, and about 0.4, which is rounding, in shades of one colour.
    """
    red_to_green: float
    """Mean of red over that of green, less 1."""
    blue_to_green: float
    """Mean of blue over that of green, less 1."""


@dataclass(frozen=True, slots=True)
class ColourLimits:
    """What windows of the cores of a bundle's training have; beyond it a window is unlike them."""

    residual_counts: float
    """Least :attr:`WindowColour.residual_counts`; above 0."""
    red_to_green: tuple[float, float]
    """Lowest and highest :attr:`WindowColour.red_to_green`."""
    blue_to_green: tuple[float, float]
    """Lowest and highest :attr:`WindowColour.blue_to_green`."""

    def __post_init__(self) -> None:
        if not 0.0 < self.residual_counts < math.inf:
            raise ValueError(f"expected a least colour residual > 0, got {self.residual_counts}")
        for low, high in (self.red_to_green, self.blue_to_green):
            if not -1.0 <= low <= high < math.inf:
                raise ValueError(
                    f"expected -1 <= lowest <= highest of a channel, got {low}, {high}"
                )

    def why_unlike(self, found: WindowColour | None) -> str:
        """Return in what a window differs from the training cores; empty where in nothing."""
        if found is None:
            return ""
        if found.residual_counts < self.residual_counts:
            return (
                f"a picture without colour, channels differ by {found.residual_counts:.2g} counts, "
                f"at least {self.residual_counts:.2g} there"
            )
        for name, got, (low, high) in (
            ("red", found.red_to_green, self.red_to_green),
            ("blue", found.blue_to_green, self.blue_to_green),
        ):
            if not low <= got <= high:
                return (
                    f"a cast, {name} {100 * got:+.0f} % against green, "
                    f"{100 * low:+.0f} to {100 * high:+.0f} % there"
                )
        return ""


def colour_of_window(pixels: NDArray[np.uint8]) -> WindowColour | None:
    """
    Return the colour of the sediment in a window.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (lines, across, 4)
        As :func:`~downcore.strata.windows.cut_window` returns them.

    Returns
    -------
    WindowColour or None
        ``None`` where less than 0.25 cm2 is sediment, or its green is black.
    """
    sediment = pixels[pixels[..., 3] > 0, :3].astype(np.int64)
    n = len(sediment)
    sums = [int(x) for x in sediment.sum(axis=0)]
    if n < _LEAST_PX or not sums[1]:
        return None
    # Whole numbers add up to the same on every processor.
    squares = (sediment.T @ sediment).tolist()
    left = [_left(n, sums, squares, channel) for channel in (0, 2)]
    return WindowColour(
        residual_counts=math.sqrt(sum(left) / 2),
        red_to_green=sums[0] / sums[1] - 1.0,
        blue_to_green=sums[2] / sums[1] - 1.0,
    )


def _left(n: int, sums: list[int], squares: list[list[int]], channel: int) -> float:
    """Return the variance of a channel that a straight line in green does not explain."""

    def covariance(a: int, b: int) -> int:
        return n * squares[a][b] - sums[a] * sums[b]

    own, shared, green = covariance(channel, channel), covariance(channel, 1), covariance(1, 1)
    explained = shared * shared / green if green else 0.0
    return max(own - explained, 0.0) / n**2
