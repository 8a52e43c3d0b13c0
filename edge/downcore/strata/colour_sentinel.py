"""
Colour sentinel: whether the colours of scans drift from section to section.

The white board beside the core has one colour; what it looks like in a section, against what it
looked like in the first ones, is a drift of lamp, camera or film. Differences are CIEDE2000.

Source: Sharma, Wu and Dalal (2005), The CIEDE2000 color-difference formula: implementation notes,
supplementary test data, and mathematical observations.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.colour_profile import lab_of_mean
from downcore.strata.slice_profile import SliceProfile

DRIFT_LIMIT = 5.0
"""Difference above which a section's colours have drifted: one that anybody sees at a glance."""

N_FIRST = 3
"""Sections whose median is what later ones are compared with."""

MIN_SLICES = 5
"""Fewest slices with a board that make a section's reference."""

_POW_25_7 = 25.0**7


@dataclass(frozen=True, slots=True)
class ReferenceColour:
    """What the reference looked like in one section."""

    section_id: str
    lab: tuple[float, float, float] | None
    """CIE L*a*b* of the white board, median of the slices; ``None`` where too few show one."""


@dataclass(frozen=True, slots=True)
class ColourDrift:
    """How far a section's colours are from those of the first ones."""

    section_id: str
    delta_e: float | None
    """CIEDE2000; ``None`` where the section or the first ones show no reference."""

    @property
    def has_drifted(self) -> bool:
        """Whether it is above the limit."""
        return self.delta_e is not None and self.delta_e > DRIFT_LIMIT

    @property
    def sentence(self) -> str:
        """What a technician is told; empty while there is nothing to say."""
        if self.delta_e is None or not self.has_drifted:
            return ""
        return (
            f"the white board differs by {self.delta_e:.1f} (CIEDE2000, limit {DRIFT_LIMIT:g}) from"
            f" the first {N_FIRST} sections: look at lamps, exposure and board"
        )


def reference_colour(section_id: str, profiles: Sequence[SliceProfile]) -> ReferenceColour:
    """Return what the white board looks like in a section."""
    boards = np.array([one.board for one in profiles], np.float64).reshape(-1, 3)
    boards = boards[np.isfinite(boards).all(axis=1)]
    if len(boards) < MIN_SLICES:
        return ReferenceColour(section_id, None)
    lightness, a, b = lab_of_mean(np.median(boards, axis=0)).tolist()
    return ReferenceColour(section_id, (lightness, a, b))


def drift_of(sections: Sequence[ReferenceColour]) -> list[ColourDrift]:
    """
    Return the drift of every section, in the order in which they were scanned.

    The first sections with a reference are compared with their own median, so that they drift, too.
    """
    first = [one.lab for one in sections if one.lab is not None][:N_FIRST]
    if len(first) < N_FIRST:
        return [ColourDrift(one.section_id, None) for one in sections]
    middle = np.median(np.array(first), axis=0)
    return [
        ColourDrift(
            one.section_id,
            None if one.lab is None else float(ciede2000(np.array(one.lab), middle)),
        )
        for one in sections
    ]


def ciede2000(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Return the CIEDE2000 difference of CIE L*a*b* colours, shape (..., 3), with all weights 1.

    Example
    -------
    >>> round(float(ciede2000(np.array([50.0, 2.5, 0.0]), np.array([50.0, 0.0, -2.5]))), 4)
    4.3065
    """
    chroma_mean = (np.hypot(*_ab(first)) + np.hypot(*_ab(second))) / 2.0
    g = 0.5 * (1.0 - np.sqrt(chroma_mean**7 / (chroma_mean**7 + _POW_25_7)))
    (c1, h1), (c2, h2) = (_chroma_hue(one, g) for one in (first, second))
    is_grey = c1 * c2 == 0.0
    turn = h2 - h1
    turn = np.where(is_grey, 0.0, turn - 360.0 * np.round(turn / 360.0))
    middle = np.where(np.abs(h1 - h2) <= 180.0, h1 + h2, h1 + h2 + 360.0) / 2.0  # noqa: PLR2004 - half a turn
    hue = np.where(is_grey, h1 + h2, np.mod(middle, 360.0))
    d_lightness, d_chroma = second[..., 0] - first[..., 0], c2 - c1
    d_hue = 2.0 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2.0))
    lightness, chroma = (first[..., 0] + second[..., 0]) / 2.0, (c1 + c2) / 2.0
    t = (
        1.0
        - 0.17 * np.cos(np.radians(hue - 30.0))
        + 0.24 * np.cos(np.radians(2.0 * hue))
        + 0.32 * np.cos(np.radians(3.0 * hue + 6.0))
        - 0.20 * np.cos(np.radians(4.0 * hue - 63.0))
    )
    off = (lightness - 50.0) ** 2
    s_l = 1.0 + 0.015 * off / np.sqrt(20.0 + off)
    s_c, s_h = 1.0 + 0.045 * chroma, 1.0 + 0.015 * chroma * t
    bend = 30.0 * np.exp(-(((hue - 275.0) / 25.0) ** 2))
    r_c = 2.0 * np.sqrt(chroma**7 / (chroma**7 + _POW_25_7))
    r_t = -np.sin(np.radians(2.0 * bend)) * r_c
    l, c, h = d_lightness / s_l, d_chroma / s_c, d_hue / s_h  # noqa: E741 - as the source has it
    out: NDArray[np.float64] = np.sqrt(np.maximum(l**2 + c**2 + h**2 + r_t * c * h, 0.0))
    return out


def _ab(lab: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return lab[..., 1], lab[..., 2]


def _chroma_hue(
    lab: NDArray[np.float64], g: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return chroma and hue, degrees 0 to 360, with a* stretched by 1 + g."""
    a, b = lab[..., 1] * (1.0 + g), lab[..., 2]
    return np.hypot(a, b), np.mod(np.degrees(np.arctan2(b, a)), 360.0)
