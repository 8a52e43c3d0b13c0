"""Carrying the record to others: topics and payloads, and the sinks that they go to."""

from downcore.publish.sink import Feed, RunningSink, Sink, SinkHealth, SinkSettings, Wake

__all__ = ["Feed", "RunningSink", "Sink", "SinkHealth", "SinkSettings", "Wake"]
