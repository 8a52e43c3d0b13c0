"""What a file, its name and what lies beside it say of scale, length and side, and who says so."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from downcore.strata.depth import MAX_PX_PER_CM, MIN_PX_PER_CM
from downcore.strata.input_text import exact_number

CONSTANT_DPI = frozenset({72, 75, 96, 100, 120, 150, 180, 200, 240, 300, 350, 400, 600, 1200, 2400})
"""Resolutions that programs write whatever the truth is; they say nothing."""

MIN_TAG_PX_PER_CM = 5
"""Least scale that a resolution tag is believed to mean."""

_IN_NAME = re.compile(
    r"(?<![0-9.,])([0-9]{1,4}(?:[.,][0-9]{1,4})?)[ _-]?(?:ppcm|px[_-]?(?:per)?[_-]?cm)(?![a-z])",
    re.IGNORECASE,
)
_UPSIDE_DOWN = re.compile(
    r"upside[ _-]?down|head[ _-]?down|bottom[ _-]?(?:up|first)"
    r"|(?<![a-z])(?:inverted|reversed)(?![a-z])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ScaleClaim:
    """A scale that something beside the settings says."""

    where: str
    px_per_cm: Fraction


@dataclass(frozen=True, slots=True)
class LengthClaim:
    """A length of the section that something beside the image says."""

    where: str
    length_cm: float


@dataclass(frozen=True, slots=True)
class TopClaim:
    """A side of the top that something beside the settings says."""

    where: str
    top: str
    """``up``, ``left``, ``right`` or ``down``."""


@dataclass(frozen=True, slots=True)
class ScanClaims:
    """All that is said of one scan, besides what it is read as."""

    scale_from: str = "settings"
    """Who says the scale at which it is read."""
    top_from: str = "settings"
    """Who says the side from which it is read."""
    sidecar_scales: tuple[ScaleClaim, ...] = ()
    name_scales: tuple[ScaleClaim, ...] = ()
    tag_px_per_cm: Fraction | None = None
    """What the resolution tag says; ``None`` where it is missing or a constant of programs."""
    pixel_aspect: Fraction | None = None
    """Width over length of a pixel as the file says it; ``None`` where it does not."""
    lengths: tuple[LengthClaim, ...] = ()
    tops: tuple[TopClaim, ...] = ()
    upside_down: tuple[tuple[str, str], ...] = ()
    """Labels that say that the core lies the other way round: where, and the words."""


NO_CLAIMS = ScanClaims()
"""Nothing is said."""


def scales_in_name(name: str) -> Iterator[ScaleClaim]:
    """Yield the scales that a file's name says, such as ``GC01_98.4ppcm.tif``."""
    for found in _IN_NAME.finditer(name):
        number = exact_number(found[1])
        if number is not None and MIN_PX_PER_CM <= number <= MAX_PX_PER_CM:
            yield ScaleClaim("the file's name", number)


def upside_down_in(where: str, text: str) -> Iterator[tuple[str, str]]:
    """Yield the words of a label that say that the core lies head down."""
    found = _UPSIDE_DOWN.search(text)
    if found is not None:
        yield where, found[0]


def believable_tag(px_per_cm: Fraction) -> Fraction | None:
    """Return a resolution tag's scale; ``None`` where many programs write the same constant."""
    dpi = px_per_cm * Fraction(254, 100)
    is_constant = any(abs(dpi - constant) < Fraction(1, 2) for constant in CONSTANT_DPI)
    is_scale = MIN_TAG_PX_PER_CM <= px_per_cm <= MAX_PX_PER_CM
    return px_per_cm if is_scale and not is_constant else None
