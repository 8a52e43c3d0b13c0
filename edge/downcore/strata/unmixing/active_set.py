"""
Many small least-squares problems with fractions of at least 0, solved exactly and together.

Each is ``min x'Hx/2 - f'x`` with ``x >= 0`` and, where asked, ``sum(x) = 1``. A ridge to a prior
or weights of observations are part of ``H`` and ``f``. The passive set starts with everything and
changes in blocks; where blocks go round in circles, one member changes at a time, which ends.

Sources: Lawson and Hanson (1974), *Solving Least Squares Problems*, ch. 23; Bro and de Jong
(1997), normal equations once for many; Kim and Park (2011), changes in blocks.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

MixtureSolver: TypeAlias = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]
"""
Answers many problems whose fractions sum to 1: of ``H``, (k, k) or (n, k, k), and ``f``, (n, k),
fractions (n, k). A row is NaN where its ``H`` or ``f`` is not finite; ValueError as
:func:`solve_nonnegative`.
"""


def solve_mixtures(normal: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the exact fractions of problems whose fractions sum to 1; a MixtureSolver."""
    return solve_nonnegative(normal, right, sum_to_one=True)


def solve_nonnegative(
    normal: NDArray[np.float64], right: NDArray[np.float64], *, sum_to_one: bool
) -> NDArray[np.float64]:
    """
    Return the fractions of every problem.

    Parameters
    ----------
    normal : ndarray, shape (k, k) or (n, k, k)
        ``H``, symmetric and positive definite; one for all problems, or one each.
    right : ndarray, shape (n, k)
        ``f``.
    sum_to_one : bool
        Whether each row of the answer sums to 1.

    Returns
    -------
    ndarray, shape (n, k)
        0 or more; a row is NaN where its ``H`` or ``f`` is not finite.

    Raises
    ------
    ValueError
        If the shapes do not belong together, or an ``H`` is not positive definite: then the
        answer is not unique, and a ridge is missing.
    """
    # Compiling costs a second, so only those who unmix pay for it.
    from downcore.strata.unmixing.active_set_kernel import solve_all  # noqa: PLC0415

    f = np.ascontiguousarray(right, np.float64)
    h = np.ascontiguousarray(normal, np.float64)
    h = h[None] if h.ndim == 2 else h  # noqa: PLR2004 - a matrix for all
    if f.ndim != 2 or h.shape[1:] != 2 * (f.shape[1],) or h.shape[0] not in {1, f.shape[0]}:  # noqa: PLR2004 - rows and members
        raise ValueError(
            f"expected H of (k, k) or (n, k, k) and f of (n, k), got {normal.shape} and "
            f"{right.shape}"
        )
    x = np.empty_like(f)
    if f.size:
        bad = int(solve_all(h, f, x, int(sum_to_one)))
        if bad >= 0:
            raise ValueError(
                f"expected positive definite H, got problem {bad} whose answer is not unique: "
                "add a ridge to a prior"
            )
    return x
