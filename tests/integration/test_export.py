"""From a checkpoint to a bundle that a device accepts, with a small network."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from downcore.inference import load_bundle, start_predictor
from downcore.strata.bundle import OutputScaling
from downcore.strata.errors import BundleError, SettingsError
from downcore.strata.properties import PROPERTIES

torch = pytest.importorskip("torch", reason="needs the extra [training]")
pytest.importorskip("nncf", reason="needs the extra [training]")

# Only where torch is installed can the lab be imported.
from downcore_export import bundling, choosing  # noqa: E402 - see above
from downcore_export.bundling import write_bundle  # noqa: E402 - see above
from downcore_export.conversion import (  # noqa: E402 - see above
    as_read,
    as_written,
    convert,
    with_corrected_outputs,
)
from downcore_export.parity import corrected, outputs_of  # noqa: E402 - see above
from downcore_export.quantisation import QUANTISERS  # noqa: E402 - see above
from downcore_export.source import Source, flat_figures, read_source  # noqa: E402 - see above
from downcore_training.checkpoint import frozen_state, save  # noqa: E402 - see above
from downcore_training.datasets import CoreSets, CoreTiles, TileSet  # noqa: E402 - see above
from downcore_training.networks import network_named  # noqa: E402 - see above
from downcore_training.progress import Silent  # noqa: E402 - see above

pytestmark = pytest.mark.timeout(600)

CENTRE = np.array([1.6, 1550.0, 1.0])
SPREAD = np.array([0.2, 60.0, 0.5])


class Small(torch.nn.Module):
    """Colour in, three values out; smooth enough for 8 bit."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 16, 5, stride=4, padding=2)
        self.conv2 = torch.nn.Conv2d(16, 16, 3, stride=2, padding=1)
        self.fc = torch.nn.Linear(16, 9)
        # Ordinary outputs spread like standardised targets.
        torch.nn.init.normal_(self.fc.weight[:3], std=1.2)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        y = torch.relu(self.conv2(torch.relu(self.conv1((x - 127.5) / 60))))
        mean, log_sd, within = self.fc(y.mean(dim=(2, 3))).split(3, dim=1)
        return mean, torch.tanh(log_sd), torch.nn.functional.softplus(within)


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
            "visible_share": {"test": {"density": 0.777}},
        },
        run={"steps": 7},
        recipe='network = "small"\n',
    )


@pytest.fixture(scope="module")
def sets(source: Source) -> CoreSets:
    def some(first: int, count: int) -> TileSet:
        return TileSet([core(first + i, source.module) for i in range(count)])

    return CoreSets(training=some(0, 3), validation=some(100, 1), test=some(200, 2))


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
    return np.stack([one.numpy() for one in answers])


def test_a_device_accepts_what_was_exported(exported: Path) -> None:
    bundle = load_bundle(exported)
    assert bundle.manifest.precision == "int8"
    with start_predictor(bundle, n_threads=1) as running:
        (got,) = running.predict([bundle.golden.tiles])
    assert got.mean.shape == (bundling.GOLDEN_TILES, 3)


def test_the_graph_computes_what_the_module_computes(source: Source, sets: CoreSets) -> None:
    tiles = choosing.all_pixels(sets.validation)[:5]
    graph = as_read(*as_written(convert(source.module), is_half=False))
    np.testing.assert_allclose(outputs_of(graph, tiles), torch_outputs(source, tiles), atol=1e-4)


@pytest.mark.parametrize("name", sorted(QUANTISERS))
def test_every_quantiser_stays_near_the_module(source: Source, sets: CoreSets, name: str) -> None:
    if name == "onnxruntime":
        pytest.importorskip("onnxruntime")
    calibration = choosing.all_pixels(sets.training)[::2]
    graph = as_read(*as_written(QUANTISERS[name](source.module, calibration), is_half=False))
    assert any(op.get_type_name() == "FakeQuantize" for op in graph.get_ops())
    tiles = choosing.all_pixels(sets.validation)
    moved = np.abs(outputs_of(graph, tiles)[0] - torch_outputs(source, tiles)[0])
    assert np.median(moved) < 0.1, name


def test_a_shift_and_a_gain_of_all_tiles_are_taken_back(source: Source, sets: CoreSets) -> None:
    tiles = choosing.all_pixels(sets.validation)
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
    tiles = choosing.all_pixels(sets.validation)[:8]
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
    assert manifest.metrics["test_as_shipped"]["density.r2"] > 0.9
    assert manifest.metrics["test"] == {"density.r2": 0.61}, "NaN is left out"


def test_the_card_says_generator_cores_beside_its_numbers(exported: Path) -> None:
    card = (exported / "card.md").read_text()
    headings = [line for line in card.splitlines() if line.startswith("## Figures")]
    assert headings == ["## Figures on generator cores"]
    assert "0.777" in card, "the visible share"
    assert "No natural core was used" in card
    assert "nncf-symmetric" in card
    for block in card.split("\n\n"):
        if "|---" in block:
            lead = card[: card.index(block)]
            assert "generator cores" in block or "generator cores" in lead[-400:]


def test_the_unquantised_graph_is_kept_only_where_it_is_asked_for(exported: Path) -> None:
    reference = exported / bundling.REFERENCE_FOLDER / "model.bin"
    assert reference.stat().st_size > 2 * (exported / "model.bin").stat().st_size
    assert bundling.REFERENCE_FOLDER not in json.loads((exported / "manifest.json").read_text())


def test_a_network_that_8_bit_moves_too_far_gets_16_bit(
    source: Source, sets: CoreSets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("downcore_export.parity.MOST_P95_DEVIATION", 1e-9)
    out = tmp_path / "half"
    write_bundle(source, sets, out, report=Silent(), quantisers=["nncf-symmetric"])
    bundle = load_bundle(out)
    assert bundle.manifest.precision == "f16"
    assert bundle.manifest.quantisation is not None
    assert bundle.manifest.quantisation.method == "none"
    assert "8 bit moved the values too far" in bundle.card
    start_predictor(bundle, n_threads=1).close()


def test_the_same_checkpoint_gives_the_same_bytes(
    source: Source, sets: CoreSets, exported: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    write_bundle(source, sets, again, report=Silent(), quantisers=["nncf-symmetric"])
    for name in ("model.xml", "model.bin", "golden.npz", "card.md", "manifest.json"):
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
