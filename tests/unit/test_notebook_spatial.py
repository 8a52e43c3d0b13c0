"""Correlation lengths along a core, against cores whose length is known."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from downcore.notebook.spatial import correlation_length

pytest.importorskip("scipy", reason="scipy is not installed")


def core(
    n: int, length_cm: float, nugget: float, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Depths and values whose correlation falls to 1/e over a length."""
    depth = np.arange(n, dtype=np.float64) + 0.5
    apart = np.abs(depth[:, None] - depth)
    covariance = (1.0 - nugget) * np.exp(-apart / length_cm) + nugget * np.eye(n)
    root = np.linalg.cholesky(covariance + 1e-10 * np.eye(n))
    value: NDArray[np.float64] = 60.0 + 3.0 * root @ np.random.default_rng(seed).standard_normal(n)
    return depth, value


def test_intervals_hold_the_length_of_cores_whose_length_is_known() -> None:
    found = [correlation_length(*core(80, 4.0, 0.2, seed)) for seed in range(10)]

    assert sum(one.lower_cm <= 4.0 <= one.upper_cm for one in found) >= 8
    assert 2.5 < np.median([one.length_cm for one in found]) < 6.5
    assert all(one.lower_cm <= one.length_cm <= one.upper_cm for one in found)
    assert all(one.moran_i > 0.1 and one.moran_p < 0.05 for one in found)


def test_smooth_cores_are_told_from_noisy_ones() -> None:
    smooth = [correlation_length(*core(80, 6.0, 0.0, seed)) for seed in range(6)]
    noisy = [correlation_length(*core(80, 6.0, 0.6, seed)) for seed in range(6)]

    assert np.median([one.nugget for one in smooth]) < 0.1
    assert 0.2 < np.median([one.nugget for one in noisy]) < 0.9
    assert min(one.moran_i for one in smooth) > max(one.moran_i for one in noisy)


def test_a_core_without_correlation_has_no_length() -> None:
    rng = np.random.default_rng(8)

    found = correlation_length(np.arange(80.0), rng.standard_normal(80))

    assert found.lower_cm == 0.0
    assert found.moran_p > 0.05
    assert found.sd == pytest.approx(1.0, rel=0.25)


def test_a_core_shorter_than_its_beds_bounds_no_length() -> None:
    depth = np.arange(40.0)

    assert math.isinf(correlation_length(depth, 0.1 * depth).upper_cm)


def test_masked_slices_and_the_order_of_depths_change_nothing_else() -> None:
    depth, value = core(80, 5.0, 0.1, 3)
    gaps = value.copy()
    gaps[30:38] = np.nan
    order = np.random.default_rng(0).permutation(80)

    found = correlation_length(depth[order], gaps[order])

    kept = np.isfinite(gaps)
    assert found == correlation_length(depth[kept], value[kept])
    assert found.n_values == 72


def test_units_of_the_values_do_not_change_the_length() -> None:
    depth, value = core(60, 4.0, 0.1, 5)

    one, thousand = correlation_length(depth, value), correlation_length(depth, 1e3 * value)

    assert thousand.length_cm == pytest.approx(one.length_cm, rel=1e-6)
    assert thousand.sd == pytest.approx(1e3 * one.sd, rel=1e-6)


@pytest.mark.parametrize(
    ("depth", "value", "message"),
    [
        (np.arange(30.0), np.arange(29.0), "a depth for each value"),
        (np.arange(30.0), np.full(30, np.nan), "20 finite values or more, got 0"),
        (np.repeat(np.arange(15.0), 2), np.arange(30.0), "one value at each depth"),
        (np.arange(30.0), np.full(30, 1.5), "values that differ, got 1.5 everywhere"),
    ],
)
def test_values_that_have_no_length_are_refused(
    depth: NDArray[np.float64], value: NDArray[np.float64], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        correlation_length(depth, value)
