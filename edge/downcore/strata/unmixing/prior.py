"""What solids are made of before a slice is looked at."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from downcore.strata.unmixing.observations import MS, RED

POROSITY = (0.5, 0.25)
"""Mean and standard deviation of pores' share where nothing says more, as assumed."""

FEWEST_SLICES = 3
"""Slices of known composition that a prior can be made of."""

_MIN_SD = 0.01
"""Standard deviation of a member's share below which no prior claims to know it."""

_RIDGES = (1.0, 3.0, 10.0, 30.0, 100.0, 1000.0)
"""Strengths that are tried against slopes of standardised observations."""

_MIN_MEAN = 1e-3
"""Share that no prior's mean is below."""

_MIN_MS = 1.0
"""1e-5 SI, about a logger's noise; below it the logarithm says nothing."""

_KEPT = 0.9
"""Of what calibration slices say of shares moving together; the rest is shrunk away."""


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """Porosity and shares of the solids that are expected, and how sure that is."""

    mean: NDArray[np.float64]
    """Porosity, then shares that sum to 1; shape (k + 1,), or (n_slices, k + 1) with depth."""
    covariance: NDArray[np.float64]
    """Of porosity and shares, shape (k + 1, k + 1), positive definite."""
    strength: float = 1.0
    """Times which the prior counts: the ridge; above 0."""

    def __post_init__(self) -> None:
        size = self.covariance.shape[0]
        if self.covariance.shape != (size, size) or self.mean.shape[-1] != size:
            raise ValueError(
                f"expected a covariance of (k + 1, k + 1) and k + 1 means, got "
                f"{self.covariance.shape} and {self.mean.shape}"
            )
        shares = self.mean[..., 1:]
        if not np.allclose(shares.sum(axis=-1), 1.0) or (self.mean < 0.0).any():
            raise ValueError("expected mean shares of 0 or more that sum to 1")
        if not self.strength > 0.0:
            raise ValueError(f"expected a strength above 0, got {self.strength}")

    @classmethod
    def uniform(cls, n_members: int) -> Self:
        """Return the prior of one who knows no more than the members: all alike, any mixture."""
        # Variance of a flat Dirichlet distribution, as if members varied one by one.
        k = n_members
        variance = np.full(k + 1, (k - 1.0) / (k * k * (k + 1.0)))
        variance[0] = POROSITY[1] ** 2
        return cls(np.array([POROSITY[0], *np.full(k, 1.0 / k)]), np.diag(variance))

    @classmethod
    def of_slices(cls, shares: NDArray[np.float64], porosity: NDArray[np.float64]) -> Self:
        """
        Return the prior that slices of known composition support.

        Parameters
        ----------
        shares : ndarray, shape (m, k)
            Shares of the solids of slices of the same core; rows sum to 1.
        porosity : ndarray, shape (m,)
            Their porosity; where it is NaN, the mean of the others.

        Raises
        ------
        ValueError
            If fewer than 3 slices are known.
        """
        m = len(shares)
        if m < FEWEST_SLICES:
            raise ValueError(
                f"expected {FEWEST_SLICES} slices of known composition or more, got {m}"
            )
        known = np.isfinite(porosity)
        middle = float(porosity[known].mean()) if known.any() else POROSITY[0]
        together = np.column_stack([np.where(known, porosity, middle), shares])
        mean = together.mean(axis=0)
        covariance = _shrunk(together - mean, m)
        if not known.any():
            covariance[0, 0] = POROSITY[1] ** 2
        mean[1:] /= mean[1:].sum()
        return cls(mean, covariance)

    def towards(self, mean: NDArray[np.float64], strength: float) -> Self:
        """Return the prior about another mean, counting ``strength`` times."""
        return replace(self, mean=mean, strength=strength)

    @property
    def precision(self) -> NDArray[np.float64]:
        """Inverse of the covariance times the strength, shape (k + 1, k + 1)."""
        inverse = self.strength * np.linalg.inv(self.covariance)
        symmetric: NDArray[np.float64] = np.asarray((inverse + inverse.T) / 2.0, np.float64)
        return symmetric


