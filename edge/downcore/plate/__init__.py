"""A plate: core sections with their depth log beside them, as a core book prints it."""

from downcore.plate.files import check_can_draw, draw_plate, is_earlier_plate
from downcore.plate.rows import PICTURE_ROWS, plate_slices, thumbnail
from downcore.plate.segmentation import classes_of_pictures
from downcore.plate.values import (
    COMPOSITION_CAVEAT,
    GENERATOR_CAVEAT,
    SIMULATED_CAVEAT,
    Plate,
    PlateEvidence,
    PlateFlag,
    PlateSection,
    PlateSlice,
)

__all__ = [
    "COMPOSITION_CAVEAT",
    "GENERATOR_CAVEAT",
    "PICTURE_ROWS",
    "SIMULATED_CAVEAT",
    "Plate",
    "PlateEvidence",
    "PlateFlag",
    "PlateSection",
    "PlateSlice",
    "check_can_draw",
    "classes_of_pictures",
    "draw_plate",
    "is_earlier_plate",
    "plate_slices",
    "thumbnail",
]
