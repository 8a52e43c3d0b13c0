"""
Ways of writing a section: one module each, found by looking in this package.

To add one, put a module here that defines ``WAY``; the command line and the tests find it.
"""

import importlib
import pkgutil
from functools import cache

from downcore.simulator.writing import WayOfWriting

__all__ = ["ways"]


@cache
def _ways() -> tuple[WayOfWriting, ...]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(importlib.import_module(f"{__name__}.{name}").WAY for name in names)


def ways() -> dict[str, WayOfWriting]:
    """Return every way of writing in this package, by name."""
    return {way.name: way for way in _ways()}
