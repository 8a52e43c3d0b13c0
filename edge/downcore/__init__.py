"""downcore: a live depth log from the line scans of a sediment core."""

__version__ = "0.1.0"
