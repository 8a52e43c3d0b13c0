"""Labels lie between measurements, never beyond them, and never across a gap."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from downcore_training.datasets._depth_labels import MAX_GAP_CM, distance_to_ends_cm, labels_at

Floats = NDArray[np.float64]
depths = st.integers(1, 40).flatmap(
    lambda n: arrays(np.float64, n, elements=st.integers(0, 600).map(lambda k: k / 10))
)
centres = np.arange(60) + 0.5


def rows(depth: Floats, seed: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    value = rng.normal(1.5, 0.3, depth.size)
    value[rng.random(depth.size) < 0.2] = np.nan
    return depth, value


@settings(max_examples=60, deadline=None)
@given(depth=depths, seed=st.integers(0, 1000))
def test_a_label_lies_between_the_measurements_around_it(depth: Floats, seed: int) -> None:
    depth, value = rows(depth, seed)

    labels = labels_at(centres, depth, value)

    known = np.isfinite(value)
    for centre, label in zip(centres, labels, strict=True):
        above, below = depth[known & (depth <= centre)], depth[known & (depth >= centre)]
        if not np.isfinite(label):
            continue
        assert above.size, f"a label at {centre} cm above the first measurement"
        assert below.size, f"a label at {centre} cm below the last measurement"
        assert below.min() - above.max() <= MAX_GAP_CM + 1e-6
        near = known & (depth >= above.max()) & (depth <= below.min())
        assert value[near].min() - 1e-9 <= label <= value[near].max() + 1e-9


@settings(max_examples=60, deadline=None)
@given(depth=depths, seed=st.integers(0, 1000))
def test_every_slice_with_measurements_near_enough_has_a_label(depth: Floats, seed: int) -> None:
    depth, value = rows(depth, seed)
    known = np.sort(depth[np.isfinite(value)])

    labels = labels_at(centres, depth, value)

    for centre, label in zip(centres, labels, strict=True):
        above, below = known[known <= centre], known[known >= centre]
        if above.size and below.size and below.min() - above.max() <= MAX_GAP_CM:
            assert np.isfinite(label), f"no label at {centre} cm"


@settings(max_examples=60, deadline=None)
@given(depth=depths, seed=st.integers(0, 1000))
def test_the_order_of_the_rows_plays_no_part(depth: Floats, seed: int) -> None:
    depth, value = rows(depth, seed)
    order = np.random.default_rng(seed + 1).permutation(depth.size)

    np.testing.assert_array_equal(
        labels_at(centres, depth, value), labels_at(centres, depth[order], value[order])
    )


@settings(max_examples=60, deadline=None)
@given(gap=st.floats(MAX_GAP_CM + 0.01, 30.0), at=st.floats(0.0, 30.0), n=st.integers(1, 5))
def test_a_gap_of_more_than_the_most_stays_empty(gap: float, at: float, n: int) -> None:
    above = at - np.arange(n) * 1.0
    depth = np.concatenate([above, at + gap + np.arange(n) * 1.0])
    inside = np.linspace(at, at + gap, 12)[1:-1]

    assert np.isnan(labels_at(inside, depth, np.ones(depth.size))).all()


@settings(max_examples=60, deadline=None)
@given(depth=depths, seed=st.integers(0, 1000))
def test_a_value_that_may_not_be_used_is_as_good_as_absent(depth: Floats, seed: int) -> None:
    depth, value = rows(depth, seed)
    usable = np.random.default_rng(seed + 2).random(depth.size) < 0.7

    np.testing.assert_array_equal(
        labels_at(centres, depth, value, usable),
        labels_at(centres, depth[usable], value[usable]),
    )


def test_a_measurement_at_the_centre_is_the_label_however_lonely() -> None:
    labels = labels_at(centres, np.array([7.5, 20.0]), np.array([1.25, 1.5]))

    assert labels[7] == 1.25
    assert np.isfinite(labels).sum() == 1


def test_rows_a_centimetre_apart_are_joined_half_way() -> None:
    labels = labels_at(centres, np.array([3.0, 4.0, 5.0]), np.array([1.0, 2.0, 4.0]))

    np.testing.assert_allclose(labels[2:6], [np.nan, 1.5, 3.0, np.nan])


def test_two_rows_of_one_depth_count_with_their_mean() -> None:
    labels = labels_at(centres, np.array([3.5, 3.5]), np.array([1.0, 2.0]))

    assert labels[3] == 1.5


def test_distance_is_to_the_nearer_end_of_the_section_a_depth_lies_in() -> None:
    got = distance_to_ends_cm(np.array([-1.0, 2.0, 58.0, 60.0, 70.0]), [(0.0, 60.0)])

    np.testing.assert_array_equal(got, [np.nan, 2.0, 2.0, 0.0, np.nan])
