"""A few measured rows and the picture make one profile, never worse than either by much."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from downcore.strata.depth_smoother import Kernels, kriged, log_evidence
from downcore.strata.depthlog import Estimate, SliceRow, Status
from downcore.strata.measured import MeasuredPoint
from downcore.strata.measured_profile import REACH_CM, MeasuredProfile, PropertyRows
from downcore.strata.profile_estimates import SectionRows, profiles_of, with_rows
from downcore.strata.properties import DENSITY, MS
from downcore.strata.slices import CoreSlice

Values = NDArray[np.float64]
SD = 0.1
HALF = 0.16
ONE = Kernels(np.array([0.05]), np.array([0.1]), np.array([9.0]), 0.02)


def varying(seed: int, n: int = 150) -> tuple[Values, Values]:
    """Return a log, and a picture that shows most of it but for an error over some centimetres."""
    random = np.random.default_rng(seed)

    def along(sd: float, range_cm: float) -> Values:
        kept, found = np.exp(-1.0 / range_cm), [random.normal(0.0, sd)]
        while len(found) < n:
            found.append(kept * found[-1] + random.normal(0.0, sd * np.sqrt(1 - kept**2)))
        return np.array(found)

    truth = 1.5 + along(0.12, 15.0)
    return truth, truth + along(0.08, 9.0)


def profile_of(rows: Values, truth: Values, picture: Values, **how: bool) -> MeasuredProfile:
    at = rows.astype(np.int64)
    return MeasuredProfile(DENSITY, PropertyRows(at + 0.5, truth[at]), picture[at], SD, **how)


def said(profile: MeasuredProfile, picture: Values) -> Values:
    found = [profile.at(i + 0.5, float(p), HALF) for i, p in enumerate(picture)]
    return np.array([np.nan if one is None else one.value for one in found])


def rms(error: Values) -> float:
    return float(np.sqrt((error**2).mean()))


def test_ten_rows_and_a_picture_are_better_than_the_line_and_than_the_picture() -> None:
    profiles, lines, pictures = [], [], []
    rows = np.arange(7, 150, 15).astype(np.float64)
    for seed in range(12):
        truth, picture = varying(seed)
        profiles.append(said(profile_of(rows, truth, picture), picture) - truth)
        lines.append(np.interp(np.arange(150), rows, truth[rows.astype(int)]) - truth)
        pictures.append(picture - truth)

    assert rms(np.array(profiles)) < 0.9 * min(rms(np.array(lines)), rms(np.array(pictures)))


def test_a_picture_that_shows_nothing_is_left_aside() -> None:
    rows = np.arange(3, 150, 7).astype(np.float64)
    profiles, lines = [], []
    for seed in range(8):
        truth, _ = varying(seed)
        nothing = 1.5 + np.random.default_rng(seed).normal(0.0, 0.1, 150)
        profiles.append(said(profile_of(rows, truth, nothing), nothing) - truth)
        lines.append(np.interp(np.arange(150), rows, truth[rows.astype(int)]) - truth)

    assert rms(np.array(profiles)) < 1.1 * rms(np.array(lines))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 40))
def test_twenty_centimetres_from_any_row_the_prediction_stands(seed: int, n: int) -> None:
    truth, picture = varying(seed)
    rows = np.unique(np.random.default_rng(seed).integers(0, 150, n)).astype(np.float64)
    profile = profile_of(rows, truth, picture)

    for i, value in enumerate(picture):
        found = profile.at(i + 0.5, float(value), HALF)
        assert found is not None
        apart = np.abs(rows - i).min()
        assert found.apart_cm == apart
        assert found.half_width > 0.0
        if apart >= REACH_CM:
            assert (found.value, found.half_width) == (value, HALF)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 40))
def test_a_row_has_what_was_measured_there_and_an_interval_of_the_instrument(
    seed: int, n: int
) -> None:
    truth, picture = varying(seed)
    rows = np.unique(np.random.default_rng(seed).integers(0, 150, n))
    profile = profile_of(rows.astype(np.float64), truth, picture)

    for i in rows.tolist():
        found = profile.at(i + 0.5, float(picture[i]), HALF)
        assert found is not None
        assert abs(found.value - truth[i]) < 0.06
        assert found.half_width < 0.08


def test_nine_in_ten_centimetres_lie_inside() -> None:
    rows = np.arange(7, 150, 15).astype(np.float64)
    inside = []
    for seed in range(20):
        truth, picture = varying(seed)
        profile = profile_of(rows, truth, picture)
        for i, value in enumerate(picture):
            found = profile.at(i + 0.5, float(value), HALF)
            assert found is not None
            inside.append(abs(found.value - truth[i]) <= found.half_width)

    assert 0.86 <= np.mean(inside) <= 0.97


def test_while_a_section_is_under_way_no_depth_knows_the_rows_below_it() -> None:
    truth, picture = varying(3)
    rows = np.array([10.0, 30.0, 50.0])
    live = profile_of(rows, truth, picture, is_causal=True)

    above = live.at(5.5, float(picture[5]), HALF)
    assert above is not None
    assert (above.value, above.half_width) == (picture[5], HALF)
    below = live.at(12.5, float(picture[12]), HALF)
    assert below is not None
    assert below.value != picture[12]


def test_a_depth_without_picture_is_told_by_the_rows_near_it_or_not_at_all() -> None:
    truth, picture = varying(4)
    profile = profile_of(np.array([10.0, 20.0, 30.0]), truth, picture)

    near, far = profile.at(15.5, np.nan, np.nan), profile.at(70.5, np.nan, np.nan)
    assert near is not None
    assert abs(near.value - truth[15]) < 0.3
    assert far is None


@settings(max_examples=30, deadline=None)
@given(
    depths=st.lists(st.integers(0, 200), min_size=1, max_size=12, unique=True),
    seed=st.integers(0, 1000),
)
def test_the_evidence_is_that_of_all_rows_at_once(depths: list[int], seed: int) -> None:
    at = np.array(sorted(depths), np.float64)
    values = np.random.default_rng(seed).normal(0.0, 0.1, (at.size, 1))
    apart = np.abs(at[:, None] - at[None, :])
    covariance = 0.05**2 + 0.1**2 * np.exp(-apart / 9.0) + 0.02**2 * np.eye(at.size)
    _, log_det = np.linalg.slogdet(2.0 * np.pi * covariance)
    whole = -0.5 * (values[:, 0] @ np.linalg.solve(covariance, values[:, 0]) + log_det)

    assert log_evidence(at, values, ONE)[0] == pytest.approx(whole, abs=1e-8)


def test_without_a_row_near_the_prior_is_left() -> None:
    mean, sd = kriged(np.array([0.0]), np.array([[0.1]]), ONE, -5.0, is_causal=True)

    assert mean[0] == 0.0
    assert sd[0] == pytest.approx(np.hypot(0.05, 0.1))


def slice_row(index: int, *estimates: Estimate) -> SliceRow:
    core_slice = CoreSlice(
        index, 200 * index, 200, 10_000 * index, 10_000 * (index + 1),
        (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0), None, ()
    )  # fmt: skip
    return SliceRow(core_slice, estimates)


def predicted(value: float, name: str = "density") -> Estimate:
    return Estimate(name, value, value - 0.16, value + 0.16, Status.PREDICTED, "", "b1")


def point(cm: float, value: float, name: str = "density", flag: str = "") -> MeasuredPoint:
    return MeasuredPoint(int(cm * 10_000), name, value, 10_000, "MSCL", flag)


def test_masked_slices_stay_masked_and_abstained_ones_are_filled_near_a_row() -> None:
    masked = Estimate("density", None, None, None, Status.MASKED, "foam", "b1")
    silent = Estimate("density", None, None, None, Status.ABSTAINED, "unlike", "b1")
    rows = [
        slice_row(i, masked if i == 4 else silent if i in {6, 60} else predicted(1.5))
        for i in range(70)
    ]
    measured = SectionRows.of_points([point(3.5, 1.6), point(8.5, 1.6), point(12.5, 1.6)])
    profiles = profiles_of(rows, measured)

    found = [with_rows(row, profiles, measured)[0] for row in rows]
    assert found[4] == masked
    assert found[6].status is Status.FILLED
    assert found[6].value == pytest.approx(1.6, abs=0.05)
    assert "with 3 measured rows, the nearest 2.0 cm away" in found[6].reason
    assert found[60].status is Status.ABSTAINED
    assert "no measured row within 20 cm; unlike" in found[60].reason
    assert found[3].status is Status.PREDICTED
    assert found[3].upper is not None
    assert found[3].lower is not None
    assert found[3].upper - found[3].lower < 0.16


def test_flagged_and_incredible_values_are_no_rows() -> None:
    measured = SectionRows.of_points(
        [point(1.5, 1.5), point(2.5, 1.7, flag="doubted"), point(3.5, 9.9), point(4.5, 30, "ms")]
    )

    assert measured.by_property["density"].value.tolist() == [1.5]
    assert measured.by_property["ms"].value.tolist() == [np.log10(30)]
    assert measured.n_left_out == {"density": 1}


def test_other_rows_make_another_series() -> None:
    one = SectionRows.of_points([point(1.5, 1.5)])

    assert one.sha256 == SectionRows.of_points([point(1.5, 1.5)]).sha256
    assert one.sha256 != SectionRows.of_points([point(1.5, 1.51)]).sha256


def test_susceptibility_is_profiled_as_its_logarithm() -> None:
    estimate = Estimate("ms", 50.0, 40.0, 62.5, Status.PREDICTED, "", "b1", heterogeneity=5.0)
    rows = [slice_row(i, estimate) for i in range(30)]
    measured = SectionRows.of_points([point(cm + 0.5, 100.0, MS.name) for cm in (2, 8, 14)])

    found = with_rows(rows[8], profiles_of(rows, measured), measured)[0]
    assert found.value == pytest.approx(100.0, rel=0.05)
    assert found.lower is not None
    assert found.upper is not None
    assert found.lower * found.upper == pytest.approx(found.value**2, rel=1e-6)
    assert found.heterogeneity == pytest.approx(5.0 * found.value / 50.0)
