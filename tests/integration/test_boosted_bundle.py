"""The boosted colour model from made-up cores to a bundle that a device runs."""

import functools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from silent import Silent

from downcore.inference import load_bundle, start_predictor

torch = pytest.importorskip("torch", reason="needs the extra [training]")

# Only where torch is installed can the lab be imported.
from downcore.strata.errors import SettingsError  # noqa: E402 - see above
from downcore_export.bundling import write_bundle  # noqa: E402 - see above
from downcore_export.source import read_source  # noqa: E402 - see above
from downcore_training.boosted import fitting  # noqa: E402 - see above
from downcore_training.datasets import CoreSets, CoreTiles, TileSet  # noqa: E402 - see above
from downcore_training.fitting.checkpoint import read, trained_network  # noqa: E402 - see above
from downcore_training.fitting.lesson import Assignment  # noqa: E402 - see above
from downcore_training.recipe import parse_recipe  # noqa: E402 - see above

pytestmark = pytest.mark.timeout(900)

RECIPE = """
network = "boosted-colour"
seed = 3
threads = 1
precision = "f32"
[cores]
training = 6
validation = 2
test = 2
"""


def core(seed: int, n_slices: int = 20) -> CoreTiles:
    """Return a core whose lightness tells the density and whose grain tells the rest."""
    rng = np.random.default_rng(seed)
    told = rng.normal(size=(n_slices, 2))
    grain = rng.normal(size=(n_slices, 200, 200, 1)) * (8 + 3 * told[:, 1, None, None, None])
    base = np.array([130, 120, 95]) + 20 * told[:, 0, None, None, None]
    pixels = np.clip(base + grain, 0, 255).astype(np.uint8)
    labels = np.stack([1.5 + 0.2 * told[:, 0], 1550 + 40 * told[:, 1], 1.2 + 0.3 * told[:, 1]], 1)
    return CoreTiles(
        seed=seed,
        px_per_cm=140.0,
        pixels=pixels,
        slice_index=np.arange(n_slices),
        labels=labels + rng.normal(0, 0.01, labels.shape),
        visible=labels,
        colour=np.zeros((n_slices, 6)),
    )


@functools.cache
def sets() -> CoreSets:
    return CoreSets(
        training=TileSet([core(i) for i in range(6)]),
        validation=TileSet([core(100 + i) for i in range(2)]),
        test=TileSet([core(200 + i) for i in range(2)]),
    )


@pytest.fixture(scope="module", autouse=True)
def few_trees() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "N_TREES", 60)
        patch.setattr(fitting, "N_SPREAD_TREES", 10)
        patch.setattr(fitting, "N_FOLDS", 2)
        patch.setenv("SOURCE_DATE_EPOCH", "1767225600")
        yield


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    task = Assignment(parse_recipe(RECIPE), RECIPE, sets(), tmp_path_factory.mktemp("boosted"))
    return fitting.fit(task, report=Silent())


@pytest.fixture(scope="module")
def bundle_folder(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("export") / "boosted-colour"
    write_bundle(read_source(checkpoint), sets(), out, report=Silent())
    return out


def outputs_of(checkpoint: Path, tiles: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    module = trained_network(read(checkpoint))
    with torch.inference_mode():
        answers = module(torch.from_numpy(tiles).permute(0, 3, 1, 2).float())
    return [one.numpy() for one in answers]


def test_what_can_be_seen_is_learned(checkpoint: Path) -> None:
    test = read(checkpoint)["metrics"]["test"]
    # Few and shallow trees only tell high from low.
    assert test["density"]["r"] > 0.5, "lightness tells the density"
    assert test["vp"]["r"] > 0.5, "grain tells the velocity"


def test_a_device_accepts_the_bundle_and_its_golden_test(bundle_folder: Path) -> None:
    bundle = load_bundle(bundle_folder)
    assert bundle.manifest.network == "boosted-colour"
    assert bundle.manifest.precision == "f32", "a rounded threshold is another tree"
    with start_predictor(bundle, n_threads=1) as running:
        (got,) = running.predict([bundle.golden.tiles])
    assert np.isfinite(got.mean).all()
    assert (got.within_sd >= 0).all()


def test_the_graph_computes_what_the_module_computes(checkpoint: Path, bundle_folder: Path) -> None:
    tiles = np.concatenate([sets().test.pixels(np.arange(12)), _noise()])
    want = outputs_of(checkpoint, tiles)
    bundle = load_bundle(bundle_folder)
    with start_predictor(bundle, n_threads=1) as running:
        got = running.predict([tiles])[0]
    centre = np.array([one.centre for one in bundle.manifest.outputs])
    spread = np.array([one.spread for one in bundle.manifest.outputs])
    near = np.abs((got.mean - centre) / spread - want[0]) < 1e-4
    # A feature within its rounding of a threshold may go the other way in one tree of many.
    assert near.mean() > 0.9, "nearly all values are the same"
    np.testing.assert_allclose((got.mean - centre) / spread, want[0], atol=0.02)
    np.testing.assert_allclose(np.log(got.sd / spread), want[1], atol=0.1)
    np.testing.assert_allclose(got.within_sd / spread, want[2], atol=1e-3)


def test_a_slice_is_predicted_alone_as_in_company(bundle_folder: Path) -> None:
    tiles = sets().test.pixels(np.arange(7))
    with start_predictor(load_bundle(bundle_folder), n_threads=1) as running:
        together = running.predict([tiles[:3], tiles[3:4], tiles[4:]])
        alone = [running.predict([part])[0] for part in (tiles[:3], tiles[3:4], tiles[4:])]
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_array_equal(one.mean, other.mean)
        np.testing.assert_array_equal(one.sd, other.sd)


def test_another_precision_is_refused(tmp_path: Path) -> None:
    text = RECIPE.replace('"f32"', '"bf16"')
    task = Assignment(parse_recipe(text), text, sets(), tmp_path)
    with pytest.raises(SettingsError, match=r'precision = "f32"'):
        fitting.fit(task, report=Silent())


def _noise() -> NDArray[np.uint8]:
    return np.random.default_rng(9).integers(0, 256, (4, 200, 200, 3), np.uint8)