@dataclass(frozen=True, slots=True, eq=False)
class LearnedPrior:
    """A prior whose mean follows what was observed, as slices of known composition teach it."""

    base: Prior
    """Without a look at the slice."""
    covariance: NDArray[np.float64]
    """Of what the mean is wrong by, shape (k + 1, k + 1); of slices left out in turn."""
    centre: NDArray[np.float64]
    """Of the observations, as :func:`features` gives them, shape (6,)."""
    scale: NDArray[np.float64]
    """Their standard deviations, shape (6,)."""
    slope: NDArray[np.float64]
    """Change of porosity and shares with a standardised observation, shape (6, k + 1)."""

    def of(self, observed: NDArray[np.float64], strength: float) -> Prior:
        """Return the prior of slices with these features, shape (n, 6), NaN where unknown."""
        away = np.nan_to_num((observed - self.centre) / self.scale)
        mean = np.maximum(self.base.mean + away @ self.slope, _MIN_MEAN)
        mean[:, 0] = np.minimum(mean[:, 0], 1.0 - _MIN_MEAN)
        mean[:, 1:] /= mean[:, 1:].sum(axis=1, keepdims=True)
        return Prior(mean, self.covariance, strength)


def learn_prior(
    observed: NDArray[np.float64], shares: NDArray[np.float64], porosity: NDArray[np.float64]
) -> LearnedPrior:
    """
    Return the prior that slices of known composition teach, by ridge regression.

    How strongly slopes are held back is what predicts a slice best from the others.

    Parameters
    ----------
    observed : ndarray, shape (m, 6)
        Features of the slices; NaN where unknown.
    shares : ndarray, shape (m, k)
        Their solids' shares; rows sum to 1.
    porosity : ndarray, shape (m,)
        Their porosity, NaN where unknown.

    Raises
    ------
    ValueError
        If fewer than 3 slices are known.
    """
    base = Prior.of_slices(shares, porosity)
    m = len(shares)
    away = np.column_stack([np.where(np.isfinite(porosity), porosity, base.mean[0]), shares])
    away = away - base.mean
    known = np.isfinite(observed)
    count = np.maximum(known.sum(axis=0), 1)
    centre = np.where(known, observed, 0.0).sum(axis=0) / count
    from_centre = np.where(known, observed - centre, 0.0)
    spread = np.sqrt((from_centre**2).sum(axis=0) / count)
    scale: NDArray[np.float64] = np.where(spread > 0.0, spread, 1.0)
    x = from_centre / scale
    best = (np.inf, np.zeros((x.shape[1], away.shape[1])), away)
    for ridge in _RIDGES:
        inverse = np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T)
        hat = x @ inverse + 1.0 / m
        left_out = (away - (hat - 1.0 / m) @ away) / (1.0 - np.diag(hat))[:, None]
        error = float((left_out**2).sum())
        if error < best[0]:
            best = (error, inverse @ away, left_out)
    return LearnedPrior(base, _shrunk(best[2], m), centre, scale, best[1])


def features(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return observations, shape (n, 6), as a regression sees them: ms and channels in logs."""
    seen = value.copy()
    seen[:, MS] = np.log(np.maximum(value[:, MS], _MIN_MS))
    seen[:, RED:] = np.log(value[:, RED:])
    return seen


def _shrunk(away: NDArray[np.float64], m: int) -> NDArray[np.float64]:
    """Return a covariance about 0 whose correlations count as far as slices support them."""
    seen = away.T @ away / (m - 1)
    spread = np.maximum(np.diag(seen), _MIN_SD**2)
    kept = _KEPT * (m - 1) / (m - 1 + (away.shape[1] - 1) / 2)
    shrunk: NDArray[np.float64] = kept * seen + np.diag(spread - kept * np.diag(seen))
    return shrunk


def local_mean(
    first: NDArray[np.float64], overall: NDArray[np.float64], *, reach_slices: float, trust: float
) -> NDArray[np.float64]:
    """
    Return a mean for each slice from a first look at its neighbours, shape (n, k + 1).

    Parameters
    ----------
    first : ndarray, shape (n, k + 1)
        Porosity and shares of a first solution, in order of depth; rows of NaN count for nothing.
    overall : ndarray, shape (k + 1,)
        Mean of the core.
    reach_slices : float
        Standard deviation of the window, in slices; above 0.
    trust : float
        Share of the local mean, 0 to 1; the rest is the overall one. It is less where few
        neighbours are known.
    """
    half = max(int(np.ceil(3.0 * reach_slices)), 1)
    window = np.exp(-0.5 * (np.arange(-half, half + 1) / reach_slices) ** 2)
    known = np.asarray(np.isfinite(first).all(axis=1), bool)
    filled = np.where(known[:, None], first, 0.0)
    weight = np.convolve(known.astype(float), window)[half:-half]
    sums = np.stack([np.convolve(column, window)[half:-half] for column in filled.T], axis=1)
    means = sums / np.maximum(weight, 1e-300)[:, None]
    own = trust * np.minimum(weight / window.sum(), 1.0)[:, None]
    mixed: NDArray[np.float64] = (
        own * np.where(weight[:, None] > 0.0, means, overall) + (1.0 - own) * overall
    )
    return mixed
