"""A whole training run on a handful of small made-up cores."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from silent import Silent

from downcore.strata.depth import LineScale
from downcore.strata.errors import BundleError, SettingsError

torch = pytest.importorskip("torch", reason="needs the extra [training]")

# Only where torch is installed can the lab be imported.
from downcore_training import networks  # noqa: E402 - see above
from downcore_training.datasets import CoreSets, TileSet  # noqa: E402 - see above
from downcore_training.datasets.generated import core_sets, px_per_cm_of  # noqa: E402 - see above
from downcore_training.fitting import checkpoint  # noqa: E402 - see above
from downcore_training.fitting.budget import Budget  # noqa: E402 - see above
from downcore_training.fitting.lesson import Assignment  # noqa: E402 - see above
from downcore_training.fitting.scaling import fit_scaling  # noqa: E402 - see above
from downcore_training.fitting.summary import baseline_figures  # noqa: E402 - see above
from downcore_training.fitting.train import train  # noqa: E402 - see above
from downcore_training.network import Network  # noqa: E402 - see above
from downcore_training.recipe import CoreSet, Recipe, parse_recipe  # noqa: E402 - see above

LENGTH_CM = 4
RECIPE = """
network = "tiny"
seed = 3
steps = 10
batch = 9
learning_rate = 1e-2
warm_up_steps = 2
validate_every = 5
threads = 1
precision = "f32"
[cores]
training = 3
validation = 1
test = 1
length_cm = 4
width_cm = 2.0
px_per_cm_lowest = 40
px_per_cm_usual = 50
px_per_cm_highest = 60
tiles_per_slice = 2
"""


@dataclass(frozen=True)
class FakeTruth:
    density: NDArray[np.float64]
    vp: NDArray[np.float64]
    ms: NDArray[np.float64]
    visible_density: NDArray[np.float64]
    visible_vp: NDArray[np.float64]
    visible_log_ms: NDArray[np.float64]


class FakeCore:
    """Brightness is density; nothing else is to be seen."""

    def __init__(self, seed: int, cores: CoreSet) -> None:
        rng = np.random.default_rng(seed)
        self.scale = LineScale.of(px_per_cm_of(seed, cores))
        density = rng.uniform(1.2, 2.0, cores.length_cm)
        log_ms = 1.08 * density + 0.3
        label = density.copy()
        label[-1] = math.nan
        vp = 1500 + 100 * density
        self.truth = FakeTruth(label, vp, 10**log_ms, density, vp, log_ms)
        n = self.scale.first_line_of_slice(cores.length_cm)
        across = round(cores.width_cm * float(self.scale.px_per_cm))
        row = np.array([self.scale.slice_of_line(k) for k in range(n)])
        level = 100 * density[row][:, None, None] + rng.normal(0, 3, (n, across, 3))
        self._lines = np.clip(level, 0, 255).astype(np.uint8)

    def lines(self, first_line: int, n_lines: int) -> NDArray[np.uint8]:
        return self._lines[first_line : first_line + n_lines]

    def classes(self, first_line: int, n_lines: int) -> NDArray[np.uint8]:
        return np.zeros(self.lines(first_line, n_lines).shape[:2], np.uint8)


class StopAfterError(Exception):
    pass


class PulledPlug(Silent):
    """Ends the run abruptly at a step."""

    def __init__(self, step: int) -> None:
        self._step = step

    def at(self, share: float, text: str) -> None:  # noqa: ARG002 - the port has it
        if text.startswith(f"step {self._step} "):
            raise StopAfterError


class Tiny(torch.nn.Module):
    """The least that learns brightness; it has a normalisation, whose state must be kept too."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 5, stride=8)
        self.norm = torch.nn.BatchNorm2d(4)
        self.head = torch.nn.Linear(4, 6)

    def forward(
        self, x: "torch.Tensor"
    ) -> "tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]":
        features = torch.relu(self.norm(self.conv(x / 255))).mean(dim=(2, 3)).float()
        out = self.head(features).float()
        return out[:, :3], out[:, 3:].tanh(), torch.zeros_like(out[:, :3]), features


@pytest.fixture(scope="module", autouse=True)
def _tiny_network() -> Iterator[None]:
    tiny = Network("tiny", "Tiny", Tiny, left_out=())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "networks", lambda: {"tiny": tiny})
        yield


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return parse_recipe(RECIPE)


