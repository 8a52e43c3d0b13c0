"""
What a mixture of pore water and minerals looks like, weighs and carries sound with.

Fractions of volume ``v`` start with pore water and sum to 1. Density and susceptibility are
linear in them; so is, with the density, ``1 / vp**2``, of a suspension (Wood 1930: the Reuss
bound); a rock's slowness is too (Wyllie 1956), or its modulus is the mean of the Voigt and the
Reuss bound (Hill 1952). Colour is that of the solids alone: linear light for grains side by side,
Kubelka and Munk's K/S (1931), the same scattering assumed of all, for grains mixed intimately.
It is compared as a logarithm, because errors of light and of libraries are shares.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.endmembers.library import Library
from downcore.strata.endmembers.table import VpRule
from downcore.strata.unmixing.observations import DENSITY, MS, N_ROWS, RED, VP, Observations

_MIN_SOLID = 0.02
"""Share of solids below which colour is taken as that of this share."""


@dataclass(frozen=True, slots=True)
class Mixing:
    """How members mix in one core."""

    areal_weight: float = 0.5
    """Share of the light that comes from grains side by side; the rest from intimate mixtures."""
    vp_rule: VpRule = VpRule.WOOD
    vp_model_share_sd: float = 0.03
    """Standard deviation of ``1 / vp**2`` about the rule, as a share: frames are stiff."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.areal_weight <= 1.0:
            raise ValueError(f"expected an areal weight from 0 to 1, got {self.areal_weight}")
        if not self.vp_model_share_sd >= 0.0:
            raise ValueError(f"expected a share of 0 or more, got {self.vp_model_share_sd}")


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What mixtures would be observed as, in rows as :func:`comparable` gives them."""

    value: NDArray[np.float64]
    """Shape (n, 6)."""
    slope: NDArray[np.float64]
    """Change with each fraction, shape (n, 6, k + 1)."""
    model_variance: NDArray[np.float64]
    """What members' uncertain numbers and the rule for vp add to the error, shape (n, 6)."""


def comparable(seen: Observations) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """
    Return observations and their variances as a mixture is compared with them, both (n, 6).

    Density and ms as they are, vp as ``1 / vp**2`` in s2/km2 (a squared slowness), channels as
    natural logarithms; NaN where nothing was observed.
    """
    value, sd = seen.value.copy(), seen.sd.copy()
    value[:, VP] = (1000.0 / seen.value[:, VP]) ** 2
    sd[:, VP] = 2.0 * value[:, VP] * seen.sd[:, VP] / seen.value[:, VP]
    value[:, RED:] = np.log(seen.value[:, RED:])
    sd[:, RED:] = seen.sd[:, RED:] / seen.value[:, RED:]
    return value, sd**2


def predict(library: Library, fractions: NDArray[np.float64], mixing: Mixing) -> Prediction:
    """
    Return what mixtures would be observed as.

    Parameters
    ----------
    library : Library
        The members. Density, ms and reflectance may have leading axes, one library each; the
        results have them then.
    fractions : ndarray, shape (n, k + 1)
        Volume fractions, pore water first; each row sums to 1.
    mixing : Mixing
        How they mix.
    """
    shape, size = _shape(library, fractions), fractions.shape[-1]
    value = np.empty((*shape, N_ROWS))
    slope = np.empty((*shape, N_ROWS, size))
    variance = np.empty((*shape, N_ROWS))
    for row, numbers, sd in (
        (DENSITY, library.density, library.density_sd),
        (MS, library.ms, library.ms_sd),
    ):
        value[..., row] = _mean(fractions, numbers)
        slope[..., row, :] = numbers[..., None, :]
        variance[..., row] = _mean(fractions**2, sd**2)
    value[..., VP], slope[..., VP, :], variance[..., VP] = _sound(library, fractions, mixing)
    light = _light(library, fractions, mixing)
    value[..., RED:], slope[..., RED:, :], variance[..., RED:] = light
    return Prediction(value, slope, variance)


def predict_values(
    library: Library, fractions: NDArray[np.float64], mixing: Mixing
) -> NDArray[np.float64]:
    """Return the values of :func:`predict` alone, shape (n, 6)."""
    value = np.empty((*_shape(library, fractions), N_ROWS))
    value[..., DENSITY] = _mean(fractions, library.density)
    value[..., MS] = _mean(fractions, library.ms)
    if mixing.vp_rule is VpRule.WYLLIE:
        value[..., VP] = _mean(fractions, library.slowness) ** 2
    else:
        compliance = _mean(fractions, 1.0 / _modulus(library, mixing))
        if mixing.vp_rule is VpRule.HILL:
            compliance = 2.0 / (_mean(fractions, library.p_wave_gpa) + 1.0 / compliance)
        value[..., VP] = compliance * value[..., DENSITY]
    solid = np.maximum(fractions[..., 1:].sum(axis=-1), _MIN_SOLID)
    light, _ = _mixed_light(library, fractions[..., 1:] / solid[..., None], mixing)
    value[..., RED:] = np.log(light)
    return value


