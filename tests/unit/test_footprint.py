"""What a sensor averages over, and what that does to values of single slices."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from downcore.strata.footprint import FOOTPRINTS, Footprint, at_logger_support
from downcore.strata.properties import PROPERTIES

ONE_RUN = np.zeros(40, dtype=np.int64)


def test_there_is_one_footprint_for_each_property_in_their_order() -> None:
    assert [f.property for f in FOOTPRINTS] == [p.name for p in PROPERTIES]
    assert [f.is_mean_of_log for f in FOOTPRINTS] == [p.is_log_scaled for p in PROPERTIES]


@pytest.mark.parametrize("footprint", FOOTPRINTS, ids=lambda f: f.property)
def test_weights_are_symmetric_and_as_wide_as_sensor_and_slice(footprint: Footprint) -> None:
    weights = footprint.weights()
    at_cm = np.arange(weights.size) - weights.size // 2
    assert weights.sum() == pytest.approx(1.0)
    assert weights == pytest.approx(weights[::-1])
    # The mean over a slice adds the variance of a box of 1 cm.
    assert (weights * at_cm**2).sum() == pytest.approx(footprint.sd_cm**2 + 1 / 12, rel=0.05)


@pytest.mark.parametrize("footprint", FOOTPRINTS, ids=lambda f: f.property)
@given(level=st.floats(-1.0, 3.0))
def test_even_sediment_stays_as_it_is(footprint: Footprint, level: float) -> None:
    assert at_logger_support(np.full(40, level), ONE_RUN, footprint) == pytest.approx(level)


def test_a_loop_averages_the_plain_value_and_not_its_logarithm() -> None:
    values = np.where(np.arange(40) == 20, 3.0, 1.0)
    loop = FOOTPRINTS[2]
    peak = at_logger_support(values, ONE_RUN, loop)[20]
    share = loop.weights().max()
    assert peak == pytest.approx(np.log10(share * 1000.0 + (1.0 - share) * 10.0))


def test_nothing_is_averaged_across_two_sections() -> None:
    values = np.repeat([1.0, 2.0], 20)
    run = np.repeat([0, 1], 20).astype(np.int64)
    for footprint in FOOTPRINTS:
        assert at_logger_support(values, run, footprint) == pytest.approx(values)


def test_a_slice_without_a_value_gets_none_and_gives_none_to_its_neighbours() -> None:
    values = np.ones(40)
    values[10] = np.nan
    for footprint in FOOTPRINTS:
        seen = at_logger_support(values, ONE_RUN, footprint)
        assert np.isnan(seen[10])
        assert np.delete(seen, 10) == pytest.approx(1.0)
