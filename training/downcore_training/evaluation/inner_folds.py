"""
Inner folds: a model's errors on held-out cores, from the training cores alone.

Interval widths must come from errors like those on a held-out core. Where the training cores allow
it, whole cores are left out; a core without another from its site is left out in blocks of depth
instead, since otherwise the model would have no data of the site.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCKS = 5
"""Blocks of depth into which the only core of a site is cut."""

GAP_SLICES = 5
"""
Slices on either side of a block that are not trained on, since their context overlaps the block.
"""


@dataclass(frozen=True, slots=True, eq=False)
class InnerFold:
    """Training and test slices; boolean, shape (n,), disjoint."""

    training: NDArray[np.bool_]
    judged: NDArray[np.bool_]


def inner_folds(
    core: NDArray[np.int64], site: NDArray[np.int64], *, for_site: int | None
) -> tuple[InnerFold, ...]:
    """
    Return the folds whose errors calibrate the intervals of a new core.

    Parameters
    ----------
    core : ndarray, shape (n,)
        Number of the core of each training slice; in order of depth inside a core.
    site : ndarray, shape (n,)
        Number of its site.
    for_site : int or None
        Site of the core to come, which is known before its logs are; ``None`` where it shall
        not be used.

    Returns
    -------
    tuple of InnerFold
        The number of its fold is a slice's ``core`` for ``fit_by_core``. Where training cores
        are from ``for_site`` only they are judged. Where none is and there are several
        sites, each core is judged with its whole site left out.

    Raises
    ------
    ValueError
        If there is no slice.
    """
    if not core.size:
        raise ValueError("expected training slices to make folds of, got none")
    at_home = site == for_site
    is_new_site = for_site is not None and not at_home.any()
    folds: list[InnerFold] = []
    for left_out in np.unique(core[at_home] if at_home.any() else core):
        mine = core == left_out
        of_site = site == site[mine][0]
        if is_new_site and not of_site.all():
            folds.append(InnerFold(~of_site, mine))
        elif (of_site & ~mine).any():
            folds.append(InnerFold(~mine, mine))
        else:
            folds += _blocks(mine)
    return tuple(folds)


def _blocks(mine: NDArray[np.bool_]) -> list[InnerFold]:
    rows = np.flatnonzero(mine)
    folds: list[InnerFold] = []
    for block in np.array_split(np.arange(rows.size), min(BLOCKS, rows.size)):
        near = slice(max(int(block[0]) - GAP_SLICES, 0), int(block[-1]) + 1 + GAP_SLICES)
        training, judged = np.ones(mine.shape, np.bool_), np.zeros(mine.shape, np.bool_)
        training[rows[near]] = False
        judged[rows[block]] = True
        if training.any():
            folds.append(InnerFold(training, judged))
    return folds
