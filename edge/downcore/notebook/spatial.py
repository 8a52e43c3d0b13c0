"""How far along the core a quantity remembers itself: correlation length and Moran's I."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from downcore.notebook.tables import needed

MIN_VALUES = 20
"""Values without which no correlation length is estimated."""

_PERMUTATIONS = 999
_GRID = 24
"""Lengths at which the likelihood is computed before its maximum is sought between them."""
_NUGGET_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class CorrelationLength:
    """
    How a quantity is correlated along the core.

    Examples
    --------
    >>> import numpy as np
    >>> depth_cm = np.arange(100) + 0.5
    >>> found = downcore.correlation_length(depth_cm, np.sin(depth_cm / 8))
    >>> found.n_values, found.moran_i > 0.9
    (100, True)
    """

    length_cm: float
    """Distance over which the correlation falls to 1/e, by restricted maximum likelihood."""
    lower_cm: float
    """Lower end of the interval; 0 where the values may as well be uncorrelated."""
    upper_cm: float
    """Upper end of the interval; infinite where the core is too short to bound it."""
    confidence: float
    """Of the interval, such as 0.9."""
    nugget: float
    """Share of the variance that is not correlated at all, 0 to 1: noise, or finer than a slice."""
    sd: float
    """Standard deviation, correlated and not, in the unit of the values."""
    moran_i: float
    """Moran's I of neighbours: 1 for smooth, about 0 for no correlation, -1 for alternating."""
    moran_p: float
    """Chance of so high an I without any correlation, by permutation."""
    n_values: int
    """Values that were used: finite ones."""


def correlation_length(
    depth_cm: ArrayLike, values: ArrayLike, *, confidence: float = 0.9
) -> CorrelationLength:
    """
    Return over which distance a quantity is correlated along the core, with an interval.

    The model is a constant mean, a part with correlation ``exp(-distance / length)``, and an
    uncorrelated part, the nugget. Depths need not be even, and gaps are no difficulty: values that
    are NaN are left out. The interval is that of the profile likelihood. Samples closer together
    than about the length say little new; samples further apart miss beds.

    Parameters
    ----------
    depth_cm : array-like, shape (n,)
        Depths, all different.
    values : array-like, shape (n,)
        Values there, such as L*, density or a fraction; NaN where there is none.
    confidence : float, default 0.9
        Of the interval, between 0 and 1.

    Raises
    ------
    ValueError
        If shapes differ, depths repeat, fewer than :data:`MIN_VALUES` values are finite, or all
        are equal.
    ModuleNotFoundError
        If scipy is not installed; says with which command it can be.

    Notes
    -----
    Restricted likelihood: Patterson and Thompson (1971), doi:10.1093/biomet/58.3.545.
    Moran (1950), doi:10.1093/biomet/37.1-2.17.

    Examples
    --------
    >>> data = downcore.open("downcore.db")["GC01_01"].to_xarray()
    >>> downcore.correlation_length(data.depth.values, data["L*"].values)
    Traceback (most recent call last):
    ...
    ValueError: expected 20 finite values or more, got 4
    """
    depth, value = _usable(depth_cm, values)
    scipy = needed("scipy")
    likelihood = _Likelihood(depth, value, scipy)
    spacing, span = float(np.diff(depth).min()), float(np.ptp(depth))
    grid = np.geomspace(spacing / 4.0, 10.0 * span, _GRID)
    heights = [likelihood.at(length)[0] for length in grid.tolist()]
    best = int(np.argmax(heights))
    bounds = np.log(grid[[max(best - 1, 0), min(best + 1, _GRID - 1)]])
    peak = scipy.optimize.minimize_scalar(
        lambda log: -likelihood.at(float(np.exp(log)))[0], bounds=bounds, method="bounded"
    )
    length = float(np.exp(peak.x))
    highest, nugget, sd = likelihood.at(length)
    # A flat likelihood may be higher on the grid than where the search ended.
    least = max(highest, *heights) - 0.5 * scipy.stats.chi2.ppf(confidence, 1)
    below, above = grid < length, grid > length
    lower = _crossing(likelihood, (length, grid[below][::-1]), least, scipy)
    upper = _crossing(likelihood, (length, grid[above]), least, scipy)
    moran_i, moran_p = _moran(depth, value, scipy)
    return CorrelationLength(
        length_cm=length,
        lower_cm=0.0 if lower is None else lower,
        upper_cm=float("inf") if upper is None else upper,
        confidence=confidence,
        nugget=nugget,
        sd=sd,
        moran_i=moran_i,
        moran_p=moran_p,
        n_values=value.size,
    )


