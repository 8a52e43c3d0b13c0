"""Intervals fitted by core hold nine in ten slices of cores that were not seen."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from downcore.strata.adaptive import AdaptiveConformal, adaptive_half_widths
from downcore.strata.conformal import (
    COVERAGE,
    MANY_CORES,
    error_parts,
    fit_by_core,
    half_width,
    quantiles_by_core,
)

N_SLICES = 50

Errors = tuple[NDArray[np.float64], NDArray[np.int64]]


def cores(
    rng: np.random.Generator, n_cores: int, *, share: float = 0.4, spread: float = 0.3
) -> Errors:
    """Return errors of unit variance, a share of it between cores, and each one's core."""
    inside = np.empty((n_cores, N_SLICES))
    inside[:, 0] = rng.standard_normal(n_cores)
    for i in range(1, N_SLICES):
        fresh = rng.standard_normal(n_cores)
        inside[:, i] = 0.9 * inside[:, i - 1] + np.sqrt(1 - 0.9**2) * fresh
    inside *= np.exp(spread * rng.standard_normal((n_cores, 1)))
    offset = np.sqrt(share) * rng.standard_normal((n_cores, 1))
    error = offset + np.sqrt(1 - share) * inside
    return error.ravel(), np.repeat(np.arange(n_cores), N_SLICES)


def coverage_on_new_cores(seed: int, n_cores: int, n_fits: int, **kind: float) -> float:
    """Return the share of new cores' slices inside, mean over calibrations with other cores."""
    rng = np.random.default_rng(seed)
    fresh, _ = cores(rng, 2000, **kind)
    inside = [
        (np.abs(fresh) <= half_width(fit_by_core(error, None, core), None)).mean()
        for error, core in (cores(rng, n_cores, **kind) for _ in range(n_fits))
    ]
    return float(np.mean(inside))


@pytest.mark.parametrize("share", [0.1, 0.4, 0.7])
def test_with_many_calibration_cores_new_ones_are_covered_as_asked(share: float) -> None:
    # One calibration scatters by at most 0.027; the mean of 40 by 0.005, so three of those.
    assert coverage_on_new_cores(1, 64, 40, share=share) == pytest.approx(COVERAGE, abs=0.015)


@pytest.mark.parametrize("n_cores", [2, 3, 4, MANY_CORES])
def test_with_few_calibration_cores_new_ones_are_covered_about_as_asked(n_cores: int) -> None:
    # One calibration scatters by up to 0.1; the mean of 60 by 0.013.
    found = coverage_on_new_cores(2, n_cores, 60, share=0.25)

    assert 0.86 <= found <= 0.95


def test_few_cores_get_wider_intervals_than_their_own_errors_show() -> None:
    error, core = cores(np.random.default_rng(3), 2, share=0.25)

    plain = quantiles_by_core(np.abs(error), core, np.array([COVERAGE]))[0]

    assert fit_by_core(error, None, core).factor > plain


@pytest.mark.parametrize("n_cores", [3, 20])
def test_more_coverage_never_asks_for_less_width(n_cores: int) -> None:
    error, core = cores(np.random.default_rng(4), n_cores)

    factors = [
        fit_by_core(error, None, core, coverage=c).factor for c in (0.5, 0.7, 0.8, 0.9, 0.95)
    ]

    assert factors == sorted(factors)


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(12)), st.sampled_from([4, 12]))
def test_the_order_and_the_numbers_of_cores_do_not_matter(order: list[int], n_cores: int) -> None:
    error, core = cores(np.random.default_rng(5), n_cores)
    order = [one for one in order if one < n_cores]
    rows = np.concatenate([np.flatnonzero(core == one) for one in order])

    shuffled = fit_by_core(error[rows], None, 7 * core[rows] - 3)

    assert shuffled.factor == pytest.approx(fit_by_core(error, None, core).factor)


def test_a_core_logged_three_times_as_densely_counts_no_more() -> None:
    error, core = cores(np.random.default_rng(6), 20)
    often = np.where(core == 0, 3, 1)

    dense = fit_by_core(np.repeat(error, often), None, np.repeat(core, often))

    assert dense.factor == fit_by_core(error, None, core).factor


