"""What a pixel of a scan can be."""

import enum


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
