"""Carrying the record to others: topics and payloads, and the sinks that they go to."""

from downcore.publish.sink import Address, Feed, RunningSink, Sink, SinkHealth, SinkSettings, Wake

__all__ = ["Address", "Feed", "RunningSink", "Sink", "SinkHealth", "SinkSettings", "Wake"]
