"""The boosted colour model: trees on colour and texture of a tile, as a network among others."""
