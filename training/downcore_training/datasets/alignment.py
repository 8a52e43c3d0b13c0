"""
Detection of a shift between image and log; it is reported, never applied.

Colour and log are correlated at every lag within a few centimetres. A lag is a likely shift if its
correlation exceeds those of the same log rolled to unrelated positions.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from downcore.strata.footprint import FOOTPRINTS, at_logger_support

MAX_SHIFT_CM = 15
"""Lags that are tried, either way."""

_TREND_CM = 20
"""Half width of the running mean that is subtracted first, since trends correlate at any lag."""
_MIN_PAIRS = 30
_ROLLS = 99
_MIN_ROLLS = 49
_EULER = 0.5772
_LIKELY_FROM_CM = 2
"""Smaller shifts are within the registration error of images and loggers."""
_LIKELY_BELOW_P = 0.02
_STANDS_OUT = 1.2
"""Least ratio of the correlation at the shift to that at no shift."""

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shift:
    """The lag at which colour and log agree best."""

    cm: int
    """How much deeper the log has what the image shows; negative for shallower."""
    strength: float
    """Root mean square of the rank correlations at that lag, 0 to 1."""
    strength_at_zero: float
    p: float
    """Probability that an unrelated log agrees as well at some lag."""
    n_slices: int
    """Slices with colour and a label."""
    is_likely: bool
    """Whether it should be looked into: significant, 2 cm or more, and better than no shift."""

    def sentence(self, core: str) -> str:
        """Return the finding as a sentence."""
        agreement = (
            f"r {self.strength:.2f} at {self.cm:+d} cm, {self.strength_at_zero:.2f} at 0, "
            f"p {self.p:.3f}, {self.n_slices} slices"
        )
        if self.is_likely:
            return (
                f"{core}: the log may lie {abs(self.cm)} cm "
                f"{'deeper' if self.cm > 0 else 'shallower'} than the images ({agreement}); "
                f"nothing was shifted"
            )
        return f"{core}: no shift is likely ({agreement})"


def find_shift(
    colour: Values, labels: Values, run: NDArray[np.int64], *, max_shift_cm: int = MAX_SHIFT_CM
) -> Shift | None:
    """
    Return the likeliest shift between the colour of slices and their labels.

    Parameters
    ----------
    colour : ndarray, shape (n, k)
        Luminance or colour of each slice, in order of depth; NaN where unknown.
    labels : ndarray, shape (n, 3)
        In the order of PROPERTIES; NaN where there is none.
    run : ndarray, shape (n,)
        Number of the unbroken stretch of each slice; nothing is compared across two.
    max_shift_cm : int
        Largest lag.

    Returns
    -------
    Shift or None
        None with fewer than 30 slices that have both, or fewer than about 110 slices at all.
    """
    both = np.isfinite(colour).any(axis=1) & np.isfinite(labels).any(axis=1)
    pairs = _Pairs.of(colour, labels, run, max_shift_cm)
    lags = np.arange(-max_shift_cm, max_shift_cm + 1)
    score = pairs.score(lags)
    # A log rolled by no more than twice the lags would still overlap its own colour.
    places = np.arange(2 * max_shift_cm + 1, run.size - 2 * max_shift_cm)
    if not np.isfinite(score[max_shift_cm]) or both.sum() < _MIN_PAIRS or places.size < _MIN_ROLLS:
        return None
    best = int(np.nanargmax(score))
    tried = np.unique(np.linspace(places[0], places[-1], _ROLLS).astype(np.int64))
    rolled = [float(np.nanmax(pairs.score(lags, int(by)), initial=0.0)) for by in tried]
    shift = int(lags[best])
    p = _chance_of(float(score[best]), np.array(rolled))
    stands_out = score[best] >= _STANDS_OUT * score[max_shift_cm]
    return Shift(
        cm=shift,
        strength=float(score[best]),
        strength_at_zero=float(score[max_shift_cm]),
        p=p,
        n_slices=int(both.sum()),
        is_likely=bool(p <= _LIKELY_BELOW_P and abs(shift) >= _LIKELY_FROM_CM and stands_out),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Ranks of colour as each sensor would see it, and of the property it measures."""

    seen: Values
    """Shape (n_pairs, n); 0 where unknown, as are ``measured``."""
    measured: Values
    place: NDArray[np.int64]
    """Where each slice stands once stretches are set so far apart that no lag joins two."""

    @classmethod
    def of(cls, colour: Values, labels: Values, run: NDArray[np.int64], apart: int) -> "_Pairs":
        seen, measured = [], []
        for k, footprint in enumerate(FOOTPRINTS):
            if np.isfinite(labels[:, k]).sum() < _MIN_PAIRS:
                continue
            # Colour is not a logarithm, so the plain mean is used.
            plain = replace(footprint, is_mean_of_log=False)
            ranked = _ranks(_detrended(labels[:, k], run))
            for c in range(colour.shape[1]):
                seen.append(_ranks(_detrended(at_logger_support(colour[:, c], run, plain), run)))
                measured.append(ranked)
        is_new = np.concatenate([[False], run[1:] != run[:-1]]) if run.size else np.empty(0, bool)
        place = np.arange(run.size) + apart * np.cumsum(is_new)
        shape = (len(seen), run.size)
        return cls(np.reshape(seen, shape), np.reshape(measured, shape), place.astype(np.int64))

    def score(self, lags: NDArray[np.int64], rolled_by: int = 0) -> Values:
        """
        Return the root mean square of the correlations at each lag; NaN with too few pairs.

        With ``rolled_by`` the whole log is first moved on by as many slices, its end to its
        start.
        """
        seen = self._apart(self.seen)
        measured = self._apart(np.roll(self.measured, rolled_by, axis=1))
        parts = ((seen, measured), (seen**2, measured != 0.0), (seen != 0.0, measured**2))
        ends = [(first.astype(np.float64), other.astype(np.float64)) for first, other in parts]
        known = (ends[2][0], ends[1][1])
        out = np.full(lags.size, np.nan)
        for i, lag in enumerate(lags):
            n = seen.shape[1] - abs(int(lag))
            up, down = slice(max(-lag, 0), max(-lag, 0) + n), slice(max(lag, 0), max(lag, 0) + n)
            both, of_seen, of_measured = (
                np.einsum("ij,ij->i", first[:, up], other[:, down]) for first, other in ends
            )
            count = np.einsum("ij,ij->i", known[0][:, up], known[1][:, down])
            fits = (count >= _MIN_PAIRS) & (of_seen > 0.0) & (of_measured > 0.0)
            if fits.any():
                out[i] = np.sqrt(np.mean(both[fits] ** 2 / (of_seen * of_measured)[fits]))
        return out

    def _apart(self, values: Values) -> Values:
        out = np.zeros((len(values), int(self.place[-1]) + 1 if self.place.size else 0))
        out[:, self.place] = values
        return out


