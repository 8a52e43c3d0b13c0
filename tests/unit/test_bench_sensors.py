"""Logs of different sensors are not pooled, and what measured rows are worth."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the extra [training]")

from bench_cores import walking_core

from downcore_training.bench.baselines import baselines
from downcore_training.bench.core import BenchCore, SensorLog
from downcore_training.bench.fitting import OWN, Round, run_baseline
from downcore_training.bench.online_correction import FIRST_CM, adaptive_coverage, calibrated
from downcore_training.bench.predictions import Prediction
from downcore_training.bench.protocols import BY_CORE
from downcore_training.bench.sensors import further_views, main_view

BY_NAME = {one.name: one for one in baselines()}
MS = 2


def logged(number: int, sensor: str, *further: str, n: int = 40) -> BenchCore:
    core = walking_core(number, n=n)
    labels = core.labels.copy()
    labels[:, MS] = number
    more = tuple(SensorLog(MS, one, np.full(n, 100.0 + number)) for one in further)
    return dataclasses.replace(core, labels=labels, sensors=("", "", sensor), further=more)


def test_the_main_figures_are_of_the_sensor_that_most_cores_share() -> None:
    cores = [logged(1, "loop", "point"), logged(2, "loop", "point"), logged(3, "point")]

    view = main_view(cores)

    assert view.sensors == ("", "", "loop")
    assert [np.isfinite(c.labels[:, MS]).all() for c in view.cores] == [True, True, False]
    assert np.isfinite(view.cores[2].labels[:, 0]).all(), "its density takes part all the same"
    (note,) = view.notes
    assert "core-3" in note
    assert "point" in note


def test_another_sensor_is_scored_beside_with_every_core_that_has_it() -> None:
    cores = [logged(1, "loop", "point"), logged(2, "loop", "point"), logged(3, "point")]

    (view,) = further_views(cores, main_view(cores))

    assert view.sensors[MS] == "point"
    assert [c.labels[0, MS] for c in view.cores] == [101.0, 102.0, 3.0]
    assert all(np.isnan(c.labels[:, :MS]).all() for c in view.cores)


def test_one_core_alone_of_its_sensor_is_named_and_not_scored() -> None:
    cores = [logged(1, "loop"), logged(2, "loop"), logged(3, "point")]

    (view,) = further_views(cores, main_view(cores))

    assert not view.cores
    assert "one core" in view.notes[0]


def shifted(offset: float) -> tuple[list[BenchCore], Prediction]:
    """Return cores, of which the last reads otherwise by ``offset``, and what ridge says."""
    cores = [walking_core(i, n=150, told=0.95, site="a") for i in range(12)]
    labels = cores[-1].labels + np.array([offset, 0.0, 0.0])
    cores[-1] = dataclasses.replace(cores[-1], labels=labels)
    return cores, run_baseline(BY_NAME["ridge-lab"], cores, BY_CORE, how=Round(0))[OWN]


def test_first_rows_set_the_level_of_a_core_and_are_not_scored() -> None:
    cores, prediction = shifted(0.1)

    both = calibrated(prediction, cores, 0)

    assert both is not None
    plain, fixed = both.plain.cores[-1], both.corrected.cores[-1]
    asked = fixed.asked[:, 0]
    assert not asked[:FIRST_CM].any()
    assert asked[FIRST_CM:].all()
    before, after = (
        np.abs(one.predicted - cores[-1].labels)[asked, 0].mean() for one in (plain, fixed)
    )
    assert after < before
    np.testing.assert_array_equal(plain.predicted, prediction.cores[-1].predicted)


def test_intervals_that_follow_the_logger_hold_about_nine_in_ten() -> None:
    cores, prediction = shifted(0.3)

    found = adaptive_coverage(prediction, cores, 0)

    assert found is not None
    assert 0.8 < found < 0.98


def test_what_extrapolates_is_less_sure_far_from_what_it_learned() -> None:
    cores = [walking_core(i, n=150, told=0.6, site="a") for i in range(2)]
    far = cores[1].profile.copy()
    far[75:, :3] += 60.0
    cores[1] = dataclasses.replace(cores[1], profile=far)

    one = run_baseline(BY_NAME["ridge-lab"], cores, BY_CORE, how=Round(0))[OWN].cores[1]
    width = (one.upper - one.lower)[:, 0]

    assert np.median(width[75:]) > np.median(width[:75])
