"""
Carrying the record to others: topics and payloads, and the sinks.

To add a sink, put a module here that defines ``SINK``; the contract tests do the rest.
"""

import importlib
import pkgutil

from downcore.publish.sink import Feed, RunningSink, Sink, SinkHealth, Wake

__all__ = ["Feed", "RunningSink", "Sink", "SinkHealth", "Wake", "sinks"]


def sinks() -> dict[str, Sink]:
    """Return every sink in this package, by name."""
    found: dict[str, Sink] = {}
    for module in pkgutil.iter_modules(__path__):
        one = getattr(importlib.import_module(f"{__name__}.{module.name}"), "SINK", None)
        if isinstance(one, Sink):
            found[one.name] = one
    return found
