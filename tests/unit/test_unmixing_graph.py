import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from downcore.inference.unmixing_graph import AdmmSolver
from downcore.strata.unmixing.active_set import solve_nonnegative

SOLVER = AdmmSolver(batch=64)
"""One for all tests: what it compiled is used again."""


def problems(
    seed: int, n: int, k: int, *, evenness: float = 0.3
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """One regularised matrix for all, as six noisy observations and a ridge give it."""
    rng = np.random.default_rng(seed)
    members = rng.uniform(0.0, 1.0, (6, k))
    ridge = 0.01 * (members**2).sum() / k
    shares = rng.dirichlet(np.full(k, evenness), n)
    seen = shares @ members.T + 0.02 * rng.standard_normal((n, 6))
    return members.T @ members + ridge * np.eye(k), seen @ members + ridge / k


@given(
    seed=st.integers(0, 9_999),
    n=st.sampled_from([1, 63, 64, 65, 200]),
    k=st.sampled_from([2, 5, 8, 12]),
    evenness=st.sampled_from([0.15, 1.0]),
)
@settings(deadline=None, max_examples=40)
def test_fractions_are_those_of_the_exact_solver_to_a_hundredth(
    seed: int, n: int, k: int, evenness: float
) -> None:
    normal, right = problems(seed, n, k, evenness=evenness)

    got = SOLVER.solve(normal, right)

    assert (got >= 0.0).all()
    np.testing.assert_allclose(got.sum(axis=1), 1.0, atol=1e-12)
    exact = solve_nonnegative(normal, right, sum_to_one=True)
    np.testing.assert_allclose(got, exact, atol=0.01)


@given(seed=st.integers(0, 9_999), n=st.sampled_from([1, 64, 100]))
@settings(deadline=None, max_examples=20)
def test_a_matrix_for_each_problem_is_solved_as_well(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    each = [problems(int(one), 1, 8) for one in rng.integers(0, 1 << 31, n)]
    normal = np.stack([one for one, _ in each]) * rng.uniform(0.1, 1e4, n)[:, None, None]
    right = np.concatenate([one for _, one in each])

    got = SOLVER.solve(normal, right)

    exact = solve_nonnegative(normal, right, sum_to_one=True)
    np.testing.assert_allclose(got, exact, atol=0.01)


def test_a_mixture_does_not_depend_on_those_solved_with_it() -> None:
    normal, right = problems(3, 150, 8)
    together = SOLVER.solve(normal, right)

    np.testing.assert_allclose(SOLVER.solve(normal, right[70:80]), together[70:80], atol=1e-6)


def test_more_iterations_come_nearer() -> None:
    normal, right = problems(4, 100, 8, evenness=0.15)
    exact = solve_nonnegative(normal, right, sum_to_one=True)

    few, many = (
        np.abs(AdmmSolver(batch=64, iterations=n).solve(normal, right) - exact).max()
        for n in (10, 200)
    )

    assert many < 1e-4 < few


def test_a_solver_without_iterations_or_problems_is_refused() -> None:
    for wrong in ("iterations", "batch"):
        with pytest.raises(ValueError, match=f"expected 1 or more {wrong}, got 0"):
            AdmmSolver(**{wrong: 0})
