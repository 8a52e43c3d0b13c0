"""How mixtures of minerals and pore water look, weigh and carry sound."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mixtures import random_shares, sharp_library

from downcore.strata.depthlog import Status
from downcore.strata.endmembers.table import VpRule
from downcore.strata.unmixing.observations import (
    DENSITY,
    MS,
    N_ROWS,
    RED,
    VP,
    Observations,
    sd_of_interval,
)
from downcore.strata.unmixing.physics import (
    Mixing,
    comparable,
    k_over_s,
    predict,
    predict_values,
    reflectance_of_k_over_s,
)

LIBRARY = sharp_library()
WATER_ONLY = np.eye(6)[:1]


@given(st.floats(1e-4, 0.999))
def test_a_colour_comes_back_from_its_k_over_s(reflectance: float) -> None:
    light = np.array([reflectance])

    np.testing.assert_allclose(reflectance_of_k_over_s(k_over_s(light)), light, rtol=1e-9)


@pytest.mark.parametrize("rule", list(VpRule))
@pytest.mark.parametrize("weight", [0.0, 0.4, 1.0])
def test_slopes_are_those_of_small_steps(rule: VpRule, weight: float) -> None:
    shares = random_shares(np.random.default_rng(1), 1)[0]
    v = np.array([[0.6, *(0.4 * shares)]])
    mixing = Mixing(weight, rule)
    slope = predict(LIBRARY, v, mixing).slope[0]

    for j in range(6):
        step = np.zeros_like(v)
        step[0, j] = 1e-6
        up, down = (predict(LIBRARY, v + s, mixing).value[0] for s in (step, -step))
        np.testing.assert_allclose((up - down) / 2e-6, slope[:, j], rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("rule", list(VpRule))
@pytest.mark.parametrize("weight", [0.0, 0.4, 1.0])
def test_values_alone_are_those_that_come_with_slopes(rule: VpRule, weight: float) -> None:
    rng = np.random.default_rng(2)
    v = np.vstack([rng.dirichlet(np.ones(6), 20), np.eye(6)])
    mixing = Mixing(weight, rule)

    np.testing.assert_array_equal(
        predict_values(LIBRARY, v, mixing), predict(LIBRARY, v, mixing).value
    )


def test_water_alone_weighs_and_sounds_like_water() -> None:
    found = predict(LIBRARY, WATER_ONLY, Mixing()).value[0]

    assert found[DENSITY] == pytest.approx(1.026)
    assert 1000.0 / np.sqrt(found[VP]) == pytest.approx(1515.0)
    assert found[MS] == pytest.approx(-0.9)
    assert np.isfinite(found[RED:]).all()


def test_a_pure_mineral_looks_like_itself_however_it_is_mixed() -> None:
    for member in range(5):
        v = np.zeros((1, 6))
        v[0, 0], v[0, member + 1] = 0.5, 0.5
        for weight in (0.0, 0.5, 1.0):
            seen = np.exp(predict(LIBRARY, v, Mixing(weight)).value[0, RED:])
            np.testing.assert_allclose(seen, LIBRARY.reflectance[member], rtol=1e-6)


def test_dark_grains_darken_an_intimate_mixture_more_than_an_areal_one() -> None:
    v = np.array([[0.5, 0.0, 0.45, 0.0, 0.05, 0.0]])

    intimate, areal = (predict(LIBRARY, v, Mixing(w)).value[0, RED:] for w in (0.0, 1.0))

    assert (intimate < areal).all()


def test_rock_is_faster_by_hill_than_as_a_suspension() -> None:
    v = np.array([[0.1, 0.4, 0.3, 0.2, 0.0, 0.0]])

    wood, hill = (
        predict(LIBRARY, v, Mixing(0.5, r)).value[0, VP] for r in (VpRule.WOOD, VpRule.HILL)
    )

    assert hill < wood, "1 / vp**2 is less where sound is faster"


def test_what_no_mixture_could_explain_is_not_observed() -> None:
    value = np.array([[1.5, -1.0, 20.0, 0.0, 1.0, np.inf]])
    seen = Observations.of(value, np.full((1, N_ROWS), 0.1))

    assert np.isfinite(seen.value[0]).tolist() == [True, False, True, False, False, False]


def test_a_value_without_an_sd_is_not_observed() -> None:
    sd = np.array([[0.1, 0.0, np.nan, -1.0, 0.1, 0.1]])
    seen = Observations.of(np.array([[1.5, 1500.0, 20.0, 0.2, 0.2, 0.2]]), sd)

    assert np.isfinite(seen.value[0]).tolist() == [True, False, False, False, True, True]


def test_a_value_with_a_bad_sd_is_refused_where_nothing_is_left_out() -> None:
    with pytest.raises(ValueError, match=r"expected an sd above 0 .* got 0.0 for vp of slice 0"):
        Observations(
            np.ones((1, 6)), np.array([[1.0, 0.0, 1.0, 1.0, 1.0, 1.0]]), (Status.PREDICTED,), ("",)
        )


def test_observations_of_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="expected 6 values"):
        Observations.of(np.ones((2, 5)), np.ones((2, 5)))


def test_masked_slices_may_have_no_value() -> None:
    seen = Observations.of(
        np.ones((3, 6)) * 0.5,
        np.ones((3, 6)),
        (Status.MASKED, Status.ABSTAINED, Status.MEASURED),
        ("void", "unlike", ""),
    )

    assert seen.may_have_value.tolist() == [False, False, True]


@settings(max_examples=20)
@given(st.floats(0.001, 0.5))
def test_an_interval_of_nine_in_ten_says_what_its_sd_is(half: float) -> None:
    sd = sd_of_interval(1.0 - half, 1.0 + half)

    np.testing.assert_allclose(1.645 * sd, half)


def test_errors_are_compared_in_the_same_terms_as_values() -> None:
    seen = Observations.of(
        np.array([[1.5, 1500.0, 20.0, 0.2, 0.2, 0.2]]),
        np.array([[0.01, 15.0, 2.0, 0.01, 0.02, 0.04]]),
    )

    value, variance = comparable(seen)

    assert value[0, VP] == pytest.approx(1.0 / 1.5**2)
    assert np.sqrt(variance[0, VP]) / value[0, VP] == pytest.approx(0.02)
    np.testing.assert_allclose(np.sqrt(variance[0, RED:]), [0.05, 0.1, 0.2])


@pytest.mark.parametrize("weight", [-0.1, 1.1, float("nan")])
def test_a_weight_that_is_no_share_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="expected an areal weight from 0 to 1"):
        Mixing(weight)
