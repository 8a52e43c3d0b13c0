"""Whether a measured log lies deeper or shallower than the picture says: the offset check."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_LAG = 10
"""Largest offset that is looked for, slices of 1 cm."""
MIN_PAIRS = 30
"""Fewest slices with both values at every lag."""
MIN_CORRELATION = 0.5
"""Least correlation at an offset that is believed."""
MIN_GAIN = 0.1
"""Least gain in correlation over no offset."""
_BLOCK = 10
_N_RESAMPLED = 400
_QUANTILE = 0.01


@dataclass(frozen=True, slots=True)
class OffsetCheck:
    """At which offset a measured log agrees best with the predicted one."""

    lag_cm: int
    """By how much the measured log lies deeper than the predicted one; negative if shallower."""
    correlation: float
    """At that offset."""
    correlation_unmoved: float
    """Without an offset; 0 where one of the two does not vary."""
    n_pairs: int
    is_significant: bool
    """Whether it is no chance: see :func:`offset_check`."""


def offset_check(
    predicted: NDArray[np.float64], measured: NDArray[np.float64]
) -> OffsetCheck | None:
    """
    Return how far a measured log is off, by its correlation with the predicted one.

    An offset is significant if the correlation there is at least 0.5, at least 0.1 above that
    without an offset, and above it in 99 % of 400 resamples of blocks of 10 cm, since neighbouring
    centimetres say the same. Nothing is moved by it.

    Parameters
    ----------
    predicted : ndarray, shape (n,)
        One value for each slice of 1 cm, in order of depth; log10 of susceptibility. NaN where
        there is none.
    measured : ndarray, shape (n,)
        The same of the measured log.

    Returns
    -------
    OffsetCheck or None
        ``None`` where fewer than 30 slices have both values at every offset.
    """
    n = predicted.size
    padded = np.full(n + 2 * MAX_LAG, np.nan)
    padded[MAX_LAG : MAX_LAG + n] = predicted
    lags = np.arange(-MAX_LAG, MAX_LAG + 1)
    # Column k holds the prediction that a measured row meets if it lies lags[k] too deep.
    shifted = np.stack([padded[MAX_LAG - lag : MAX_LAG - lag + n] for lag in lags], axis=1)
    known = np.isfinite(measured) & np.isfinite(shifted).all(axis=1)
    if int(known.sum()) < MIN_PAIRS:
        return None
    mine, others = measured[known], shifted[known]
    correlations = _correlations(mine, others)
    best = int(np.argmax(correlations))
    at_best, unmoved = float(correlations[best]), float(correlations[MAX_LAG])
    is_significant = (
        best != MAX_LAG
        and at_best >= MIN_CORRELATION
        and at_best - unmoved >= MIN_GAIN
        and _gain_of_chance(mine, others[:, [best, MAX_LAG]]) > 0.0
    )
    return OffsetCheck(int(lags[best]), at_best, unmoved, mine.size, is_significant)


def _correlations(mine: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    a, b = mine - mine.mean(), others - others.mean(axis=0)
    norm = np.sqrt((a**2).sum() * (b**2).sum(axis=0))
    found: NDArray[np.float64] = np.divide(
        a @ b, norm, out=np.zeros(others.shape[1]), where=norm > 0.0
    )
    return found


def _gain_of_chance(mine: NDArray[np.float64], pair: NDArray[np.float64]) -> float:
    """Return the gain in correlation that 99 % of the resamples exceed."""
    random = np.random.default_rng(0)
    n_blocks = -(-mine.size // _BLOCK)
    starts = random.integers(0, mine.size, (_N_RESAMPLED, n_blocks))
    rows = (starts[..., None] + np.arange(_BLOCK)).reshape(_N_RESAMPLED, -1) % mine.size
    gains = [np.subtract(*_correlations(mine[one], pair[one])) for one in rows]
    return float(np.quantile(gains, _QUANTILE))