@pytest.fixture(scope="module")
def cores(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> CoreSets:
    cache = tmp_path_factory.mktemp("cache")
    return core_sets(recipe.cores, cache, report=Silent(), make=FakeCore)


@pytest.fixture(scope="module")
def finished(
    recipe: Recipe, cores: CoreSets, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[float]]:
    heard = Losses()
    out = tmp_path_factory.mktemp("run")
    return train(Assignment(recipe, RECIPE, cores, out), report=heard), heard.losses


class Losses(Silent):
    """Keeps the running mean of the loss after each step."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def at(self, share: float, text: str) -> None:  # noqa: ARG002 - the port has it
        self.losses.append(float(text.split("loss")[1].split(maxsplit=1)[0]))


class Notes(Silent):
    """Keeps what stays on the screen."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_ten_steps_lower_the_loss(finished: tuple[Path, list[float]]) -> None:
    means = finished[1]

    last = 10 * means[9] - 9 * means[8]

    assert len(means) == 10
    assert last < means[0]


def test_a_run_cut_short_resumes_to_the_very_same_weights(
    finished: tuple[Path, list[float]], recipe: Recipe, cores: CoreSets, tmp_path: Path
) -> None:
    with pytest.raises(StopAfterError):
        train(Assignment(recipe, RECIPE, cores, tmp_path), report=PulledPlug(7))

    train(Assignment(recipe, RECIPE, cores, tmp_path), report=Silent(), resume=True)

    whole = checkpoint.read(finished[0].with_name(checkpoint.LAST))
    resumed = checkpoint.read(tmp_path / checkpoint.LAST)
    assert whole["step"] == resumed["step"] == 10
    for key, value in whole["state_dict"].items():
        assert torch.equal(value, resumed["state_dict"][key]), key
    for key, value in whole["running_mean"].items():
        assert torch.equal(value, resumed["running_mean"][key]), key


def test_the_same_recipe_gives_the_same_network(
    finished: tuple[Path, list[float]], recipe: Recipe, cores: CoreSets, tmp_path: Path
) -> None:
    again = train(Assignment(recipe, RECIPE, cores, tmp_path), report=Silent())

    one, other = (checkpoint.read(path)["state_dict"] for path in (finished[0], again))
    for key, value in one.items():
        assert torch.equal(value, other[key]), key


def test_the_kept_weights_are_the_running_mean_with_statistics_of_whole_tiles(
    recipe: Recipe, cores: CoreSets, tmp_path: Path
) -> None:
    cropped = replace(recipe, crop_px=64, crop_until=0.8, average_decay=0.9)

    train(Assignment(cropped, RECIPE, cores, tmp_path), report=Silent())

    best, last = (checkpoint.read(tmp_path / n) for n in (checkpoint.BEST, checkpoint.LAST))
    assert best["step"] == last["step"] == 10
    for key, value in last["running_mean"].items():
        assert torch.equal(best["state_dict"][key], value), key
        assert not torch.equal(last["state_dict"][key], value), key
    key = "norm.running_mean"
    assert not torch.equal(best["state_dict"][key], last["state_dict"][key])


def test_a_run_stops_early_when_validation_gets_no_better(
    recipe: Recipe, cores: CoreSets, tmp_path: Path
) -> None:
    # Nothing is learned at such a rate, so that no later look beats the first by much.
    stuck = replace(
        recipe, steps=1_000, validate_every=1, patience=3, learning_rate=1e-12, look_every_slice=1
    )

    train(Assignment(stuck, RECIPE, cores, tmp_path), report=Silent())

    assert checkpoint.read(tmp_path / checkpoint.LAST)["step"] < 1_000


def test_the_means_may_learn_from_what_is_expected_of_the_log(
    recipe: Recipe, cores: CoreSets, tmp_path: Path
) -> None:
    taught = replace(recipe, learn_from="expected")

    path = train(Assignment(taught, RECIPE, cores, tmp_path), report=Silent())

    content = checkpoint.read(path)
    assert "which only generated cores know" in content["data"]["sentence"]


def test_a_run_starts_from_public_weights(recipe: Recipe, cores: CoreSets, tmp_path: Path) -> None:
    torch.manual_seed(9)
    public = Tiny().state_dict()
    torch.save(public, tmp_path / "public.pt")
    heard = Notes()
    frozen = replace(
        recipe, steps=1, learning_rate=1e-12, public_weights=str(tmp_path / "public.pt")
    )

    train(Assignment(frozen, RECIPE, cores, tmp_path / "run"), report=heard)

    last = checkpoint.read(tmp_path / "run" / checkpoint.LAST)
    torch.testing.assert_close(last["state_dict"]["conv.weight"], public["conv.weight"])
    took = f"took {len(public)} of {len(public)} tensors; begun at random: nothing"
    assert any(took in note for note in heard.notes)


def test_a_device_that_is_not_there_is_named(
    recipe: Recipe, cores: CoreSets, tmp_path: Path
) -> None:
    if torch.cuda.is_available():
        pytest.skip("needs a machine without CUDA")

    with pytest.raises(SettingsError, match="expected a CUDA device"):
        train(Assignment(replace(recipe, device="cuda"), RECIPE, cores, tmp_path), report=Silent())


def test_a_run_does_not_resume_under_another_recipe(
    finished: tuple[Path, list[float]], recipe: Recipe, cores: CoreSets
) -> None:
    other = replace(recipe, learning_rate=2e-2)

    with pytest.raises(SettingsError, match="expected the recipe"):
        train(Assignment(other, RECIPE, cores, finished[0].parent), report=Silent(), resume=True)


def test_nothing_to_resume_is_said_and_nothing_is_trained(
    recipe: Recipe, cores: CoreSets, tmp_path: Path
) -> None:
    with pytest.raises(BundleError, match="no such file"):
        train(Assignment(recipe, RECIPE, cores, tmp_path), report=Silent(), resume=True)


def test_the_run_ends_with_the_budget_and_the_learning_rate_near_zero(
    recipe: Recipe, cores: CoreSets, tmp_path: Path
) -> None:
    minutes = iter(float(60 * i) for i in range(100))
    bounded = replace(recipe, steps=1_000_000, budget_min=4, validate_every=1_000)

    train(
        Assignment(bounded, RECIPE, cores, tmp_path), report=Silent(), clock=lambda: next(minutes)
    )

    last = checkpoint.read(tmp_path / checkpoint.LAST)
    assert last["step"] == 4
    (rate,) = {group["lr"] for group in last["optimiser"]["param_groups"]}
    assert rate < 0.2 * bounded.learning_rate


class Clock:
    """Seconds that pass only when somebody looks, a few at a time."""

    def __init__(self, step_s: float) -> None:
        self.now_s, self.step_s = 0.0, step_s

    def __call__(self) -> float:
        self.now_s += self.step_s
        return self.now_s


def test_reading_ends_with_the_budget_of_the_whole_command(recipe: Recipe, tmp_path: Path) -> None:
    budget = Budget(1.0, 0.0, Clock(step_s=25.0))

    with pytest.raises(SettingsError, match=r"budget of 1 min is used up at .* of 5 made"):
        core_sets(recipe.cores, tmp_path, report=budget.watched(Silent()), make=FakeCore)

    made = [path for path in tmp_path.rglob("*") if path.suffix == ".npz"]
    assert made, "what was made stays in the cache"


def test_training_gets_what_reading_and_judging_leave_of_the_budget(
    recipe: Recipe, cores: CoreSets, tmp_path: Path
) -> None:
    clock = Clock(step_s=0.0)
    clock.now_s = 120.0
    task = Assignment(replace(recipe, budget_min=5), RECIPE, cores, tmp_path)
    heard = Notes()

    left = Budget(5.0, 0.0, clock).within(task, heard)

    assert left.recipe.budget_min == pytest.approx(3.0)
    assert left.baselines is not None
    assert any("3.0 of 5 min" in note for note in heard.notes)
    with pytest.raises(SettingsError, match="leaves time for training"):
        Budget(2.0, 0.0, clock).within(task, Silent())
    assert Budget(0.0, 0.0, clock).within(task, Silent()) is task


def test_baselines_known_before_the_training_are_those_that_come_after_it(
    finished: tuple[Path, list[float]], cores: CoreSets
) -> None:
    metrics = checkpoint.read(finished[0])["metrics"]

    before = baseline_figures(cores)

    assert before == {name: metrics[name] for name in before}
    assert "test_baseline_ridge_on_colour" in before


def without_vp(cores: CoreSets) -> CoreSets:
    def of(tiles: TileSet) -> TileSet:
        kept = []
        for core in tiles.cores:
            labels, visible = core.labels.copy(), core.visible.copy()
            labels[:, 1] = visible[:, 1] = math.nan
            kept.append(replace(core, labels=labels, visible=visible))
        return TileSet(kept)

    return CoreSets(of(cores.training), of(cores.validation), of(cores.test))


def test_cores_without_velocity_train_a_network_of_density_and_susceptibility(
    recipe: Recipe, cores: CoreSets, tmp_path: Path
) -> None:
    heard = Losses()

    path = train(Assignment(recipe, RECIPE, without_vp(cores), tmp_path), report=heard)

    content = checkpoint.read(path)
    assert [output["property"] for output in content["outputs"]] == ["density", "ms"]
    assert "vp" not in content["metrics"]["interval_coverage"]["test"]
    assert all(math.isfinite(loss) for loss in heard.losses)
    whole = Tiny()
    whole.load_state_dict(content["state_dict"])
    x = torch.rand(3, 3, 200, 200) * 255
    with torch.inference_mode():
        answers = checkpoint.trained_network(content)(x)
        all_three = whole.eval()(x)
    for answer, three in zip(answers[:3], all_three[:3], strict=True):
        assert torch.equal(answer, three[:, [0, 2]])
    assert torch.equal(answers[3], all_three[3])


def test_the_checkpoint_holds_what_a_bundle_needs(finished: tuple[Path, list[float]]) -> None:
    content = checkpoint.read(finished[0])

    assert [one["property"] for one in content["outputs"]] == ["density", "vp", "ms"]
    assert [one["is_log10"] for one in content["outputs"]] == [False, False, True]
    for one in content["outputs"]:
        assert one["spread"] > 0
        assert one["interval_factor"] > 0
        assert one["interval_floor"] > 0
    assert content["data"]["trained_px_per_cm"][0] >= 40
    baselines = ("training_mean", "ridge_on_colour", "boosted_on_colour")
    for name in ("test", "test_slice_values", *(f"test_baseline_{one}" for one in baselines)):
        assert {"r2", "rmse", "mae", "bias"} <= set(content["metrics"][name]["vp"])
    assert content["metrics"]["visible_share"]["test"]["density"] == pytest.approx(1)
    assert set(content["metrics"]["interval_coverage"]) == {"validation", "test"}
    x = torch.zeros(2, 3, 200, 200)
    mean, *_ = checkpoint.trained_network(content)(x)
    assert torch.isfinite(mean).all()


def test_the_scaling_knows_the_training_cores_alone(
    finished: tuple[Path, list[float]], cores: CoreSets
) -> None:
    expected = fit_scaling(cores.training.labels)
    everything = fit_scaling(
        np.concatenate([cores.training.labels, cores.validation.labels, cores.test.labels])
    )

    got = [one["centre"] for one in checkpoint.read(finished[0])["outputs"]]

    np.testing.assert_array_equal(got, expected.centre)
    assert not np.allclose(got, everything.centre, rtol=1e-6)


def test_no_core_is_in_two_sets(cores: CoreSets) -> None:
    with pytest.raises(ValueError, match="one set only"):
        CoreSets(cores.training, cores.validation, cores.training)


def test_cores_come_from_the_cache_the_second_time(recipe: Recipe, tmp_path: Path) -> None:
    first = core_sets(recipe.cores, tmp_path, report=Silent(), make=FakeCore)

    def no_core(seed: int, cores: CoreSet) -> FakeCore:
        raise AssertionError(f"core {seed} of {cores} was made again")

    again = core_sets(recipe.cores, tmp_path, report=Silent(), make=no_core)

    everything = np.arange(len(first.test))
    np.testing.assert_array_equal(first.test.pixels(everything), again.test.pixels(everything))
    np.testing.assert_array_equal(first.test.labels, again.test.labels)


def test_more_training_cores_leave_the_other_sets_as_they_are(
    recipe: Recipe, cores: CoreSets, tmp_path: Path
) -> None:
    more = replace(recipe.cores, training=4)

    got = core_sets(more, tmp_path, report=Silent(), make=FakeCore)

    assert len(got.training.cores) == 4
    assert [c.seed for c in got.test.cores] == [c.seed for c in cores.test.cores]
    np.testing.assert_array_equal(got.validation.labels, cores.validation.labels)


def test_held_out_cores_may_keep_fewer_tiles_of_a_slice(recipe: Recipe, cores: CoreSets) -> None:
    held_out = recipe.cores.tiles_per_slice_held_out

    for tiles, most in ((cores.training, 2), (cores.validation, held_out), (cores.test, held_out)):
        for core in tiles.cores:
            assert np.bincount(core.slice_index).max() == most


def test_a_tile_carries_the_log_of_its_own_centimetre(cores: CoreSets) -> None:
    for core in cores.training.cores:
        for pixels, index in zip(core.pixels, core.slice_index, strict=True):
            density = core.visible[index, 0]
            assert pixels.mean() == pytest.approx(100 * density, abs=1.5)


def test_a_run_that_diverges_ends_and_says_so(cores: CoreSets, tmp_path: Path) -> None:
    wild = RECIPE.replace("learning_rate = 1e-2", "learning_rate = 1e30")
    with pytest.raises(SettingsError, match=r"expected a finite loss at step .*diverged"):
        train(Assignment(parse_recipe(wild), wild, cores, tmp_path), report=Silent())


def test_weights_that_cannot_be_scored_do_not_take_the_place_of_scored_ones(
    cores: CoreSets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = iter([{"density": {"r2": 0.5}}, {"density": {}}])
    monkeypatch.setattr("downcore_training.fitting.validation.score", lambda *_: next(figures))

    train(Assignment(parse_recipe(RECIPE), RECIPE, cores, tmp_path), report=Silent())
    assert checkpoint.read(tmp_path / checkpoint.BEST)["step"] == 5
    assert checkpoint.read(tmp_path / checkpoint.LAST)["best_score"] == 0.5
