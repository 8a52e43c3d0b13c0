"""
Colour and texture of a centimetre, and what they are around it: the columns that trees read.

The same numbers as the graph of a boosted profile computes from a window, centimetre by
centimetre, so that a site can be learned from what the store holds, without its images.

Source of the colour conversion: as :mod:`downcore.strata.colour`.
"""

import numpy as np
from numpy.typing import NDArray

from downcore.strata.colour_profile import lab_of_mean
from downcore.strata.core_view import SliceView
from downcore.strata.windows import Window, cut_window

Values = NDArray[np.float64]

COLUMNS = ("L", "a", "b", "sd_down_L", "sd_down_a", "sd_down_b", "sd_across", "fine")
"""
Of each centimetre: mean L*, a*, b*; sd of the means of lines of 1 mm; mean sd of L* across those
lines; mean step of L* between pixels 1 mm apart. All but the means as logarithms.
"""

N_COLUMNS = len(COLUMNS)

REACHES_CM = (1, 2, 3, 5)
"""Half lengths of the running means."""

N_FEATURES = N_COLUMNS * (len(REACHES_CM) + 4)
"""Of a row: its own centimetre, running means, above and below less its own, sd around."""

_ONE_CM = Window(above_cm=0, rows_cm=1, below_cm=0)
_LEAST = 1e-3
_MIN_PX_IN_LINE = 3
_FULL_PX = 500.0
"""Square millimetres of sediment from which a centimetre counts in full."""


def slice_profile(view: SliceView) -> tuple[Values, float]:
    """
    Return the profile of one centimetre and its weight.

    Parameters
    ----------
    view : SliceView
        With the flat field corrected.

    Returns
    -------
    profile : ndarray of float64, shape (8,)
        In the order of :data:`COLUMNS`; what a centimetre without sediment gives counts for
        nothing.
    weight : float
        0 without sediment, to 1.
    """
    pixels = cut_window([view], _ONE_CM).astype(np.float32)
    # Two pixels make a millimetre; sediment is weighted, so edges do not darken.
    halved = pixels.reshape(10, 2, pixels.shape[1] // 2, 2, 4).mean(axis=(1, 3))
    share = halved[..., 3] / 255.0
    mask = share > 0.5  # noqa: PLR2004 - half of a square millimetre
    rgb = halved[..., :3] / np.maximum(share, _LEAST)[..., None]
    lab = lab_of_mean(np.clip(rgb, 0.0, 255.0)) * mask[..., None]
    in_line = np.maximum(mask.sum(axis=1), 1.0)
    lines = lab.sum(axis=1) / in_line[:, None]
    apart = (lab[..., 0] - lines[:, :1]) * mask
    across = np.sqrt((apart**2).sum(axis=1) / in_line + _LEAST)
    both = mask[:, 1:] & mask[:, :-1]
    steps = (np.abs(np.diff(lab[..., 0], axis=1)) * both).sum(axis=1)
    fine = steps / np.maximum(both.sum(axis=1), 1.0)
    has = mask.sum(axis=1) >= _MIN_PX_IN_LINE
    values = np.column_stack([lines, across, fine]) * has[:, None]
    count = max(int(has.sum()), 1)
    mean = values.sum(axis=0) / count
    deviation = (values[:, :3] - mean[:3]) * has[:, None]
    down = 0.5 * np.log((deviation**2).sum(axis=0) / count + _LEAST)
    weight = min(float(mask.sum()) / _FULL_PX, 1.0) if has.any() else 0.0
    return np.concatenate([mean[:3], down, np.log(mean[3:] + 0.05)]), weight


def profile_features(profile: Values, weight: Values) -> Values:
    """
    Return the features of every row of a section.

    Parameters
    ----------
    profile : ndarray, shape (n, 8)
        Of consecutive centimetres from the section's top.
    weight : ndarray, shape (n,)
        0 where a centimetre shows no sediment.

    Returns
    -------
    ndarray of float64, shape (n, 64)
        Outside the section nothing is known, as where a centimetre shows nothing.
    """
    reach = REACHES_CM[-1]
    means = [_mean(profile, weight, -r, r) for r in REACHES_CM]
    wide = means[-1][0]
    own = np.where(weight[:, None] > 0, profile, wide)
    above, below = (
        np.where(known[:, None], mean, own)
        for mean, known in (_mean(profile, weight, -reach, -1), _mean(profile, weight, 1, reach))
    )
    square = _mean(profile**2, weight, -reach, reach)[0]
    sd = np.sqrt(np.maximum(square - wide**2, 0.0) + _LEAST)
    parts = [own, *(mean for mean, _ in means), above - own, below - own, sd]
    return np.concatenate(parts, axis=1)


def _mean(
    profile: Values, weight: Values, first: int, last: int
) -> tuple[Values, NDArray[np.bool_]]:
    """Return the weighted mean of rows ``i + first`` to ``i + last``, and where there is one."""
    n = len(weight)
    at = np.arange(n)
    begin, stop = np.clip(at + first, 0, n), np.clip(at + last + 1, 0, n)
    sums = np.zeros((n + 1, profile.shape[1]))
    np.cumsum(profile * weight[:, None], axis=0, out=sums[1:])
    weights = np.concatenate([[0.0], np.cumsum(weight)])
    total = weights[stop] - weights[begin]
    known = total > 1e-6  # noqa: PLR2004 - no sediment at all
    mean = (sums[stop] - sums[begin]) / np.maximum(total, 1e-6)[:, None]
    return np.where(known[:, None], mean, 0.0), known
