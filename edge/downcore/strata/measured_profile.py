"""
One profile from a few measured rows and what the picture says between them.

The value of a centimetre is the log's own, carried along depth from the rows nearby, with the
prediction from the picture as covariate: kriging with external drift. How much the picture counts,
how far rows reach and how much varies between them is not fitted but averaged over, each choice
weighted by how well it foretells the rows (Bayesian model averaging): where the picture is worth
nothing, the rows alone are left, and where rows are few, what is usual.

Twenty centimetres from any row it is the prediction as it was.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.depth_smoother import Kernels, kriged, log_evidence
from downcore.strata.properties import DENSITY, MS, VP, Property

Values = NDArray[np.float64]

FULL_CM = 10.0
"""Distance from the nearest row up to which the profile is taken whole."""
REACH_CM = 20.0
"""Distance from which the prediction stands as it was."""
HALF_WIDTH_SDS = 1.645
"""Of a 90 % interval, normal errors."""

_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Of the picture: 0 takes the rows alone, 1 adds to the prediction what the rows leave of it."""
_SHARE_PRIOR = (0.35, 0.20, 0.20, 0.15, 0.10)
_RANGES_CM = (4.0, 9.0, 20.0, 60.0)
"""
Errors of the prediction on ODP 887A are forgotten over 9 cm (density) and 20 cm (ms), logs
themselves over more.
"""
_SCALES = (0.5, 1.0, 2.0)
"""Of what varies along depth, over what is usual."""
_OFFSET_SHARE = 0.5
"""Of the prediction's error: standard deviation of what a section has in common."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What is usual of a property's logs; log10 for ``ms``."""

    noise_sd: float
    """Of a row: the instrument's, and of a reading against the centimetre that it lies in."""
    spread_sd: float
    """Of a log within a section."""


HABITS = {
    DENSITY.name: Habits(noise_sd=0.02, spread_sd=0.12),
    VP.name: Habits(noise_sd=6.0, spread_sd=30.0),
    MS.name: Habits(noise_sd=0.02, spread_sd=0.25),
}
"""Medians over the sections of ODP 887A, M9907 and generated cores."""


@dataclass(frozen=True, slots=True, eq=False)
class PropertyRows:
    """What was measured of one property in a section; log10 for ``ms``."""

    depth_cm: Values
    """In ascending order, shape (n,)."""
    value: Values


@dataclass(frozen=True, slots=True)
class ProfileValue:
    """The profile at one depth; log10 for ``ms``."""

    value: float
    half_width: float
    """Of the 90 % interval."""
    apart_cm: float
    """From the nearest row that counts."""
    picture_share: float
    """How much the picture counts against the rows alone, 0 to 1."""


