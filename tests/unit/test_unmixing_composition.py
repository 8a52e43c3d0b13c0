"""A core's composition: what is found, what is held back, and what is said of it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mixtures import FIVE, marine_table, observed, random_shares, sharp_library

from downcore.strata.depthlog import Status
from downcore.strata.endmembers.library import Library
from downcore.strata.unmixing.composition import (
    ARTEFACT,
    NOT_CALIBRATED,
    NOTHING_SEEN,
    PRIOR_SPEAKS,
    Composition,
    GroupShare,
    compose,
)
from downcore.strata.unmixing.endmember_refinement import refine_endmembers
from downcore.strata.unmixing.estimating import Model, estimate, spread
from downcore.strata.unmixing.identifiability import PRIOR_DRIVEN, examine, most_groups
from downcore.strata.unmixing.mixing_calibration import (
    KnownSlices,
    MixingCalibration,
    calibrate_mixing,
    uncalibrated,
)
from downcore.strata.unmixing.observations import MS, RED, VP, Observations
from downcore.strata.unmixing.physics import Mixing
from downcore.strata.unmixing.prior import LearnedPrior, Prior, learn_prior, local_mean
from downcore.strata.unmixing.solving import solve

LIBRARY = sharp_library()
PRIOR = Prior.uniform(5)
MIXING = Mixing(0.5)


def core(
    n: int = 120, seed: int = 1, mixing: Mixing = MIXING
) -> tuple[np.ndarray, np.ndarray, Observations]:
    """Return shares, porosity and noisy observations of a core."""
    rng = np.random.default_rng(seed)
    shares = random_shares(rng, n)
    porosity = rng.uniform(0.4, 0.8, n)
    return shares, porosity, observed(LIBRARY, shares, porosity, mixing, rng)


def fractions(found: tuple[Composition, ...]) -> np.ndarray:
    return np.array([[g.fraction for g in one.groups] for one in found], np.float64)


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_a_mixture_without_noise_is_found_again(weight: float) -> None:
    shares, porosity = random_shares(np.random.default_rng(2), 30), np.linspace(0.3, 0.8, 30)
    mixing = Mixing(weight, vp_model_share_sd=0.0)
    seen = observed(LIBRARY, shares, porosity, mixing)

    found = solve(seen, LIBRARY, replace(PRIOR, strength=1e-6), mixing, rounds=20)

    np.testing.assert_allclose(found.shares, shares, atol=0.01)
    np.testing.assert_allclose(found.porosity, porosity, atol=0.01)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_fractions_are_shares_and_sum_to_one_whatever_was_seen(seed: int) -> None:
    rng = np.random.default_rng(seed)
    value = rng.uniform(0.0, 1.0, (20, 6)) * [3.0, 6000.0, 5000.0, 1.0, 1.0, 1.0]
    value[rng.random((20, 6)) < 0.2] = np.nan
    seen = Observations.of(value, 0.05 * value + 1e-3)

    found = solve(seen, LIBRARY, PRIOR, MIXING).fractions

    there = seen.may_have_value
    assert (found[there] >= 0.0).all()
    np.testing.assert_allclose(found[there].sum(axis=1), 1.0, atol=1e-9)
    assert np.isnan(found[~there]).all()


@settings(deadline=None, max_examples=10)
@given(st.permutations(range(5)))
def test_the_order_of_a_table_changes_nothing_but_the_order_of_shares(order: list[int]) -> None:
    _, _, seen = core(20)
    turned = sharp_library(tuple(FIVE[i] for i in order))

    plain = solve(seen, LIBRARY, PRIOR, MIXING).shares
    again = solve(seen, turned, PRIOR, MIXING).shares

    np.testing.assert_allclose(again, plain[:, order], atol=1e-7)


def test_a_value_of_nan_is_as_good_as_a_row_that_says_nothing() -> None:
    _, _, seen = core(20)
    missing, vague = seen.value.copy(), seen.sd.copy()
    missing[:, VP] = np.nan
    vague[:, VP] = 1e12

    without = solve(Observations.of(missing, seen.sd), LIBRARY, PRIOR, MIXING).shares
    unsure = solve(Observations.of(seen.value, vague), LIBRARY, PRIOR, MIXING).shares

    np.testing.assert_allclose(without, unsure, atol=1e-6)


def test_slices_do_not_depend_on_one_another_before_neighbours_are_looked_at() -> None:
    _, _, seen = core(20)

    together = solve(seen, LIBRARY, PRIOR, MIXING).fractions
    alone = [
        solve(seen.rows(np.array([i])), LIBRARY, PRIOR, MIXING).fractions[0] for i in range(20)
    ]

    np.testing.assert_allclose(together, alone, atol=1e-9)


def test_a_strong_prior_is_returned_and_a_weak_one_is_not() -> None:
    shares, _, seen = core(30)

    held = solve(seen, LIBRARY, replace(PRIOR, strength=1e6), MIXING).shares
    loose = solve(seen, LIBRARY, PRIOR, MIXING).shares

    np.testing.assert_allclose(held, 0.2, atol=1e-2)
    assert np.abs(loose - shares).mean() < 0.5 * np.abs(held - shares).mean()


def test_one_colour_down_the_whole_core_is_one_composition() -> None:
    _, _, seen = core(1)
    same = Observations.of(np.repeat(seen.value, 30, axis=0), np.repeat(seen.sd, 30, axis=0))

    found = fractions(compose(same, uncalibrated(LIBRARY, MIXING)))

    np.testing.assert_allclose(found[10:20], np.tile(found[10:11], (10, 1)), atol=1e-6)
    # At the ends there are fewer neighbours to believe.
    np.testing.assert_allclose(found, np.tile(found[10:11], (30, 1)), atol=0.02)


def test_masked_and_abstained_slices_stay_so_with_their_reasons() -> None:
    _, _, seen = core(4)
    status = (Status.MASKED, Status.ABSTAINED, Status.PREDICTED, Status.MEASURED)
    marked = replace(seen, status=status, reason=("12 % sediment, needs 30 %", "unlike", "", ""))

    found = compose(marked, uncalibrated(LIBRARY, MIXING))

    assert [one.groups[0].status for one in found[:2]] == [Status.MASKED, Status.ABSTAINED]
    assert [one.groups[0].reason for one in found[:2]] == ["12 % sediment, needs 30 %", "unlike"]
    assert all(g.fraction is None for one in found[:2] for g in one.groups)
    assert all(one.total is None and one.identifiability is None for one in found[:2])
    assert all(one.groups[0].status is Status.PREDICTED for one in found[2:])


def test_a_slice_of_which_nothing_was_seen_abstains() -> None:
    _, _, seen = core(3)
    value = seen.value.copy()
    value[1] = np.nan

    found = compose(Observations.of(value, seen.sd), uncalibrated(LIBRARY, MIXING))

    assert found[1].groups[0].status is Status.ABSTAINED
    assert found[1].groups[0].reason == NOTHING_SEEN
    assert found[0].total == pytest.approx(1.0)


def test_a_core_without_any_sediment_has_no_composition_and_no_error() -> None:
    seen = Observations.of(
        np.full((3, 6), np.nan), np.full((3, 6), np.nan), (Status.MASKED,) * 3, ("no core",) * 3
    )

    found = compose(seen, uncalibrated(LIBRARY, MIXING))

    assert [one.groups[0].status for one in found] == [Status.MASKED] * 3


def test_intervals_hold_the_fraction_and_say_when_nothing_was_held_against_them() -> None:
    _, _, seen = core(20)

    for one in compose(seen, uncalibrated(LIBRARY, MIXING)):
        for share in one.groups:
            assert share.lower is not None
            assert share.fraction is not None
            assert share.upper is not None
            assert 0.0 <= share.lower <= share.fraction <= share.upper <= 1.0
            assert NOT_CALIBRATED in share.reason


def test_the_same_core_has_the_same_composition_again() -> None:
    _, _, seen = core(15)
    calibration = uncalibrated(LIBRARY, MIXING)

    assert compose(seen, calibration) == compose(seen, calibration)


def calibrated(n: int = 240, seed: int = 3) -> tuple[np.ndarray, Observations, MixingCalibration]:
    shares, _, seen = core(n, seed)
    at = np.arange(4, n, 8)
    wrong = replace(
        LIBRARY,
        reflectance=np.clip(LIBRARY.reflectance * 1.15, 0.0, 0.95),
        reflectance_share_sd=np.full((5, 3), 0.15),
        ms=LIBRARY.ms * 0.8,
        ms_sd=np.maximum(0.2 * np.abs(LIBRARY.ms), 0.1),
    )
    return shares, seen, calibrate_mixing(seen, KnownSlices(at, shares[at]), wrong, Mixing())


def test_known_slices_mend_a_library_that_is_wrong() -> None:
    _, seen, calibration = calibrated()
    known = np.log(LIBRARY.reflectance[1:3])

    before = np.abs(np.log(np.clip(LIBRARY.reflectance * 1.15, 0.0, 0.95))[1:3] - known).mean()
    after = np.abs(np.log(calibration.model.library.reflectance)[1:3] - known).mean()

    assert after < 0.5 * before
    assert calibration.model.library.ms[-1] == pytest.approx(LIBRARY.ms[-1], rel=0.05)
    assert len(seen.status) == 240


def test_known_slices_tell_how_colour_mixes() -> None:
    for weight in (0.0, 1.0):
        shares, _, seen = core(240, 5, Mixing(weight))
        at = np.arange(4, 240, 8)
        found = calibrate_mixing(seen, KnownSlices(at, shares[at]), LIBRARY, Mixing())
        assert found.model.mixing.areal_weight == pytest.approx(weight, abs=0.21)


def test_calibrated_fractions_beat_the_mean_and_intervals_hold_nine_in_ten() -> None:
    shares, seen, calibration = calibrated()
    out = np.setdiff1d(np.arange(240), np.arange(4, 240, 8))
    found = compose(seen, calibration)
    truth = (shares @ LIBRARY.is_in_group.T)[out]

    error = fractions(found)[out] - truth
    lower = np.array([[g.lower for g in found[i].groups] for i in out], np.float64)
    upper = np.array([[g.upper for g in found[i].groups] for i in out], np.float64)

    assert (error**2).mean() < 0.5 * ((truth - truth.mean(axis=0)) ** 2).mean()
    assert calibration.error < calibration.mean_error
    assert 0.85 <= ((truth >= lower) & (truth <= upper)).mean() <= 0.97
    assert not any(NOT_CALIBRATED in g.reason for g in found[0].groups)


def test_too_few_known_slices_are_refused() -> None:
    shares, _, seen = core(50)

    with pytest.raises(ValueError, match="expected 10 observed slices of known composition"):
        calibrate_mixing(seen, KnownSlices(np.arange(5), shares[:5]), LIBRARY, Mixing())


def test_known_slices_outside_the_core_are_refused() -> None:
    shares, _, seen = core(20)

    with pytest.raises(ValueError, match="expected places from 0 to 19, got 5 to 24"):
        calibrate_mixing(seen, KnownSlices(np.arange(5, 25), shares), LIBRARY, Mixing())


def test_known_slices_must_be_shares_in_order() -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        KnownSlices(np.arange(2), np.full((2, 3), 0.5))
    with pytest.raises(ValueError, match="rise"):
        KnownSlices(np.array([1, 1]), np.full((2, 2), 0.5))
    with pytest.raises(ValueError, match="a row of shares for each slice"):
        KnownSlices(np.arange(3), np.full((2, 2), 0.5))


def test_members_that_look_and_weigh_alike_are_tied_and_driven_by_the_prior() -> None:
    minerals = ("quartz", "K-feldspar", "illite", "organic matter", "magnetite")
    table = marine_table(minerals)
    apart = tuple(replace(m, group=m.mineral) for m in table.members)
    library = Library.of(replace(table, members=apart))
    _, _, seen = core(30)

    report = examine(seen, library, Prior.uniform(5), MIXING)

    assert ("quartz", "K-feldspar") in report.ties
    assert {"quartz", "K-feldspar"} <= set(report.prior_driven)
    assert dict(report.groups)["magnetite"] < PRIOR_DRIVEN
    assert 0 < report.freedom < report.n_free == 5
    assert report.condition > 1.0
    assert 1 <= report.rank <= 5


def test_groups_that_are_known_only_together_are_reported_together() -> None:
    table = marine_table(("quartz", "K-feldspar", "illite", "organic matter", "magnetite"))
    apart = tuple(replace(m, group=m.mineral) for m in table.members)
    library = Library.of(replace(table, members=apart))
    _, _, seen = core(30)

    found = compose(seen, uncalibrated(library, MIXING))[0]

    together = {one.group: one for one in found.joined}
    assert any({"quartz", "K-feldspar"} <= set(name.split(" + ")) for name in together)
    blind = {g.group: g for g in found.groups}["quartz"]
    assert blind.is_prior_driven
    assert PRIOR_SPEAKS in blind.reason


def test_more_groups_than_colour_holds_are_refused_with_the_reason() -> None:
    _, _, seen = core(5)
    value = seen.value.copy()
    value[:, : MS + 1] = np.nan

    found = compose(Observations.of(value, seen.sd), uncalibrated(LIBRARY, MIXING))

    assert found[0].groups[0].status is Status.ABSTAINED
    assert found[0].groups[0].reason == (
        "5 groups asked, but red, green, blue and the sum hold at most 4: "
        "join groups, or observe density, vp, ms"
    )
    assert found[0].identifiability is not None


def test_slices_that_were_observed_otherwise_are_judged_otherwise() -> None:
    _, _, seen = core(6)
    value = seen.value.copy()
    value[2, : MS + 1] = np.nan

    found = compose(Observations.of(value, seen.sd), uncalibrated(LIBRARY, MIXING))

    assert [one.total is None for one in found] == [False, False, True, False, False, False]


def test_how_many_groups_rows_hold() -> None:
    assert most_groups(("red", "green", "blue")) == 4
    assert most_groups(("density", "vp", "ms")) == 3
    assert most_groups(("density", "vp", "ms", "red", "green", "blue")) == 6


def test_an_artefact_is_said_to_be_no_part_of_the_core() -> None:
    _, _, seen = core(3)
    library = replace(LIBRARY, artefacts=(LIBRARY.groups[-1],))

    found = compose(seen, uncalibrated(library, MIXING))[0]

    assert ARTEFACT in found.groups[-1].reason
    assert ARTEFACT not in found.groups[0].reason


def test_draws_spread_more_where_less_was_seen() -> None:
    _, _, seen = core(20)
    model = Model(LIBRARY, PRIOR, MIXING)
    vague = Observations.of(seen.value, 20.0 * seen.sd)

    sure, unsure = (
        spread(one, estimate(one, model), model, LIBRARY.is_in_group) for one in (seen, vague)
    )

    assert sure.mean() < unsure.mean()


def test_the_spread_of_a_slice_does_not_depend_on_the_others() -> None:
    _, _, seen = core(12)
    model = Model(LIBRARY, PRIOR, MIXING, reach_slices=0.0)
    part = seen.rows(np.arange(4, 9))

    whole = spread(seen, estimate(seen, model), model, LIBRARY.is_in_group)
    alone = spread(part, estimate(part, model), model, LIBRARY.is_in_group)

    np.testing.assert_allclose(alone, whole[4:9], rtol=1e-6)


def test_neighbours_are_believed_where_a_slice_says_little() -> None:
    first = np.tile([0.5, 0.9, 0.1], (9, 1))
    first[4] = [0.5, 0.1, 0.9]

    mean = local_mean(first, np.array([0.5, 0.5, 0.5]), reach_slices=2.0, trust=0.7)

    assert mean[4, 1] > 0.5
    np.testing.assert_allclose(mean[:, 1:].sum(axis=1), 1.0)


def test_slices_without_a_solution_leave_their_neighbours_means_alone() -> None:
    first = np.tile([0.5, 0.9, 0.1], (9, 1))
    first[4] = np.nan

    mean = local_mean(first, np.array([0.5, 0.5, 0.5]), reach_slices=1.0, trust=1.0)

    assert np.isfinite(mean).all()
    assert mean[4, 1] == pytest.approx(0.9 * 0.6 + 0.5 * 0.4, abs=0.1)


def test_a_learned_prior_knows_what_follows_from_an_observation() -> None:
    rng = np.random.default_rng(0)
    seen = rng.standard_normal((40, 6))
    first = 0.5 + 0.1 * np.tanh(seen[:, 0])
    prior = learn_prior(seen, np.column_stack([first, 1.0 - first]), np.full(40, 0.6))

    up, down = prior.of(np.eye(6)[:1], 1.0).mean[0], prior.of(-np.eye(6)[:1], 1.0).mean[0]

    assert isinstance(prior, LearnedPrior)
    assert up[1] > 0.53
    assert down[1] < 0.47
    np.testing.assert_allclose(prior.of(np.full((1, 6), np.nan), 1.0).mean[0], prior.base.mean)


def test_two_known_slices_make_no_prior() -> None:
    with pytest.raises(ValueError, match="expected 3 slices of known composition or more, got 2"):
        Prior.of_slices(np.full((2, 2), 0.5), np.full(2, 0.5))


def test_a_prior_that_is_no_composition_is_refused() -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        Prior(np.array([0.5, 0.5, 0.6]), np.eye(3))
    with pytest.raises(ValueError, match="k \\+ 1 means"):
        Prior(np.array([0.5, 0.5]), np.eye(3))
    with pytest.raises(ValueError, match="strength above 0"):
        Prior(np.array([0.5, 0.5, 0.5]), np.eye(3), 0.0)


def test_a_library_is_kept_where_known_slices_were_not_observed() -> None:
    shares, _, seen = core(5)
    blind = Observations.of(np.full((5, 6), np.nan), seen.sd)

    found = refine_endmembers(blind, shares, LIBRARY, MIXING)

    np.testing.assert_allclose(found.reflectance, LIBRARY.reflectance)
    np.testing.assert_allclose(found.ms, LIBRARY.ms)


@pytest.mark.parametrize(
    "bad",
    [
        {"lower": 0.6},
        {"upper": 1.2},
        {"fraction": None},
        {"status": Status.MASKED},
    ],
)
def test_a_share_that_makes_no_sense_is_refused(bad: dict[str, object]) -> None:
    share = GroupShare("clay", 0.5, 0.4, 0.6, Status.PREDICTED, is_prior_driven=False, reason="")

    with pytest.raises(ValueError, match="expected"):
        replace(share, **bad)


def test_colour_of_a_dark_channel_that_clips_is_left_out_alone() -> None:
    _, _, seen = core(3)
    value = seen.value.copy()
    value[1, RED] = 0.0

    found = compose(Observations.of(value, seen.sd), uncalibrated(LIBRARY, MIXING))

    assert found[1].identifiability is not None
    assert "red" not in found[1].identifiability.rows
    assert found[1].total == pytest.approx(1.0)
