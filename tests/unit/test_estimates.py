"""From tiles to a slice's values: what an interval means, and when there is none."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from downcore.strata.bundle import Manifest, OutputScaling
from downcore.strata.depthlog import Estimate, Status, why_forced
from downcore.strata.estimates import (
    GuardNovelty,
    NoValue,
    TilePrediction,
    estimates_of,
    forced_reason,
    inverse_transform,
    reason_to_abstain,
    without_value,
)
from downcore.strata.properties import PROPERTIES
from downcore.strata.widening import Widening

FACTOR, FLOOR = 1.5, 0.01
MANIFEST = Manifest(
    network="small",
    title="Small",
    created_utc="2026-01-01T00:00:00Z",
    precision="int8",
    files={},
    outputs=tuple(
        OutputScaling(p.name, p.unit, p.is_log_scaled, 0.0, 1.0, FACTOR, FLOOR) for p in PROPERTIES
    ),
    trained_px_per_cm=(60.0, 400.0),
    golden_tolerance=0.05,
    training_data="nothing",
    bundle_id="0123456789abcdef",
)
USUAL = (1.6, 1550.0, 1.2)
"""Density, vp, and log10 of ms of an ordinary mud."""


def prediction(
    means: list[tuple[float, ...]], *, sd: float = 0.02, within: float = 0.0
) -> TilePrediction:
    mean = np.array(means, np.float64).reshape(-1, 3)
    zero = np.zeros(len(mean))
    return TilePrediction(mean, np.full(mean.shape, sd), np.full(mean.shape, within), zero)


def estimate(name: str, tiles: TilePrediction, weights: list[float] | None = None) -> Estimate:
    fractions = np.array(weights or [1.0] * len(tiles.mean), np.float32)
    return {one.property: one for one in estimates_of(tiles, fractions, MANIFEST)}[name]


def test_a_slice_has_the_mean_of_its_tiles_weighted_with_their_sediment() -> None:
    tiles = prediction([(1.5, 1500, 1), (1.8, 1800, 2)])
    assert estimate("density", tiles, [1.0, 0.5]).value == pytest.approx(1.6)
    assert estimate("vp", tiles, [1.0, 0.5]).value == pytest.approx(1600)


@given(st.integers(1, 12))
def test_more_tiles_of_one_label_do_not_narrow_the_interval(n_tiles: int) -> None:
    one = estimate("density", prediction([USUAL] * n_tiles))
    assert one.lower is not None
    assert one.upper is not None
    assert one.upper - one.lower == pytest.approx(2 * FACTOR * 0.02)


def test_the_sd_of_a_slice_is_the_root_mean_square_of_its_tiles() -> None:
    tiles = replace(prediction([USUAL, USUAL]), sd=np.array([[0.3] * 3, [0.4] * 3]))
    one = estimate("density", tiles)
    assert one.upper == pytest.approx(1.6 + FACTOR * math.sqrt((0.09 + 0.16) / 2))


def test_no_interval_is_narrower_than_its_floor() -> None:
    one = estimate("density", prediction([USUAL], sd=1e-9))
    assert (one.lower, one.upper) == (pytest.approx(1.6 - FLOOR), pytest.approx(1.6 + FLOOR))


def test_susceptibility_and_its_interval_come_back_from_the_logarithm() -> None:
    one = estimate("ms", prediction([USUAL], sd=0.2))
    half = FACTOR * 0.2
    assert one.value == pytest.approx(10**1.2)
    assert one.lower == pytest.approx(10 ** (1.2 - half))
    assert one.upper == pytest.approx(10 ** (1.2 + half))


def test_heterogeneity_joins_the_spread_between_tiles_and_inside_them() -> None:
    tiles = prediction([(1.5, 1500, 1), (1.7, 1500, 1)], within=0.2)
    assert estimate("density", tiles).heterogeneity == pytest.approx(math.hypot(0.1, 0.2))
    spread = math.hypot(0.0, 0.2)
    expected = (10 ** (1 + spread) - 10 ** (1 - spread)) / 2
    assert estimate("ms", tiles).heterogeneity == pytest.approx(expected)


def test_a_single_tile_without_a_map_says_nothing_of_heterogeneity() -> None:
    assert estimate("density", prediction([USUAL])).heterogeneity is None
    assert estimate("density", prediction([USUAL, USUAL])).heterogeneity == pytest.approx(0)


def test_a_value_beyond_the_credible_range_is_clipped_and_says_so() -> None:
    one = estimate("density", prediction([(3.6, 1500, 1)]))
    assert (one.value, one.upper, one.status) == (3.2, 3.2, Status.PREDICTED)
    assert one.reason == "predicted 3.6 g/cm3, clipped to the credible 1 to 3.2 g/cm3"


def test_an_interval_beyond_the_credible_range_is_clipped_and_says_so() -> None:
    one = estimate("density", prediction([(1.05, 1500, 1)], sd=0.1))
    assert (one.value, one.lower) == (pytest.approx(1.05), 1.0)
    assert one.reason == "interval clipped to the credible 1 to 3.2 g/cm3"


def test_an_ordinary_estimate_has_no_reason() -> None:
    one = estimate("density", prediction([USUAL]))
    assert (one.reason, one.bundle_id) == ("", MANIFEST.bundle_id)


ANYTHING = st.floats(width=64)


@given(st.lists(st.tuples(*[st.tuples(*[ANYTHING] * 3)] * 3), min_size=1, max_size=4))
def test_whatever_a_network_says_an_estimate_is_credible_or_absent(
    tiles: list[tuple[tuple[float, ...], ...]],
) -> None:
    mean, sd, within = np.array(tiles, np.float64).transpose(1, 0, 2)
    got = estimates_of(
        TilePrediction(mean, np.abs(sd), np.abs(within), np.zeros(len(tiles))),
        np.ones(len(tiles)),
        MANIFEST,
    )
    for one, known in zip(got, PROPERTIES, strict=True):
        if one.status is Status.PREDICTED:
            assert one.lower is not None
            assert one.value is not None
            assert one.upper is not None
            assert known.lowest <= one.lower <= one.value <= one.upper <= known.highest
        else:
            assert one.reason == "the network gave no finite number"


@given(st.permutations(range(4)))
def test_the_order_of_tiles_does_not_matter(order: list[int]) -> None:
    rng = np.random.default_rng(1)
    tiles = TilePrediction(
        rng.normal(USUAL, 0.1, (4, 3)),
        rng.uniform(0.1, 1, (4, 3)),
        rng.uniform(0, 1, (4, 3)),
        rng.uniform(0, 3, 4),
    )
    weights = np.array([0.5, 0.7, 0.9, 1.0])
    moved = TilePrediction(
        tiles.mean[order], tiles.sd[order], tiles.within_sd[order], tiles.novelty[order]
    )
    got = estimates_of(moved, weights[order], MANIFEST)
    for a, b in zip(got, estimates_of(tiles, weights, MANIFEST), strict=True):
        assert a.value == pytest.approx(b.value, rel=1e-14)


WARY = replace(MANIFEST, novelty_threshold=5.2)


def novel(*novelty: float) -> TilePrediction:
    return replace(prediction([USUAL] * len(novelty)), novelty=np.array(novelty))


def test_a_slice_unlike_the_training_cores_gets_no_value_and_says_why() -> None:
    for one in estimates_of(novel(9.0, 9.2), np.ones(2), WARY):
        assert (one.status, one.value, one.lower) == (Status.ABSTAINED, None, None)
        assert one.reason == "unlike the training cores: novelty 9.1, limit 5.2"


WIDENING = replace(WARY, widening=Widening(begins_at=2.2, at_limit={"density": 1.6, "ms": 1.0}))


@pytest.mark.parametrize(("novelty", "factor"), [(0.5, 1.0), (2.2, 1.0), (3.7, 1.3), (5.2, 1.6)])
def test_intervals_widen_up_to_the_limit(novelty: float, factor: float) -> None:
    usual = {one.property: one for one in estimates_of(novel(novelty), np.ones(1), WARY)}
    wide = {one.property: one for one in estimates_of(novel(novelty), np.ones(1), WIDENING)}

    for name, times in (("density", factor), ("vp", 1.0), ("ms", 1.0)):
        one, plain = wide[name], usual[name]
        assert one.value == plain.value
        assert one.upper is not None
        assert one.lower is not None
        assert plain.upper is not None
        assert plain.lower is not None
        assert one.upper - one.lower == pytest.approx(times * (plain.upper - plain.lower))


def test_a_slice_beyond_the_limit_has_no_interval_however_wide() -> None:
    assert all(one.upper is None for one in estimates_of(novel(5.3), np.ones(1), WIDENING))


def test_the_novelty_of_a_slice_is_the_mean_of_its_tiles_weighted_with_their_sediment() -> None:
    tiles = novel(1.0, 9.0)
    few, many = (estimates_of(tiles, np.array(w), WARY)[0] for w in ([1, 0.9], [1, 1.2]))
    assert few.status is Status.PREDICTED, "(1 + 8.1) / 1.9 is below 5.2"
    assert many.status is Status.ABSTAINED, "(1 + 10.8) / 2.2 is above 5.2"


def test_the_limit_itself_is_familiar() -> None:
    assert estimates_of(novel(5.2), np.ones(1), WARY)[0].status is Status.PREDICTED


@pytest.mark.parametrize("novelty", [math.nan, math.inf])
def test_a_novelty_that_is_no_number_is_not_familiar(novelty: float) -> None:
    for one in estimates_of(novel(1.0, novelty), np.ones(2), WARY):
        assert (one.status, one.value) == (Status.ABSTAINED, None)
        assert one.reason == "the network gave no finite number"


def test_a_bundle_without_a_limit_calls_nothing_novel() -> None:
    assert estimates_of(novel(1e9), np.ones(1), MANIFEST)[0].status is Status.PREDICTED


def test_a_novelty_is_needed_of_every_tile() -> None:
    short = replace(novel(1.0, 1.0), novelty=np.zeros(1))
    with pytest.raises(ValueError, match="a novelty for each tile"):
        estimates_of(short, np.ones(2), WARY)


def guarded(own: float, *by_guard: float) -> TilePrediction:
    plain = novel(*[own] * len(by_guard))
    guard = GuardNovelty(np.array(by_guard), 7.85, "boosted-colour 0123abcd")
    return replace(plain, guarded=guard)


def test_a_slice_that_the_guard_finds_unlike_the_training_gets_no_value_and_names_the_guard() -> (
    None
):
    for one in estimates_of(guarded(1.0, 15.0, 15.4), np.ones(2), WARY):
        assert (one.status, one.value, one.lower) == (Status.ABSTAINED, None, None)
        assert one.reason == (
            "unlike the training cores: colour novelty 15.2, limit 7.85 (boosted-colour 0123abcd)"
        )


def test_a_slice_that_the_guard_finds_familiar_has_the_values_of_its_bundle_alone() -> None:
    alone = estimates_of(novel(1.0, 1.0), np.ones(2), WARY)
    assert estimates_of(guarded(1.0, 7.85, 7.85), np.ones(2), WARY) == alone


def test_the_guard_takes_nothing_from_what_the_bundle_itself_finds_novel() -> None:
    for one in estimates_of(guarded(9.0, 1.0), np.ones(1), WARY):
        assert one.reason == "unlike the training cores: novelty 9, limit 5.2"


@pytest.mark.parametrize("novelty", [math.nan, math.inf])
def test_a_guard_that_gives_no_number_lets_no_value_pass(novelty: float) -> None:
    for one in estimates_of(guarded(1.0, 1.0, novelty), np.ones(2), WARY):
        assert (one.status, one.value) == (Status.ABSTAINED, None)
        assert one.reason == "the guard boosted-colour 0123abcd gave no finite number"


def test_a_guard_must_have_looked_at_every_tile() -> None:
    looked_at_one = replace(guarded(1.0, 1.0), mean=np.ones((2, 3)), sd=np.ones((2, 3)))
    short = replace(looked_at_one, within_sd=np.ones((2, 3)), novelty=np.ones(2))
    with pytest.raises(ValueError, match="a novelty for each tile"):
        estimates_of(short, np.ones(2), WARY)


def test_a_value_from_a_scan_that_is_too_coarse_says_that_it_was_forced() -> None:
    forced = forced_reason(MANIFEST, 20.0)
    assert forced == "forced: scan has 20 px/cm, bundle trained on 60 to 400"
    for one in estimates_of(prediction([USUAL]), np.ones(1), MANIFEST, beware=forced):
        assert (one.status, one.reason, why_forced(one)) == (Status.PREDICTED, forced, forced)
    beyond = prediction([(99.0, 1550.0, 1.2)])
    clipped = estimates_of(beyond, np.ones(1), MANIFEST, beware=forced)[0]
    assert clipped.reason.startswith(f"{forced}; predicted 99 g/cm3, clipped")
    assert why_forced(clipped) == forced


def test_nothing_is_forced_on_a_scan_that_is_fine_enough() -> None:
    assert not forced_reason(MANIFEST, 30.0), "the limit itself is fine enough"
    assert not any(map(why_forced, estimates_of(prediction([USUAL]), np.ones(1), MANIFEST)))


@pytest.mark.parametrize("weights", [[], [1.0], [0.0, 0.0], [1.0, -0.5], [1.0, 1.0, 1.0]])
def test_weights_that_do_not_belong_are_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        estimates_of(prediction([USUAL] * 2), np.array(weights), MANIFEST)


def why(
    *, n_tiles: int = 5, valid_fraction: float = 0.9, px_per_cm: float = 200.0, allow: bool = False
) -> NoValue | None:
    return reason_to_abstain(
        MANIFEST,
        n_tiles=n_tiles,
        valid_fraction=valid_fraction,
        source_px_per_cm=px_per_cm,
        allow_low_resolution=allow,
    )


def test_an_ordinary_slice_is_predicted() -> None:
    assert why() is None
    assert why(valid_fraction=0.3, px_per_cm=30.0) is None, "the limits themselves are inside"


def test_a_slice_with_little_sediment_is_masked() -> None:
    assert why(valid_fraction=0.12) == NoValue(Status.MASKED, "12 % sediment, needs 30 %")
    assert why(valid_fraction=0.2999) == NoValue(Status.MASKED, "29 % sediment, needs 30 %")
    assert why(n_tiles=0, valid_fraction=0.0) == NoValue(Status.MASKED, "0 % sediment, needs 30 %")


def test_a_slice_with_sediment_but_no_tile_is_masked() -> None:
    assert why(n_tiles=0) == NoValue(Status.MASKED, "no square centimetre with enough sediment")


def test_a_scan_far_below_the_trained_resolution_is_abstained() -> None:
    assert why(px_per_cm=13.7) == NoValue(
        Status.ABSTAINED, "scan has 13.7 px/cm, bundle trained on 60 to 400"
    )
    assert why(px_per_cm=13.7, allow=True) is None
    assert why(px_per_cm=13.7, valid_fraction=0.1, allow=True) is not None


def test_no_value_is_given_for_every_property_with_its_reason() -> None:
    got = without_value(MANIFEST, NoValue(Status.MASKED, "12 % sediment, needs 30 %"))
    assert [one.property for one in got] == [p.name for p in PROPERTIES]
    for one in got:
        assert (one.value, one.lower, one.upper, one.heterogeneity) == (None,) * 4
        assert (one.status, one.reason) == (Status.MASKED, "12 % sediment, needs 30 %")
        assert one.bundle_id == MANIFEST.bundle_id


def test_what_a_graph_says_is_turned_back_into_physical_units() -> None:
    outputs = tuple(
        replace(one, centre=centre, spread=spread)
        for one, centre, spread in zip(
            MANIFEST.outputs, (1.6, 1550.0, 1.2), (0.2, 50.0, 0.4), strict=True
        )
    )
    said = np.zeros((3, 2, 3), np.float32)
    said[0, 1] = (1.0, -2.0, 0.5)
    said[1, 1] = math.log(2.0)
    said[2] = 0.25

    got = inverse_transform(
        said, np.array([1.0, 3.0], np.float32), replace(MANIFEST, outputs=outputs)
    )

    np.testing.assert_allclose(got.mean, [[1.6, 1550, 1.2], [1.8, 1450, 1.4]])
    np.testing.assert_allclose(got.sd, [[0.2, 50, 0.4], [0.4, 100, 0.8]], rtol=1e-6)
    np.testing.assert_allclose(got.within_sd, [[0.05, 12.5, 0.1]] * 2)
    assert got.novelty.tolist() == [1.0, 3.0]
    assert {x.dtype for x in (got.mean, got.sd, got.within_sd, got.novelty)} == {np.dtype(float)}


def test_an_endless_sd_of_a_graph_is_refused_without_a_warning() -> None:
    said = np.full((3, 1, 3), 1e4, np.float32)

    got = inverse_transform(said, np.zeros(1, np.float32), MANIFEST)

    assert np.isinf(got.sd).all()
    assert estimates_of(got, np.ones(1), MANIFEST)[0].status is Status.ABSTAINED


def test_unless_told_otherwise_a_coarse_scan_is_abstained() -> None:
    got = reason_to_abstain(MANIFEST, n_tiles=5, valid_fraction=0.9, source_px_per_cm=13.7)

    assert got is not None
    assert got.status is Status.ABSTAINED


def test_with_just_enough_sediment_it_is_the_tiles_that_are_missing() -> None:
    got = why(n_tiles=0, valid_fraction=0.3)

    assert got == NoValue(Status.MASKED, "no square centimetre with enough sediment")


def test_no_slice_is_more_heterogeneous_than_the_property_has_room_for() -> None:
    tiles = prediction([USUAL, USUAL], within=1e6)

    for known in PROPERTIES:
        assert estimate(known.name, tiles).heterogeneity == known.highest - known.lowest


def test_values_at_the_ends_of_the_credible_range_are_not_called_clipped() -> None:
    for density in (1.0, 3.2):
        one = estimate("density", prediction([(density, 1500, 1)], sd=0.1))
        assert one.reason == "interval clipped to the credible 1 to 3.2 g/cm3"


def test_a_property_without_a_finite_number_names_its_bundle() -> None:
    one = estimate("density", prediction([(math.nan, 1500, 1)]))
    assert (one.status, one.bundle_id) == (Status.ABSTAINED, MANIFEST.bundle_id)
