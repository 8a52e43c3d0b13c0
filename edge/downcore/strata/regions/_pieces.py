"""Every region is one connected piece, and none is too small that touches another."""

import numpy as np
from numpy.typing import NDArray

from downcore.strata.superpixels.merging import groups_of, merge, paint
from downcore.strata.superpixels.runs import parts_of, runs_of, touching


def connected(
    regions: NDArray[np.int32], means: NDArray[np.int16], least_px: int
) -> NDArray[np.int32]:
    """
    Make every piece a region of its own, but small ones a part of what is most like them.

    Parameters
    ----------
    regions : ndarray, shape (n_lines, n_across)
        Numbers of ``means``; 0 is no region.
    means : ndarray, shape (n_regions + 1, 3)
        Colours.
    least_px : int
        Area below which a piece joins the touching piece of the most similar colour.

    Returns
    -------
    ndarray of int32, shape (n_lines, n_across)
        1, 2, ... in the order in which regions begin.
    """
    runs = runs_of(regions)
    part, n_parts = parts_of(regions, runs)
    start, stop, first_of_line = runs
    region = np.zeros(n_parts, np.int32)
    region[part] = regions[np.repeat(np.arange(len(regions)), np.diff(first_of_line)), start]
    area = np.bincount(part, stop - start, n_parts).astype(np.int64)
    sums = np.concatenate([area[:, None], area[:, None] * means[region]], axis=1)
    parent = np.arange(n_parts, dtype=np.int32)
    merge(
        touching(part, area < least_px, runs),
        sums,
        given=np.full(n_parts, -1, np.int32),
        may_wait=np.zeros(n_parts, np.bool_),
        parent=parent,
        least_px=least_px,
    )
    root, _ = groups_of(parent, area)
    number = np.cumsum(root == np.arange(n_parts), dtype=np.int32)
    found = np.empty(regions.shape, np.int32)
    paint(part, runs, number[root], 0, found)
    return found
