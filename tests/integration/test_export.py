"""From a checkpoint to a bundle that a device accepts, with a small network."""

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from silent import Silent

from downcore.inference import load_bundle, start_predictor
from downcore.inference.device import computes_bf16
from downcore.strata.bundle import OutputScaling
from downcore.strata.errors import BundleError, SettingsError
from downcore.strata.properties import PROPERTIES

torch = pytest.importorskip("torch", reason="needs the extra [training]")
pytest.importorskip("nncf", reason="needs the extra [training]")

# Only where torch is installed can the lab be imported.
from downcore.learning.familiarity import (  # noqa: E402 - see above
    Familiar,
    fit_familiar,
    threshold_for,
)
from downcore_export import bundling, quantiser_selection  # noqa: E402 - see above
from downcore_export.answers import all_of, answers_of, outputs_of  # noqa: E402 - see above
from downcore_export.bench_rows import read_bench  # noqa: E402 - see above
from downcore_export.bundling import write_bundle  # noqa: E402 - see above
from downcore_export.card import rewrite_card  # noqa: E402 - see above
from downcore_export.conversion import (  # noqa: E402 - see above
    as_read,
    as_written,
    convert,
    with_corrected_outputs,
)
from downcore_export.novelty import with_novelty  # noqa: E402 - see above
from downcore_export.onnx_file import run_onnx  # noqa: E402 - see above
from downcore_export.quantisation import QUANTISERS  # noqa: E402 - see above
from downcore_export.quantisation_correction import corrected  # noqa: E402 - see above
from downcore_export.source import (  # noqa: E402 - see above
    Source,
    data_sha256,
    flat_figures,
    read_source,
)
from downcore_training.datasets import CoreSets, CoreTiles, TileSet  # noqa: E402 - see above
from downcore_training.fitting.checkpoint import frozen_state, save  # noqa: E402 - see above
from downcore_training.fitting.known_networks import network_named  # noqa: E402 - see above

pytestmark = pytest.mark.timeout(600)

CENTRE = np.array([1.6, 1550.0, 1.0])
SPREAD = np.array([0.2, 60.0, 0.5])


