"""Regions of a core in a few classes of colour."""

import numpy as np
import pytest
from numpy.typing import NDArray

from downcore.strata.colour import lab_of_linear
from downcore.strata.regions.colour_classes import (
    JUST_NOTICEABLE,
    MAX_BY_DATA,
    ColourClasses,
    colour_classes,
)

MUDS = np.array([[0.30, 0.28, 0.20], [0.10, 0.10, 0.09], [0.55, 0.52, 0.45]])
"""Olive, dark and pale mud in linear light."""


def beds(n: int, share_sd: float, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    kind = np.arange(n) % 3
    return MUDS[kind] * np.exp(share_sd * rng.standard_normal((n, 3))), kind


def test_three_muds_are_three_classes_from_dark_to_light() -> None:
    colours, kind = beds(300, 0.01)

    found = colour_classes(colours, np.full(300, 2.0))

    assert len(found) == 3
    assert found.of_region.tolist() == np.array([2, 1, 3])[kind].tolist()
    np.testing.assert_allclose(found.linear_rgb, MUDS[[1, 0, 2]], rtol=0.01)
    np.testing.assert_allclose(found.share, 1 / 3)


def test_uniform_mud_is_one_class() -> None:
    colours = MUDS[0] * np.exp(0.01 * np.random.default_rng(1).standard_normal((500, 3)))

    assert len(colour_classes(colours, np.ones(500))) == 1


def lab_of(colours: NDArray[np.float64]) -> NDArray[np.float32]:
    return lab_of_linear(colours.astype(np.float32))


def off_class(colours: NDArray[np.float64], found: ColourClasses) -> float:
    apart = lab_of(colours) - lab_of(found.linear_rgb)[found.of_region - 1]
    return float(np.sqrt((apart**2).sum(axis=1).mean()))


def test_the_data_choose_the_fewest_classes_whose_regions_look_alike() -> None:
    rng = np.random.default_rng(2)
    colours = MUDS[0] * np.exp(0.2 * rng.standard_normal((2_000, 1)))

    found = colour_classes(colours, np.ones(2_000))

    fewer = colour_classes(colours, np.ones(2_000), len(found) - 1)
    assert 3 <= len(found) < MAX_BY_DATA
    assert off_class(colours, found) <= JUST_NOTICEABLE * 1.02
    assert off_class(colours, fewer) > JUST_NOTICEABLE


@pytest.mark.parametrize("n_classes", [1, 2, 5, 12])
def test_as_many_classes_as_were_asked_for(n_classes: int) -> None:
    colours, _ = beds(300, 0.2)

    found = colour_classes(colours, np.ones(300), n_classes)

    assert sorted(set(found.of_region.tolist())) == list(range(1, n_classes + 1))
    assert found.share.sum() == pytest.approx(1.0)
    lightness = lab_of(found.linear_rgb)[:, 0]
    assert (np.diff(lightness) > 0).all()


def test_a_colour_that_fills_the_core_counts_more_than_a_speck() -> None:
    colours, area = MUDS[[0, 0, 1]], np.array([1e4, 1e4, 1e-3])

    assert len(colour_classes(colours, area)) == 1
    assert len(colour_classes(colours, area, 2)) == 2
    assert len(colour_classes(colours, area, 5)) == 2, "expected no more classes than colours"


def test_very_many_colours_are_still_few_classes() -> None:
    colours = np.random.default_rng(4).uniform(0.02, 0.98, (5_000, 3))

    assert len(colour_classes(colours, np.ones(5_000))) == MAX_BY_DATA


def test_no_region_has_no_class_and_no_number_beyond_the_legend_is_taken() -> None:
    assert len(colour_classes(np.zeros((0, 3)), np.zeros(0))) == 0
    for n_classes in (0, 13):
        with pytest.raises(ValueError, match=f"expected 1 to 12 classes, got {n_classes}"):
            colour_classes(MUDS, np.ones(3), n_classes)