def _shape(library: Library, fractions: NDArray[np.float64]) -> tuple[int, ...]:
    """Return the leading axes of libraries, if they have any, and the number of mixtures."""
    return np.broadcast_shapes(fractions.shape[:-1], (*library.density.shape[:-1], 1))


def _mean(fractions: NDArray[np.float64], numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of the members' numbers, shape (..., k + 1), in each mixture."""
    mean: NDArray[np.float64] = np.matmul(fractions, numbers[..., None])[..., 0]
    return mean


def k_over_s(reflectance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Kubelka and Munk's K/S of reflectance above 0, same shape."""
    ratio: NDArray[np.float64] = (1.0 - reflectance) ** 2 / (2.0 * reflectance)
    return ratio


def reflectance_of_k_over_s(ratio: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the reflectance of Kubelka and Munk's K/S, same shape."""
    # The usual 1 + q - sqrt(q**2 + 2 q), written so that a large K/S loses no digits.
    light: NDArray[np.float64] = 1.0 / (1.0 + ratio + np.sqrt(ratio * (ratio + 2.0)))
    return light


def _sound(
    library: Library, fractions: NDArray[np.float64], mixing: Mixing
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return 1 / vp**2 in s2/km2, its slopes and its variance."""
    share = library.stiff_share_sd
    if mixing.vp_rule is VpRule.WYLLIE:
        slowness = _mean(fractions, library.slowness)
        value = slowness**2
        slope = 2.0 * slowness[..., None] * library.slowness
        parts = fractions * slope * share / 2.0
    else:
        density = _mean(fractions, library.density)
        softness = 1.0 / _modulus(library, mixing)
        reuss = _mean(fractions, softness)
        compliance, by_fraction = reuss, np.broadcast_to(softness, fractions.shape)
        if mixing.vp_rule is VpRule.HILL:
            modulus = (_mean(fractions, library.p_wave_gpa) + 1.0 / reuss) / 2.0
            stiffening = (library.p_wave_gpa - softness / reuss[..., None] ** 2) / 2.0
            compliance = 1.0 / modulus
            by_fraction = -stiffening / modulus[..., None] ** 2
        value = compliance * density
        of_density = compliance[..., None] * library.density[..., None, :]
        slope = by_fraction * density[..., None] + of_density
        parts = fractions * by_fraction * density[..., None] * share
    variance = (parts**2).sum(axis=-1) + (mixing.vp_model_share_sd * value) ** 2
    return value, slope, variance


def _modulus(library: Library, mixing: Mixing) -> NDArray[np.float64]:
    return library.stiffness_gpa if mixing.vp_rule is VpRule.WOOD else library.p_wave_gpa


def _mixed_light(
    library: Library, share: NDArray[np.float64], mixing: Mixing
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the light of solids, and that of their intimate part, both (..., n, 3)."""
    intimate = reflectance_of_k_over_s(share @ k_over_s(library.reflectance))
    # Of water alone there is no colour; this little keeps the logarithm finite.
    areal = np.maximum(share @ library.reflectance, 1e-9)
    light = mixing.areal_weight * areal + (1.0 - mixing.areal_weight) * intimate
    return light, intimate


def _light(
    library: Library, fractions: NDArray[np.float64], mixing: Mixing
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the log of the channels, its slopes and its variance."""
    solid = np.maximum(fractions[..., 1:].sum(axis=-1), _MIN_SOLID)
    share = fractions[..., 1:] / solid[..., None]
    light, intimate = _mixed_light(library, share, mixing)
    # d R / d (K/S) of Kubelka and Munk.
    bend = (1.0 - mixing.areal_weight) * 2.0 * intimate**2 / (intimate**2 - 1.0 - 1e-12)
    # A channel of all members after the other, the same for every mixture.
    areal = mixing.areal_weight * np.swapaxes(library.reflectance, -1, -2)[..., None, :, :]
    ratios = np.swapaxes(k_over_s(library.reflectance), -1, -2)[..., None, :, :]
    by_share = (areal + bend[..., None] * ratios) / light[..., None]
    mean = np.einsum("...ck,...k->...c", by_share, share)
    slope = np.zeros((*light.shape, fractions.shape[-1]))
    slope[..., 1:] = (by_share - mean[..., None]) / solid[..., None, None]
    # Change of the log with the log of a member's reflectance.
    steep = (library.reflectance**2 - 1.0) / (2.0 * library.reflectance)
    by_member = (areal + bend[..., None] * np.swapaxes(steep, -1, -2)[..., None, :, :]) / light[
        ..., None
    ]
    parts = by_member * share[..., None, :] * library.reflectance_share_sd.T
    return np.log(light), slope, (parts**2).sum(axis=-1)
