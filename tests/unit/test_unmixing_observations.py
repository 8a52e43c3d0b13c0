"""What of a row counts as observed, with which weight, and what keeps a slice from it."""

import numpy as np
import pytest

from downcore.strata.depthlog import Estimate, SliceRow, Status
from downcore.strata.slices import CoreSlice, SliceColour
from downcore.strata.unmixing.observations import (
    COLOUR_FLOOR_SD,
    COLOUR_SHARE_SD,
    DENSITY,
    MS,
    RED,
    VP,
    observe,
)

COLOUR = SliceColour((40.0, 1.0, 8.0), (2.0, 0.5, 0.5), (0.2, 0.15, 0.1))


def row(
    *estimates: Estimate, sediment: float = 1.0, colour: SliceColour | None = COLOUR
) -> SliceRow:
    fractions = (sediment, 0.0, 1.0 - sediment, 0.0, 0.0, 0.0, 0.0)
    return SliceRow(CoreSlice(0, 0, 200, 0, 10_000, fractions, colour, ()), estimates)


def predicted(name: str, value: float, half: float, bundle_id: str = "b1") -> Estimate:
    return Estimate(name, value, value - half, value + half, Status.PREDICTED, "", bundle_id)


def measured(name: str, value: float) -> Estimate:
    return Estimate(name, value, None, None, Status.MEASURED, "", "")


def silent(name: str, status: Status, reason: str = "why", bundle_id: str = "b1") -> Estimate:
    return Estimate(name, None, None, None, status, reason, bundle_id)


def unlike(bundle_id: str) -> Estimate:
    reason = f"unlike the training cores of {bundle_id}"
    return silent("density", Status.ABSTAINED, reason, bundle_id)


def masked(bundle_id: str) -> Estimate:
    return silent("density", Status.MASKED, "12 % sediment, needs 30 %", bundle_id)


def coarse(bundle_id: str) -> Estimate:
    reason = "scan has 17.4 px/cm, bundle trained on 200 to 200"
    return silent("density", Status.ABSTAINED, reason, bundle_id)


def test_an_interval_of_90_percent_gives_the_weight() -> None:
    seen = observe([row(predicted("density", 1.7, 0.1645))], ("b1",))

    assert seen.value[0, DENSITY] == 1.7
    assert seen.sd[0, DENSITY] == pytest.approx(0.1)
    assert seen.sd[0, RED] == pytest.approx(COLOUR_SHARE_SD * 0.2 + COLOUR_FLOOR_SD)
    assert seen.status == (Status.PREDICTED,)


def test_only_the_chosen_bundle_counts() -> None:
    seen = observe([row(predicted("density", 1.7, 0.1, "b2"))], ("b1",))

    assert np.isnan(seen.value[0, [DENSITY, VP, MS]]).all()
    assert np.isfinite(seen.value[0, RED:]).all()


def test_a_measured_value_stands_before_a_predicted_one_wherever_it_comes_from() -> None:
    guess, log = predicted("density", 1.7, 0.1), measured("density", 2.0)

    of_row = observe([row(guess, log)], ("b1",))
    beside = observe([row(guess)], ("b1",), {0: (log,)})

    assert of_row.value[0, DENSITY] == beside.value[0, DENSITY] == 2.0
    assert 0.0 < of_row.sd[0, DENSITY] < 0.1


def test_a_slice_that_is_masked_or_unlike_the_training_stays_so() -> None:
    for status in (Status.MASKED, Status.ABSTAINED):
        names = ("density", "vp", "ms")
        seen = observe([row(*(silent(name, status, "a reason") for name in names))], ("b1",))

        assert seen.status == (status,)
        assert seen.reason == ("a reason",)
        assert np.isnan(seen.value).all(), "expected nothing observed of a slice that stays silent"


def test_a_scan_too_coarse_for_the_bundle_is_seen_by_its_colour() -> None:
    seen = observe([row(coarse("b1"))], ("b1",))

    assert seen.status == (Status.PREDICTED,)
    assert np.isfinite(seen.value[0, RED:]).all()


