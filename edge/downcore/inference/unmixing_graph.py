"""
Constrained least squares by ADMM as an OpenVINO graph, for large batches of problems.

Each problem is ``min x'Hx/2 - f'x`` with ``x >= 0`` and ``sum(x) = 1``. The alternating direction
method of multipliers swaps two easy problems: the one without ``x >= 0``, whose answer is linear,
and cutting off below 0. With penalty ``r``, ``P`` the inverse of ``H + r I`` on mixtures that
sum to 0 and ``q`` its answer to ``f = 0``, an iteration relaxed by ``a`` is

    v <- a (P f + q) + a (r P - I / 2) |v| + (1 - a / 2) v

since what is cut off and its multiplier are the two signs of one number; ``x`` is ``v`` above 0.
So an iteration is one product of matrices. Problems lie side by side in the last axis.

It is approximate; the setting ``composition.solver`` chooses it. Where every slice has a matrix of
its own the exact solver is faster (``docs/decisions/0023-unmixing.md``).

Sources: Boyd et al. (2011), *Distributed optimization and statistical learning via the
alternating direction method of multipliers*, doi:10.1561/2200000016, sections 3 and 5.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from downcore.inference.openvino_runtime import compile_for, openvino
from downcore.strata.unmixing.active_set import solve_mixtures

ITERATIONS = 60
"""On the regularised problems of the benchmarks the greatest error is then below 0.003."""

_NEAR = 0.05
"""By how much fractions may miss their sum; those further off are solved exactly."""

_RELAXATION = 1.6
_STIFFNESS = 3.0
"""Penalty over the inverse of the mean variance of a fraction; by trial on the benchmarks."""

_op: Any = openvino.opset13


class AdmmSolver:
    """
    Solves batches of mixtures in 32 bit, by a fixed number of iterations.

    It pays where very many problems share one ``H``. Where each has its own, finding the inverses
    takes longer than the exact :func:`~downcore.strata.unmixing.active_set.solve_nonnegative`.

    Parameters
    ----------
    iterations : int, default ITERATIONS
        1 or more.
    batch : int, default 4096
        Problems of one inference, 1 or more, fewer where each has a matrix; the last is filled
        up. A graph is compiled for each number of members when it is first met, in about half a
        second.
    """

    def __init__(self, *, iterations: int = ITERATIONS, batch: int = 4096) -> None:
        for name, value in (("iterations", iterations), ("batch", batch)):
            if value < 1:
                raise ValueError(f"expected 1 or more {name}, got {value}")
        self._iterations = iterations
        self._batch = batch
        self._requests: dict[tuple[int, bool], Any] = {}

    def solve(self, normal: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
        """
        Return the fractions of every problem, shape (n, k): 0 or more, and rows sum to 1.

        ``normal`` and ``right`` are those of
        :func:`~downcore.strata.unmixing.active_set.solve_nonnegative`. A row is NaN where its ``H``
        or ``f`` is not finite; other rows change it by rounding at most.

        Raises
        ------
        ValueError
            If the shapes do not belong together, or an ``H`` is not positive definite.
        """
        h = normal[None] if normal.ndim == 2 else normal  # noqa: PLR2004 - a matrix for all
        n, k = right.shape if right.ndim == 2 else (-1, -1)  # noqa: PLR2004 - rows and members
        if h.shape[1:] != (k, k) or h.shape[0] not in {1, n}:
            raise ValueError(
                f"expected H of (k, k) or (n, k, k) and f of (n, k), got {normal.shape} and "
                f"{right.shape}"
            )
        is_known = np.isfinite(h).all(axis=(1, 2)) & np.isfinite(right).all(axis=1)
        found = np.full(right.shape, np.nan)
        if is_known.any():
            own = h if h.shape[0] == 1 else h[is_known]
            found[is_known] = self._mixtures(own, right[is_known])
        return found

    def _mixtures(self, h: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
        found = self._fractions(*_linear(h, right))
        total = found.sum(axis=1, keepdims=True)
        # Most are near 1 already; the rest of the way is made by all members alike.
        is_near = np.abs(total[:, 0] - 1.0) <= _NEAR
        np.divide(found, total, out=found, where=is_near[:, None])
        if not is_near.all():
            own = h if h.shape[0] == 1 else h[~is_near]
            found[~is_near] = solve_mixtures(own, right[~is_near])
        return found

    def _fractions(
        self, turns: NDArray[np.float64], starts: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Iterate; ``turns`` is of shape (1 or n, k, k), ``starts`` of shape (n, k)."""
        n, k = starts.shape
        request = self._request(k, is_shared=len(turns) == 1)
        turn, start = (request.get_tensor(name).data for name in ("turn", "start"))
        is_shared, batch = turn.ndim == 2, start.shape[1]  # noqa: PLR2004 - a matrix for all
        found = np.empty((k, n))
        if is_shared:
            turn[...] = turns[0]
        for first in range(0, n, batch):
            stop = min(first + batch, n)
            start[:, : stop - first] = starts[first:stop].T
            start[:, stop - first :] = 0.0
            if not is_shared:
                turn[..., : stop - first] = turns[first:stop].transpose(1, 2, 0)
                turn[..., stop - first :] = 0.0
            request.infer()
            found[:, first:stop] = request.get_output_tensor(0).data[:, : stop - first]
        return np.ascontiguousarray(found.T)

    def _request(self, k: int, *, is_shared: bool) -> Any:
        if (k, is_shared) not in self._requests:
            # With a matrix for each problem fewer problems fit the processor's cache.
            batch = self._batch if is_shared else max(1, self._batch // k)
            graph = admm_graph((k, k) if is_shared else (k, k, batch), batch, self._iterations)
            self._requests[k, is_shared] = compile_for(graph).create_infer_request()
        return self._requests[k, is_shared]


def admm_graph(turn_shape: tuple[int, ...], batch: int, iterations: int) -> Any:
    """
    Return the graph (openvino.Model) of a batch.

    Inputs: ``turn``, (k, k) for all problems or (k, k, batch), and ``start``, (k, batch): the
    matrix and the constant of an iteration. Output, (k, batch): fractions, 0 or more.
    """
    k, is_shared = turn_shape[0], len(turn_shape) == 2  # noqa: PLR2004 - a matrix for all
    turn = _op.parameter(list(turn_shape), openvino.Type.f32, name="turn")
    start = _op.parameter([k, batch], openvino.Type.f32, name="start")
    kept = _op.constant(np.float32(1.0 - _RELAXATION / 2.0))
    v: Any = start
    for _ in range(iterations):
        size = _op.abs(v)
        if is_shared:
            turned = _op.matmul(turn, size, transpose_a=False, transpose_b=False)
        else:
            # One problem beside the other in the processor's registers, not one after the other.
            across = _op.unsqueeze(size, _op.constant(np.int32(0)))
            weighted = _op.multiply(turn, across)
            turned = _op.reduce_sum(weighted, _op.constant(np.array([1])), keep_dims=False)
        v = _op.add(_op.add(start, turned), _op.multiply(v, kept))
    return openvino.Model([_op.relu(v)], [turn, start], "admm")


def _linear(
    normal: NDArray[np.float64], right: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the matrix and the constant of an iteration, (1 or n, k, k) and (n, k)."""
    try:
        np.linalg.cholesky(normal)
    except np.linalg.LinAlgError as error:
        raise ValueError(
            "expected positive definite H, got one whose answer is not unique: "
            "add a ridge to a prior"
        ) from error
    k = normal.shape[1]
    variance = np.trace(_answers(normal)[0], axis1=1, axis2=2) / k
    # With one member the fraction is 1.
    penalty = _STIFFNESS / np.where(variance > 0.0, variance, 1.0)
    eye = np.eye(k)
    p, q = _answers(normal + penalty[:, None, None] * eye)
    turns = _RELAXATION * (penalty[:, None, None] * p - eye / 2.0)
    answers = right @ p[0] if len(p) == 1 else np.matmul(p, right[..., None])[..., 0]
    starts = _RELAXATION * (answers + q)
    return turns, starts


def _answers(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return ``P`` and ``q``: with sum 1, the answer to ``matrix x = f`` is ``P f + q``."""
    inverse = np.linalg.inv(matrix)
    rows = inverse.sum(axis=2)
    q = rows / rows.sum(axis=1, keepdims=True)
    return inverse - rows[:, :, None] * q[:, None, :], q
