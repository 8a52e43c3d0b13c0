"""Fewer points than rows, with the lowest and the highest value of each step of depth kept."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Step:
    """Rows that are drawn as one."""

    first: int
    """Number of the first row."""
    stop: int
    """Number of the row after the last."""
    lowest: float | None
    """``None`` where no row has a value."""
    highest: float | None


def steps(values: Sequence[float | None], n_steps: int) -> list[Step]:
    """
    Return rows in at most ``n_steps`` steps of nearly equal size, all of them if they are fewer.

    Parameters
    ----------
    values : sequence of float or None
        One for each row; ``None`` for no value.
    n_steps : int
        1 or more.

    Raises
    ------
    ValueError
        If ``n_steps`` is below 1.

    Examples
    --------
    >>> [(s.lowest, s.highest) for s in steps([1.0, None, 3.0, 2.0], 2)]
    [(1.0, 1.0), (2.0, 3.0)]
    """
    if n_steps < 1:
        raise ValueError(f"expected 1 step or more, got {n_steps}")
    n = len(values)
    if not n:
        return []
    n_steps = min(n_steps, n)
    edges = [i * n // n_steps for i in range(n_steps + 1)]
    known = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    lows = np.fmin.reduceat(known, edges[:-1])
    highs = np.fmax.reduceat(known, edges[:-1])
    return [
        Step(
            first,
            stop,
            None if np.isnan(low) else float(low),
            None if np.isnan(high) else float(high),
        )
        for first, stop, low, high in zip(edges[:-1], edges[1:], lows, highs, strict=True)
    ]
