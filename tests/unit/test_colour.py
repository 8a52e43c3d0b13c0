import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from downcore.strata.colour import (
    counts_of_linear,
    lab_of_counts,
    lab_of_linear,
    linear_of_counts,
    linear_of_lab,
)

# Lindbloom's published colour tables for sRGB under D65, to two decimals.
PUBLISHED_LAB = {
    (255, 0, 0): (53.24, 80.09, 67.20),
    (0, 255, 0): (87.73, -86.18, 83.18),
    (0, 0, 255): (32.30, 79.19, -107.86),
    (255, 255, 0): (97.14, -21.55, 94.48),
    (255, 255, 255): (100.0, 0.0, 0.0),
    (0, 0, 0): (0.0, 0.0, 0.0),
}


@pytest.mark.parametrize(("counts", "lab"), PUBLISHED_LAB.items())
def test_srgb_colours_have_their_published_lab(
    counts: tuple[int, int, int], lab: tuple[float, float, float]
) -> None:
    got = lab_of_counts(np.array([counts], np.uint8))[0]

    np.testing.assert_allclose(got, lab, atol=0.02, err_msg=f"L*a*b* of {counts}")


def test_every_grey_is_neutral_and_brighter_than_the_one_before() -> None:
    greys = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)

    lab = lab_of_counts(greys)

    assert np.abs(lab[:, 1:]).max() < 1e-3, "a grey must have no hue"
    assert (np.diff(lab[:, 0]) > 0).all(), "lightness must rise with the counts"


def test_half_the_light_of_white_is_known_in_counts_and_lightness() -> None:
    # The sRGB standard puts count 188 at half light; L* of Y = 0.5 is 76.07.
    assert linear_of_counts(np.array([188], np.uint8))[0] == pytest.approx(0.5029, abs=1e-4)
    assert lab_of_linear(np.full((1, 3), 0.5, np.float32))[0, 0] == pytest.approx(76.07, abs=0.01)


@given(st.lists(st.integers(0, 255), min_size=3, max_size=3))
@settings(deadline=None)
def test_eight_and_sixteen_bits_of_one_colour_agree(counts: list[int]) -> None:
    eight = np.array([counts], np.uint8)
    sixteen = eight.astype(np.uint16) * 257

    np.testing.assert_array_equal(linear_of_counts(eight), linear_of_counts(sixteen))


def test_sixteen_bits_tell_colours_apart_that_eight_bits_cannot() -> None:
    close = np.array([20_000, 20_001], np.uint16)

    light = linear_of_counts(close)

    assert light[1] > light[0], "neighbouring counts of 16 bit must differ in light"


@given(st.lists(st.integers(0, 255), min_size=3, max_size=3))
@settings(deadline=None)
def test_a_colour_comes_back_from_lab_and_from_light(counts: list[int]) -> None:
    eight = np.array([counts], np.uint8)

    assert (counts_of_linear(linear_of_counts(eight)) == eight).all()
    assert (counts_of_linear(linear_of_lab(lab_of_counts(eight))) == eight).all()


def test_no_pixels_have_no_colour() -> None:
    assert lab_of_counts(np.empty((0, 3), np.uint8)).shape == (0, 3)


def test_counts_of_another_depth_are_refused() -> None:
    with pytest.raises(ValueError, match="8 or 16 bit"):
        linear_of_counts(np.zeros(3, np.int32))  # type: ignore[arg-type] # that is what is tested
