"""
The colour profile of a core: five numbers for each centimetre.

They are the same from an image and from a table of colour statistics, so that a core without a
usable image can still be scored. Luminance is 0.2126 R + 0.7152 G + 0.0722 B of the encoded
counts, as colour tables of line scanners have it.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from downcore.strata.colour import lab_of_linear
from downcore.strata.mask.classes import MaskClass

PROFILE_NAMES = ("L", "a", "b", "sd_down", "sd_across")
"""
Columns of a profile: CIE L*a*b* (D65) of the mean sRGB of the sediment; sd (n - 1) of the
means of rows of 1 mm; mean over those rows of the sd across the core. Both
sd in luminance counts of 8 bit.
"""

FINEST_PX_PER_CM = 100.0
"""Finer scans are first averaged to this scale, since an sd of pixels depends on their size."""

REACH_CM = 5
"""Slices above and below that the context of a slice takes in."""

_NEAR_CM = 2
_ROWS_PER_CM = 10
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)


def profile_of_lines(
    lines: NDArray[np.uint8], classes: NDArray[np.uint8], px_per_cm: float
) -> NDArray[np.float64]:
    """
    Return the profile of one slice.

    Parameters
    ----------
    lines : ndarray of uint8, shape (n_lines, n_across, 3)
        RGB, the slice's own scan lines.
    classes : ndarray of uint8, shape (n_lines, n_across)
        Its mask, values of :class:`MaskClass`; only sediment counts.
    px_per_cm : float
        Scale of the scan.

    Returns
    -------
    ndarray of float64, shape (5,)
        In the order of :data:`PROFILE_NAMES`. All NaN without sediment; ``sd_down`` NaN
        where fewer than two rows of 1 mm have any.

    Raises
    ------
    ValueError
        If ``lines`` and ``classes`` differ in size.
    """
    if lines.shape[:2] != classes.shape or lines.shape[2:] != (3,):
        raise ValueError(
            f"expected RGB lines and a mask of one size, got {lines.shape} and {classes.shape}"
        )
    sediment = (classes == MaskClass.SEDIMENT).astype(np.uint8)
    if not sediment.any():
        return np.full(len(PROFILE_NAMES), np.nan)
    mean_rgb = np.array(cv2.mean(np.ascontiguousarray(lines), mask=sediment)[:3])
    luminance, weight = _luminance_of(lines, sediment, px_per_cm)
    down, across = _spreads(luminance, weight, min(px_per_cm, FINEST_PX_PER_CM))
    return np.array([*lab_of_mean(mean_rgb), down, across])


def lab_of_mean(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Return CIE L*a*b* of mean sRGB counts, shape (..., 3), 0 to 255 and fractional; NaN for NaN.

    Source: IEC 61966-2-1:1999 for the transfer curve.
    """
    share = np.asarray(counts, np.float64) / 255.0
    light = np.where(
        share <= 0.04045,  # noqa: PLR2004 - knee of sRGB
        share / 12.92,
        ((np.maximum(share, 0.0) + 0.055) / 1.055) ** 2.4,
    )
    return lab_of_linear(light.astype(np.float32)).astype(np.float64)


def with_context(
    profile: NDArray[np.float64], run: NDArray[np.int64], *, reach_cm: int = REACH_CM
) -> NDArray[np.float64]:
    """
    Return each slice's profile with that of its neighbours.

    Parameters
    ----------
    profile : ndarray, shape (n, n_columns)
        One row for each centimetre, in order of depth; NaN where unknown.
    run : ndarray, shape (n,)
        Number of the unbroken stretch each slice is in; neighbours are taken from the same stretch
        only.
    reach_cm : int, default 5
        Slices above and below that count as neighbours.

    Returns
    -------
    ndarray, shape (n, 6 * n_columns)
        The values; their running means over 2 cm and over ``reach_cm`` either side; the mean
        of those above less the value; that of those below less the value; their sd over
        ``reach_cm`` either side. NaN where nothing is known.
    """
    profile = np.asarray(profile, np.float64)
    out = np.full((len(profile), 6 * profile.shape[1]), np.nan)
    for number in np.unique(run):
        mine = np.flatnonzero(run == number)
        own = profile[mine]
        padded = np.pad(own, ((reach_cm, reach_cm), (0, 0)), constant_values=np.nan)
        around = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach_cm + 1, axis=0)
        near = min(_NEAR_CM, reach_cm)
        wide, sd = _mean_sd(around)
        parts = (
            own,
            _mean_sd(around[..., reach_cm - near : reach_cm + near + 1])[0],
            wide,
            _mean_sd(around[..., :reach_cm])[0] - own,
            _mean_sd(around[..., reach_cm + 1 :])[0] - own,
            sd,
        )
        out[mine] = np.concatenate(parts, axis=1)
    return out


def _luminance_of(
    lines: NDArray[np.uint8], sediment: NDArray[np.uint8], px_per_cm: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return luminance and share of sediment of pixels averaged to the finest allowed scale."""
    weight = sediment.astype(np.float32)
    flat = np.ascontiguousarray(lines).reshape(-1, 3)
    luminance = (flat @ _LUMINANCE).reshape(weight.shape)
    if px_per_cm <= FINEST_PX_PER_CM:
        return luminance, weight
    share = FINEST_PX_PER_CM / px_per_cm
    size = tuple(max(1, round(share * n)) for n in (lines.shape[1], lines.shape[0]))
    mass = cv2.resize(luminance * weight, size, interpolation=cv2.INTER_AREA)
    total = np.asarray(mass, np.float32)
    shares = np.asarray(cv2.resize(weight, size, interpolation=cv2.INTER_AREA), np.float32)
    coarse = np.divide(total, shares, out=np.zeros(total.shape, np.float32), where=shares > 0)
    return coarse, shares


def _spreads(
    luminance: NDArray[np.float32], weight: NDArray[np.float32], px_per_cm: float
) -> tuple[float, float]:
    """Return the sd of the rows' means, and the mean of the sd inside them."""
    n_lines = len(luminance)
    n_rows = min(n_lines, max(1, round(_ROWS_PER_CM * n_lines / px_per_cm)))
    starts = np.arange(n_rows) * n_lines // n_rows
    # Around a middle value, so that squares of counts lose nothing to rounding.
    middle = float((luminance * weight).sum(dtype=np.float64) / weight.sum(dtype=np.float64))
    apart = luminance - np.float32(middle)
    sums = [
        np.add.reduceat(x.sum(axis=1, dtype=np.float64), starts)
        for x in (weight, weight * apart, weight * apart * apart)
    ]
    seen = sums[0] > 0
    share, first, second = (x[seen] for x in sums)
    means = first / share
    across = float(np.sqrt(np.maximum(second / share - means**2, 0.0)).mean())
    return (float(means.std(ddof=1)) if len(means) > 1 else float("nan")), across


def _mean_sd(window: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and sd along the last axis, without NaN."""
    known = np.isfinite(window)
    count = known.sum(axis=-1)
    none = np.full(count.shape, np.nan)
    total = np.where(known, window, 0.0).sum(axis=-1)
    mean = np.divide(total, count, out=none.copy(), where=count > 0)
    apart = np.where(known, window - mean[..., None], 0.0)
    variance = np.divide((apart**2).sum(axis=-1), count, out=none, where=count > 0)
    return mean, np.sqrt(variance)
