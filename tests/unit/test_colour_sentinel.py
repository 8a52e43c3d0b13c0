import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from downcore.strata.colour_sentinel import (
    DRIFT_LIMIT,
    ReferenceColour,
    ciede2000,
    drift_of,
    reference_colour,
)
from downcore.strata.slice_profile import SliceProfile

PUBLISHED = [
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, -1.3802, -84.2814), (50.0, 0.0, -82.7485), 1.0000),
    ((50.0, 2.5, 0.0), (50.0, 0.0, -2.5), 4.3065),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ((90.8027, -2.0831, 1.4410), (91.1528, -1.6435, 0.0447), 1.4441),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]
COLOUR = st.tuples(st.floats(0, 100), st.floats(-100, 100), st.floats(-100, 100))


@pytest.mark.parametrize(("first", "second", "expected"), PUBLISHED)
def test_differences_of_colour_are_those_that_were_published(
    first: tuple[float, ...], second: tuple[float, ...], expected: float
) -> None:
    got = float(ciede2000(np.array(first), np.array(second)))
    assert got == pytest.approx(expected, abs=1e-4)


@given(COLOUR, COLOUR)
def test_a_difference_is_the_same_both_ways_and_none_of_a_colour_from_itself(
    first: tuple[float, ...], second: tuple[float, ...]
) -> None:
    there = float(ciede2000(np.array(first), np.array(second)))
    assert there >= 0.0
    assert there == pytest.approx(float(ciede2000(np.array(second), np.array(first))), abs=1e-6)
    assert float(ciede2000(np.array(first), np.array(first))) == 0.0


def sections(counts: list[float]) -> list[ReferenceColour]:
    found = []
    for i, level in enumerate(counts):
        numbers = np.zeros(12, np.float32)
        numbers[9:] = level
        found.append(reference_colour(f"s{i}", [SliceProfile(k, numbers) for k in range(10)]))
    return found


def test_a_board_that_stays_as_it_was_says_nothing() -> None:
    assert [one.sentence for one in drift_of(sections([200, 201, 199, 200, 202]))] == [""] * 5


def test_a_board_that_darkens_is_said_from_the_section_on_in_which_it_passes_the_limit() -> None:
    found = drift_of(sections([200, 200, 200, 196, 160]))
    assert [one.has_drifted for one in found] == [False] * 4 + [True]
    assert f"limit {DRIFT_LIMIT:g}" in found[4].sentence


def test_a_section_without_a_board_has_no_drift_and_is_no_reference() -> None:
    found = drift_of(sections([200, float("nan"), 200, 200, 120]))
    assert found[1].delta_e is None
    assert found[4].has_drifted


def test_two_sections_are_too_few_to_say_what_is_usual() -> None:
    assert all(one.delta_e is None for one in drift_of(sections([200, 100])))
