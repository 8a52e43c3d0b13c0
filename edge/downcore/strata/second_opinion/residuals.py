"""
How residuals of one core vary along its depth, learnt from the rows above.

A Gaussian process: a level of the core, a level of each section, a part that is correlated along
depth (exponential), and noise of single rows.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_RANGES_CM = (3.0, 8.0, 20.0)
_NOISE_SHARES = (0.1, 0.3, 0.6)
PRIOR_ROWS = 25.0
"""Weight of the intervals' width beside residuals of rows above, in rows."""
PRIOR_SECTIONS = 2.0
"""Weight of the assumption that a section's level takes up a quarter of the variance."""
_LEVEL_SHARE = 0.25
_MAX_ROWS = 80
_MAX_SECTIONS = 8
_LEAST_SECTION = 8
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


@dataclass(frozen=True, slots=True, eq=False)
class SectionResiduals:
    """Residuals of a section that nothing was flagged of, in order of depth."""

    depth_cm: Values
    residual: Values


def prior_model(total_sd: float) -> ResidualModel:
    """Return what is assumed where nothing is known but the width of the intervals."""
    within = math.sqrt(1.0 - _LEVEL_SHARE) * total_sd
    return ResidualModel(0.0, math.sqrt(_LEVEL_SHARE) * total_sd, within, 8.0, 0.3)


def fit_residuals(above: Sequence[SectionResiduals], total_sd: float) -> ResidualModel:
    """
    Return the model of residuals after the sections above.

    Parameters
    ----------
    above : sequence of SectionResiduals
        The sections above; the last 8 count.
    total_sd : float
        Standard deviation that the prediction's intervals claim; above 0.
    """
    prior = prior_model(total_sd)
    known = [_thinned(one) for one in above[-_MAX_SECTIONS:] if one.residual.size >= _LEAST_SECTION]
    if not known:
        return prior
    best: tuple[float, float, float, float] | None = None
    for range_cm in _RANGES_CM:
        for noise in _NOISE_SHARES:
            loss, power = _profile_likelihood(known, range_cm, noise, prior.sd)
            if best is None or loss < best[0]:
                best = (loss, power, range_cm, noise)
    assert best is not None  # noqa: S101 - the grid is not empty
    _, power, range_cm, noise = best
    means = np.array([float(np.median(one.residual)) for one in known])
    mean = float(means.mean()) * means.size / (means.size + 1.0)
    squares = float(((means - mean) ** 2).sum())
    level = math.sqrt((PRIOR_SECTIONS * prior.level_sd**2 + squares) / (PRIOR_SECTIONS + means.size))
    return ResidualModel(mean, level, math.sqrt(power), range_cm, noise)


def _thinned(one: SectionResiduals) -> SectionResiduals:
    step = -(-one.residual.size // _MAX_ROWS)
    centre = float(np.median(one.residual))
    spread = 1.4826 * float(np.median(np.abs(one.residual - centre))) or 1e-12
    clipped = np.clip(one.residual, centre - 4.0 * spread, centre + 4.0 * spread)
    return SectionResiduals(one.depth_cm[::step], clipped[::step])


def _profile_likelihood(
    known: Sequence[SectionResiduals], range_cm: float, noise: float, prior_sd: float
) -> tuple[float, float]:
    """Return twice the negative log likelihood at the best variance, and that variance."""
    log_det, squares, n = 0.0, PRIOR_ROWS * prior_sd**2, PRIOR_ROWS
    unit = ResidualModel(0.0, 1.0, 1.0, range_cm, noise)
    for one in known:
        same = np.zeros(one.residual.size, np.int64)
        root = np.linalg.cholesky(unit.covariance(one.depth_cm, same))
        white = np.linalg.solve(root, one.residual - float(np.median(one.residual)))
        log_det += 2.0 * float(np.log(np.diag(root)).sum())
        squares += float(white @ white)
        n += one.residual.size
    power = squares / n
    return n * math.log(power) + log_det, power
