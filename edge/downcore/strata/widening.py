"""How much wider the intervals are of slices that are nearly unlike the training cores."""

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Widening:
    """
    A factor of the interval that grows with the novelty, in a straight line up to the limit.

    Errors grow before a bundle abstains; intervals that do not know are too wide for most slices
    and too narrow for the least familiar ones.
    """

    begins_at: float
    """Novelty up to which an interval is as wide as its factor and floor say; 0 or more."""
    at_limit: Mapping[str, float]
    """Factor at the novelty limit, by property; 1 or more, and 1 for a property that it lacks."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.begins_at < math.inf:
            raise ValueError(
                f"expected intervals to widen from a novelty >= 0, got {self.begins_at}"
            )
        for name, factor in self.at_limit.items():
            if not 1.0 <= factor < math.inf:
                raise ValueError(f"expected a factor >= 1 for {name}, got {factor}")

    def factor(self, name: str, novelty: float, limit: float) -> float:
        """
        Return the factor of the half width of an interval.

        Parameters
        ----------
        name : str
            Of the property.
        novelty : float
            Of the slice; beyond the limit the factor grows no more.
        limit : float
            The bundle's novelty threshold, above ``begins_at``.
        """
        share = min(max((novelty - self.begins_at) / (limit - self.begins_at), 0.0), 1.0)
        return 1.0 + (self.at_limit.get(name, 1.0) - 1.0) * share
