"""
Ways of writing a section: one module each, found by looking in this package.

To add one, put a module here that defines ``WAY``; the command line and the tests find it.
"""

import importlib
import pkgutil
from functools import cache

from downcore.simulator.writing import WritePattern

__all__ = ["write_patterns"]


@cache
def _write_patterns() -> tuple[WritePattern, ...]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(importlib.import_module(f"{__name__}.{name}").PATTERN for name in names)


def write_patterns() -> dict[str, WritePattern]:
    """Return every way of writing in this package, by name."""
    return {pattern.name: pattern for pattern in _write_patterns()}
