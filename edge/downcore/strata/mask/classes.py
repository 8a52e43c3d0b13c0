"""The mask classes, their names and their colours."""

import enum
from collections.abc import Mapping
from types import MappingProxyType


class MaskClass(enum.IntEnum):
    """Class of one pixel; everything but sediment is kept out of every value."""

    SEDIMENT = 0
    """Sediment or rock."""
    TRAY = 1
    """Tray, liner or bed."""
    VOID = 2
    """Void or open crack."""
    FOAM = 3
    """Foam or spacer."""
    TAG = 4
    """Tag, card, ruler, handwriting or pin."""
    GLARE = 5
    """Specular glare or over-exposure."""
    OUTSIDE = 6
    """Beside, before or after the core."""


CLASS_LABELS: Mapping[MaskClass, str] = MappingProxyType(
    {
        MaskClass.SEDIMENT: "sediment",
        MaskClass.TRAY: "tray or liner",
        MaskClass.VOID: "void or crack",
        MaskClass.FOAM: "foam or spacer",
        MaskClass.TAG: "tag, card or ruler",
        MaskClass.GLARE: "glare",
        MaskClass.OUTSIDE: "outside the core",
    }
)
"""Name of each class in a legend."""

MASK_PALETTE: Mapping[MaskClass, tuple[int, int, int]] = MappingProxyType(
    {
        MaskClass.SEDIMENT: (92, 58, 33),
        MaskClass.TRAY: (86, 180, 233),
        MaskClass.VOID: (0, 0, 0),
        MaskClass.FOAM: (240, 228, 66),
        MaskClass.TAG: (213, 94, 0),
        MaskClass.GLARE: (204, 121, 167),
        MaskClass.OUTSIDE: (0, 114, 178),
    }
)
"""
8-bit RGB of each class; sediment is dark brown.

The hues are those of Okabe and Ito (2008), Color Universal Design, which are distinct for all
common types of colour vision.
"""