@pytest.mark.parametrize("others", [(), ("b2",), ("b2", "b3")])
def test_a_slice_that_every_bundle_holds_to_be_unlike_its_cores_has_no_composition(
    others: tuple[str, ...],
) -> None:
    names = ("b1", *others)

    seen = observe([row(*(unlike(name) for name in reversed(names)))], names)

    assert seen.status == (Status.ABSTAINED,)
    assert seen.reason == ("unlike the training cores of b1",), "expected the first one's reason"
    assert np.isnan(seen.value).all()


def test_a_slice_that_one_bundle_knows_is_composed_by_the_first_ones_values_and_colour() -> None:
    guess = predicted("density", 1.7, 0.1, "b2")

    known_to_second = observe([row(unlike("b1"), guess)], ("b1", "b2"))
    known_to_first = observe([row(unlike("b1"), guess)], ("b2", "b1"))

    assert known_to_second.status == known_to_first.status == (Status.PREDICTED,)
    assert np.isnan(known_to_second.value[0, DENSITY])
    assert known_to_first.value[0, DENSITY] == 1.7
    assert np.isfinite(known_to_second.value[0, RED:]).all()


@pytest.mark.parametrize("order", [("b1", "b2"), ("b2", "b1")])
def test_a_bundle_that_could_not_look_leaves_the_judgement_to_the_others(
    order: tuple[str, ...],
) -> None:
    seen = observe([row(coarse("b1"), unlike("b2"))], order)

    assert seen.status == (Status.ABSTAINED,)
    assert seen.reason == ("unlike the training cores of b2",)


@pytest.mark.parametrize("order", [("b1", "b2"), ("b2", "b1")])
def test_a_slice_masked_for_prediction_is_masked_for_composition(order: tuple[str, ...]) -> None:
    for other in (unlike("b1"), coarse("b1"), masked("b1")):
        seen = observe([row(other, masked("b2"))], order)

        assert seen.status == (Status.MASKED,)
        assert seen.reason == ("12 % sediment, needs 30 %",)


def test_a_bundle_that_does_not_run_any_more_does_not_judge() -> None:
    seen = observe([row(unlike("old"), predicted("density", 1.7, 0.1))], ("b1",))
    alone = observe([row(unlike("old"))], ())

    assert seen.status == alone.status == (Status.PREDICTED,)


def test_a_forced_scan_that_is_unlike_the_training_has_no_composition() -> None:
    forced = Estimate(
        "ms", 30.0, 20.0, 40.0, Status.PREDICTED, "forced: scan has 17.4 px/cm, bundle ...", "b1"
    )

    assert observe([row(unlike("b1"))], ("b1",)).status == (Status.ABSTAINED,)
    assert observe([row(forced)], ("b1",)).status == (Status.PREDICTED,)


def test_a_measured_value_does_not_open_a_slice_that_is_unlike_the_training() -> None:
    seen = observe([row(silent("vp", Status.ABSTAINED), measured("density", 2.0))], ("b1",))

    assert seen.status == (Status.ABSTAINED,)
    assert np.isnan(seen.value).all()


def test_one_exact_colour_is_no_picture_of_a_core() -> None:
    plain = SliceColour((40.0, 1.0, 8.0), (0.0, 0.0, 0.0), (0.2, 0.15, 0.1))

    seen = observe([row(predicted("density", 1.7, 0.1), colour=plain)], ("b1",))

    assert seen.status == (Status.ABSTAINED,)
    assert "one colour" in seen.reason[0]


@pytest.mark.parametrize("is_bare", [True, False])
def test_a_slice_with_too_little_sediment_is_masked(*, is_bare: bool) -> None:
    seen = observe([row(sediment=0.1, colour=None if is_bare else COLOUR)], ("b1",))

    assert seen.status == (Status.MASKED,)
    assert "10 % sediment, needs 30 %" in seen.reason[0]


def test_a_number_beyond_any_core_is_not_observed() -> None:
    seen = observe([row(measured("density", 9.0), predicted("vp", 1_500.0, 30.0))], ("b1",))

    assert np.isnan(seen.value[0, DENSITY])
    assert seen.value[0, VP] == 1_500.0
