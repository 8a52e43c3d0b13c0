"""A few measured centimetres tell the offset of a core."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from downcore.strata.conformal import ErrorParts
from downcore.strata.errors import MeasuredRowsError
from downcore.strata.measured import parse_measured
from downcore_training.bench.offset_correction import (
    fit_correction,
    prior_of_intervals,
)

PRIOR = ErrorParts(offset_sd=0.08, within_sd=0.05, correlation=0.5)
DEPTH = np.arange(20.0) + 0.5


def predicted_density(n: int = 20) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    return 1.5 + 0.01 * np.sin(np.arange(n))


def test_a_planted_offset_is_found_and_told() -> None:
    noise = np.random.default_rng(0).normal(0, 0.005, 20)
    measured = predicted_density() + 0.05 + noise

    found = fit_correction("density", predicted_density(), measured, DEPTH, PRIOR)

    assert found.offset == pytest.approx(0.05, abs=0.01)
    assert found.reason == f"offset {found.offset:+.3g} g/cm3 from 20 measured rows"
    assert found.slope == 1.0
    assert 0 < found.width_share < 1


def test_a_planted_slope_is_found_where_predictions_spread() -> None:
    predicted = np.linspace(1.3, 1.9, 20)

    found = fit_correction("density", predicted, 1.6 + 0.7 * (predicted - 1.6), DEPTH, PRIOR)

    assert found.slope == pytest.approx(0.7, abs=0.1)
    assert "slope 0.7" in found.reason
    assert found.apply(np.array([1.3])) == pytest.approx([1.39], abs=0.03)
    # Beyond what was measured the slope goes on as 1.
    assert np.diff(found.apply(np.array([2.5, 2.6]))) == pytest.approx([0.1])


@settings(deadline=None)
@given(st.integers(3, 20), st.floats(-0.3, 0.3))
def test_a_correction_never_goes_beyond_what_was_measured(n: int, offset: float) -> None:
    predicted = predicted_density(n)

    found = fit_correction("density", predicted, predicted + offset, DEPTH[:n], PRIOR)

    assert abs(found.offset) <= abs(offset) + 1e-12
    assert found.width_share <= 1


def test_neighbouring_rows_tell_less_than_rows_far_apart() -> None:
    predicted, measured = predicted_density(5), predicted_density(5) + 0.05

    near = fit_correction("density", predicted, measured, DEPTH[:5], PRIOR)
    far = fit_correction("density", predicted, measured, 10 * DEPTH[:5], PRIOR)

    assert near.offset < far.offset
    assert near.width_share > far.width_share


@pytest.mark.parametrize(
    ("measured", "reason"),
    [
        ([1.55, 1.55], "not corrected: 2 measured rows on predicted slices, needs 3"),
        ([1.55, np.nan, 1.55], "not corrected: 2 measured rows on predicted slices, needs 3"),
        (
            [1550.0, 1.55, 1.55],
            "not corrected: 2 measured rows, 1 outside 1 to 3.2 left out",
        ),
        ([2.9, 2.9, 2.9], "check their depths and units"),
    ],
)
def test_rows_that_cannot_be_trusted_correct_nothing(measured: list[float], reason: str) -> None:
    n = len(measured)

    found = fit_correction("density", predicted_density(n), np.array(measured), DEPTH[:n], PRIOR)

    assert reason in found.reason
    assert found.apply(np.array([1.5])).tolist() == [1.5]
    assert found.width_share == 1.0


def test_corrected_intervals_hold_the_rest_of_the_core() -> None:
    rng = np.random.default_rng(1)
    prior = prior_of_intervals(np.full(3, 1.645 * 0.1))
    inside: list[float] = []
    for _ in range(400):
        core = rng.normal(0, prior.offset_sd)
        left = np.zeros(200)
        left[0] = rng.normal(0, prior.within_sd)
        fresh = rng.normal(0, prior.within_sd * np.sqrt(1 - prior.correlation**2), 200)
        for i in range(1, 200):
            left[i] = prior.correlation * left[i - 1] + fresh[i]
        predicted = np.full(200, 1.6)
        measured = predicted + core + left
        at = np.arange(0, 60, 6)
        found = fit_correction("density", predicted[at], measured[at], at + 0.5, prior)
        error = (found.apply(predicted) - measured)[80:]
        inside.append(float((np.abs(error) <= 1.645 * 0.1 * found.width_share).mean()))

    assert np.mean(inside) == pytest.approx(0.9, abs=0.02)


def test_measured_rows_are_read_by_the_names_of_columns() -> None:
    found = parse_measured("ms, depth_cm,density\n12,3.5,1.4\n,0.5,1.3\n\n", "GC01.csv")

    assert [row.depth_um for row in found.rows] == [5_000, 35_000]
    assert [row.values for row in found.rows] == [(1.3, None, None), (1.4, None, 12.0)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected the columns depth_cm and any of density, vp, ms, got none"),
        ("depth_cm\n1\n", "expected the columns"),
        ("density\n1\n", "expected the columns"),
        ("depth_cm,density,MS\n1,2,3\n", "got depth_cm, density, MS; rename or leave out"),
        ("depth_cm,density,density\n1,2,3\n", "each once"),
        ("depth_cm,density\n", "expected measured rows below the header"),
        ("depth_cm,density\n1,2,3\n", "line 2: expected 2 cells, got 3"),
        ("depth_cm,density\n1,about 2\n", "line 2, density: expected a number.*'about 2'"),
        ("depth_cm,density\n1,inf\n", "expected a number"),
        ("depth_cm,density\n,1.3\n", "expected a depth_cm of 0 or more, got None"),
        ("depth_cm,density\n-1,1.3\n", "expected a depth_cm of 0 or more, got -1.0"),
        ('depth_cm,density\n"1,1.3\n', "expected comma-separated values"),
        ("depth_cm,density\n1e308,1.3\n", "depth_cm of at most 100000, got 1e\\+308"),
        pytest.param(
            "depth_cm,density\n" + "1,1.3\n" * 2_001,
            "at most 2000 measured rows .*got 2001",
            id="too many rows",
        ),
        pytest.param("depth_cm,density\n" * 60_000, "at most 1000000 characters", id="too long"),
    ],
)
def test_a_file_that_is_no_table_of_measured_rows_is_refused_whole(text: str, message: str) -> None:
    with pytest.raises(MeasuredRowsError, match=f"GC01.csv.*{message}"):
        parse_measured(text, "GC01.csv")
