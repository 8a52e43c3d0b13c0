"""
Members' numbers as slices of known composition correct them.

A table is wrong by some per cent, and wrong alike for every slice of a core. Where the make-up
of some slices is known, colours and susceptibilities are fitted to what was observed there,
each number held back by the table's own standard deviation.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from downcore.strata.endmembers.library import Library
from downcore.strata.unmixing.observations import DENSITY, MS, RED, Observations
from downcore.strata.unmixing.physics import Mixing, k_over_s, reflectance_of_k_over_s

_ROUNDS = 4
_DARKEST, _BRIGHTEST = 0.002, 0.98
"""Reflectance beyond which nothing is fitted."""


def refine_endmembers(
    seen: Observations, shares: NDArray[np.float64], library: Library, mixing: Mixing
) -> Library:
    """
    Return the library as slices of known composition correct it.

    Parameters
    ----------
    seen : Observations
        Of m slices; rows of NaN are left out.
    shares : ndarray, shape (m, k)
        Their solids' shares; rows sum to 1.
    library : Library
        The table's numbers and standard deviations: the prior.
    mixing : Mixing
        How colour mixes.
    """
    reflectance = library.reflectance.copy()
    share_sd = library.reflectance_share_sd.copy()
    for channel in range(reflectance.shape[1]):
        reflectance[:, channel], share_sd[:, channel] = _refit_channel(
            (seen.value[:, RED + channel], seen.sd[:, RED + channel]),
            shares,
            (library.reflectance[:, channel], library.reflectance_share_sd[:, channel]),
            mixing.areal_weight,
        )
    ms, ms_sd = _refit_ms(seen, shares, library)
    return replace(
        library, reflectance=reflectance, reflectance_share_sd=share_sd, ms=ms, ms_sd=ms_sd
    )


def _refit_channel(
    observed: tuple[NDArray[np.float64], NDArray[np.float64]],
    shares: NDArray[np.float64],
    prior: tuple[NDArray[np.float64], NDArray[np.float64]],
    areal_weight: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return reflectances and their share sds by Gauss and Newton's method on logarithms."""
    known = np.isfinite(observed[0])
    light, a = observed[0][known], shares[known]
    noise = (observed[1][known] / light) ** 2
    start, sd = np.log(prior[0]), prior[1]
    log_r = start.copy()
    precision = np.diag(1.0 / sd**2)
    normal = precision
    for _ in range(_ROUNDS):
        r = np.clip(np.exp(log_r), _DARKEST, _BRIGHTEST)
        intimate = reflectance_of_k_over_s(a @ k_over_s(r))
        mixed = areal_weight * (a @ r) + (1.0 - areal_weight) * intimate
        bend = (1.0 - areal_weight) * 2.0 * intimate**2 / (intimate**2 - 1.0 - 1e-12)
        steep = (r**2 - 1.0) / (2.0 * r)
        slope = a * (areal_weight * r + bend[:, None] * steep) / mixed[:, None]
        miss = np.log(light) - np.log(mixed)
        normal = slope.T @ (slope / noise[:, None]) + precision
        right = slope.T @ (miss / noise) + precision @ (start - log_r)
        log_r = np.clip(
            log_r + np.linalg.solve(normal, right), np.log(_DARKEST), np.log(_BRIGHTEST)
        )
    return np.exp(log_r), np.sqrt(np.diag(np.linalg.inv(normal)))


def _refit_ms(
    seen: Observations, shares: NDArray[np.float64], library: Library
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return susceptibilities and their sds; pores are what the density says they are."""
    grain = shares @ library.density[1:]
    pores = np.clip((grain - seen.value[:, DENSITY]) / (grain - library.density[0]), 0.0, 0.98)
    known = np.isfinite(seen.value[:, MS]) & np.isfinite(pores)
    a = (1.0 - pores[known])[:, None] * shares[known]
    rest = seen.value[known, MS] - pores[known] * library.ms[0]
    # The density's own error moves the solids' share, and with it all of ms.
    solid_sd = seen.sd[known, DENSITY] / (grain[known] - library.density[0])
    moved = rest * solid_sd / (1.0 - pores[known])
    noise = seen.sd[known, MS] ** 2 + moved**2
    precision = np.diag(1.0 / library.ms_sd[1:] ** 2)
    normal = a.T @ (a / noise[:, None]) + precision
    right = a.T @ (rest / noise) + precision @ library.ms[1:]
    fitted = np.linalg.solve(normal, right)
    sd = np.sqrt(np.diag(np.linalg.inv(normal)))
    return np.concatenate([library.ms[:1], fitted]), np.concatenate([library.ms_sd[:1], sd])
