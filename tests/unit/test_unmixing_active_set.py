"""Non-negative least squares for many slices at once, against scipy and against enumeration."""

import itertools

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from optimality import kkt_residual

from downcore.strata.unmixing.active_set import solve_nonnegative
from downcore.strata.unmixing.active_set_kernel import _one_by_one, _Work

# The first call compiles.
SLOW_START = settings(deadline=None, max_examples=60)

sizes = st.tuples(st.integers(2, 9), st.integers(1, 6), st.integers(0, 2**32 - 1))


def problems(
    k: int, n_rows: int, seed: int, n: int = 20
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return stacked rows with a ridge to an even prior, their right sides, and the members."""
    rng = np.random.default_rng(seed)
    members = rng.uniform(0.0, 1.0, (n_rows, k))
    seen = rng.dirichlet(np.full(k, 0.4), n) @ members.T + 0.05 * rng.standard_normal((n, n_rows))
    matrix = np.vstack([members, 0.1 * np.eye(k)])
    return matrix, np.hstack([seen, np.full((n, k), 0.1 / k)]), members


def enumerated(
    normal: NDArray[np.float64], right: NDArray[np.float64], *, sum_to_one: bool
) -> NDArray[np.float64]:
    """Solve one problem by trying every set of members that may be present: slow and plain."""
    k = right.size
    best, found = np.inf, np.zeros(k)
    for size in range(0 if not sum_to_one else 1, k + 1):
        for chosen in itertools.combinations(range(k), size):
            at = list(chosen)
            x = np.zeros(k)
            if at and sum_to_one:
                bordered = np.block(
                    [[normal[np.ix_(at, at)], np.ones((size, 1))], [np.ones((1, size)), 0.0]]
                )
                x[at] = np.linalg.solve(bordered, np.array([*right[at], 1.0]))[:-1]
            elif at:
                x[at] = np.linalg.solve(normal[np.ix_(at, at)], right[at])
            value = 0.5 * x @ normal @ x - right @ x
            if (x >= -1e-12).all() and value < best:
                best, found = value, x
    return found


@SLOW_START
@given(sizes)
def test_shares_are_those_of_scipy_on_every_regularised_problem(size: tuple[int, int, int]) -> None:
    matrix, right, _ = problems(*size)
    normal = matrix.T @ matrix

    ours = solve_nonnegative(normal, right @ matrix, sum_to_one=False)

    theirs = np.array([scipy.optimize.nnls(matrix, row)[0] for row in right])
    np.testing.assert_allclose(ours, theirs, atol=1e-10)
    assert kkt_residual(normal, right @ matrix, ours, sum_to_one=False).max() <= 1e-12


@settings(deadline=None, max_examples=25)
@given(
    size=st.tuples(st.integers(2, 6), st.integers(1, 5), st.integers(0, 2**32 - 1)),
    sum_to_one=st.booleans(),
)
def test_shares_are_the_best_of_every_set_of_members(
    size: tuple[int, int, int], *, sum_to_one: bool
) -> None:
    matrix, right, _ = problems(*size, n=3)
    normal, projected = matrix.T @ matrix, right @ matrix

    ours = solve_nonnegative(normal, projected, sum_to_one=sum_to_one)

    for row, one in zip(projected, ours, strict=True):
        expected = enumerated(normal, row, sum_to_one=sum_to_one)
        np.testing.assert_allclose(one, expected, atol=1e-10)


@SLOW_START
@given(sizes)
def test_shares_are_never_below_zero_and_sum_to_one(size: tuple[int, int, int]) -> None:
    matrix, right, _ = problems(*size)
    normal = matrix.T @ matrix

    shares = solve_nonnegative(normal, right @ matrix, sum_to_one=True)

    assert (shares >= 0.0).all()
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, atol=1e-12)
    assert kkt_residual(normal, right @ matrix, shares, sum_to_one=True).max() <= 1e-12


@SLOW_START
@given(sizes)
def test_the_order_of_members_changes_nothing_but_the_order_of_shares(
    size: tuple[int, int, int],
) -> None:
    matrix, right, _ = problems(*size)
    order = np.random.default_rng(size[2]).permutation(matrix.shape[1])
    turned = matrix[:, order]

    shares = solve_nonnegative(matrix.T @ matrix, right @ matrix, sum_to_one=True)
    again = solve_nonnegative(turned.T @ turned, right @ turned, sum_to_one=True)

    np.testing.assert_allclose(again, shares[:, order], atol=1e-9)


@SLOW_START
@given(sizes, st.floats(1e-3, 1e3))
def test_the_unit_of_a_row_does_not_matter_when_its_weight_goes_along(
    size: tuple[int, int, int], unit: float
) -> None:
    _, right, members = problems(*size)
    seen = right[:, : members.shape[0]]
    ridge = 0.01 * np.eye(members.shape[1])
    sd = np.full(members.shape[0], 0.05)
    scale = np.ones(members.shape[0])
    scale[0] = unit

    def solved(
        rows: NDArray[np.float64], values: NDArray[np.float64], by: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        weighted = rows / by[:, None]
        return solve_nonnegative(
            weighted.T @ weighted + ridge, (values / by) @ weighted, sum_to_one=True
        )

    plain = solved(members, seen, sd)
    rescaled = solved(members * scale[:, None], seen * scale, sd * scale)

    np.testing.assert_allclose(rescaled, plain, atol=1e-7)


@SLOW_START
@given(size=sizes, sum_to_one=st.booleans())
def test_one_member_at_a_time_finds_what_blocks_find(
    size: tuple[int, int, int], *, sum_to_one: bool
) -> None:
    matrix, right, _ = problems(*size)
    normal, projected = matrix.T @ matrix, right @ matrix
    k = size[0]
    work = _Work(
        *(np.empty(s) for s in ((k, k), k, k)),
        np.empty(k, bool),
        np.empty(k, np.int64),
        np.empty(k, bool),
    )

    slow = np.empty_like(projected)
    for row, x in zip(projected, slow, strict=True):
        _one_by_one(normal, row, x, work, int(sum_to_one))

    np.testing.assert_allclose(
        slow, solve_nonnegative(normal, projected, sum_to_one=sum_to_one), atol=1e-9
    )


def test_each_slice_may_have_its_own_matrix() -> None:
    sets = [problems(4, 3, seed, n=1) for seed in range(5)]
    normal = np.stack([m.T @ m for m, _, _ in sets])
    right = np.concatenate([r @ m for m, r, _ in sets])

    together = solve_nonnegative(normal, right, sum_to_one=True)

    alone = [
        solve_nonnegative(h, f[None], sum_to_one=True)[0]
        for h, f in zip(normal, right, strict=True)
    ]
    np.testing.assert_array_equal(together, alone)


def test_a_slice_that_is_not_finite_has_no_shares_and_spoils_no_other() -> None:
    matrix, right, _ = problems(4, 3, seed=1)
    projected = right @ matrix
    projected[3, 1] = np.nan

    shares = solve_nonnegative(matrix.T @ matrix, projected, sum_to_one=True)

    assert np.isnan(shares[3]).all()
    assert np.isfinite(np.delete(shares, 3, axis=0)).all()


def test_members_that_nothing_tells_apart_are_refused_without_a_ridge() -> None:
    rows = np.array([[1.0, 1.0], [2.0, 2.0]])

    with pytest.raises(ValueError, match="problem 0 whose answer is not unique: add a ridge"):
        solve_nonnegative(rows.T @ rows, np.ones((1, 2)), sum_to_one=False)


def test_twins_share_alike_once_there_is_a_ridge() -> None:
    rows = np.array([[1.0, 1.0, 0.2]])
    normal = rows.T @ rows + 0.01 * np.eye(3)

    shares = solve_nonnegative(normal, rows * 0.8 + 0.01 / 3, sum_to_one=True)[0]

    assert shares[0] == pytest.approx(shares[1])


def test_shapes_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected H of \(k, k\) or \(n, k, k\)"):
        solve_nonnegative(np.eye(3), np.ones((2, 4)), sum_to_one=True)


def test_no_slices_give_no_shares() -> None:
    assert solve_nonnegative(np.eye(3), np.empty((0, 3)), sum_to_one=True).shape == (0, 3)