def _usable(
    depth_cm: ArrayLike, values: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    depth, value = np.asarray(depth_cm, np.float64), np.asarray(values, np.float64)
    if depth.ndim != 1 or depth.shape != value.shape:
        raise ValueError(
            f"expected a depth for each value, got shapes {depth.shape} and {value.shape}"
        )
    kept = np.isfinite(depth) & np.isfinite(value)
    order = np.argsort(depth[kept], kind="stable")
    depth, value = depth[kept][order], value[kept][order]
    if value.size < MIN_VALUES:
        raise ValueError(f"expected {MIN_VALUES} finite values or more, got {value.size}")
    if np.unique(depth).size < depth.size:
        raise ValueError("expected one value at each depth, got several: choose one property")
    if np.ptp(value) == 0.0:
        raise ValueError(f"expected values that differ, got {value[0]:g} everywhere")
    return depth, value


class _Likelihood:
    """The restricted log likelihood of a correlation length, with the best nugget for it."""

    def __init__(self, depth: NDArray[np.float64], value: NDArray[np.float64], scipy: Any) -> None:
        self._apart = np.abs(depth[:, None] - depth[None, :])
        self._scale = float(value.std())
        self._value = (value - value.mean()) / self._scale
        self._scipy = scipy
        self._known: dict[float, tuple[float, float, float]] = {}

    def at(self, length: float) -> tuple[float, float, float]:
        """Return the log likelihood, the nugget and the standard deviation."""
        if length not in self._known:
            correlation = np.exp(-self._apart / length)
            power, vectors = self._scipy.linalg.eigh(correlation, check_finite=False)
            turned = vectors.T @ np.stack([np.ones_like(self._value), self._value], axis=1)
            found = self._scipy.optimize.minimize_scalar(
                lambda nugget: -self._of(nugget, power, turned)[0], bounds=(0.0, 1.0),
                method="bounded", options={"xatol": _NUGGET_TOLERANCE},
            )  # fmt: skip
            ends = [float(found.x), 1e-6, 1.0]
            nugget = max(ends, key=lambda one: self._of(one, power, turned)[0])
            height, sd = self._of(nugget, power, turned)
            self._known[length] = (height, nugget, sd * self._scale)
        return self._known[length]

    def _of(
        self, nugget: float, power: NDArray[np.float64], turned: NDArray[np.float64]
    ) -> tuple[float, float]:
        variance = np.maximum((1.0 - nugget) * power + nugget, 1e-10)
        one, value = turned.T
        weight = float((one**2 / variance).sum())
        mean = float((one * value / variance).sum()) / weight
        n_free = value.size - 1
        sill = float(((value - mean * one) ** 2 / variance).sum()) / n_free
        height = -0.5 * (n_free * np.log(sill) + np.log(variance).sum() + np.log(weight))
        return float(height), float(np.sqrt(sill))


def _crossing(
    likelihood: _Likelihood,
    beyond: tuple[float, NDArray[np.float64]],
    least: float,
    scipy: Any,
) -> float | None:
    """Return where the likelihood falls to ``least``, going from a length; ``None`` if nowhere."""
    near, lengths = beyond

    def above(log_length: float) -> float:
        return likelihood.at(float(np.exp(log_length)))[0] - least

    # From the far end, since what is allowed need not be one stretch.
    for far, next_in in zip(lengths[::-1], [*lengths[-2::-1], near], strict=True):
        if likelihood.at(far)[0] >= least:
            return None if far == lengths[-1] else float(far)
        if likelihood.at(next_in)[0] >= least:
            return float(np.exp(scipy.optimize.brentq(above, np.log(far), np.log(next_in))))
    return float(near)


def _moran(
    depth: NDArray[np.float64], value: NDArray[np.float64], scipy: Any
) -> tuple[float, float]:
    """Return Moran's I of values next to one another, and its one-sided p."""
    step = np.diff(depth)
    is_next = step <= 1.5 * np.median(step)
    centred = value - value.mean()

    def moran(one: NDArray[np.float64]) -> float:
        product = (one[..., :-1] * one[..., 1:])[..., is_next].mean(axis=-1)
        share: float = product / (centred**2).mean()
        return share

    found = scipy.stats.permutation_test(
        (centred,), moran, permutation_type="pairings", alternative="greater",
        n_resamples=_PERMUTATIONS, rng=np.random.default_rng(0),
    )  # fmt: skip
    return float(moran(centred)), float(found.pvalue)
