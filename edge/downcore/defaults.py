"""Defaults that the settings and the stages they reach share, so that each is said once."""

MAX_PIXELS = 600_000_000
"""Pixels of the largest image; 10 m of core at 200 px/cm and 1,400 px across has 280 million."""

TILES_PER_SLICE = 8
"""Most 1 cm tiles taken across one slice."""
