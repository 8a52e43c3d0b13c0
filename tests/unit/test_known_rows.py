"""Slices of known composition: weight becomes volume, and nothing is guessed."""

import numpy as np
import pytest
from mixtures import sharp_library

from downcore.strata.errors import MeasuredRowsError
from downcore.strata.measured import MeasuredRows, parse_measured
from downcore.strata.unmixing.known_rows import known_slices

LIBRARY = sharp_library()
MINERALS = LIBRARY.minerals


def rows(*lines: str) -> MeasuredRows:
    return parse_measured(
        "\n".join((f"depth_cm,{MINERALS[0]},{MINERALS[1]}", *lines)), "x", MINERALS
    )


def test_weight_becomes_volume_by_the_densities_of_the_table() -> None:
    known = known_slices(rows("0.5,50,50"), LIBRARY, 10)

    heavy, light = LIBRARY.density[1], LIBRARY.density[2]
    assert known.at.tolist() == [0]
    assert known.shares[0, 0] == pytest.approx((1 / heavy) / (1 / heavy + 1 / light))
    assert known.shares[0, 2:].sum() == 0.0


def test_shares_and_per_cent_are_the_same() -> None:
    assert np.allclose(
        known_slices(rows("0.5,30,70"), LIBRARY, 10).shares,
        known_slices(rows("0.5,0.3,0.7"), LIBRARY, 10).shares,
    )


def test_rows_in_one_slice_are_averaged_and_slices_come_in_order() -> None:
    known = known_slices(rows("4.2,100,0", "4.8,0,100", "1.5,100,0"), LIBRARY, 10)

    assert known.at.tolist() == [1, 4]
    assert known.shares[1, :2].tolist() == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("0.5,40,40", "expected minerals that sum to 1 or to 100, got 80"),
        ("0.5,120,-20", "expected shares of 0 or more, got -20"),
        ("12.5,50,50", "expected a depth within the section of 10 cm"),
    ],
)
def test_what_cannot_be_is_refused_with_its_depth(line: str, said: str) -> None:
    with pytest.raises(MeasuredRowsError, match=said):
        known_slices(rows(line), LIBRARY, 10)


def test_an_empty_cell_is_no_zero() -> None:
    with pytest.raises(MeasuredRowsError, match="got an empty cell"):
        known_slices(rows("0.5,50,50", "1.5,100,"), LIBRARY, 10)


def test_a_mineral_that_the_table_lacks_is_named() -> None:
    with pytest.raises(MeasuredRowsError, match="cheese"):
        parse_measured("depth_cm,cheese\n0.5,100", "x", MINERALS)
