"""The daemon: the only part that knows sources, pipeline, store and sinks together."""
