"""A measured log that lies too deep is said to, and one that does not is left in peace."""

import numpy as np
import pytest

from downcore.strata.measured_offset import offset_check


def mud(random: np.random.Generator, n: int = 170) -> np.ndarray:
    """Return a property that varies over some centimetres, as mud does."""
    noise = random.normal(size=n + 40)
    smooth = np.convolve(noise, np.exp(-((np.arange(-20, 21) / 5.0) ** 2)), mode="same")
    part: np.ndarray = smooth[20 : 20 + n] / smooth.std()
    return part


@pytest.mark.parametrize("lag", [-7, -3, 4, 10])
def test_an_offset_is_found_with_its_sign(lag: int) -> None:
    random = np.random.default_rng(1)
    truth = mud(random)
    predicted = truth[10:160] + 0.3 * random.normal(size=150)
    # What lies at depth d is logged at d + lag.
    measured = truth[10 - lag : 160 - lag] + 0.3 * random.normal(size=150)

    found = offset_check(predicted, measured)

    assert found is not None
    assert (found.lag_cm, found.is_significant) == (lag, True)


def test_of_logs_in_place_at_most_one_in_fifty_is_said_to_be_off() -> None:
    random = np.random.default_rng(2)
    n_wrong = 0
    for _ in range(100):
        truth = mud(random, 150)
        found = offset_check(truth, truth + random.normal(size=150))
        assert found is not None
        n_wrong += found.is_significant
    assert n_wrong <= 2


def test_logs_that_have_nothing_in_common_are_not_said_to_be_off() -> None:
    random = np.random.default_rng(3)
    found = [offset_check(mud(random, 150), mud(random, 150)) for _ in range(100)]

    assert sum(one is not None and one.is_significant for one in found) <= 4


def test_few_rows_and_logs_that_do_not_vary_say_nothing() -> None:
    flat = np.ones(100)
    few = np.where(np.arange(100) < 35, np.arange(100.0), np.nan)

    assert offset_check(flat, few) is None
    found = offset_check(flat, flat)
    assert found is not None
    assert not found.is_significant
