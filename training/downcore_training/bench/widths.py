"""Half widths of 90 % intervals of baselines, from slices that took no part in the fit."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from downcore.strata.conformal import fit_by_core, half_width
from downcore.strata.properties import PROPERTIES

Values = NDArray[np.float64]


def half_widths(errors: Sequence[Values], *, is_by_core: bool) -> Values:
    """
    Return the half width for each property, shape (3,); NaN where there is no error.

    Parameters
    ----------
    errors : sequence of ndarray, each of shape (n, 3)
        Prediction less label of each held-out core or block of depth, in order of depth; NaN for
        none.
    is_by_core : bool
        Whether the intervals are for cores that nothing was learned from. Without it a slice
        stands for itself, as the published protocol takes it.
    """
    found = np.full(len(PROPERTIES), np.nan)
    if not errors:
        return found
    joined = np.concatenate(list(errors))
    number = np.repeat(np.arange(len(errors)), [len(one) for one in errors])
    for i in range(found.size):
        known = np.isfinite(joined[:, i])
        if known.sum() > 1:
            error = joined[known, i]
            by = number[known] if is_by_core else np.arange(error.size)
            core = np.unique(by, return_inverse=True)[1].astype(np.int64)
            found[i] = float(half_width(fit_by_core(error, None, core), None))
    return found
