"""
Batched non-negative least squares beside a loop over ``scipy.optimize.nnls``, in CPU time.

The problems are the regularised ones that composition needs: six observations of eight or twelve
members, a ridge to a prior, and the sum to one as a weighted row, which scipy can do too. Shares
are drawn from Dirichlet distributions, even (most members there) or sparse (few). All solvers
get the same problems in one run, several times in turn; ours count their own normal equations.

Beside them stands the approximate solver on OpenVINO (ADMM, 32 bit), whose error is the greatest
difference of a share from the exact solver's. Last come problems with a matrix each, as slices
have when each has weights of its own; scipy is given their rows.

    python benchmarks/unmixing.py --json FILE
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.optimize
from numpy.typing import NDArray
from optimality import kkt_residual
from reporting import arguments, report

from downcore.inference.unmixing_graph import AdmmSolver
from downcore.strata.unmixing.active_set import solve_nonnegative

SEED = 20_261_123
N_ROWS = 6
SUM_WEIGHT = 10.0
RIDGE_SHARE = 0.01
CASES = {
    "8_members_even": (8, 1.0),
    "8_members_sparse": (8, 0.15),
    "12_members_even": (12, 1.0),
    "12_members_sparse": (12, 0.15),
}
ADMM = AdmmSolver()


@dataclass(frozen=True, slots=True)
class Problems:
    """Stacked rows: observations, the weighted sum, the ridge."""

    matrix: NDArray[np.float64]
    right: NDArray[np.float64]
    light_matrix: NDArray[np.float64]
    """Without the row of the sum."""
    light_right: NDArray[np.float64]


def draw(rng: np.random.Generator, n: int, k: int, evenness: float) -> Problems:
    """Return ``n`` problems of ``k`` members."""
    members = rng.uniform(0.0, 1.0, (N_ROWS, k))
    shares = rng.dirichlet(np.full(k, evenness), n)
    seen = shares @ members.T + 0.02 * rng.standard_normal((n, N_ROWS))
    ridge = np.sqrt(RIDGE_SHARE * (members**2).sum() / k)
    prior = np.full((n, k), ridge / k)
    light = np.vstack([members, ridge * np.eye(k)])
    matrix = np.vstack([light, np.full((1, k), SUM_WEIGHT)])
    light_right = np.hstack([seen, prior])
    right = np.hstack([light_right, np.full((n, 1), SUM_WEIGHT)])
    return Problems(matrix, right, light, light_right)


def batched(problems: Problems) -> NDArray[np.float64]:
    """Solve them together."""
    normal = problems.matrix.T @ problems.matrix
    return solve_nonnegative(normal, problems.right @ problems.matrix, sum_to_one=False)


def exact_sum(problems: Problems) -> NDArray[np.float64]:
    """Solve them together, the sum kept exactly."""
    normal = problems.light_matrix.T @ problems.light_matrix
    return solve_nonnegative(normal, problems.light_right @ problems.light_matrix, sum_to_one=True)


def approximate(problems: Problems) -> NDArray[np.float64]:
    """Solve them together, approximately, the sum kept exactly."""
    normal = problems.light_matrix.T @ problems.light_matrix
    return ADMM.solve(normal, problems.light_right @ problems.light_matrix)


def looped(problems: Problems) -> NDArray[np.float64]:
    """Solve them one by one with scipy."""
    return np.array([scipy.optimize.nnls(problems.matrix, row)[0] for row in problems.right])


def cpu_s(solve: Callable[..., object], *problems: object) -> float:
    """Return CPU seconds of one solution."""
    start = time.process_time()
    solve(*problems)
    return time.process_time() - start


def compare(name: str, n: int, repeats: int) -> dict[str, float]:
    """Return speeds and residuals of one case."""
    k, evenness = CASES[name]
    problems = draw(np.random.default_rng([SEED, k, round(100 * evenness)]), n, k, evenness)
    ours, theirs, exact = batched(problems), looped(problems), exact_sum(problems)
    near = approximate(problems)
    # In turn, so that whatever else the machine does meets both.
    solvers = (looped, batched, exact_sum, approximate)
    times = [[cpu_s(solve, problems) for solve in solvers] for _ in range(repeats)]
    loop, batch, summed, admm = (statistics.median(column) for column in zip(*times, strict=True))
    normal, right = problems.matrix.T @ problems.matrix, problems.right @ problems.matrix
    light = problems.light_matrix.T @ problems.light_matrix
    light_right = problems.light_right @ problems.light_matrix
    return {
        f"{name}_per_s": n / batch,
        f"{name}_scipy_per_s": n / loop,
        f"{name}_times_scipy": loop / batch,
        f"{name}_exact_sum_times_scipy": loop / summed,
        f"{name}_kkt": float(kkt_residual(normal, right, ours, sum_to_one=False).max()),
        f"{name}_exact_sum_kkt": float(
            kkt_residual(light, light_right, exact, sum_to_one=True).max()
        ),
        f"{name}_scipy_kkt": float(kkt_residual(normal, right, theirs, sum_to_one=False).max()),
        f"{name}_most_apart": float(np.abs(ours - theirs).max()),
        f"{name}_admm_per_s": n / admm,
        f"{name}_admm_over_scipy": loop / admm,
        f"{name}_admm_over_exact_sum": summed / admm,
        f"{name}_admm_error": float(np.abs(near - exact).max()),
        f"{name}_admm_from_scipy": float(np.abs(near - theirs).max()),
        f"{name}_members_present": float((theirs > 0.0).sum(axis=1).mean()),
    }


def compare_own(n: int, repeats: int) -> dict[str, float]:
    """Return speeds and errors where each problem has weights, and so a matrix, of its own."""
    rng = np.random.default_rng([SEED, 0])
    problems = draw(rng, n, 8, 1.0)
    weights = np.exp(0.5 * rng.standard_normal(problems.light_right.shape))
    rows = weights[:, :, None] * problems.light_matrix
    aims = weights * problems.light_right
    normal = np.matmul(rows.transpose(0, 2, 1), rows)
    right = np.matmul(rows.transpose(0, 2, 1), aims[:, :, None])[:, :, 0]
    summed = np.concatenate([rows, np.full((n, 1, 8), SUM_WEIGHT)], axis=1)
    aims = np.concatenate([aims, np.full((n, 1), SUM_WEIGHT)], axis=1)
    solvers: tuple[Callable[[], NDArray[np.float64]], ...] = (
        lambda: np.array([scipy.optimize.nnls(*one)[0] for one in zip(summed, aims, strict=True)]),
        lambda: solve_nonnegative(normal, right, sum_to_one=True),
        lambda: ADMM.solve(normal, right),
    )
    theirs, exact, near = (solve() for solve in solvers)
    times = [[cpu_s(solve) for solve in solvers] for _ in range(repeats)]
    loop, batch, admm = (statistics.median(column) for column in zip(*times, strict=True))
    return {
        "own_matrices_per_s": n / batch,
        "own_matrices_scipy_per_s": n / loop,
        "own_matrices_admm_per_s": n / admm,
        "own_matrices_exact_sum_over_scipy": loop / batch,
        "own_matrices_admm_over_scipy": loop / admm,
        "own_matrices_admm_over_exact_sum": batch / admm,
        "own_matrices_admm_error": float(np.abs(near - exact).max()),
        "own_matrices_admm_from_scipy": float(np.abs(near - theirs).max()),
    }


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    found = arguments("Batched unmixing against a loop over scipy.optimize.nnls.")
    found.add_argument("--problems", type=int, default=3000)
    found.add_argument("--repeats", type=int, default=7)
    return found


def main() -> None:
    """Print the comparison."""
    given = parser().parse_args()
    metrics: dict[str, float] = {"n_problems": given.problems}
    for name in CASES:
        metrics |= compare(name, given.problems, given.repeats)
    metrics |= compare_own(given.problems, given.repeats)
    metrics["least_times_scipy"] = min(
        v for key, v in metrics.items() if key.endswith("_times_scipy") and "exact" not in key
    )
    metrics["greatest_kkt"] = max(
        v for key, v in metrics.items() if key.endswith("_kkt") and "scipy" not in key
    )
    shared = [f"{name}_admm" for name in CASES]
    metrics["admm_least_over_scipy"] = min(metrics[f"{one}_over_scipy"] for one in shared)
    metrics["admm_greatest_error"] = max(metrics[f"{one}_error"] for one in shared)
    report("regularised non-negative least squares, CPU time", metrics, given.json)


if __name__ == "__main__":
    main()
