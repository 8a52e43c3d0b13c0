"""How good predictions are: figures by slice, intervals by core, and what a network must beat."""
