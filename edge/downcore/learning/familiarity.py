"""
Familiarity: how unlike the training cores features are.

Directions in which training features vary count in units of their spread; all others share one
small spread, as in probabilistic principal components. Source: Lee et al. (2018), A simple
unified framework for detecting out-of-distribution samples (distance in features); Tipping and
Bishop (1999), Probabilistic principal component analysis (the covariance).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FALSE_ABSTAIN_SHARE = 0.01
"""Share of the slices of validation cores that the threshold abstains from."""

MAX_DIRECTIONS = 64
"""Largest number of directions with a spread of their own."""

_KEPT_SHARE = 0.98
"""Share of the variance of training features that these directions hold, if so many do."""

_MIN_SPREAD = 1e-3
"""Smallest variance of a direction, as a share of the mean; for features that are always 0."""


@dataclass(frozen=True, slots=True, eq=False)
class Familiar:
    """Mean and covariance of features, fitted to those of training tiles."""

    centre: NDArray[np.float32]
    """Mean, shape (k,)."""
    directions: NDArray[np.float32]
    """Orthonormal columns, shape (k, r)."""
    weights: NDArray[np.float32]
    """Weight of a squared step along each direction, shape (r,)."""
    rest_weight: float
    """Weight of a squared step orthogonal to all of them."""
    n_tiles: int
    """Tiles that it was fitted to."""


def fit_familiar(features: NDArray[np.floating]) -> Familiar:
    """
    Return the mean and the shrunk covariance of ``features``, shape (n_tiles, k).

    Raises
    ------
    ValueError
        If there are fewer than two tiles, or a feature is not a finite number.
    """
    n, k = features.shape
    if n < 2 or not np.isfinite(features).all():  # noqa: PLR2004 - no spread of one tile
        raise ValueError(f"expected finite features of 2 tiles or more, got {n} of {k}")
    wide = features.astype(np.float64)
    centre = wide.mean(axis=0)
    variances, vectors = np.linalg.eigh((wide - centre).T @ (wide - centre) / n)
    variances, vectors = variances[::-1].clip(0), vectors[:, ::-1]
    floor = max(_MIN_SPREAD * variances.mean(), np.finfo(np.float32).tiny)
    held = np.cumsum(variances) / max(variances.sum(), floor)
    r = min(int(np.searchsorted(held, _KEPT_SHARE)) + 1, MAX_DIRECTIONS, k)
    rest = max(float(variances[r:].mean()) if r < k else 0.0, floor)
    return Familiar(
        centre=centre.astype(np.float32),
        directions=np.ascontiguousarray(vectors[:, :r]).astype(np.float32),
        weights=(1 / (k * np.maximum(variances[:r], floor))).astype(np.float32),
        rest_weight=float(1 / (k * rest)),
        n_tiles=n,
    )


def novelty_of(familiar: Familiar, features: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the novelty of features (n, k), shape (n,): about 1 for those like the training's."""
    step = features.astype(np.float64) - familiar.centre
    along = step @ familiar.directions.astype(np.float64)
    across = step - along @ familiar.directions.T.astype(np.float64)
    near = (along**2 * familiar.weights).sum(axis=1)
    out: NDArray[np.float64] = near + familiar.rest_weight * (across**2).sum(axis=1)
    return out


def threshold_for(
    novelty: NDArray[np.floating], *, false_abstain_share: float = FALSE_ABSTAIN_SHARE
) -> float:
    """
    Return the threshold exceeded by the given share of slices like ``novelty`` (n,).

    The split-conformal quantile: of a further slice of the same kind, the chance to lie above
    is at most the share. With too few slices for that, the greatest novelty.

    Raises
    ------
    ValueError
        If there is no slice, or one has no finite novelty.
    """
    if not novelty.size or not np.isfinite(novelty).all():
        raise ValueError(f"expected finite novelties of slices, got {novelty.size}")
    ordered = np.sort(novelty.astype(np.float64))
    rank = int(np.ceil((1 - false_abstain_share) * (ordered.size + 1)))
    return float(ordered[min(rank, ordered.size) - 1])
