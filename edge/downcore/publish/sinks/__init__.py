"""
Sinks: one module each, found by looking in this package.

To add one, put a module here that defines ``SINK``; its settings are a section of the settings
file, the daemon opens it where they say ``enabled``, and the contract tests run over it. Modules
whose name starts with an underscore are parts of sinks. The settings of the device read every
sink's module, so one that needs a slow library imports it when it is opened.
"""

from functools import cache

from downcore.discovery import values_in
from downcore.publish.sink import Sink


@cache
def sinks() -> dict[str, Sink]:
    """Return every sink in this package, by name."""
    return {sink.name: sink for sink in values_in(__name__, "SINK", Sink)}
