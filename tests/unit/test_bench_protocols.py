"""Splits by slice, core and site; what the random one leaks; and controls that can fail."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("sklearn", reason="needs the extra [training]")

from bench_cores import walking_core

from downcore_training.bench.baselines import Baseline, baselines
from downcore_training.bench.controls import LIMIT, SHUFFLED, controls_of_baseline
from downcore_training.bench.core import BenchCore
from downcore_training.bench.fitting import OWN, Round, run_baseline
from downcore_training.bench.predictions import answers_of
from downcore_training.bench.protocols import (
    BY_CORE,
    BY_CORE_IN_SITE,
    BY_SITE,
    PROTOCOLS,
    RANDOM,
    Protocol,
)
from downcore_training.bench.scoring import r2

BY_NAME = {one.name: one for one in baselines()}
HOW = Round(0, with_intervals=False)


@dataclass(frozen=True)
class Nearest:
    """Says of a slice the mean of the three most like it in colour: memory and no more."""

    profile: NDArray[np.float64]
    labels: NDArray[np.float64]

    @classmethod
    def of(cls, cores: Sequence[BenchCore], _seed: int) -> "Nearest":
        profile = np.concatenate([core.profile for core in cores])
        labels = np.concatenate([core.labels for core in cores])
        known = np.isfinite(labels[:, 0])
        return cls(profile[known], labels[known])

    def predict(self, core: BenchCore) -> NDArray[np.float64]:
        steps = (core.profile[:, None] - self.profile) / self.profile.std(axis=0)
        alike = np.argsort(np.abs(steps).sum(axis=2), axis=1)[:, :3]
        return np.asarray(self.labels[alike].mean(axis=1))


def r2_of(baseline: Baseline, cores: Sequence[BenchCore], protocol: Protocol) -> float:
    answers = answers_of(run_baseline(baseline, cores, protocol, how=HOW)[OWN], cores, 0)
    found = r2(answers.predicted, answers.label)
    assert found is not None
    return found


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda one: one.name)
def test_no_slice_is_learned_from_and_asked_about(protocol: Protocol) -> None:
    cores = [walking_core(i, n=40, site=f"s{i // 2}") for i in range(4)]

    for fold in protocol.folds(cores, 3):
        for training, test in zip(fold.training, fold.test, strict=True):
            assert not (training & test).any()


@pytest.mark.parametrize("protocol", [BY_CORE, BY_SITE], ids=lambda one: one.name)
def test_every_slice_is_asked_about_once_when_cores_are_held_out(protocol: Protocol) -> None:
    cores = [walking_core(i, n=40, site=f"s{i // 2}") for i in range(15)]

    folds = protocol.folds(cores, 3)

    for k in range(len(cores)):
        assert (sum(fold.test[k].astype(int) for fold in folds) == 1).all()


def test_a_site_is_held_out_whole() -> None:
    cores = [walking_core(i, n=20, site="a" if i < 2 else "b") for i in range(3)]

    for fold in BY_SITE.folds(cores, 0):
        assert fold.test[0].all() == fold.test[1].all()


def test_in_its_site_a_core_learns_from_its_neighbours_alone() -> None:
    cores = [walking_core(i, n=20, site="a" if i < 2 else "b") for i in range(3)]

    folds = BY_CORE_IN_SITE.folds(cores, 0)

    assert len(folds) == 2
    assert not any(fold.training[2].any() or fold.test[2].any() for fold in folds)


def test_the_published_split_is_70_to_15_to_15_in_each_core() -> None:
    fold = RANDOM.folds([walking_core(0, n=200)], 0)[0]

    assert (fold.training[0].sum(), fold.validation[0].sum(), fold.test[0].sum()) == (140, 30, 30)


def test_random_slices_make_a_model_look_good_that_knows_nothing() -> None:
    # Colour and density walk on their own: nothing of a new core can be told from its colour.
    cores = [walking_core(i, n=150) for i in range(12)]
    memory = Baseline("nearest", "the mean of the slices most alike", 0, Nearest.of)

    leaked, honest = r2_of(memory, cores, RANDOM), r2_of(memory, cores, BY_CORE)

    assert leaked > 0.4, "neighbours of test slices are in training"
    assert honest < 0.1


def test_a_model_finds_what_there_is_to_find_in_cores_held_out() -> None:
    cores = [walking_core(i, n=250, told=0.9) for i in range(4)]

    assert r2_of(BY_NAME["ridge-lab"], cores, BY_CORE) > 0.5


@pytest.mark.parametrize("baseline", baselines(), ids=lambda one: one.name)
def test_a_baseline_answers_in_the_shape_it_should_and_honours_what_is_missing(
    baseline: Baseline,
) -> None:
    cores = [walking_core(i, n=60) for i in range(3)]

    found = run_baseline(baseline, cores, BY_CORE, how=HOW)[OWN]

    for core, one in zip(cores, found.cores, strict=True):
        assert one.predicted.shape == core.labels.shape
        assert np.isnan(one.predicted[:, 1:]).all(), "nobody logged vp or ms"


@pytest.mark.parametrize(
    "baseline", [one for one in baselines() if not one.needs_core_labels], ids=lambda one: one.name
)
def test_labels_of_the_core_asked_about_change_no_answer(
    baseline: Baseline,
) -> None:
    cores = [walking_core(i, n=60, told=0.5) for i in range(2)]
    other = [cores[0], walking_core(1, n=60, told=0.1)]
    same_colour = [cores[0], _with_labels_of(cores[1], other[1])]

    one = run_baseline(baseline, cores, BY_CORE, how=HOW)[OWN].cores[1].predicted
    two = run_baseline(baseline, same_colour, BY_CORE, how=HOW)[OWN].cores[1].predicted

    np.testing.assert_array_equal(one, two)


def test_interpolation_does_not_see_into_its_gap() -> None:
    core = walking_core(0, n=40)
    labels = core.labels.copy()
    labels[10:15, 0] += 50.0
    changed = _with_labels(core, labels)
    gap = BY_NAME["interpolation-5cm"].fit([], 0)

    np.testing.assert_array_equal(gap.predict(core)[10:15], gap.predict(changed)[10:15])


def test_intervals_from_an_inner_round_hold_about_nine_in_ten_of_a_new_core() -> None:
    cores = [walking_core(i, n=150, told=0.6) for i in range(12)]

    found = run_baseline(BY_NAME["ridge-lab"], cores, BY_CORE, how=Round(0))[OWN]
    answers = answers_of(found, cores, 0)
    inside = ((answers.label >= answers.lower) & (answers.label <= answers.upper)).mean()

    assert 0.8 < inside <= 1.0


def test_shuffled_labels_score_nothing() -> None:
    cores = [walking_core(i, n=150, told=0.9) for i in range(4)]

    found = controls_of_baseline(BY_NAME["ridge-lab"], cores, 0)
    mine = [one for one in found if one.control == SHUFFLED]

    assert [one.target for one in mine] == ["density"]
    assert all(one.has_passed for one in mine)


def test_a_model_that_peeks_fails_the_control() -> None:
    cores = [walking_core(i, n=150) for i in range(3)]
    peeking = Baseline("peeking", "reads the answers", 3, _peek, needs_core_labels=True)

    found = controls_of_baseline(peeking, cores, 0)

    (one,) = [c for c in found if c.control == SHUFFLED]
    assert one.r2 is not None
    assert one.r2 > LIMIT
    assert one.has_passed is False


def test_controls_without_an_image_say_that_they_could_not_be_made() -> None:
    cores = [walking_core(i, n=60) for i in range(2)]

    found = controls_of_baseline(BY_NAME["ridge-lab"], cores, 0)
    crops = [one for one in found if one.control != SHUFFLED]

    assert crops
    assert all(one.has_passed is None and one.reason for one in crops)


@dataclass(frozen=True, slots=True)
class _Peeking:
    def predict(self, core: BenchCore) -> np.ndarray:
        return core.labels + 0.001


def _peek(_cores: Sequence[BenchCore], _seed: int) -> _Peeking:
    return _Peeking()


def _with_labels_of(core: BenchCore, other: BenchCore) -> BenchCore:
    return _with_labels(core, other.labels)


def _with_labels(core: BenchCore, labels: np.ndarray) -> BenchCore:
    return BenchCore(
        name=core.name,
        site=core.site,
        depth_cm=core.depth_cm,
        run=core.run,
        profile=core.profile,
        labels=labels,
    )
