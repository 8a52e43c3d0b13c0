"""Trees and networks that see the centimetres around a row: how they look and how they learn."""

import dataclasses
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

torch = pytest.importorskip("torch")

from downcore.strata.core_view import SliceView  # noqa: E402 - torch first
from downcore.strata.errors import SettingsError  # noqa: E402 - the same
from downcore.strata.window_profile import COLUMNS  # noqa: E402 - the same
from downcore.strata.windows import Window, cut_window  # noqa: E402 - the same
from downcore_training.boosted.trees import Trees, packed_forest  # noqa: E402 - the same
from downcore_training.fitting.scaling import TargetScaling  # noqa: E402 - the same
from downcore_training.windows import crossfit, figures, recipe  # noqa: E402 - the same
from downcore_training.windows.augmentation import augmented  # noqa: E402 - the same
from downcore_training.windows.blend import Blend  # noqa: E402 - the same
from downcore_training.windows.boosted_profile import (  # noqa: E402 - the same
    PROFILE_WINDOW,
    BoostedProfile,
    as_input,
    described,
    fit,
)
from downcore_training.windows.head import LoggerReading, Opponent  # noqa: E402 - the same
from downcore_training.windows.networks import NETWORKS, WindowNetwork  # noqa: E402 - the same
from downcore_training.windows.profile import N_FEATURES, WindowProfile  # noqa: E402 - the same
from downcore_training.windows.section_views import (  # noqa: E402 - the same
    SectionViews,
    groups_of,
)
from downcore_training.windows.strips import drawn, strip_of  # noqa: E402 - the same
from downcore_training.windows.window_set import WindowSet  # noqa: E402 - the same

Values = NDArray[np.float64]


def section(
    seed: int, n_cm: int = 24, *, name: str = "", width_px: int = 120, gap: tuple[int, ...] = ()
) -> SectionViews:
    """Return a section whose density follows its brightness, a little lower where it is grey."""
    rng = np.random.default_rng(seed)
    light = 90 + 40 * np.sin(np.arange(n_cm) / 3 + seed) + rng.normal(0, 3, n_cm)
    views: list[SliceView | None] = []
    for k in range(n_cm):
        rgb = np.zeros((20, width_px, 3), np.uint8)
        is_sediment = np.zeros((20, width_px), np.bool_)
        if k not in gap:
            is_sediment[:, 10:-10] = True
        mud = light[k] + rng.normal(0, 4, (20, width_px, 1)) + np.array([4.0, 0.0, -9.0])
        rgb[:] = np.where(is_sediment[..., None], mud, 250).clip(0, 255).astype(np.uint8)
        views.append(SliceView(rgb, is_sediment))
    labels = np.full((n_cm, 3), np.nan)
    labels[:, 0] = 1.2 + light / 300
    labels[:, 2] = 2.0 - light / 200
    return SectionViews(
        name=name or f"core {seed}",
        core="core",
        site="site",
        px_per_cm=20.0,
        views=tuple(views),
        has_board=np.ones(n_cm, np.bool_),
        labels=labels,
        place=np.arange(n_cm),
    )


def window_input(views: list[SliceView | None], window: Window) -> "torch.Tensor":
    return as_input(cut_window(views, window)[None])


@pytest.fixture(scope="module")
def sections() -> list[SectionViews]:
    return [section(seed) for seed in range(5)]


def test_what_is_no_sediment_changes_no_feature(sections: list[SectionViews]) -> None:
    window = Window(2, 2, 2)
    plain = list(sections[0].views[:6])
    painted = []
    for view in plain:
        assert view is not None
        rgb = np.where(view.is_sediment[..., None], view.rgb, np.uint8(7))
        painted.append(SliceView(rgb, view.is_sediment))
    look = WindowProfile(window)
    assert torch.equal(look(window_input(plain, window)), look(window_input(painted, window)))


def test_a_centimetre_without_sediment_counts_in_no_mean() -> None:
    window = Window(2, 1, 2)
    whole, holed = section(1), section(1, gap=(1,))
    look = WindowProfile(window)
    profile, weight = look.profile(window_input(list(holed.views[:5]), window))
    assert weight[0].tolist()[1] == 0.0
    assert weight[0, 2] > 0.5
    features = look.features(profile, weight)
    full, _ = look.profile(window_input(list(whole.views[:5]), window))
    others = full[0, [0, 2, 3, 4], 0].mean()
    n = len(COLUMNS)
    widest = features[0, 0, 4 * n]
    assert float(widest) == pytest.approx(float(others), abs=0.5)


