"""A slice's estimates from its tiles' predictions: values, 90 % intervals, abstention."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.bundle import Manifest, OutputScaling
from downcore.strata.depthlog import FORCED, TOO_COARSE, Estimate, Status
from downcore.strata.properties import Property, property_named

MIN_VALID_FRACTION = 0.3
"""Smallest share of the core's pixels that must be sediment for a slice to get values."""

MIN_RESOLUTION_SHARE = 0.5
"""Lowest resolution of a scan, as a share of the lowest one seen in training."""

UNLIKE = "unlike the training cores: "
"""Begins the reason of a slice that a bundle or its guard does not know."""

_ABSURD = 1e100
"""Outputs of a network of this size or more count as no number, like NaN."""


@dataclass(frozen=True, slots=True, eq=False)
class GuardNovelty:
    """Novelty of the tiles of one slice according to a second bundle, the guard."""

    novelty: NDArray[np.float64]
    """Shape (n_tiles,); by the guard's own measure."""
    limit: float
    """The guard's novelty threshold; above 0."""
    guard: str
    """Network and bundle id of the guard, for the reason."""


@dataclass(frozen=True, slots=True, eq=False)
class TilePrediction:
    """
    A network's prediction for the tiles of one slice, in physical units (``ms`` in log10).

    That for a window has a tile for each slice that it answers.
    """

    mean: NDArray[np.float64]
    """Shape (n_tiles, n_properties), in the manifest's order of properties, scaled space undone."""

    sd: NDArray[np.float64]
    """Shape (n_tiles, n_properties), same units; the network's own, not yet calibrated."""

    within_sd: NDArray[np.float64]
    """Shape (n_tiles, n_properties), same units; spread of the property inside the tile, >= 0."""

    novelty: NDArray[np.float64]
    """Shape (n_tiles,); how unlike the training cores each tile is, about 1 for one like them."""

    guarded: GuardNovelty | None = None
    """The guard's novelty of the same tiles; ``None`` for a bundle without a guard."""

    def row(self, i: int) -> "TilePrediction":
        """Return the prediction for row ``i`` of a window, a slice of one tile; without a guard."""
        one = slice(i, i + 1)
        return TilePrediction(self.mean[one], self.sd[one], self.within_sd[one], self.novelty[one])


@dataclass(frozen=True, slots=True)
class NoValue:
    """Why a slice gets no value from a bundle."""

    status: Status
    """``masked`` or ``abstained``."""
    reason: str
    """In words, for the depth log; never empty."""


def reason_to_abstain(
    manifest: Manifest,
    *,
    n_tiles: int,
    valid_fraction: float,
    source_px_per_cm: float,
    allow_low_resolution: bool = False,
) -> NoValue | None:
    """
    Return why a slice must not be predicted, or ``None`` where it may.

    Parameters
    ----------
    manifest : Manifest
        Of the bundle that would predict.
    n_tiles : int
        Tiles that the slice gave.
    valid_fraction : float
        Share of the core's own pixels that are sediment, 0 to 1.
    source_px_per_cm : float
        Resolution of the scan, before any resampling.
    allow_low_resolution : bool, default False
        Predict even from scans far below the resolution of the training.
    """
    if n_tiles == 0 or valid_fraction < MIN_VALID_FRACTION:
        if valid_fraction >= MIN_VALID_FRACTION:
            return NoValue(Status.MASKED, "no square centimetre with enough sediment")
        got, needed = _percent(valid_fraction), _percent(MIN_VALID_FRACTION)
        return NoValue(Status.MASKED, f"{got} sediment, needs {needed}")
    too_coarse = _why_too_coarse(manifest, source_px_per_cm)
    if too_coarse and not allow_low_resolution:
        return NoValue(Status.ABSTAINED, too_coarse)
    return None


def forced_reason(manifest: Manifest, source_px_per_cm: float) -> str:
    """Return the reason of a value predicted only because low resolution is allowed; else empty."""
    too_coarse = _why_too_coarse(manifest, source_px_per_cm)
    return FORCED + too_coarse if too_coarse else ""


def without_value(manifest: Manifest, why: NoValue) -> tuple[Estimate, ...]:
    """Return one estimate for each property of the bundle, without a value, for ``why``."""
    return tuple(_no_estimate(output, why, manifest.bundle_id) for output in manifest.outputs)


