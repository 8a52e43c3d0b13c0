"""
Correction of a core's offset by a few measured rows of the same core.

Part of a network's error is an offset that all slices of a core share. A few measured rows estimate
it; the estimate is shrunk according to the spread of offsets between cores and the correlation of
errors from slice to slice. What a station makes of measured rows is a profile of its own.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.conformal import PRIOR_OFFSET_SHARE, ErrorParts
from downcore.strata.properties import Property, property_named

MIN_ROWS = 3
"""Measured rows on predicted slices below which nothing is corrected."""

MIN_ROWS_FOR_SLOPE = 10
"""Rows from which a slope is fitted as well."""

SLOPE_SD = 0.25
"""Assumed standard deviation between cores of the slope's departure from 1."""

MAX_SDS = 4.0
"""Mean difference, in standard deviations of an error, above which nothing is corrected."""

PRIOR_CORRELATION = 0.9
"""
Assumed correlation of errors inside a core from one centimetre to the next; that of colour is
0.91.
"""

_SDS_PER_HALF_WIDTH = 1.0 / 1.645
"""A 90 % interval's half width is 1.645 standard deviations of a normal error."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What is added to one property's predictions of a core; log10 throughout for ``ms``."""

    property: str
    reason: str
    """Reason for every estimate: what was added and from how many rows, or why nothing was."""
    offset: float = 0.0
    """Added where the prediction is ``centre``."""
    slope: float = 1.0
    """Change of the corrected value with the predicted one, from ``lowest`` to ``highest``."""
    centre: float = 0.0
    """Mean prediction of the measured rows."""
    lowest: float = 0.0
    """Smallest prediction of the measured rows; below it the slope is 1."""
    highest: float = 0.0
    """Greatest prediction of the measured rows; above it the slope is 1."""
    width_share: float = 1.0
    """Half width of a corrected interval over that of the one before, above 0 and at most 1."""

    def apply(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ``values`` (log10 for ``ms``) as corrected, the same shape."""
        within = np.clip(values, self.lowest, self.highest) - self.centre
        corrected: NDArray[np.float64] = values + self.offset
        return corrected if self.slope == 1.0 else corrected + (self.slope - 1.0) * within


def fit_correction(
    property_name: str,
    predicted: NDArray[np.float64],
    measured: NDArray[np.float64],
    depth_cm: NDArray[np.float64],
    prior: ErrorParts,
) -> Correction:
    """
    Return the correction that some measured rows of a core support.

    The best linear prediction of a core's offset (and slope, from ten rows whose predictions
    spread as wide as the errors inside a core): normal offset, errors inside the core that
    decay with distance as in a first-order autoregression.

    Parameters
    ----------
    property_name : str
        Of PROPERTIES.
    predicted, measured : ndarray, shape (n,)
        Of the same slices, in the unit, log10 for ``ms``. NaN is left out, and so are measured
        values outside the property's credible range.
    depth_cm : ndarray, shape (n,)
        Middle of each slice, centimetres.
    prior : ErrorParts
        How the errors of other cores are correlated.

    Returns
    -------
    Correction
        One that changes nothing, with the reason, where fewer than three rows are left, or
        they differ from the prediction by more than an offset explains.
    """
    known = property_named(property_name)
    both = np.isfinite(predicted) & ~np.isnan(measured)
    credible = both & _is_credible(measured, known)
    left_out = int(both.sum()) - int(credible.sum())
    predicted, depth_cm = predicted[credible], depth_cm[credible]
    error = measured[credible] - predicted
    note = f", {left_out} outside {known.lowest:g} to {known.highest:g} left out"
    rows = f"{error.size} measured rows{note if left_out else ''}"
    if error.size < MIN_ROWS:
        return Correction(
            known.name, f"not corrected: {rows} on predicted slices, needs {MIN_ROWS}"
        )
    unit = f"in log10 of {known.unit}" if known.is_log_scaled else known.unit
    total_sd = math.hypot(prior.offset_sd, prior.within_sd)
    if abs(float(error.mean())) > MAX_SDS * total_sd:
        return Correction(
            known.name,
            f"not corrected: {rows} differ by {error.mean():+.3g} {unit}, "
            f"more than {MAX_SDS:g} sd; check their depths and units",
        )
    return _fitted(known, predicted, error, _inside(depth_cm, prior), prior, f"{unit} from {rows}")


def prior_of_intervals(half_widths: NDArray[np.float64]) -> ErrorParts:
    """
    Return the correlation of errors that the intervals of a core's slices imply.

    A fixed share of the variance is between cores. The median of the half widths is used.

    Raises
    ------
    ValueError
        If there is no half width above 0.
    """
    wide = half_widths[np.isfinite(half_widths) & (half_widths > 0.0)]
    if not wide.size:
        raise ValueError("expected intervals wider than 0, got none")
    sd = float(np.median(wide)) * _SDS_PER_HALF_WIDTH
    return ErrorParts(
        offset_sd=sd * math.sqrt(PRIOR_OFFSET_SHARE),
        within_sd=sd * math.sqrt(1.0 - PRIOR_OFFSET_SHARE),
        correlation=PRIOR_CORRELATION,
    )


def to_network_scale(value: float, known: Property) -> float:
    """Return a value as networks see it: log10 for ``ms``, NaN where that has none."""
    if not known.is_log_scaled:
        return value
    return math.log10(value) if value > 0.0 else math.nan


def _fitted(  # noqa: PLR0917 - the parts of one least-squares problem
    known: Property,
    predicted: NDArray[np.float64],
    error: NDArray[np.float64],
    inside: NDArray[np.float64],
    prior: ErrorParts,
    description: str,
) -> Correction:
    centre = float(predicted.mean())
    has_slope = (
        error.size >= MIN_ROWS_FOR_SLOPE and float(np.std(predicted)) >= prior.within_sd > 0.0
    )
    columns = [np.ones(error.size), predicted - centre][: 1 + has_slope]
    design = np.stack(columns, axis=1)
    before = np.array([prior.offset_sd**2, SLOPE_SD**2][: 1 + has_slope])
    if not before[0] > 0.0:
        return Correction(known.name, "not corrected: other cores have no offset")
    weighted = np.linalg.solve(inside, np.column_stack([design, error]))
    precision = design.T @ weighted[:, :-1] + np.diag(1.0 / before)
    variance = np.linalg.inv(precision)
    found = variance @ (design.T @ weighted[:, -1])
    reach = np.array([1.0, float(np.abs(predicted - centre).max())])[: 1 + has_slope]
    left = float(reach @ variance @ reach)
    within = prior.within_sd**2
    share = math.sqrt((left + within) / (prior.offset_sd**2 + within))
    slope = 1.0 + float(found[1]) if has_slope else 1.0
    said = f" and slope {slope:.3g}" if has_slope else ""
    unit, _, rest = description.partition(" from ")
    return Correction(
        property=known.name,
        reason=f"offset {found[0]:+.3g} {unit}{said} from {rest}",
        offset=float(found[0]),
        slope=slope,
        centre=centre,
        lowest=float(predicted.min()),
        highest=float(predicted.max()),
        width_share=min(share, 1.0),
    )


def _inside(depth_cm: NDArray[np.float64], prior: ErrorParts) -> NDArray[np.float64]:
    """Return the covariance of the errors inside a core at some depths."""
    apart = np.abs(depth_cm[:, None] - depth_cm[None, :])
    alike = np.power(prior.correlation, apart) if prior.correlation > 0.0 else (apart == 0.0) * 1.0
    # Rows at one depth must not make the matrix singular.
    scale = max(prior.within_sd, 1e-6) ** 2
    covariance: NDArray[np.float64] = scale * (alike + 1e-6 * np.eye(depth_cm.size))
    return covariance


def _is_credible(measured: NDArray[np.float64], known: Property) -> NDArray[np.bool_]:
    lowest, highest = (to_network_scale(x, known) for x in (known.lowest, known.highest))
    credible: NDArray[np.bool_] = (measured >= lowest) & (measured <= highest)
    return credible
