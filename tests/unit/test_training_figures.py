"""The sums behind a training run: scaling, loss, augmentation, figures, intervals, recipes."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from downcore.strata.errors import SettingsError
from downcore.strata.footprint import FOOTPRINTS, at_logger_support

torch = pytest.importorskip("torch", reason="needs the extra [training]")

# Only where torch is installed can the lab be imported.
from downcore_training.datasets import CoreTiles, TileSet  # noqa: E402 - see above
from downcore_training.evaluation.baselines import (  # noqa: E402 - see above
    boosted_on_colour,
    ridge_on_colour,
    training_mean,
)
from downcore_training.evaluation.intervals import coverage, fit_intervals  # noqa: E402 - see above
from downcore_training.evaluation.slice_scores import (  # noqa: E402 - see above
    SliceValues,
    at_support,
    join_slices,
    score,
    visible_share,
)
from downcore_training.fitting.augmentation import augment, crop, step_generator  # noqa: E402 - see above
from downcore_training.fitting.loss import beta_nll  # noqa: E402 - see above
from downcore_training.fitting.scaling import fit_scaling  # noqa: E402 - see above
from downcore_training.networks._layers import clamp_log_sd  # noqa: E402 - see above
from downcore_training.recipe import Recipe, load_recipe, parse_recipe  # noqa: E402 - see above

TILE = np.zeros((1, 1, 1, 3), np.uint8)


def tile_set(*slices_of_tiles: list[int], seed: int = 0) -> TileSet:
    """Return cores whose tiles belong to the given slices, with random labels."""
    rng = np.random.default_rng(seed)
    cores = []
    for number, index in enumerate(slices_of_tiles):
        n_slices = max(index) + 1
        labels = rng.normal([1.4, 1500, 1.7], [0.1, 50, 0.2], (n_slices, 3))
        cores.append(
            CoreTiles(
                seed=100 * seed + number,
                px_per_cm=100.0,
                pixels=np.repeat(TILE, len(index), axis=0),
                slice_index=np.array(index),
                labels=labels,
                visible=labels - 0.01,
                colour=np.concatenate([labels, labels], axis=1)[index],
            )
        )
    return TileSet(cores)


def values_of(
    error: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]",
    sd: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]",
) -> SliceValues:
    label = np.zeros_like(error)
    return SliceValues(error, sd, label, label, np.arange(len(error)) // 20)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(npst.arrays(np.float64, (5, 3), elements=st.floats(-1e4, 1e4)))
def test_scaling_there_and_back_is_the_identity(
    values: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]",
) -> None:
    scaling = fit_scaling(tile_set([0, 1, 2, 3]).labels)

    back = scaling.unscaled(scaling.scaled(values))

    np.testing.assert_allclose(back, values, rtol=1e-9, atol=1e-6)


def test_scaled_training_labels_have_mean_0_and_sd_1_whatever_is_not_logged() -> None:
    labels = tile_set(list(range(50))).labels
    labels[3, 1] = math.nan

    scaled = fit_scaling(labels).scaled(labels)

    np.testing.assert_allclose(np.nanmean(scaled, axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(np.nanstd(scaled, axis=0), 1, atol=1e-9)
    assert math.isnan(scaled[3, 1])


def test_a_property_that_nobody_logged_needs_no_scaling() -> None:
    labels = tile_set(list(range(9))).labels
    labels[:, 1] = math.nan

    scaling = fit_scaling(labels)

    assert (scaling.centre[1], scaling.spread[1]) == (0.0, 1.0)
    with pytest.raises(ValueError, match="at least one property"):
        fit_scaling(np.full((9, 3), np.nan))


def test_labels_all_alike_cannot_be_scaled() -> None:
    with pytest.raises(ValueError, match="two different labels of density"):
        fit_scaling(np.ones((9, 3)))


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
def test_a_missing_label_neither_counts_nor_spoils_the_gradient(beta: float) -> None:
    mean = torch.zeros(2, 3, requires_grad=True)
    log_sd = torch.zeros(2, 3, requires_grad=True)
    target = torch.tensor([[1.0, math.nan, 3.0], [math.nan] * 3])

    loss = beta_nll(mean, log_sd, target, beta=beta)
    loss.backward()

    assert loss.item() == pytest.approx((0.5 * 1 + 0.5 * 9) / 2)
    assert mean.grad is not None
    assert log_sd.grad is not None
    assert torch.isfinite(mean.grad).all()
    assert torch.equal(mean.grad != 0, torch.isfinite(target))
    assert not log_sd.grad[1].any()


def test_no_label_at_all_gives_a_loss_of_0() -> None:
    mean = torch.zeros(2, 3, requires_grad=True)

    loss = beta_nll(mean, torch.zeros(2, 3), torch.full((2, 3), math.nan), beta=0.5)

    assert loss.item() == 0


def test_the_loss_is_least_where_the_sd_is_the_error() -> None:
    log_sd = torch.linspace(-3, 2, 501).unsqueeze(1)

    losses = [beta_nll(torch.zeros(1, 1), s[None], torch.full((1, 1), 0.5), beta=0) for s in log_sd]

    best = log_sd[int(torch.stack(losses).argmin())]
    assert best.item() == pytest.approx(math.log(0.5), abs=0.01)


@settings(deadline=None)
@given(st.floats(-1e6, 1e6))
def test_log_sd_stays_within_its_range(raw: float) -> None:
    assert -4.0 <= clamp_log_sd(torch.tensor(raw)).item() <= 2.0


def test_a_typical_log_sd_is_left_nearly_alone() -> None:
    raw = torch.tensor([-1.5, -1.0, -0.5, 0.0])

    torch.testing.assert_close(clamp_log_sd(raw), raw, atol=0.05, rtol=0)


def test_a_step_is_augmented_the_same_way_each_time() -> None:
    recipe = Recipe("resnet-18")
    tiles = torch.full((4, 3, 16, 16), 100.0)

    one = augment(tiles, recipe, step_generator(1, 7))
    same = augment(tiles, recipe, step_generator(1, 7))
    other = augment(tiles, recipe, step_generator(1, 8))

    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(tiles, torch.full_like(tiles, 100.0))


def test_depth_is_never_turned_upside_down() -> None:
    calm = Recipe("resnet-18", jitter_brightness=0, jitter_white_balance=0, jitter_noise=0)
    depth = torch.arange(16.0).reshape(1, 1, 16, 1).expand(32, 3, 16, 16) * 10

    out = augment(depth, calm, step_generator(0, 0))

    # A slight blur may touch a line, never the order of lines.
    assert (out.diff(dim=2) > 0).all()


def test_augmentation_leaves_colour_nearly_as_it_was() -> None:
    tiles = torch.full((256, 3, 8, 8), 120.0)

    out = augment(tiles, Recipe("resnet-18"), step_generator(0, 3))

    ratio = out.mean(dim=(2, 3)) / 120.0
    assert ratio.mean().item() == pytest.approx(1, abs=0.01)
    assert ratio.std().item() < 0.06
    assert out.min() >= 0
    assert out.max() <= 255


def test_a_crop_is_a_part_of_the_tile() -> None:
    tiles = torch.arange(2 * 3 * 20 * 20.0).reshape(2, 3, 20, 20)

    part = crop(tiles, 8, step_generator(0, 0))

    assert part.shape == (2, 3, 8, 8)
    assert torch.isin(part, tiles).all()
    assert torch.equal(part.diff(dim=3), torch.ones(2, 3, 8, 7))


def test_tiles_join_to_the_mean_of_their_slice_with_the_rms_of_their_sd() -> None:
    tiles = tile_set([0, 0, 1], [0, 2, 2])
    mean = np.array([1.0, 3, 5, 7, 8, 10])[:, None].repeat(3, axis=1)
    sd = np.array([3.0, 4, 1, 1, 1, 1])[:, None].repeat(3, axis=1)

    values = join_slices(tiles, mean, sd)

    np.testing.assert_allclose(values.mean[:, 0], [2, 5, 7, 9])
    np.testing.assert_allclose(values.sd[:, 1], [math.sqrt(12.5), 1, 1, 1])
    np.testing.assert_array_equal(values.core, [0, 0, 1, 1])
    np.testing.assert_array_equal(values.label[3], tiles.cores[1].labels[2])


def test_a_perfect_log_scores_1_and_a_shifted_core_shows_as_bias() -> None:
    tiles = tile_set(list(range(30)), list(range(30)))
    truth = join_slices(tiles, tiles.labels, np.ones_like(tiles.labels))
    shifted = truth.mean + np.where(truth.core == 0, 0.05, 0.0)[:, None]

    perfect, moved = score(truth.mean, truth), score(shifted, truth)

    assert perfect["density"]["r2"] == pytest.approx(1)
    assert moved["density"]["bias"] == pytest.approx(0.025)
    assert moved["density"]["rmse_core_bias_removed"] == pytest.approx(0, abs=1e-9)
    assert moved["density"]["r2"] < 1
    assert "rmse_unit" in moved["ms"]
    assert "rmse_unit" not in moved["density"]


def test_the_visible_share_is_the_score_of_a_perfect_reader() -> None:
    tiles = tile_set(list(range(40)))

    values = join_slices(tiles, tiles.labels, np.ones_like(tiles.labels))

    expected = 1 - 0.01**2 / tiles.labels[:, 0].var()
    assert visible_share(values)["density"] == pytest.approx(expected)


def test_figures_are_of_what_the_loggers_sensors_would_read() -> None:
    tiles = tile_set([0, 0, *range(1, 30)], list(range(30)))

    values = join_slices(tiles, tiles.labels, np.ones_like(tiles.labels))

    for number in (0, 1):
        mine = values.core == number
        for i, footprint in enumerate(FOOTPRINTS):
            alone = at_logger_support(values.mean[mine, i], np.zeros(30, np.int64), footprint)
            np.testing.assert_allclose(values.at_support[mine, i], alone)
    assert np.std(values.at_support[:, 2]) < 0.7 * np.std(values.mean[:, 2]), "a loop blurs ms"


def test_no_sensor_reads_across_a_gap_or_where_nothing_was_predicted() -> None:
    (core,) = tile_set(list(range(8))).cores
    tiles = TileSet([replace(core, run=np.array([0] * 4 + [1] * 4))])
    values = np.repeat(np.array([1.0] * 4 + [2.0] * 4)[:, None], 3, axis=1)
    values[2] = math.nan

    read = at_support(tiles, values)

    np.testing.assert_allclose(read[[0, 1, 3]], 1.0)
    np.testing.assert_allclose(read[4:], 2.0)
    assert np.isnan(read[2]).all()


def test_boosted_trees_find_what_colour_tells() -> None:
    cores = [list(range(90))] * 4
    training, test = tile_set(*cores), tile_set(*cores, seed=1)

    values = join_slices(test, boosted_on_colour(training, test), np.ones((360, 3)))

    assert score(values.mean, values)["density"]["r2"] > 0.6


def test_the_mean_of_the_training_cores_scores_no_better_than_0() -> None:
    training, test = tile_set(list(range(40))), tile_set(list(range(40)), seed=1)

    values = join_slices(test, training_mean(training, test), np.ones((40, 3)))

    assert score(values.mean, values)["vp"]["r2"] <= 0


def test_ridge_finds_what_colour_tells() -> None:
    training, test = tile_set(list(range(90))), tile_set(list(range(90)), seed=1)

    values = join_slices(test, ridge_on_colour(training, test), np.ones((90, 3)))

    assert score(values.mean, values)["density"]["r2"] > 0.95


@settings(deadline=None)
@given(st.integers(0, 1000))
def test_intervals_hold_nine_in_ten_of_the_slices_they_were_fitted_on(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sd = rng.uniform(0.5, 2.0, (200, 3))
    values = values_of(rng.normal(0, 1, (200, 3)) * sd, sd)

    intervals = fit_intervals(values)

    # The mean over cores of shares may be a rounding error below.
    assert (coverage(values, intervals) >= 0.9 - 1e-9).all()
    for one in intervals:
        assert one is not None
        assert one.factor == pytest.approx(1.645, rel=0.35)
        assert one.floor > 0


def test_a_property_without_a_label_has_no_interval_and_no_coverage() -> None:
    values = values_of(np.zeros((20, 3)), np.ones((20, 3)))
    values.label[:, 1] = np.nan

    intervals = fit_intervals(values)

    assert [interval is None for interval in intervals] == [False, True, False]
    assert np.isnan(coverage(values, intervals)).tolist() == [False, True, False]


def test_a_network_too_sure_of_itself_gets_a_larger_factor() -> None:
    rng = np.random.default_rng(0)
    error = rng.normal(0, 1, (500, 3))

    honest = fit_intervals(values_of(error, np.ones((500, 3))))
    boastful = fit_intervals(values_of(error, np.full((500, 3), 0.1)))

    assert boastful[0] is not None
    assert honest[0] is not None
    assert boastful[0].factor == pytest.approx(10 * honest[0].factor)


def test_a_mistyped_key_is_refused_with_the_right_one() -> None:
    with pytest.raises(SettingsError, match="lerning_rate, did you mean 'learning_rate'"):
        parse_recipe('network = "resnet-18"\nlerning_rate = 0.1')


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('steps = "many"', "steps: expected a whole number, got"),
        ("steps = true", "steps: expected a whole number, got"),
        ("steps = 0", "steps must be 1 or more"),
        ("batch = 1", "batch must be 2 or more"),
        ('learn_from = "hope"', "learn_from must be logged or expected"),
        ('device = "tpu"', "device must be auto, cpu or cuda"),
        ("average_decay = 1.0", "average_decay must be"),
        ("look_cores = 0", "look_cores and look_every_slice must be 1 or more"),
        ("jitter_resolution_most = 0.5", "jitter_resolution_most must be 1 or more"),
        ("[cores]\ntiles_per_slice_held_out = 0", "must be 1 or more"),
        ('precision = "f16"', "precision must be bf16 or f32"),
        ("cores = 3", "expected a table"),
        ("[cores]\ntrainning = 3", "cores: unknown key trainning, did you mean 'training'"),
        ("[cores]\ntest = 0", "must be 1 or more"),
        ("[cores]\npx_per_cm_lowest = 900", "px_per_cm must be"),
        ("steps = ", "expected TOML"),
    ],
)
def test_a_recipe_that_cannot_be_used_says_why(line: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        parse_recipe(f'network = "resnet-18"\n{line}')


def test_a_whole_number_may_stand_for_a_real_one() -> None:
    assert parse_recipe('network = "x"\nlearning_rate = 1').learning_rate == 1.0


def test_a_recipe_names_its_network() -> None:
    with pytest.raises(SettingsError, match="expected the key 'network', got none"):
        parse_recipe("steps = 3")


def test_an_absent_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml"):
        load_recipe(tmp_path / "none.toml")
