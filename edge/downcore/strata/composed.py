"""A slice's composition as the record keeps it: groups, regions and a picture of the labels."""

from dataclasses import dataclass

from downcore.strata.regions.shapes import SliceRegions
from downcore.strata.unmixing.composition import Composition


@dataclass(frozen=True, slots=True)
class LabelTile:
    """The regions of a slice as a small picture, one pixel for several of the scan."""

    px_per_cm: float
    """Resolution of the picture, pixels per centimetre of core, along and across."""
    png: bytes
    """
    PNG, 8-bit RGB: a pixel's label is ``R + 256 G + 65536 B``, unique over the section; 0 is no
    sediment. The encoding is that of the COCO panoptic format.
    """


@dataclass(frozen=True, slots=True)
class ComposedSlice:
    """One slice's composition as the record keeps it."""

    index: int
    """Which slice."""
    top_um: int
    """Depth of its top below the section's top."""
    bottom_um: int
    """Depth of its bottom below the section's top."""
    composer_id: str
    """Identity of the table, settings and code that made it."""
    table: str
    """Name of the end-member table."""
    composition: Composition
    regions: SliceRegions | None
    """``None`` where regions were not looked for."""
    labels: LabelTile | None
    """``None`` where regions were not looked for."""
