"""
How residuals of one core vary along its depth, learnt from the rows above.

A Gaussian process: a level of the core, a level of each section, a part that is correlated along
depth (exponential), and noise of single rows.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_SHAPES = tuple((range_cm, noise) for range_cm in (3.0, 8.0, 20.0) for noise in (0.1, 0.3, 0.6))
"""Ranges and shares of noise that are tried."""
PRIOR_ROWS = 25.0
"""Weight of the intervals' width beside residuals of rows above, in rows."""
PRIOR_SECTIONS = 2.0
"""Weight of the assumption that a section's level takes up a quarter of the variance."""
_LEVEL_SHARE = 0.25
_MAX_ROWS = 80
_MAX_SECTIONS = 8
LEAST_ROWS = 8
"""Rows below which a section says nothing of levels and ranges."""


@dataclass(frozen=True, slots=True)
class ResidualModel:
    """Covariance of residuals of one property."""

    mean: float
    """Level of the core."""
    level_sd: float
    """Between sections."""
    sd: float
    """Inside a section; above 0."""
    range_cm: float
    """Over which the correlation falls to 1/e."""
    noise_share: float
    """Of the variance inside a section, that of single rows."""

    def covariance(self, depth_cm: Values, section: NDArray[np.int64]) -> Values:
        """Return the covariance of rows, shape (n, n)."""
        apart = np.abs(depth_cm[:, None] - depth_cm[None, :])
        smooth = (1.0 - self.noise_share) * np.exp(-apart / self.range_cm)
        inside = self.sd**2 * (smooth + self.noise_share * (apart == 0.0))
        same = section[:, None] == section[None, :]
        found: Values = inside + self.level_sd**2 * np.where(same, 1.0, 0.5)
        return found


@dataclass(frozen=True, eq=False)
class SectionResiduals:
    """Residuals of a section that nothing was flagged of, in order of depth."""

    depth_cm: Values
    residual: Values

    @cached_property
    def level(self) -> float:
        """Median."""
        return float(np.median(self.residual))

    @cached_property
    def fits(self) -> Values:
        """
        How well each shape of the covariance fits, shape (n_shapes, 3).

        Log determinant, sum of squares of the whitened residuals, and number of rows, for a
        variance of 1.
        """
        rows = _thinned(self)
        same = np.zeros(rows.residual.size, np.int64)
        found = []
        for range_cm, noise in _SHAPES:
            unit = ResidualModel(0.0, 1.0, 1.0, range_cm, noise)
            root = np.linalg.cholesky(unit.covariance(rows.depth_cm, same))
            white = np.linalg.solve(root, rows.residual - self.level)
            log_det = 2.0 * float(np.log(np.diag(root)).sum())
            found.append((log_det, float(white @ white), float(rows.residual.size)))
        return np.array(found)


def prior_model(total_sd: float) -> ResidualModel:
    """Return what is assumed where nothing is known but the width of the intervals."""
    within = math.sqrt(1.0 - _LEVEL_SHARE) * total_sd
    return ResidualModel(0.0, math.sqrt(_LEVEL_SHARE) * total_sd, within, 8.0, 0.3)


def fit_residuals(
    above: Sequence[SectionResiduals],
    total_sd: float,
    so_far: SectionResiduals | None = None,
) -> ResidualModel:
    """
    Return the model of residuals after the rows above.

    Parameters
    ----------
    above : sequence of SectionResiduals
        The sections above; the last 8 count.
    total_sd : float
        Standard deviation that the prediction's intervals claim; above 0.
    so_far : SectionResiduals or None
        The rows of the section itself; its level is not known yet.
    """
    prior = prior_model(total_sd)
    known = [one for one in above[-_MAX_SECTIONS:] if one.residual.size >= LEAST_ROWS]
    rows = known if so_far is None or so_far.residual.size < LEAST_ROWS else [*known, so_far]
    if not rows:
        return prior
    log_det, squares, n_rows = np.sum([one.fits for one in rows], axis=0).T
    least = 1e-12 * prior.sd**2
    own = np.maximum(squares / n_rows, least)
    best = int(np.argmin(n_rows * np.log(own) + log_det))
    range_cm, noise = _SHAPES[best]
    power = float(squares[best] + PRIOR_ROWS * prior.sd**2) / float(n_rows[best] + PRIOR_ROWS)
    means = np.array([one.level for one in known])
    mean = float(means.sum()) / (means.size + 1.0)
    spread = float(((means - mean) ** 2).sum()) + PRIOR_SECTIONS * prior.level_sd**2
    level = math.sqrt(spread / (PRIOR_SECTIONS + means.size))
    return ResidualModel(mean, level, math.sqrt(power), range_cm, noise)


def _thinned(one: SectionResiduals) -> SectionResiduals:
    step = -(-one.residual.size // _MAX_ROWS)
    spread = 1.4826 * float(np.median(np.abs(one.residual - one.level)))
    clipped = np.clip(one.residual, one.level - 4.0 * spread, one.level + 4.0 * spread)
    return SectionResiduals(one.depth_cm[::step], clipped[::step])
