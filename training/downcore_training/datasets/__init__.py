"""Training data: tiles with the properties of their slice, by core."""

from downcore_training.datasets._tile_set import CoreSets, CoreTiles, TileSet

__all__ = ["CoreSets", "CoreTiles", "TileSet"]
