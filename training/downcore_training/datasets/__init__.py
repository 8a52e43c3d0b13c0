"""What networks learn from: tiles with the properties of their slice, core by core."""

from downcore_training.datasets._tile_set import CoreSets, CoreTiles, TileSet

__all__ = ["CoreSets", "CoreTiles", "TileSet"]