def estimates_of(
    prediction: TilePrediction,
    sediment_fraction: NDArray[np.floating],
    manifest: Manifest,
    *,
    beware: str = "",
) -> tuple[Estimate, ...]:
    """
    Return a slice's estimates, one for each property of the bundle, in its order.

    The value is the mean over the tiles, weighted with their share of sediment. All
    tiles of a slice share one measured label, so their errors are not independent:
    the slice's sd is the root mean square of the tiles' own, not divided by the
    square root of their number. Half the interval's width is ``interval_factor``
    times that, at least ``interval_floor``, and wider near the novelty threshold where the
    manifest says so. Where the network sees ``log10``, the
    value and both ends are turned back, so the interval is not symmetric.

    A slice's novelty is the mean of its tiles' with the same weights. Above the bundle's threshold
    the slice is unlike the training cores and gets no value. The same holds for the novelty and
    threshold of the bundle's guard.

    Heterogeneity joins the spread between the tiles and that inside them,
    ``sqrt(var(means) + mean(within_sd ** 2))``; in log10 it becomes half the
    difference between the values one such spread above and below.

    Parameters
    ----------
    prediction : TilePrediction
        Of the slice's tiles; at least one.
    sediment_fraction : ndarray, shape (n_tiles,)
        Weights of the tiles, 0 to 1; not all 0.
    manifest : Manifest
        Of the bundle that predicted.
    beware : str, optional
        Prefix of every value's reason, such as from :func:`forced_reason`.

    Returns
    -------
    tuple of Estimate
        ``predicted``, clipped to the property's credible range with a reason that
        says so; ``abstained`` where the slice is unlike the training cores or the
        network gave no finite number.

    Raises
    ------
    ValueError
        If the shapes do not match, or there is no tile or no weight.
    """
    weights = np.asarray(sediment_fraction, np.float64)
    shape = (weights.size, len(manifest.outputs))
    got = {prediction.mean.shape, prediction.sd.shape, prediction.within_sd.shape}
    if got != {shape}:
        raise ValueError(f"expected predictions of shape {shape}, got {sorted(got)}")
    guarded = prediction.guarded
    for novelty in (prediction.novelty, *(() if guarded is None else (guarded.novelty,))):
        if novelty.shape != weights.shape:
            raise ValueError(f"expected a novelty for each tile, got {novelty.shape}")
    if not weights.size or not weights.sum() > 0 or weights.min() < 0:
        raise ValueError(f"expected weights >= 0 with a sum above 0, got {weights.tolist()}")
    weights = weights / weights.sum()
    why = _why_unlike(manifest, prediction.novelty, weights) or _why_guarded(guarded, weights)
    if why is not None:
        return without_value(manifest, why)
    return tuple(_estimate(manifest, i, prediction, weights, beware) for i in range(shape[1]))


def inverse_transform(
    outputs: NDArray[np.float32], novelty: NDArray[np.float32], manifest: Manifest
) -> TilePrediction:
    """
    Return a graph's outputs for tiles in physical units.

    Parameters
    ----------
    outputs : ndarray, shape (3, n_tiles, n_properties)
        In the order of ``OUTPUT_NAMES``, scaled space.
    novelty : ndarray, shape (n_tiles,)
        The graph's last output.
    manifest : Manifest
        Of the bundle.
    """
    centre = np.array([output.centre for output in manifest.outputs])
    spread = np.array([output.spread for output in manifest.outputs])
    mean, log_sd, within = outputs.astype(np.float64)
    # An overflow gives an infinite sd, which estimates_of abstains from.
    with np.errstate(over="ignore"):
        sd = spread * np.exp(log_sd)
    return TilePrediction(centre + spread * mean, sd, spread * within, novelty.astype(np.float64))


def half_width(scaling: OutputScaling, sd: float) -> float:
    """
    Return half the width of the interval of a slice with the network's own ``sd``, its unit.

    Before it is widened for the slice's novelty (``Manifest.interval_factor``).
    """
    return max(scaling.interval_factor * sd, scaling.interval_floor)


def is_too_coarse_for(manifest: Manifest, px_per_cm: float) -> bool:
    """Return whether a bundle abstains from every slice of a scan, for its resolution."""
    return bool(_why_too_coarse(manifest, px_per_cm))


def _why_too_coarse(manifest: Manifest, px_per_cm: float) -> str:
    """Return why a scan is too coarse for the bundle; empty where it is not."""
    lowest, highest = manifest.trained_px_per_cm
    if px_per_cm >= MIN_RESOLUTION_SHARE * lowest:
        return ""
    return f"{TOO_COARSE}{px_per_cm:.4g} px/cm, bundle trained on {lowest:.4g} to {highest:.4g}"