class Small(torch.nn.Module):
    """Colour in, values and features out; smooth enough for 8 bit."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 16, 5, stride=4, padding=2)
        self.conv2 = torch.nn.Conv2d(16, 16, 3, stride=2, padding=1)
        self.fc = torch.nn.Linear(16, 9)
        # Ordinary outputs spread like standardised targets.
        torch.nn.init.normal_(self.fc.weight[:3], std=1.2)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        y = torch.relu(self.conv2(torch.relu(self.conv1((x - 127.5) / 60))))
        features = y.mean(dim=(2, 3))
        mean, log_sd, within = self.fc(features).split(3, dim=1)
        return mean, torch.tanh(log_sd), torch.nn.functional.softplus(within), features


def core(seed: int, module: torch.nn.Module, n_slices: int = 12) -> CoreTiles:
    rng = np.random.default_rng(seed)
    base = rng.uniform(30, 220, (n_slices, 1, 1, 1, 3)) + rng.normal(
        0, 15, (n_slices, 2, 200, 200, 3)
    )
    pixels = np.clip(base, 0, 255).astype(np.uint8).reshape(-1, 200, 200, 3)
    with torch.no_grad():
        mean = module(torch.from_numpy(pixels).permute(0, 3, 1, 2).float())[0].numpy()
    labels = CENTRE + SPREAD * mean.reshape(n_slices, 2, 3).mean(axis=1)
    return CoreTiles(
        seed=seed,
        px_per_cm=140.0,
        pixels=pixels,
        slice_index=np.repeat(np.arange(n_slices), 2),
        labels=labels + rng.normal(0, 0.1, labels.shape) * SPREAD,
        visible=labels,
        colour=np.zeros((len(pixels), 6)),
    )


@pytest.fixture(scope="module", autouse=True)
def fixed_date() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", "1767225600")
        yield


@pytest.fixture(scope="module")
def source() -> Source:
    torch.manual_seed(4)
    return Source(
        module=Small().eval(),
        network="small",
        title="Small",
        outputs=tuple(
            OutputScaling(p.name, p.unit, p.is_log_scaled, float(c), float(s), 1.6, 0.01)
            for p, c, s in zip(PROPERTIES, CENTRE, SPREAD, strict=True)
        ),
        trained_px_per_cm=(60.0, 400.0),
        training_data="3 generated cores, no natural core",
        metrics={
            "test": {"density": {"r2": 0.61, "rmse": float("nan")}},
            "test_slice_values": {"vp": {"r2": 0.4321}},
            "visible_share": {"test": {"density": 0.777}},
        },
        run={"steps": 7},
        recipe='network = "small"\n',
    )


@pytest.fixture(scope="module")
def sets(source: Source) -> CoreSets:
    def some(first: int, count: int) -> TileSet:
        return TileSet([core(first + i, source.module) for i in range(count)])

    return CoreSets(training=some(0, 3), validation=some(100, 2), test=some(200, 2))


@pytest.fixture(scope="module")
def exported(source: Source, sets: CoreSets, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("export") / "small"
    written = write_bundle(
        source, sets, out, report=Silent(), quantisers=["nncf-symmetric"], with_fp32=True
    )
    assert written.folder == out
    return out


def torch_outputs(source: Source, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
    with torch.no_grad():
        answers = source.module(torch.from_numpy(tiles).permute(0, 3, 1, 2).float())
    return np.stack([one.numpy() for one in answers[:3]])


def test_a_device_accepts_what_was_exported(exported: Path) -> None:
    bundle = load_bundle(exported)
    assert bundle.manifest.precision == "int8"
    with start_predictor(bundle, n_threads=1) as running:
        (got,) = running.predict([bundle.golden.tiles])
    assert got.mean.shape == (bundling.GOLDEN_TILES, 3)


def test_the_graph_computes_what_the_module_computes(source: Source, sets: CoreSets) -> None:
    tiles = all_of(sets.validation)[:5]
    graph = as_read(*as_written(convert(source.module), is_half=False))
    np.testing.assert_allclose(outputs_of(graph, tiles), torch_outputs(source, tiles), atol=1e-4)


@pytest.mark.parametrize("name", sorted(QUANTISERS))
def test_every_quantiser_stays_near_the_module(source: Source, sets: CoreSets, name: str) -> None:
    if name == "onnxruntime":
        pytest.importorskip("onnxruntime")
    calibration = all_of(sets.training)[::2]
    graph = as_read(*as_written(QUANTISERS[name](source.module, calibration), is_half=False))
    assert any(op.get_type_name() == "FakeQuantize" for op in graph.get_ops())
    tiles = all_of(sets.validation)[:]
    moved = np.abs(outputs_of(graph, tiles)[0] - torch_outputs(source, tiles)[0])
    assert np.median(moved) < 0.1, name


def test_a_shift_and_a_gain_of_all_tiles_are_taken_back(source: Source, sets: CoreSets) -> None:
    tiles = all_of(sets.validation)[:]
    graph = convert(source.module)
    ideal = outputs_of(graph, tiles)
    one = np.ones((3, 3), np.float32)
    gains = one * np.array([[0.9], [1.0], [0.8]], np.float32)
    offsets = one * np.array([[0.15], [-0.2], [0.0]], np.float32)
    skewed = with_corrected_outputs(graph, gains, offsets)
    got = outputs_of(skewed, tiles)
    np.testing.assert_allclose(got, ideal * gains[:, None] + offsets[:, None], atol=1e-5)
    mended = as_read(*as_written(corrected(skewed, got, ideal), is_half=False))
    np.testing.assert_allclose(outputs_of(mended, tiles), ideal, atol=1e-4)


def test_a_spread_that_is_always_0_stays_0(source: Source, sets: CoreSets) -> None:
    tiles = all_of(sets.validation)[:8]
    graph = convert(source.module)
    ideal = outputs_of(graph, tiles)
    ideal[2] = 0
    zero = np.array([[1], [1], [0]], np.float32) * np.ones((3, 3), np.float32)
    flat = with_corrected_outputs(graph, zero, np.zeros_like(zero))
    mended = corrected(flat, outputs_of(flat, tiles), ideal)
    assert not outputs_of(mended, tiles)[2].any()


def test_the_manifest_records_what_8_bit_cost(exported: Path, sets: CoreSets) -> None:
    manifest = load_bundle(exported).manifest
    assert manifest.quantisation is not None
    assert manifest.quantisation.method == "nncf-symmetric"
    assert manifest.quantisation.n_checked_tiles == len(sets.test)
    assert all(0 < x <= 0.1 for x in manifest.quantisation.p95_deviation.values())
    assert all(x <= 0.01 for x in manifest.quantisation.r2_loss.values())
    assert manifest.metrics["test_as_shipped"]["density.r2"] > 0.8
    assert manifest.metrics["test"] == {"density.r2": 0.61}, "NaN is left out"


def novelty_of(features: NDArray[np.floating], familiar: Familiar) -> NDArray[np.float64]:
    """Return what a graph with ``familiar`` in it says of ``features`` (n, k), shape (n,)."""
    step = features.astype(np.float64) - familiar.centre
    along = step @ familiar.directions
    across = step - along @ familiar.directions.T
    rest = familiar.rest_weight * (across**2).sum(axis=1)
    found: NDArray[np.float64] = along**2 @ familiar.weights + rest
    return found


def test_the_novelty_in_the_graph_is_the_distance_of_its_own_features(
    source: Source, sets: CoreSets
) -> None:
    graph = convert(source.module)
    training, unseen = all_of(sets.training)[:], all_of(sets.test)[:20]
    familiar = fit_familiar(answers_of(graph, training).last)
    told = as_read(*as_written(with_novelty(graph, familiar), is_half=False))
    expected = novelty_of(answers_of(graph, unseen).last, familiar)
    got = answers_of(told, unseen)
    np.testing.assert_allclose(got.last, expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(got.outputs, outputs_of(graph, unseen), atol=1e-5)
    usual = novelty_of(answers_of(graph, training).last, familiar)
    assert 0.1 < usual.mean() < 1.05, "1, but for directions in which training tiles hardly vary"


def test_what_no_core_looks_like_is_more_novel_than_the_limit(exported: Path) -> None:
    bundle = load_bundle(exported)
    limit = bundle.manifest.novelty_threshold
    assert limit is not None
    stripes = np.zeros((2, 200, 200, 3), np.uint8)
    stripes[0, ::2], stripes[1, :, ::4] = 255, (255, 0, 255)
    with start_predictor(bundle, n_threads=1) as running:
        strange, usual = running.predict([stripes, bundle.golden.tiles])
    assert (strange.novelty > limit).all(), f"{strange.novelty} against {limit}"
    assert np.median(usual.novelty) < limit


def test_the_limit_leaves_out_the_share_of_slices_that_it_was_set_for() -> None:
    rng = np.random.default_rng(2)
    novelty = rng.gamma(3, 1, 1000)
    assert (novelty > threshold_for(novelty)).mean() == pytest.approx(0.01, abs=0.0011)
    assert threshold_for(np.array([1.0, 3.0, 2.0])) == 3.0, "too few to leave any out"
    with pytest.raises(ValueError, match="finite novelties"):
        threshold_for(np.array([1.0, np.nan]))


def test_features_that_never_vary_do_not_make_the_distance_infinite() -> None:
    rng = np.random.default_rng(3)
    features = np.concatenate([rng.normal(0, 1, (50, 4)), np.zeros((50, 3))], axis=1)
    familiar = fit_familiar(features)
    spoken = np.zeros((1, 7))
    spoken[0, 5] = 1.0
    (got,) = novelty_of(spoken, familiar)
    assert 10 < got < 1e6


def test_the_manifest_says_from_which_cores_and_recipe_it_comes(
    exported: Path, source: Source, sets: CoreSets
) -> None:
    manifest = load_bundle(exported).manifest
    assert manifest.data_sha256 == data_sha256(sets)
    assert len(set(manifest.data_sha256.values())) == 3
    assert (exported / "recipe.toml").read_text() == source.recipe
    assert manifest.recipe_sha256 == hashlib.sha256(source.recipe.encode()).hexdigest()
    assert manifest.n_novelty_tiles == len(sets.training)
    assert manifest.false_abstain_share == 0.01
    assert manifest.metrics["abstained_as_shipped"]["test"] < 0.3


def test_another_label_gives_another_digest_of_the_data(sets: CoreSets) -> None:
    one = sets.test.cores[0]
    labels = one.labels.copy()
    labels[3, 1] += 1e-9
    other = dataclasses.replace(sets, test=TileSet([dataclasses.replace(one, labels=labels)]))
    same = dataclasses.replace(sets, test=TileSet([one]))
    assert data_sha256(other)["test"] != data_sha256(same)["test"]
    assert data_sha256(other)["training"] == data_sha256(sets)["training"]


def test_the_onnx_file_runs_in_onnx_runtime_and_stays_as_near_as_it_says(exported: Path) -> None:
    pytest.importorskip("onnxruntime")
    bundle = load_bundle(exported)
    content = (exported / "model.onnx").read_bytes()
    told = bundle.manifest.onnx
    assert told is not None
    assert bundle.manifest.extra_files == {"model.onnx": hashlib.sha256(content).hexdigest()}
    moved = np.abs(run_onnx(content, bundle.golden.tiles)[0] - bundle.golden.outputs[0]).max()
    assert moved == pytest.approx(told.golden_deviation, abs=1e-6)
    assert moved < 0.3
    assert all(x <= 0.1 for x in told.p95_deviation.values())


def test_the_golden_test_without_8_bit_dot_products_is_measured_where_it_can_be(
    exported: Path,
) -> None:
    moved = load_bundle(exported).manifest.golden_deviation_without_vnni
    if moved is None:
        pytest.skip("this processor cannot be held to AVX2")
    assert moved <= bundling.GOLDEN_TOLERANCE


def test_the_card_has_the_numbers_of_the_manifest(exported: Path) -> None:
    card = (exported / "card.md").read_text()
    manifest = load_bundle(exported).manifest
    assert f"Bundle `{manifest.bundle_id}`" in card
    assert "0.777" in card, "the visible share"
    assert "nncf-symmetric" in card
    assert "| vp | 0.432 |" in card, "the score of the network on all its test cores"
    assert f"novelty of {manifest.novelty_threshold:.3g}" in card
    assert "on others nothing was measured" in card
    for digest in manifest.data_sha256.values():
        assert digest in card
    for block in card.split("\n\n"):
        if "|---" in block:
            lead = card[: card.index(block)]
            assert "generator cores" in block or "generator cores" in lead[-400:]


def bench_json(path: Path, **changes: object) -> Path:
    row = {
        "protocol": "leave one core out", "network": "small", "property": "density",
        "unit": "g/cm3", "r2": -0.37, "rmse": 0.1234, "mae": 0.1, "bias": 0.0512,
        "spearman": None, "coverage90": 0.81, "width90": 0.4, "abstained": 0.25,
        "n_slices": 812, "n_cores": 6,
    }  # fmt: skip
    rows = [{**row, "network": "ridge", "r2": 0.21}, row | changes]
    path.write_text(json.dumps({"rows": rows, "data": {"folder": "real", "cores": [{}, {}]}}))
    return path


def test_the_card_of_a_finished_bundle_takes_the_figures_of_the_bench_good_or_bad(
    exported: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(exported, tmp_path / "copy"))
    before = load_bundle(copy).manifest
    rewrite_card(copy, [read_bench(bench_json(tmp_path / "real.json"))])
    card = (copy / "card.md").read_text()
    assert load_bundle(copy).manifest == before, "the bundle and its id stay what they are"
    assert "## Bench: real, 2 cores" in card
    assert "### leave one core out" in card
    rows = [line for line in card.splitlines() if line.startswith("| density, g/cm3 |")]
    assert rows == [
        f"| density, g/cm3 | {who} | 0.123 | 0.1 | 0.0512 | - | 0.81 | 0.4 | 0.25 | 812 | 6 |"
        for who in ("ridge | 0.21", "small | -0.37")
    ]
    assert "nothing was measured" not in card.split("## Use")[0]
    rewrite_card(copy, [])
    assert (copy / "card.md").read_bytes() == (exported / "card.md").read_bytes()


@pytest.mark.parametrize(
    "changes", [{"r2": "good"}, {"property": "porosity"}, {"n_slices": None}, {"coverage90": True}]
)
def test_figures_that_are_none_of_the_bench_are_refused(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    with pytest.raises(SettingsError, match=r"JSON of 'downcore bench --json' at .*real\.json"):
        read_bench(bench_json(tmp_path / "real.json", **changes))
    with pytest.raises(SettingsError, match="got No such file"):
        read_bench(tmp_path / "none.json")


def test_the_unquantised_graph_is_kept_only_where_it_is_asked_for(exported: Path) -> None:
    reference = exported / bundling.REFERENCE_FOLDER / "model.bin"
    assert reference.stat().st_size > 2 * (exported / "model.bin").stat().st_size
    assert bundling.REFERENCE_FOLDER not in json.loads((exported / "manifest.json").read_text())


def fails_the_gate(monkeypatch: pytest.MonkeyPatch, *precisions: str) -> None:
    """Let candidates of these precisions count as too far from the trained network."""
    known = quantiser_selection._candidates

    def spoilt(*arguments: Any) -> Iterator[Any]:
        for one in known(*arguments):
            if one.precision in precisions:
                far = np.full((3, 3), 0.5, np.float32)
                graph = with_corrected_outputs(one.graph, far, far)
                yield dataclasses.replace(one, graph=graph)
            else:
                yield one

    monkeypatch.setattr(quantiser_selection, "_candidates", spoilt)
    # Not quantised at all, which is soon done; the gate never sees it as it is.
    monkeypatch.setitem(quantiser_selection.QUANTISERS, "plain", lambda module, _: convert(module))


def test_a_network_that_8_bit_moves_too_far_is_computed_in_bfloat16(
    source: Source, sets: CoreSets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not computes_bf16():
        pytest.skip("this processor has no bfloat16 to judge")
    fails_the_gate(monkeypatch, "int8")
    out = tmp_path / "half"
    write_bundle(source, sets, out, report=Silent(), quantisers=["plain"])
    bundle = load_bundle(out)
    assert bundle.manifest.precision == "bf16"
    assert bundle.manifest.quantisation is not None
    assert bundle.manifest.quantisation.method == "none"
    assert "8 bit moved the values too far" in (out / "card.md").read_text()
    with start_predictor(bundle, n_threads=1) as running:
        fast = running.raw_outputs(bundle.golden.tiles).outputs
    exact = outputs_of(bundle.model, bundle.golden.tiles)
    assert 0 < np.abs(fast - exact).max() < 0.1, "bfloat16 rounds, and little"
    monkeypatch.setattr("downcore.inference.compiling.computes_bf16", lambda: False)
    with start_predictor(bundle, n_threads=1) as running:
        slow = running.raw_outputs(bundle.golden.tiles).outputs
    np.testing.assert_allclose(slow, exact, atol=1e-5)


def test_a_network_that_bfloat16_moves_too_far_is_computed_in_32_bit(
    source: Source, sets: CoreSets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails_the_gate(monkeypatch, "int8", "bf16")
    out = tmp_path / "full"
    write_bundle(source, sets, out, report=Silent(), quantisers=["plain"])
    bundle = load_bundle(out)
    assert bundle.manifest.precision == "f16"
    start_predictor(bundle, n_threads=1).close()


def test_no_bundle_is_written_where_no_precision_stays_near_enough(
    source: Source, sets: CoreSets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails_the_gate(monkeypatch, "int8", "bf16", "f16")
    with pytest.raises(BundleError, match=r"so no bundle is written: int8, .*f16, none"):
        write_bundle(source, sets, tmp_path / "out", report=Silent(), quantisers=["plain"])
    assert list(tmp_path.iterdir()) == []


def test_the_same_checkpoint_gives_the_same_bytes(
    source: Source, sets: CoreSets, exported: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    write_bundle(source, sets, again, report=Silent(), quantisers=["nncf-symmetric"])
    for name in sorted(one.name for one in again.iterdir()):
        assert (again / name).read_bytes() == (exported / name).read_bytes(), name
    assert '"created_utc": "2026-01-01T00:00:00Z"' in (again / "manifest.json").read_text()


def test_a_filled_folder_is_left_alone(source: Source, sets: CoreSets, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("kept")
    with pytest.raises(SettingsError, match="a new or empty folder"):
        write_bundle(source, sets, tmp_path, report=Silent())
    assert (tmp_path / "precious").read_text() == "kept"


def test_a_failed_export_leaves_nothing(
    source: Source, sets: CoreSets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        write_bundle(source, sets, tmp_path / "out", report=Silent(), quantisers=[])
    assert list(tmp_path.iterdir()) == []


def test_a_finished_checkpoint_is_read(source: Source, tmp_path: Path) -> None:
    network = network_named("resnet-18")
    content = {
        "format_version": 1,
        "network": network.name,
        "recipe": 'network = "resnet-18"\n',
        "state_dict": frozen_state(network.build()),
        "outputs": [
            {
                "property": one.property,
                "unit": one.unit,
                "is_log10": one.is_log10,
                "centre": one.centre,
                "spread": one.spread,
                "interval_factor": one.interval_factor,
                "interval_floor": one.interval_floor,
            }
            for one in source.outputs
        ],
        "data": {"trained_px_per_cm": [61.0, 395.0], "sentence": "2 generated cores"},
        "metrics": {},
        "run": {"steps": 1},
    }
    path = tmp_path / "checkpoint.pt"
    save(content, path)
    got = read_source(path)
    assert (got.title, got.trained_px_per_cm) == ("ResNet-18", (61.0, 395.0))
    assert got.outputs == source.outputs
    assert not got.module.training
    del content["metrics"], content["data"]
    save(content, path)
    with pytest.raises(BundleError, match="without data, metrics: let the training end"):
        read_source(path)


def test_figures_are_flattened_by_protocol() -> None:
    nested = {"test": {"ms": {"r2": 0.5, "rmse": float("nan")}}, "shares": {"ms": 1.0}}
    assert flat_figures(nested) == {"test": {"ms.r2": 0.5}, "shares": {"ms": 1.0}}
