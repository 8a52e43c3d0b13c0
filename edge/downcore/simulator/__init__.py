"""Cores that never were: a generator of sediment core halves, and what plays them as a scanner."""