def _why_unlike(
    manifest: Manifest, novelty: NDArray[np.float64], weights: NDArray[np.float64]
) -> NoValue | None:
    limit = manifest.novelty_threshold
    if limit is None:
        return None
    if not (np.abs(novelty) < _ABSURD).all():
        return NoValue(Status.ABSTAINED, "the network gave no finite number")
    got = _weighted(weights, novelty)
    if got <= limit:
        return None
    said = f"{UNLIKE}novelty {got:.3g}, limit {limit:.3g}"
    return NoValue(Status.ABSTAINED, said)


def _why_guarded(guarded: GuardNovelty | None, weights: NDArray[np.float64]) -> NoValue | None:
    if guarded is None:
        return None
    if not (np.abs(guarded.novelty) < _ABSURD).all():
        return NoValue(Status.ABSTAINED, f"the guard {guarded.guard} gave no finite number")
    got = _weighted(weights, guarded.novelty)
    if got <= guarded.limit:
        return None
    said = f"{UNLIKE}colour novelty {got:.3g}, limit {guarded.limit:.3g}"
    return NoValue(Status.ABSTAINED, f"{said} ({guarded.guard})")


def _estimate(
    manifest: Manifest,
    i: int,
    prediction: TilePrediction,
    weights: NDArray[np.float64],
    beware: str,
) -> Estimate:
    scaling = manifest.outputs[i]
    means, sds, within = (x[:, i] for x in (prediction.mean, prediction.sd, prediction.within_sd))
    if not all((np.abs(x) < _ABSURD).all() for x in (means, sds, within)):
        why = NoValue(Status.ABSTAINED, "the network gave no finite number")
        return _no_estimate(scaling, why, manifest.bundle_id)
    mean = _weighted(weights, means)
    sd = math.sqrt(_weighted(weights, sds**2))
    spread = math.sqrt(_weighted(weights, (means - mean) ** 2) + _weighted(weights, within**2))
    novelty = _weighted(weights, prediction.novelty)
    half = half_width(scaling, sd) * manifest.interval_factor(scaling.property, novelty)
    known = property_named(scaling.property)
    ends = (mean - half, mean, mean + half)
    lower, value, upper = (_in_unit(scaling, x) for x in ends)
    # A network without a dense map has no spread inside a single tile.
    says_spread = weights.size > 1 or bool(within.any())
    return Estimate(
        property=scaling.property,
        value=_clipped(value, known),
        lower=_clipped(lower, known),
        upper=_clipped(upper, known),
        status=Status.PREDICTED,
        reason="; ".join(filter(None, (beware, _clip_reason(lower, value, upper, known)))),
        bundle_id=manifest.bundle_id,
        heterogeneity=_spread_in_unit(scaling, mean, spread) if says_spread else None,
    )


def _weighted(weights: NDArray[np.float64], x: NDArray[np.float64]) -> float:
    # An exact sum is the same on every processor, unlike one that depends on the width of vectors.
    return math.fsum((weights * x).tolist())


def _spread_in_unit(scaling: OutputScaling, mean: float, spread: float) -> float:
    known = property_named(scaling.property)
    if scaling.is_log10:
        spread = (_in_unit(scaling, mean + spread) - _in_unit(scaling, mean - spread)) / 2
    return min(spread, known.highest - known.lowest)


def _no_estimate(scaling: OutputScaling, why: NoValue, bundle_id: str) -> Estimate:
    return Estimate(scaling.property, None, None, None, why.status, why.reason, bundle_id)


def _in_unit(scaling: OutputScaling, x: float) -> float:
    # Far beyond any credible value, yet safe from overflow.
    return math.pow(10.0, min(max(x, -300.0), 300.0)) if scaling.is_log10 else x


def _clipped(x: float, known: Property) -> float:
    return min(max(x, known.lowest), known.highest)


def _clip_reason(lower: float, value: float, upper: float, known: Property) -> str:
    span = f"{known.lowest:g} to {known.highest:g} {known.unit}"
    if not known.lowest <= value <= known.highest:
        return f"predicted {value:.4g} {known.unit}, clipped to the credible {span}"
    if lower < known.lowest or upper > known.highest:
        return f"interval clipped to the credible {span}"
    return ""


def _percent(fraction: float) -> str:
    # Never rounds up to the required share itself.
    return f"{math.floor(100 * fraction + 1e-9)} %"