def test_a_row_without_any_context_has_its_own_colour_everywhere() -> None:
    window = Window(5, 1, 5)
    alone: list[SliceView | None] = [None] * 5 + [section(2).views[0]] + [None] * 5
    features = WindowProfile(window)(window_input(alone, window))
    assert features.shape == (1, 1, N_FEATURES)
    assert torch.isfinite(features).all()
    n = len(COLUMNS)
    for block in range(1, 5):
        assert torch.allclose(features[0, 0, :3], features[0, 0, block * n : block * n + 3])
    above = features[0, 0, 5 * n : 5 * n + 3]
    assert torch.allclose(above, torch.zeros(3))


def test_the_profile_of_a_mirrored_core_is_the_same(sections: list[SectionViews]) -> None:
    window = Window(1, 2, 1)
    pixels = window_input(list(sections[0].views[:4]), window)
    look = WindowProfile(window)
    assert torch.allclose(look(pixels), look(pixels.flip(3)), atol=1e-4)


def test_a_forest_in_arrays_predicts_what_the_forest_does() -> None:
    from sklearn.ensemble import ExtraTreesRegressor  # noqa: PLC0415 - slow

    rng = np.random.default_rng(3)
    x = rng.normal(size=(300, 5)).astype(np.float32)
    y = x[:, 0] * x[:, 1] + np.sin(x[:, 2])
    forest = ExtraTreesRegressor(20, max_depth=6, random_state=1).fit(x, y)
    module = Trees((25,), 6)
    module.take_packed([[packed_forest(forest, 6)]])
    got = module(torch.from_numpy(x))[:, 0].numpy()
    assert np.allclose(got, forest.predict(x), atol=1e-5)


def test_a_forest_deeper_than_there_is_room_for_is_refused() -> None:
    from sklearn.ensemble import ExtraTreesRegressor  # noqa: PLC0415 - slow

    x = np.random.default_rng(3).normal(size=(200, 3))
    forest = ExtraTreesRegressor(2, max_depth=6, random_state=1).fit(x, x[:, 0])
    with pytest.raises(ValueError, match="expected trees of depth 3 at most"):
        packed_forest(forest, 3)


def test_trees_on_the_profile_learn_density_from_brightness(sections: list[SectionViews]) -> None:
    slices = described(sections[:4])
    scaling = crossfit.scaling_of(sections[:4], (0, 2))
    module = fit(slices, scaling, (0, 2))
    windows = WindowSet(sections[4:], PROFILE_WINDOW)
    with torch.inference_mode():
        mean = torch.cat([module(as_input(windows.pixels(np.array([i]))))[0] for i in range(6)])
    got = mean.reshape(-1, 2)[:, 0].double().numpy() * scaling.spread[0] + scaling.centre[0]
    assert np.corrcoef(got, windows.labels[:24, 0])[0, 1] > 0.9


@settings(max_examples=20, deadline=None)
@given(st.floats(-2.0, 2.0), st.floats(0.5, 3.0), st.floats(-3.0, 3.0))
def test_a_logger_reads_a_uniform_core_as_it_is(lag: float, sd: float, value: float) -> None:
    reading = LoggerReading(Window(3, 4, 3), (0, 2))
    with torch.no_grad():
        reading.lag_cm.fill_(lag)
        reading.log_sd_cm.fill_(float(np.log(sd)))
        out = reading(torch.full((1, 2, 10), value), torch.ones(1, 1, 10))
    assert torch.allclose(out, torch.full((1, 2, 10), value), atol=0.02 * abs(value) + 1e-4)


def test_a_logger_with_a_lag_reads_what_lies_further_up() -> None:
    reading = LoggerReading(Window(3, 4, 3), (0,))
    with torch.no_grad():
        reading.lag_cm.fill_(-2.0)
        reading.log_sd_cm.fill_(float(np.log(0.4)))
        values = torch.zeros(1, 1, 10)
        values[0, 0, 3] = 1.0
        out = reading(values, torch.ones(1, 1, 10))
    assert int(out[0, 0].argmax()) == 5


def test_a_cast_of_the_camera_moves_brightness_not_the_differences() -> None:
    x = torch.full((1, 4, 2, 2), 100.0)
    x[:, 3] = 255.0
    brighter = x.clone()
    brighter[:, :3] += 20.0
    before, after = Opponent()(x), Opponent()(brighter)
    assert torch.allclose(before[:, 1:], after[:, 1:], atol=1e-5)
    assert (after[:, 0] - before[:, 0]).min() > 0.5


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_a_network_answers_the_rows_of_a_window(name: str) -> None:
    torch.manual_seed(1)
    network = NETWORKS[name]((0, 2)).eval()
    window = network.window
    pixels = window_input(list(section(1).views[: window.n_cm]), window)
    with torch.inference_mode():
        mean, log_sd, within, features = network(pixels)
        empty = network(torch.zeros_like(pixels))
    assert mean.shape == log_sd.shape == within.shape == (1, window.rows_cm, 2)
    assert features.shape[:2] == (1, window.rows_cm)
    for out in (mean, log_sd, within, features, *empty):
        assert torch.isfinite(out).all()


