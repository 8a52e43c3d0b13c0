"""The one scorer of the bench, with numbers worked out by hand, and what holds of any numbers."""

import math
import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

pytest.importorskip("sklearn", reason="needs the extra [training]")

from downcore.strata.properties import DENSITY, MS
from downcore_training.bench.bootstrap import spread_of_r2
from downcore_training.bench.scoring import Answers, r2, score, spearman

NAN = math.nan


def answers(
    label: Sequence[float] | np.ndarray,
    said: Sequence[float] | np.ndarray,
    *,
    core: Sequence[int] | np.ndarray | None = None,
    section: Sequence[int] | None = None,
    lower: Sequence[float] | None = None,
    upper: Sequence[float] | None = None,
    mean: float | None = None,
) -> Answers:
    n = len(label)
    return Answers(
        label=np.array(label, float),
        predicted=np.array(said, float),
        lower=np.full(n, NAN) if lower is None else np.array(lower, float),
        upper=np.full(n, NAN) if upper is None else np.array(upper, float),
        core=np.zeros(n, np.int64) if core is None else np.array(core, np.int64),
        section=np.zeros(n, np.int64) if section is None else np.array(section, np.int64),
        training_mean=np.full(n, NAN if mean is None else mean),
    )


def test_four_slices_of_two_cores_score_what_they_do_by_hand() -> None:
    # Errors 0.1, 0.3, -0.1, 0.1; label mean 1.5, sum of squares about it 0.2.
    found = score(
        answers(
            [1.2, 1.4, 1.6, 1.8],
            [1.3, 1.7, 1.5, 1.9],
            core=[0, 0, 1, 1],
            lower=[1.1, 1.5, 1.3, 1.7],
            upper=[1.5, 1.9, 1.7, 2.1],
            mean=1.0,
        ),
        DENSITY,
    )

    assert found.r2 == pytest.approx(1 - 0.12 / 0.2)
    assert found.r2_about_training_mean == pytest.approx(1 - 0.12 / (0.04 + 0.16 + 0.36 + 0.64))
    assert found.rmse == pytest.approx(math.sqrt(0.12 / 4))
    assert found.mae == pytest.approx(0.15)
    assert found.bias == pytest.approx(0.1)
    # Core means of the error are 0.2 and 0.0, so that 0.1 is left everywhere.
    assert found.rmse_bias_removed == pytest.approx(0.1)
    # Ranks of what was said are 1, 3, 2, 4: rho = 1 - 6 * 2 / (4 * 15).
    assert found.spearman == pytest.approx(0.8)
    assert found.coverage90 == pytest.approx(0.75)
    assert found.width90 == pytest.approx(0.4)
    assert (found.abstained, found.n_slices, found.n_cores) == (0.0, 4, 2)


def test_susceptibility_is_scored_as_log10_and_its_errors_in_units() -> None:
    found = score(answers([1.0, 2.0, 3.0], [2.0, 2.0, 2.0]), MS)

    assert found.r2 == pytest.approx(0.0)
    assert found.mae == pytest.approx((90 + 0 + 900) / 3)
    assert found.bias == pytest.approx((90 - 900) / 3)
    assert found.rmse_log10 == pytest.approx(math.sqrt(2 / 3))
    assert found.bias_log10 == pytest.approx(0.0)


def test_slices_it_abstained_from_are_counted_and_not_scored() -> None:
    found = score(answers([1.2, 1.4, 1.6, 1.8], [NAN, 1.4, NAN, 1.8]), DENSITY)

    assert found.abstained == pytest.approx(0.5)
    assert found.n_slices == 2
    assert found.rmse == pytest.approx(0.0)


def test_nothing_said_gives_no_figure_and_no_crash() -> None:
    found = score(answers([1.2, 1.4], [NAN, NAN]), DENSITY)

    assert found.r2 is None
    assert found.rmse is None
    assert found.coverage90 is None
    assert found.abstained == 1.0


def test_equal_labels_have_no_r2() -> None:
    assert r2(np.array([1.0, 2.0]), np.array([1.5, 1.5])) is None


def test_ties_share_their_mean_rank() -> None:
    # Ranks 1.5, 1.5, 3 against 1, 2, 3: correlation sqrt(3) / 2.
    assert spearman(np.array([5.0, 5.0, 9.0]), np.array([1.0, 2.0, 3.0])) == pytest.approx(
        math.sqrt(3) / 2
    )


labels = hnp.arrays(
    np.float64, st.integers(3, 40), elements=st.floats(1.0, 3.0, allow_nan=False), unique=True
)


@given(labels)
@settings(deadline=None)
def test_the_mean_scores_0_and_the_truth_1(label: np.ndarray) -> None:
    if np.ptp(label) < 1e-6:
        return
    assert r2(np.full(label.shape, label.mean()), label) == pytest.approx(0.0, abs=1e-6)
    assert r2(label, label) == pytest.approx(1.0)


@given(labels, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_slices_changes_nothing(label: np.ndarray, draw: random.Random) -> None:
    said = label[::-1].copy()
    core = np.arange(label.size) % 3
    order = np.array(draw.sample(range(label.size), label.size))

    one = score(answers(label, said, core=core), DENSITY)
    other = score(answers(label[order], said[order], core=core[order]), DENSITY)

    for name in ("r2", "rmse", "mae", "bias", "spearman", "rmse_bias_removed"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-9), name


def test_the_bootstrap_draws_cores_and_not_slices() -> None:
    rng = np.random.default_rng(3)
    label = rng.normal(1.5, 0.1, 400)
    core = np.repeat(np.arange(4), 100)
    # Each core has an offset of its own, so that one core more or less matters.
    said = label + np.repeat([0.0, 0.0, 0.05, 0.2], 100)

    spread = spread_of_r2(answers(label, said, core=core), draws=500, seed=0)

    assert spread is not None
    assert spread.over == "cores"
    assert spread.se > 0.2, "slices drawn one by one would give about a tenth of this"
    assert spread.low90 < spread.high90


def test_with_two_cores_the_bootstrap_says_that_it_drew_blocks() -> None:
    rng = np.random.default_rng(3)
    label = rng.normal(1.5, 0.1, 100)

    spread = spread_of_r2(
        answers(label, label + 0.01, core=np.repeat([0, 1], 50)), draws=50, seed=0
    )

    assert spread is not None
    assert spread.over == "blocks"


def test_the_worst_section_is_one_with_enough_slices_to_count() -> None:
    section = [0] * 20 + [1] * 20 + [2] * 19
    misses = [0.0] * 18 + [0.2] * 2 + [0.0] * 12 + [0.2] * 8 + [0.2] * 19

    found = score(
        answers(
            [1.5 + 0.001 * i for i in range(59)],
            [1.5 + 0.001 * i + miss for i, miss in enumerate(misses)],
            section=section,
            lower=[1.4 + 0.001 * i + miss for i, miss in enumerate(misses)],
            upper=[1.6 + 0.001 * i + miss for i, miss in enumerate(misses)],
        ),
        DENSITY,
    )

    assert found.coverage90 == pytest.approx(30 / 59)
    assert found.worst_section_coverage90 == pytest.approx(12 / 20)


def test_no_section_long_enough_has_no_worst_section() -> None:
    found = score(answers([1.4, 1.5], [1.4, 1.5], lower=[1.3, 1.4], upper=[1.5, 1.6]), DENSITY)

    assert found.coverage90 == pytest.approx(1.0)
    assert found.worst_section_coverage90 is None