@pytest.mark.parametrize("n_cores", [3, 20])
def test_width_scales_with_the_errors(n_cores: int) -> None:
    error, core = cores(np.random.default_rng(7), n_cores)

    wide = fit_by_core(1000 * error, None, core)

    assert wide.factor == pytest.approx(1000 * fit_by_core(error, None, core).factor, rel=1e-6)


def test_a_model_that_knows_where_it_errs_gets_widths_that_follow() -> None:
    rng = np.random.default_rng(8)
    error, core = cores(rng, 40)
    sd = np.exp(0.5 * rng.standard_normal(error.size))

    table = fit_by_core(error * sd, sd, core)
    half = half_width(table, sd)

    assert half.shape == sd.shape
    assert half.min() == pytest.approx(table.floor)
    assert (np.abs(error * sd) <= half).mean() == pytest.approx(COVERAGE, abs=0.03)


def test_errors_divide_into_offsets_and_what_is_left_inside_a_core() -> None:
    error, core = cores(np.random.default_rng(9), 400, share=0.4, spread=0.0)

    parts = error_parts(error, core)

    # Fifty slices of a core do not show its whole spread: part of it looks like an offset.
    assert parts.offset_sd == pytest.approx(np.sqrt(0.4), rel=0.4)
    assert parts.within_sd == pytest.approx(np.sqrt(0.6), rel=0.25)
    assert parts.correlation == pytest.approx(0.9, abs=0.07)


@pytest.mark.parametrize(
    ("error", "sd", "coverage", "message"),
    [
        ([np.nan, np.nan], [1.0, 1.0], 0.9, "got none of a property"),
        ([1.0, 2.0], [1.0, 0.0], 0.9, "every sd above 0"),
        ([1.0, 2.0], [1.0], 0.9, "an sd and a core for each error"),
        ([1.0, 2.0], [1.0, 1.0], 1.0, "coverage between 0 and 1"),
    ],
)
def test_what_says_nothing_of_errors_is_refused(
    error: list[float], sd: list[float], coverage: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        fit_by_core(np.array(error), np.array(sd), np.array([0, 1]), coverage=coverage)


def test_intervals_that_follow_a_drift_hold_nine_in_ten_where_fixed_ones_fail() -> None:
    rng = np.random.default_rng(10)
    calibration, core = cores(rng, 20)
    down_core = np.linspace(0.0, 6.0, 3000) + rng.standard_normal(3000)
    fixed = fit_by_core(calibration, None, core).factor

    half = adaptive_half_widths(
        AdaptiveConformal.begin(calibration, None, core), down_core, None, delay_rows=20
    )

    assert (np.abs(down_core) <= fixed).mean() < 0.5
    assert (np.abs(down_core) <= half).mean() == pytest.approx(COVERAGE, abs=0.02)
    assert half.max() < 5 * np.abs(down_core).max()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 30), st.integers(0, 99))
def test_an_adaptive_interval_knows_only_rows_that_have_arrived(delay: int, row: int) -> None:
    calibration, core = cores(np.random.default_rng(11), 12)
    start = AdaptiveConformal.begin(calibration, None, core)
    error, other = np.random.default_rng(12).standard_normal((2, 100))
    changed = np.where(np.arange(100) > row - delay, 100 * other, error)

    half = adaptive_half_widths(start, error, None, delay_rows=delay)

    assert half[row] == adaptive_half_widths(start, changed, None, delay_rows=delay)[row]


def test_rows_without_a_measurement_move_no_interval() -> None:
    calibration, core = cores(np.random.default_rng(13), 12)
    start = AdaptiveConformal.begin(calibration, None, core)
    sd = np.linspace(1.0, 2.0, 30)

    half = adaptive_half_widths(start, np.full(30, np.nan), sd, delay_rows=1)

    assert half == pytest.approx(start.factor * sd)


def test_an_interval_must_not_know_what_it_is_to_hold() -> None:
    start = AdaptiveConformal(tuple(np.linspace(0.01, 3.0, 99)))

    with pytest.raises(ValueError, match="delay of 1 row or more"):
        adaptive_half_widths(start, np.zeros(3), None, delay_rows=0)