def test_a_blend_of_one_part_alone_is_that_part() -> None:
    torch.manual_seed(1)
    network = NETWORKS["resnet-18"]((0, 2)).eval()
    trees = BoostedProfile(2).eval()
    trees.trees.baseline.fill_(0.25)
    blend = Blend(network, trees).eval()
    views = list(section(1).views[: PROFILE_WINDOW.n_cm])
    pixels = window_input(views, PROFILE_WINDOW)
    inner = cut_window(views[2:12], network.window)
    with torch.inference_mode():
        blend.take_shares([0.0, 1.0])
        mean = blend(pixels)[0]
        own = network(as_input(inner[None]))[0]
        tree = trees(pixels)[0]
    assert torch.allclose(mean[..., 0], tree[..., 0])
    assert torch.allclose(mean[..., 1], own[..., 1], atol=1e-5)


def test_no_section_is_answered_by_what_learned_from_it(sections: list[SectionViews]) -> None:
    learned: list[set[str]] = []

    class Constant(torch.nn.Module):
        def forward(self, x: "torch.Tensor") -> tuple["torch.Tensor", ...]:
            flat = torch.zeros(len(x), PROFILE_WINDOW.rows_cm, 1)
            noise = torch.randn(len(x), PROFILE_WINDOW.rows_cm, 3)
            return flat, flat, flat, noise

    def make(kept: list[SectionViews], scaling: TargetScaling, fold: int) -> torch.nn.Module:
        assert scaling.centre[0] == pytest.approx(
            np.concatenate([part.labels[:, 0] for part in kept]).mean()
        )
        learned.append({part.name for part in kept})
        assert fold == len(learned) - 1
        return Constant()

    found = crossfit.cross_fit(sections, (0,), make, PROFILE_WINDOW, n_folds=3)  # type: ignore[arg-type]
    assert sorted(np.unique(found.section)) == [0, 1, 2, 3, 4]
    for fold, names in enumerate(learned):
        for i in range(fold, 5, 3):
            assert sections[i].name not in names


@pytest.mark.parametrize(
    ("n_sections", "n_cm", "said"),
    [
        (0, 24, "at least 4 sections with a log and an image"),
        (2, 24, "at least 4 sections with a log and an image"),
        (4, 10, "a property with at least 50 logged centimetres"),
    ],
)
def test_too_little_to_judge_by_is_refused_with_what_to_do(
    tmp_path: Path, n_sections: int, n_cm: int, said: str
) -> None:
    from downcore_training.windows.fitting import fit_all  # noqa: PLC0415 - slow

    class Silent:
        def at(self, share: float, text: str) -> None: ...
        def note(self, text: str) -> None: ...

    sections = [section(seed, n_cm) for seed in range(n_sections)]
    with pytest.raises(SettingsError, match=said):
        fit_all(recipe.WindowRecipe(), sections, tmp_path, report=Silent())


def held_out(seed: int, noise: float) -> crossfit.HeldOut:
    rng = np.random.default_rng(seed)
    label = np.random.default_rng(7).normal(size=(240, 1))
    mean = label + rng.normal(0, noise, label.shape)
    return crossfit.HeldOut(
        mean=mean,
        sd=np.full_like(mean, noise),
        label=label,
        novelty=rng.uniform(0.5, 1.5, 240),
        section=np.repeat(np.arange(12), 20),
        row=np.tile(np.arange(20), 12),
        group=np.repeat(np.arange(12), 20),
    )


def test_the_share_of_a_section_comes_from_the_other_sections() -> None:
    good, bad = held_out(1, 0.2), held_out(2, 2.0)
    flattering = crossfit.HeldOut(
        good.mean.copy(), good.sd, good.label, good.novelty, good.section, good.row, good.group
    )
    # In section 0 alone the bad part is perfect: that must not be used there.
    bad.mean[:20] = bad.label[:20]
    flattering.mean[:20] = good.label[:20] + 3.0
    nested = crossfit.nested_blend(flattering, bad)
    assert np.abs(nested.mean[:20] - nested.label[:20]).mean() > 1.5


def test_with_four_cores_or_more_a_core_is_answered_by_predictors_of_other_cores() -> None:
    sections = [replace(section(i, 30), name=f"{i}", core=f"core {i // 2}") for i in range(8)]
    assert groups_of(sections).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    learnt: list[set[str]] = []

    def make(some: Sequence[SectionViews], scaling: TargetScaling, _: int) -> BoostedProfile:
        learnt.append({part.core for part in some})
        return fit(described(some), scaling, (0,), seed=1)

    found = crossfit.cross_fit(sections, (0,), make, PROFILE_WINDOW, n_folds=2)
    assert learnt == [{"core 1", "core 3"}, {"core 0", "core 2"}]
    assert set(found.group[found.section == 5].tolist()) == {2}


