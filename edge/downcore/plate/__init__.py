"""A plate: the picture of one section with its depth log beside it, as a core book prints it."""

from downcore.plate.sheet import draw_plate
from downcore.plate.values import GENERATOR_CAVEAT, SIMULATED_CAVEAT, PlateSection, PlateSlice

__all__ = ["GENERATOR_CAVEAT", "SIMULATED_CAVEAT", "PlateSection", "PlateSlice", "draw_plate"]
