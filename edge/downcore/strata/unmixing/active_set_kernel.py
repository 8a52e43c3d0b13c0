"""The compiled loops of :mod:`downcore.strata.unmixing.active_set`; imported when first needed."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from downcore.strata.kernels import compiled, inlined

_Matrix = NDArray[np.float64]

SOLVED, OUT_OF_ROUNDS, NOT_DEFINITE = 0, 1, 2

_ROUNDS_PER_MEMBER = 4
"""Rounds of changing sides, for each member, before one enters at a time."""

_PATIENCE = 3
"""Rounds that may bring nothing before one member changes sides instead of all wrong ones."""

_DEFINITE = 1e-14
"""Least pivot of a Cholesky factor, of the diagonal, that counts as above 0."""

_ROUNDING = 1e-13
"""Gradient, of the terms in it, that counts as 0."""


class _Work(NamedTuple):
    """Memory of one problem of k members, used again for the next."""

    low: _Matrix
    """Cholesky factor with the inverse of its diagonal, (k, k)."""
    found: _Matrix
    """Solution of the passive members, (k,)."""
    ones: _Matrix
    """Forward solution for the sum's multiplier, (k,)."""
    is_passive: NDArray[np.bool_]
    """Whether a member may be above 0, (k,)."""
    passive: NDArray[np.int64]
    """The passive members, in its first places, (k,)."""
    is_wrong: NDArray[np.bool_]
    """Whether a member stands on the wrong side, (k,)."""


@inlined
def _gather(work: _Work) -> int:
    """List the passive members and return their number."""
    n = 0
    for j in range(work.is_passive.size):
        if work.is_passive[j]:
            work.passive[n] = j
            n += 1
    return n


@inlined
def _factor(h: _Matrix, n: int, work: _Work) -> bool:
    """Factor the passive members' part; return whether it is positive definite."""
    low, passive = work.low, work.passive
    for i in range(n):
        for j in range(i):
            total = h[passive[i], passive[j]]
            for m in range(j):
                total -= low[i, m] * low[j, m]
            low[i, j] = total * low[j, j]
        diagonal = h[passive[i], passive[i]]
        total = diagonal
        for m in range(i):
            total -= low[i, m] * low[i, m]
        # Written so that NaN fails too.
        if not total > _DEFINITE * diagonal:
            return False
        # The inverse is kept: divisions are dear.
        low[i, i] = 1.0 / math.sqrt(total)
    return True


@inlined
def _solve_passive(f: _Matrix, n: int, work: _Work, n_sums: int) -> float:
    """Solve for the passive members into ``work.found``; return the sum's multiplier."""
    low, found, ones = work.low, work.found, work.ones
    for i in range(n):
        total = f[work.passive[i]]
        for m in range(i):
            total -= low[i, m] * found[m]
        found[i] = total * low[i, i]
    level = 0.0
    if n_sums and n:
        top, bottom = -1.0, 0.0
        for i in range(n):
            total = 1.0
            for m in range(i):
                total -= low[i, m] * ones[m]
            ones[i] = total * low[i, i]
            top += found[i] * ones[i]
            bottom += ones[i] * ones[i]
        level = top / bottom
        for i in range(n):
            found[i] -= level * ones[i]
    for i in range(n - 1, -1, -1):
        total = found[i]
        for m in range(i + 1, n):
            total -= low[m, i] * found[m]
        found[i] = total * low[i, i]
    return level


@inlined
def _pressed(h: _Matrix, f: _Matrix, x: _Matrix, j: int, level: float) -> float:
    """Return the gradient at a member that is 0: above 0 it stays there; rounding counts as 0."""
    total = level - f[j]
    size = abs(level) + abs(f[j])
    for m in range(x.size):
        if x[m] != 0.0:
            term = h[j, m] * x[m]
            total += term
            size += abs(term)
    return 0.0 if abs(total) <= _ROUNDING * size else total