def test_of_three_cores_sections_are_held_out_one_by_one() -> None:
    sections = [replace(section(i, 12), core=f"core {i % 3}") for i in range(6)]
    assert groups_of(sections).tolist() == [0, 1, 2, 3, 4, 5]


def test_intervals_hold_nine_of_ten_slices_of_a_section_left_out() -> None:
    found = figures.judged(held_out(3, 0.5), (0,))
    assert 0.85 <= found.metrics["density"]["coverage"] <= 0.97
    assert found.metrics["density"]["worst_section_coverage"] >= 0.6
    assert found.metrics["density"]["r2"] == pytest.approx(0.75, abs=0.08)
    assert found.novelty_limit > 1.4


def test_intervals_widen_where_errors_grow_with_the_novelty_and_nowhere_else() -> None:
    even = held_out(3, 0.5)
    beyond = np.clip((even.novelty - 1.2) / 0.3, 0, None)[:, None]
    uneven = dataclasses.replace(
        even, mean=even.label + (even.mean - even.label) * (1 + 2 * beyond)
    )

    plain, wide = figures.judged(even, (0,)), figures.judged(uneven, (0,))

    assert plain.intervals[0].at_limit < 1.3
    assert 1.5 < wide.intervals[0].at_limit < 4.0
    assert plain.intervals[0].begins_at == pytest.approx(1.25, abs=0.05)
    assert 0.85 <= wide.metrics["density"]["coverage"] <= 0.97
    assert wide.metrics["density"]["coverage_near_limit"] >= 0.8
    known = wide.intervals[0].half_width(np.full(2, 0.5), np.array([0.6, 1.0]))
    assert known[0] == known[1], "expected familiar slices to have the same width"


def test_sections_that_are_all_alike_have_a_limit_and_no_widening() -> None:
    alike = dataclasses.replace(held_out(3, 0.5), novelty=np.ones(240))

    found = figures.judged(alike, (0,)).intervals[0]

    assert (found.limit, found.at_limit) == (1.0, 1.0)
    assert found.begins_at < found.limit


def test_labels_of_a_window_between_centimetres_lie_between(sections: list[SectionViews]) -> None:
    window = Window(3, 4, 3)
    strip = strip_of(sections[0], window, sections[0].labels[:, [0]])
    pixels, labels = drawn([strip], window, 6, np.random.default_rng(2))
    assert pixels.shape == (6, 4, 200, 200)
    assert torch.isnan(labels[:, [0, -1]]).all()
    known = labels[torch.isfinite(labels)]
    low, high = np.nanmin(sections[0].labels[:, 0]), np.nanmax(sections[0].labels[:, 0])
    assert float(known.min()) >= low - 1e-6
    assert float(known.max()) <= high + 1e-6


def test_augmentation_leaves_nothing_where_there_is_no_sediment() -> None:
    pixels = window_input(list(section(1).views[:10]), Window(3, 4, 3)).repeat(8, 1, 1, 1)
    out = augmented(pixels, torch.Generator().manual_seed(3), across_px=136)
    assert out.shape == (8, 4, 200, 136)
    assert set(out[:, 3].unique().tolist()) <= {0.0, 255.0}
    outside = (out[:, 3:] == 0).expand(-1, 3, -1, -1)
    assert float(out[:, :3][outside].abs().max()) == 0.0
    assert float(out.min()) >= 0.0
    assert float(out[:, :3].max()) <= 255.0


def test_a_recipe_is_read_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    wanted = recipe.WindowRecipe(name="hole", networks=("resnet-18",), n_folds=4)
    path.write_text(recipe.window_recipe_text(wanted), encoding="utf-8")
    assert recipe.is_window_recipe(path)
    assert recipe.load_window_recipe(path) == wanted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('kind = "windows"\nnetwork = "x"', "did you mean 'networks'"),
        ('kind = "windows"\nnetworks = ["vgg"]', "networks must be of"),
        ('kind = "windows"\nn_folds = 1', "n_folds must be 2 or more"),
        ('kind = "windows"\n[lesson]\nbatch = 0', "warm_up_steps must be 1 or more"),
        ('kind = "windows"\n[lesson]\nwarm_up_steps = 0', "warm_up_steps must be 1 or more"),
        ('kind = "windows"\nthreads = 0', "threads must be 1 or more"),
        ('kind = "windows"\nseed = -1', "seed must be 0 or more"),
        ("kind = ", "recipe.toml"),
    ],
)
def test_a_wrong_recipe_says_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=said):
        recipe.load_window_recipe(path)


def test_every_network_on_windows_says_its_window() -> None:
    for kind in NETWORKS.values():
        network = kind((0,))
        assert isinstance(network, WindowNetwork)
        assert network.window.n_cm == 10
