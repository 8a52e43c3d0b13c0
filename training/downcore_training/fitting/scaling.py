"""Scaling between physical units and the space of networks' outputs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.properties import PROPERTIES


@dataclass(frozen=True, slots=True, eq=False)
class TargetScaling:
    """``scaled = (value - centre) / spread``, of log10 of the value where it is log scaled."""

    centre: NDArray[np.float64]
    """Shape (3,), in the order of PROPERTIES; units of the property, log10 for ``ms``."""
    spread: NDArray[np.float64]
    """Shape (3,), same units; above 0."""

    def scaled(self, labels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return labels (n, 3) in scaled space; NaN stays NaN."""
        return (labels - self.centre) / self.spread

    def unscaled(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return scaled values (n, 3) in the property's unit, log10 for ``ms``."""
        return values * self.spread + self.centre


def fit_scaling(labels: NDArray[np.float64]) -> TargetScaling:
    """
    Return the scaling by mean and standard deviation of ``labels``.

    A property without any label has the centre 0 and the spread 1, which nothing uses.

    Parameters
    ----------
    labels : ndarray, shape (n, 3)
        Of the training cores only; NaN is left out.

    Raises
    ------
    ValueError
        If there is no label, or a property has some, but no two different ones.
    """
    centre, spread = np.zeros(len(PROPERTIES)), np.ones(len(PROPERTIES))
    if not np.isfinite(labels).any():
        raise ValueError("expected labels of at least one property, got none")
    for i, prop in enumerate(PROPERTIES):
        known = labels[np.isfinite(labels[:, i]), i]
        if not known.size:
            continue
        # The rounding error of equal numbers does not count as spread.
        if known.size < 2 or known.std() <= 1e-9 * max(1.0, abs(known.mean())):  # noqa: PLR2004
            raise ValueError(
                f"expected two different labels of {prop.name}, got {known.size} alike"
            )
        centre[i], spread[i] = known.mean(), known.std()
    return TargetScaling(centre, spread)