def _chance_of(best: float, rolled: Values) -> float:
    """
    Return the chance of so high a maximum, by Gumbel's law fitted to those of rolled logs.

    Counting higher ones would not work: in a short core few rolled positions are independent.
    """
    spread = float(rolled.std())
    if spread == 0.0:
        return 1.0
    reduced = math.pi / math.sqrt(6.0) * (best - float(rolled.mean())) / spread + _EULER
    return -math.expm1(-math.exp(-min(max(reduced, -5.0), 700.0)))


def _detrended(values: Values, run: NDArray[np.int64]) -> Values:
    out = np.full(values.shape, np.nan)
    kernel = np.ones(2 * _TREND_CM + 1)
    for number in np.unique(run):
        mine = run == number
        known = np.isfinite(values[mine])
        total = np.convolve(np.where(known, values[mine], 0.0), kernel)[_TREND_CM:-_TREND_CM]
        count = np.convolve(known.astype(np.float64), kernel)[_TREND_CM:-_TREND_CM]
        mean = np.divide(total, count, out=np.zeros(total.shape), where=count > 0)
        out[mine] = values[mine] - mean
    return out


def _ranks(values: Values) -> Values:
    """Return ranks from -0.5 to 0.5, none of them 0, which stands for unknown."""
    out = np.zeros(values.shape)
    known = np.flatnonzero(np.isfinite(values))
    ranks = (np.arange(known.size) - (known.size - 1) / 2) / max(known.size, 1)
    out[known[np.argsort(values[known], kind="stable")]] = np.where(ranks == 0.0, 1e-9, ranks)
    return out
