"""The colour profile of a core, its context, and the trees that read it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from downcore.strata.colour import lab_of_counts
from downcore.strata.colour_profile import (
    PROFILE_NAMES,
    lab_of_mean,
    profile_of_lines,
    with_context,
)
from downcore.strata.mask.classes import MaskClass
from downcore_training.evaluation.boosted_profile import BoostedProfile


def grey(levels: np.ndarray) -> np.ndarray:
    return np.repeat(levels[..., None], 3, axis=2).astype(np.uint8)


def sediment(lines: np.ndarray) -> np.ndarray:
    return np.full(lines.shape[:2], MaskClass.SEDIMENT, np.uint8)


def test_a_profile_of_rows_of_one_millimetre_is_what_one_computes_by_hand() -> None:
    # At 10 px/cm every line is a row of 1 mm.
    levels = np.array([[100, 110, 120], [90, 90, 90], [130, 110, 120]])
    lines = grey(levels)
    got = dict(zip(PROFILE_NAMES, profile_of_lines(lines, sediment(lines), 10.0), strict=True))
    assert got["sd_down"] == pytest.approx(np.std([110, 90, 120], ddof=1), rel=1e-5)
    third = np.sqrt(200 / 3)
    assert got["sd_across"] == pytest.approx((third + 0 + third) / 3, rel=1e-5)
    assert (got["a"], got["b"]) == pytest.approx((0, 0), abs=1e-3), "grey has no hue"
    share = levels.mean() / 255
    assert got["L"] == pytest.approx(116 * np.cbrt(((share + 0.055) / 1.055) ** 2.4) - 16)


def test_lines_of_one_row_are_averaged_before_the_spread_down_the_core() -> None:
    lines = grey(np.repeat([[100], [120], [60], [80]], 4, axis=1))
    got = profile_of_lines(lines, sediment(lines), 20.0)
    assert got[3] == pytest.approx(np.std([110, 70], ddof=1))
    assert got[4] == pytest.approx(10, rel=1e-5), "all pixels of a row of 1 mm make its sd"


def test_what_is_no_sediment_takes_no_part() -> None:
    rng = np.random.default_rng(3)
    lines = rng.integers(80, 140, (100, 40, 3), np.uint8)
    classes = sediment(lines)
    alone = profile_of_lines(lines[:, 10:], classes[:, 10:], 100.0)
    lines[:, :10] = 255
    classes[:, :10] = MaskClass.TRAY
    np.testing.assert_allclose(profile_of_lines(lines, classes, 100.0), alone, rtol=1e-5)


def test_a_finer_scan_of_the_same_core_has_the_same_profile() -> None:
    rng = np.random.default_rng(4)
    coarse = rng.integers(60, 180, (100, 60, 3), np.uint8)
    fine = coarse.repeat(2, axis=0).repeat(2, axis=1)
    want = profile_of_lines(coarse, sediment(coarse), 100.0)
    np.testing.assert_allclose(profile_of_lines(fine, sediment(fine), 200.0), want, rtol=1e-4)


def test_a_slice_without_sediment_has_no_profile() -> None:
    lines = np.zeros((20, 20, 3), np.uint8)
    classes = np.full((20, 20), MaskClass.TRAY, np.uint8)
    assert np.isnan(profile_of_lines(lines, classes, 20.0)).all()


def test_one_row_of_lines_says_nothing_of_the_spread_down_the_core() -> None:
    lines = grey(np.array([[10, 20, 30]]))
    got = profile_of_lines(lines, sediment(lines), 1.34)
    assert np.isnan(got[3]), "one row has no sd"
    assert np.isfinite(got[[0, 1, 2, 4]]).all()


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="of one size"):
        profile_of_lines(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5), np.uint8), 10.0)


def test_whole_counts_have_the_colour_of_the_device() -> None:
    counts = np.array([[0, 0, 0], [8, 10, 3], [130, 120, 95], [255, 255, 255]], np.uint8)
    np.testing.assert_allclose(
        lab_of_mean(counts.astype(np.float64)), lab_of_counts(counts), atol=1e-3
    )
    assert np.isnan(lab_of_mean(np.full(3, np.nan))).all()


@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_context_never_crosses_runs(first: int, second: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=(first, 5)), rng.normal(size=(second, 5))
    both = np.concatenate([one, other])
    run = np.repeat([7, 3], [first, second])
    apart = [with_context(x, np.zeros(len(x), np.int64)) for x in (one, other)]
    np.testing.assert_array_equal(with_context(both, run), np.concatenate(apart))


def test_context_is_the_mean_of_the_neighbours_there_are() -> None:
    profile = np.arange(12.0)[:, None]
    profile[6] = np.nan
    got = with_context(profile, np.zeros(12, np.int64))
    assert got.shape == (12, 6)
    own, near, wide, above, below, sd = got[5]
    assert (own, near) == (5, np.mean([3, 4, 5, 7]))
    assert wide == np.mean([0, 1, 2, 3, 4, 5, 7, 8, 9, 10])
    assert (above, below) == (2 - 5, np.mean([7, 8, 9, 10]) - 5)
    assert sd == pytest.approx(np.std([0, 1, 2, 3, 4, 5, 7, 8, 9, 10]))
    assert np.isnan(got[0, 3]), "nothing lies above the top"
    assert np.isnan(got[6, 0]), "an unknown value stays unknown"
    assert got[6, 2] == np.mean([1, 2, 3, 4, 5, 7, 8, 9, 10, 11])


def boosted_rows(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(300, 4))
    labels = np.stack([x[:, 0], x[:, 1] ** 2, np.full(300, np.nan)], axis=1)
    return x, labels, np.arange(300) // 25


def test_boosting_leaves_out_what_has_no_label_and_takes_unknown_features() -> None:
    x, labels, core = boosted_rows(1)
    labels[:50, 0] = np.nan
    x[::7, 3] = np.nan
    got = BoostedProfile().fit(x, labels, core).predict(x)
    assert np.corrcoef(got[50:, 0], labels[50:, 0])[0, 1] > 0.9
    assert np.isfinite(got[:50, 0]).all(), "what has no label is still predicted"
    assert np.isnan(got[:, 2]).all(), "a property nobody measured has no prediction"
    alone = BoostedProfile().fit(x[50:], labels[50:], core[50:]).predict(x)
    np.testing.assert_array_equal(got[:, 0], alone[:, 0])


def test_a_feature_that_no_slice_has_is_no_crash() -> None:
    x, labels, core = boosted_rows(3)
    with_gap = np.insert(x, 2, np.nan, axis=1)
    got = BoostedProfile().fit(with_gap, labels, core).predict(with_gap)
    want = BoostedProfile().fit(x, labels, core).predict(x)
    np.testing.assert_array_equal(got, want)
    none = BoostedProfile().fit(np.full((300, 2), np.nan), labels, core).predict(np.zeros((4, 2)))
    assert np.isnan(none).all(), "without any feature nothing is predicted"


def test_few_cores_are_not_learned_by_heart() -> None:
    rng = np.random.default_rng(5)
    x, noise = rng.normal(size=(200, 4)), rng.normal(size=(200, 1))
    few, many = np.arange(200) // 100, np.arange(200) // 10
    spread = [BoostedProfile().fit(x, noise, one).predict(x).std() for one in (few, many)]
    assert spread[0] < 0.5 * spread[1]


def test_boosting_is_the_same_every_time() -> None:
    x, labels, core = boosted_rows(2)
    first, second = (BoostedProfile().fit(x, labels, core).predict(x) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_nothing_is_predicted_before_the_fit() -> None:
    with pytest.raises(ValueError, match="fit before predict"):
        BoostedProfile().predict(np.zeros((2, 3)))
