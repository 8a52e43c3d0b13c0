"""
Patterns in which scanners write a section: one module each, found by looking in this package.

To add one, put a module here that defines ``PATTERN``; the command line and the tests find it.
"""

from functools import cache

from downcore.discovery import values_in
from downcore.simulator.writing import WritePattern

__all__ = ["write_patterns"]


@cache
def write_patterns() -> dict[str, WritePattern]:
    """Return every write pattern in this package, by name."""
    return {pattern.name: pattern for pattern in values_in(__name__, "PATTERN", WritePattern)}