@inlined
def _mark_wrong(h: _Matrix, f: _Matrix, x: _Matrix, level: float, work: _Work) -> int:
    """Mark the members on the wrong side and return their number."""
    n_wrong = 0
    for j in range(x.size):
        if work.is_passive[j]:
            work.is_wrong[j] = x[j] < 0.0
        else:
            work.is_wrong[j] = _pressed(h, f, x, j, level) < 0.0
        n_wrong += work.is_wrong[j]
    return n_wrong


@inlined
def _by_blocks(h: _Matrix, f: _Matrix, x: _Matrix, work: _Work, n_sums: int) -> int:
    """Start with all members passive and let all wrong ones change sides; most often enough."""
    k = f.size
    fewest, patience = k + 1, _PATIENCE
    work.is_passive[:] = True
    for _ in range(_ROUNDS_PER_MEMBER * k):
        n = _gather(work)
        if not _factor(h, n, work):
            return NOT_DEFINITE
        level = _solve_passive(f, n, work, n_sums)
        x[:] = 0.0
        for i in range(n):
            x[work.passive[i]] = work.found[i]
        n_wrong = _mark_wrong(h, f, x, level, work)
        if n_wrong == 0:
            return SOLVED
        patience = _PATIENCE if n_wrong < fewest else patience - 1
        fewest = min(fewest, n_wrong)
        for j in range(k - 1, -1, -1):
            if work.is_wrong[j]:
                work.is_passive[j] = not work.is_passive[j]
                if patience < 0:
                    break
        if n_sums and not work.is_passive.any():
            work.is_passive[np.argmax(f)] = True
    return OUT_OF_ROUNDS


@inlined
def _advance(f: _Matrix, h: _Matrix, x: _Matrix, work: _Work, n_sums: int) -> int:
    """Go towards the passive solution as far as fractions stay above 0; return who leaves."""
    n = _gather(work)
    _factor(h, n, work)
    _solve_passive(f, n, work, n_sums)
    step, leaving = 1.0, -1
    for i in range(n):
        old, new = x[work.passive[i]], work.found[i]
        if new <= 0.0 and old <= step * (old - new):
            step = old / (old - new) if old > 0.0 else 0.0
            leaving = work.passive[i]
    for i in range(n):
        x[work.passive[i]] += step * (work.found[i] - x[work.passive[i]])
    return leaving


@inlined
def _one_by_one(h: _Matrix, f: _Matrix, x: _Matrix, work: _Work, n_sums: int) -> None:
    """Solve as Lawson and Hanson do: slower, and it always ends."""
    k = f.size
    x[:] = 0.0
    work.is_passive[:] = False
    if n_sums:
        start = np.argmin(0.5 * np.diag(h) - f)
        x[start] = 1.0
        work.is_passive[start] = True
    for _ in range(10 * k):
        level = 0.0
        if n_sums:
            top = np.argmax(x)
            level = f[top] - (h[top] * x).sum()
        best, entering = 0.0, -1
        for j in range(k):
            pressed = 0.0 if work.is_passive[j] else _pressed(h, f, x, j, level)
            if pressed < best:
                best, entering = pressed, j
        if entering < 0:
            return
        work.is_passive[entering] = True
        leaving = _advance(f, h, x, work, n_sums)
        while leaving >= 0:
            x[leaving] = 0.0
            work.is_passive[leaving] = False
            leaving = _advance(f, h, x, work, n_sums)


@compiled
def solve_all(h: _Matrix, f: _Matrix, x: _Matrix, n_sums: int) -> int:
    """Fill ``x`` row by row; return the first problem whose ``H`` is not definite, or -1."""
    n, k = f.shape
    work = _Work(
        np.empty((k, k)),
        np.empty(k),
        np.empty(k),
        np.empty(k, np.bool_),
        np.empty(k, np.int64),
        np.empty(k, np.bool_),
    )
    for row in range(n):
        one = h[row if h.shape[0] > 1 else 0]
        if not (np.isfinite(f[row]).all() and np.isfinite(one).all()):
            x[row] = np.nan
            continue
        outcome = _by_blocks(one, f[row], x[row], work, n_sums)
        if outcome == NOT_DEFINITE:
            return row
        if outcome == OUT_OF_ROUNDS:
            _one_by_one(one, f[row], x[row], work, n_sums)
    return -1
