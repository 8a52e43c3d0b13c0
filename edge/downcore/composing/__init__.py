"""Composition of a section while it is scanned: regions from its pixels, groups from its rows."""

from downcore.composing.composer import SectionComposer
from downcore.composing.config import CompositionConfig

__all__ = ["CompositionConfig", "SectionComposer"]
