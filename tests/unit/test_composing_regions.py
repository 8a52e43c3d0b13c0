"""What was observed of a region: its own colour, and the logs of the slices that it lies in."""

import numpy as np
import pytest

from downcore.composing.region_composition import Areas, observations_of
from downcore.strata.depthlog import Status
from downcore.strata.unmixing.observations import RED, Observations

COLOURS = np.array([[0.2, 0.18, 0.1], [0.4, 0.39, 0.3]])


def slices() -> Observations:
    """Four slices: denser downward, the third masked, the last unlike any core of the training."""
    value = np.tile(np.array([1.4, 1_500.0, 20.0, 0.2, 0.2, 0.2]), (4, 1))
    value[:, 0] += 0.1 * np.arange(4)
    value[1, 1] = np.nan
    sd = np.where(np.isfinite(value), 0.05, np.nan)
    status = (Status.PREDICTED, Status.PREDICTED, Status.MASKED, Status.ABSTAINED)
    return Observations(value, sd, status, ("", "", "20 % sediment", "unlike its training"))


def seen(*in_slices: tuple[int, int, int]) -> Observations:
    return observations_of(Areas(COLOURS, np.array(in_slices, np.int64)), slices())


def test_a_region_has_its_own_colour_and_the_mean_of_its_slices_by_area() -> None:
    found = seen((0, 0, 300), (0, 1, 100), (1, 1, 50))

    np.testing.assert_allclose(found.value[:, RED:], COLOURS)
    assert found.value[:, 0] == pytest.approx([1.425, 1.5])
    assert found.sd[:, 0] == pytest.approx(0.05), "expected no more certainty from more slices"


def test_a_log_that_most_of_a_region_lacks_is_not_observed() -> None:
    found = seen((0, 0, 300), (0, 1, 100), (1, 0, 10), (1, 1, 90))

    assert found.value[0, 1] == 1_500.0
    assert np.isnan(found.value[1, 1])
    assert found.status == (Status.PREDICTED, Status.PREDICTED)


def test_a_region_of_slices_without_a_value_has_none_and_says_why() -> None:
    found = seen((0, 1, 10), (0, 2, 30), (0, 3, 60), (1, 0, 60), (1, 3, 40))

    assert found.status == (Status.ABSTAINED, Status.PREDICTED)
    assert found.reason == ("unlike its training", "")
    assert np.isnan(found.value[0]).all()
