"""The boosted colour model: what it sees, its trees as arrays, and what a sensor reads of it."""

import functools
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch", reason="needs the extra [training]")

from sklearn.ensemble import HistGradientBoostingRegressor  # noqa: E402 - see above
from threadpoolctl import threadpool_limits  # noqa: E402 - see above

from downcore.strata.colour import lab_of_counts  # noqa: E402 - see above
from downcore.strata.footprint import FOOTPRINTS, at_logger_support  # noqa: E402 - see above
from downcore_training.boosted._boosting import (  # noqa: E402 - see above
    Boosting,
    Lessons,
    fit_means,
    predicted,
    slice_means,
)
from downcore_training.boosted._reading import Reading  # noqa: E402 - see above
from downcore_training.boosted.features import TileFeatures  # noqa: E402 - see above
from downcore_training.boosted.network import N_FEATURES, BoostedColour  # noqa: E402 - see above
from downcore_training.boosted.trees import Trees, packed  # noqa: E402 - see above
from downcore_training.datasets import CoreTiles, TileSet  # noqa: E402 - see above
from downcore_training.fitting.scaling import TargetScaling  # noqa: E402 - see above


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Trees this small take longer to share between threads than to grow."""
    with threadpool_limits(1, user_api="openmp"):
        yield


def looked_at(tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
    with torch.inference_mode():
        x = torch.from_numpy(tiles).permute(0, 3, 1, 2).float()
        return np.asarray(TileFeatures()(x).features.numpy())


def noise(seed: int, n: int = 2) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    return rng.integers(60, 180, (n, 200, 200, 3), np.uint8)


@functools.cache
def grown(
    seed: int, n_trees: int = 40
) -> tuple[HistGradientBoostingRegressor, NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(1500, 6)).astype(np.float32)
    # Ties and plain numbers, on which a test of 32 bit could go the other way.
    x[:, 0] = np.round(x[:, 0], 1)
    y = np.sin(3 * x[:, 0]) + x[:, 1] * x[:, 2] + rng.normal(0, 0.3, len(x))
    model = HistGradientBoostingRegressor(
        max_iter=n_trees, max_depth=4, max_leaf_nodes=16, early_stopping=False, random_state=0
    )
    return model.fit(x, y), x


def test_a_tile_has_the_colour_that_the_device_gives_it() -> None:
    tiles = noise(1)
    want = lab_of_counts(tiles).reshape(len(tiles), -1, 3).mean(axis=1)
    got = looked_at(tiles)
    assert got.shape == (2, N_FEATURES)
    np.testing.assert_allclose(got[:, :3], want, atol=2e-3)


def test_features_are_finite_on_any_tile() -> None:
    flat = np.stack([np.full((200, 200, 3), level, np.uint8) for level in (0, 7, 255)])
    assert np.isfinite(looked_at(np.concatenate([flat, noise(2)]))).all()


def test_lines_across_the_core_are_told_from_lines_down_it() -> None:
    lines = np.repeat((np.arange(200) // 20 % 2 * 60 + 90)[:, None], 200, axis=1)
    across = np.repeat(lines[..., None], 3, axis=2).astype(np.uint8)
    layered, upright = looked_at(np.stack([across, across.transpose(1, 0, 2)]))
    assert (layered != upright).any()
    # Colour and the spread in bands of scales do not depend on the direction. Spreads are logs with
    # a floor of 0.01, where the rounding of single precision, another on each processor, is seen.
    np.testing.assert_allclose(layered[:3], upright[:3], atol=1e-3)
    np.testing.assert_allclose(np.exp(layered[3:18]), np.exp(upright[3:18]), rtol=1e-3, atol=2e-3)


def test_packed_trees_give_the_numbers_of_scikit_learn() -> None:
    model, x = grown(3)
    trees = Trees((60,))
    trees.take([(model,)])
    fresh = np.random.default_rng(5).normal(size=(500, 6)).astype(np.float32)
    for rows in (x, fresh):
        got = trees(torch.from_numpy(rows)).numpy()[:, 0]
        np.testing.assert_allclose(got, model.predict(rows), atol=2e-6)


def test_a_value_on_a_threshold_goes_the_way_scikit_learn_sends_it() -> None:
    model, _ = grown(4, n_trees=20)
    trees = Trees((20,))
    trees.take([(model,)])
    told = packed(model)
    is_set = told.threshold < np.finfo(np.float32).max
    for feature, threshold in zip(told.feature[is_set], told.threshold[is_set], strict=True):
        write_patterns = [np.nextafter(threshold, np.float32(s)) for s in (-np.inf, np.inf)]
        rows = np.zeros((3, 6), np.float32)
        rows[:, feature] = [write_patterns[0], threshold, write_patterns[1]]
        got = trees(torch.from_numpy(rows)).numpy()[:, 0]
        np.testing.assert_allclose(got, model.predict(rows), atol=2e-6)


def test_sums_of_several_models_stay_apart() -> None:
    (first, x), (second, _) = grown(6, 10), grown(7, 15)
    trees = Trees((30, 20))
    trees.take([(first, second), (second,)])
    got = trees(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(got[:, 0], first.predict(x) + second.predict(x), atol=2e-6)
    np.testing.assert_allclose(got[:, 1], second.predict(x), atol=2e-6)


def test_trees_that_do_not_fit_are_refused() -> None:
    model, _ = grown(8, n_trees=12)
    with pytest.raises(ValueError, match="at most 10 trees in sum 0"):
        Trees((10,)).take([(model,)])
    rng = np.random.default_rng(9)
    x = rng.normal(size=(400, 2))
    deep = HistGradientBoostingRegressor(
        max_iter=2, max_depth=7, min_samples_leaf=2, early_stopping=False
    ).fit(x, rng.normal(size=400))
    with pytest.raises(ValueError, match="deeper"):
        packed(deep)


def test_a_tile_alone_is_judged_as_in_company() -> None:
    module = BoostedColour().eval()
    model, _ = grown(10, n_trees=20)
    module.trees.take([(model,)] * 6)
    tiles = torch.from_numpy(noise(11, 4)).permute(0, 3, 1, 2).float()
    with torch.inference_mode():
        together, alone = module(tiles), module(tiles[2:3])
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one[2:3], other, rtol=1e-5, atol=1e-5)


def core(seed: int, n_slices: int, gap: int = 0) -> CoreTiles:
    rng = np.random.default_rng(seed)
    at = np.repeat(np.delete(np.arange(n_slices), gap), 2)
    labels = rng.normal(size=(n_slices, 3))
    return CoreTiles(
        seed=seed,
        px_per_cm=100.0,
        pixels=np.empty((len(at), 1, 1, 3), np.uint8),
        slice_index=at,
        labels=labels,
        visible=labels,
        colour=np.zeros((len(at), 6)),
        run=(np.arange(n_slices) > n_slices // 2).astype(np.int64),
    )


@pytest.mark.parametrize("footprint", FOOTPRINTS, ids=lambda one: one.property)
def test_a_reading_is_what_the_scorer_makes_of_the_values(footprint: object) -> None:
    cores = [core(1, 12), core(2, 9, gap=3)]
    tiles = TileSet(cores)
    rng = np.random.default_rng(3)
    values = rng.normal(size=11 + 8)
    got = Reading(tiles, footprint).of(values)
    for one, mine in zip(cores, (slice(0, 11), slice(11, 19)), strict=True):
        at = np.unique(one.slice_index)
        whole = np.full(len(one.labels), np.nan)
        whole[at] = values[mine]
        np.testing.assert_allclose(got[mine], at_logger_support(whole, one.runs, footprint)[at])


def test_what_is_owed_is_owed_by_the_neighbours_of_a_wrong_reading_only() -> None:
    tiles = TileSet([core(1, 20)])
    reading = Reading(tiles, FOOTPRINTS[2])
    values = np.zeros(19)
    residual = np.full(19, np.nan)
    residual[2] = 0.5
    owed = reading.owed(values, residual)
    np.testing.assert_allclose(owed[:9], 0.5)
    assert np.isnan(owed[9:]).all(), "nothing is owed beyond the footprint"


def test_trees_that_know_the_sensor_find_what_it_blurred() -> None:
    rng = np.random.default_rng(0)
    cores, features, wanted = [], [], []
    for seed in range(12):
        one = core(seed, 60)
        at = np.unique(one.slice_index)
        truth = np.repeat(rng.normal(0, 0.3, 30), 2)[at]
        alone = TileSet([one])
        read = Reading(alone, FOOTPRINTS[2]).of(truth)
        cores.append(one)
        features.append(truth[alone.group])
        wanted.append(read[alone.group])
    x = np.concatenate(features)[:, None].astype(np.float32)
    label = np.full((len(x), 3), np.nan)
    label[:] = np.concatenate(wanted)[:, None]
    tiles = TileSet(cores)
    scaling = TargetScaling(np.zeros(3), np.ones(3))
    error = {}
    for rounds in (0, 6):
        how = Boosting(120, rounds, learning_rate=0.1)
        models = fit_means(Lessons(x, tiles, label), scaling, how=how)
        values = slice_means(tiles, predicted(models, x)[:, 2])
        read = Reading(tiles, FOOTPRINTS[2]).of(values)
        error[rounds] = np.square(read - slice_means(tiles, label[:, 2])).mean()
    assert error[6] < 0.5 * error[0], error