class MeasuredProfile:
    """
    The profile of one property in one section.

    Parameters
    ----------
    prop : Property
        Which.
    rows : PropertyRows
        What was measured, at least one row.
    predicted : ndarray, shape (n,)
        The prediction at each row; NaN where there is none.
    error_sd : float
        Standard deviation of the prediction's errors, above 0; NaN where nothing is predicted.
    is_causal : bool, default False
        Whether a depth knows only the rows above it, as while a section is under way.

    Examples
    --------
    >>> rows = PropertyRows(np.array([10.0, 20.0]), np.array([1.50, 1.60]))
    >>> profile = MeasuredProfile(DENSITY, rows, np.array([1.4, 1.5]), 0.1)
    >>> at = profile.at(15.0, 1.45, 0.16)
    >>> round(at.value, 2), at.half_width < 0.16
    (1.55, True)
    """

    def __init__(
        self,
        prop: Property,
        rows: PropertyRows,
        predicted: Values,
        error_sd: float,
        *,
        is_causal: bool = False,
    ) -> None:
        if not rows.value.size:
            raise ValueError("expected measured rows of a property, got none")
        known = np.isfinite(predicted)
        # A picture that is missing at most rows says nothing of the others.
        self._has_picture = bool(known.mean() > 0.5) and error_sd > 0.0  # noqa: PLR2004 - half
        kept = known if self._has_picture else np.ones(rows.value.size, np.bool_)
        self.n_rows = int(kept.sum())
        self._depth_cm, value = rows.depth_cm[kept], rows.value[kept]
        drift = predicted[kept] if self._has_picture else np.zeros(self.n_rows)
        self._share, self._kernels, prior = _grid(
            HABITS[prop.name], error_sd, has_picture=self._has_picture
        )
        self._centre = float(drift.mean()) if self._has_picture else float(np.median(value))
        self._left = value[:, None] - self._mean(drift)
        evidence = prior + log_evidence(self._depth_cm, self._left, self._kernels)
        weight = np.exp(evidence - evidence.max())
        self._weight = weight / weight.sum()
        self._is_causal = is_causal

    def at(self, depth_cm: float, predicted: float, half_width: float) -> ProfileValue | None:
        """
        Return the profile at a depth; ``None`` where no row is near and nothing is predicted.

        Parameters
        ----------
        depth_cm : float
            Middle of a centimetre.
        predicted, half_width : float
            What is predicted there and half of its interval; NaN for nothing.
        """
        counted = self._depth_cm[self._depth_cm <= depth_cm] if self._is_causal else self._depth_cm
        apart_cm = float(np.abs(counted - depth_cm).min()) if counted.size else math.inf
        has_prediction = math.isfinite(predicted) and math.isfinite(half_width)
        if apart_cm >= REACH_CM:
            if not has_prediction:
                return None
            return ProfileValue(predicted, half_width, apart_cm, 1.0)
        weight = self._weight
        if self._has_picture and not math.isfinite(predicted):
            weight = weight * (self._share == 0.0)
            weight = (
                weight / weight.sum()
                if weight.sum() > 0.0
                else (self._share == 0.0) / (self._share == 0.0).sum()
            )
        drift = predicted if self._has_picture and math.isfinite(predicted) else self._centre
        left, sd = kriged(
            self._depth_cm, self._left, self._kernels, depth_cm, is_causal=self._is_causal
        )
        means = self._mean(np.array([drift]))[0] + left
        value = float(weight @ means)
        variance = float(weight @ (sd**2 + (means - value) ** 2)) + self._kernels.noise_sd**2
        half = HALF_WIDTH_SDS * math.sqrt(variance)
        taken = min(1.0, (REACH_CM - apart_cm) / (REACH_CM - FULL_CM))
        if has_prediction and taken < 1.0:
            value = taken * value + (1.0 - taken) * predicted
            half = taken * half + (1.0 - taken) * half_width
        share = float(weight @ self._share)
        return ProfileValue(value, half, apart_cm, 1.0 - taken * (1.0 - share))

    def _mean(self, drift: Values) -> Values:
        """Return the mean under each kernel, shape (n, k)."""
        if not self._has_picture:
            return np.full((drift.size, self._share.size), self._centre)
        mean: Values = self._centre + self._share[None, :] * (drift[:, None] - self._centre)
        return mean


def _grid(habits: Habits, error_sd: float, *, has_picture: bool) -> tuple[Values, Kernels, Values]:
    """Return the picture's share, the kernels and the log prior of every combination."""
    shares = [
        (share, prior)
        for share, prior in zip(_SHARES, _SHARE_PRIOR, strict=True)
        if has_picture or share == 0.0
    ]
    spread = habits.spread_sd
    rows = []
    for share, prior in shares:
        alone = (1.0 - share) * spread
        error = share * error_sd if has_picture else 0.0
        sill = math.hypot(alone, error)
        offset = math.hypot(3.0 * alone, _OFFSET_SHARE * error)
        rows += [
            (share, prior, offset, scale * sill, range_cm)
            for range_cm in _RANGES_CM
            for scale in _SCALES
        ]
    share, prior, offset, sill, range_cm = np.array(rows).T
    return share, Kernels(offset, sill, range_cm, habits.noise_sd), np.log(prior)
