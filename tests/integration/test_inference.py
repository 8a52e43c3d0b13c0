"""Bundles on the device, with a small real graph that is made here and needs no torch."""

import hashlib
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from downcore.inference import (
    BundlePredictor,
    Mode,
    describe_device,
    find_bundle,
    load_bundle,
    open_predictor,
    reference_bundles,
    start_predictor,
)
from downcore.inference._openvino import openvino
from downcore.inference.compiling import BATCH_TILES, compile_graph
from downcore.strata.bundle import OUTPUT_NAMES, Manifest, OutputScaling, manifest_text
from downcore.strata.errors import BundleError
from downcore.strata.properties import PROPERTIES

ops = openvino.opset13
Tiles = NDArray[np.uint8]
Edit = Callable[[dict[str, Any]], None]


def small_graph(*, is_int8: bool, side_px: int = 200) -> Any:
    """Return two convolutions, a mean and three outputs; 8 bit by fake quantisation."""
    rng = np.random.default_rng(5)

    def rounded(node: Any, low: float, high: float) -> Any:
        if not is_int8:
            return node
        ends = [np.float32(x) for x in (low, high, low, high)]
        return ops.fake_quantize(node, *ends, levels=256)

    tiles = ops.parameter([-1, side_px, side_px, 3], np.uint8, name="tiles")
    x = ops.transpose(ops.convert(tiles, "f32"), [0, 3, 1, 2])
    x = rounded(ops.divide(x, np.float32(255)), 0, 1)
    for n_in, n_out in ((3, 16), (16, 16)):
        weights = ops.constant(rng.normal(0, 0.3, (n_out, n_in, 3, 3)).astype(np.float32))
        x = ops.convolution(x, rounded(weights, -1, 1), [2, 2], [1, 1], [1, 1], [1, 1])
        x = rounded(ops.relu(x), 0, 4)
    x = ops.reduce_mean(x, [2, 3])
    results = []
    for name in OUTPUT_NAMES:
        weights = rng.normal(0, 1, (16, len(PROPERTIES))).astype(np.float32)
        out = ops.matmul(x, weights, transpose_a=False, transpose_b=False)
        out = ops.softplus(out) if name == "within_sd" else out
        out.output(0).set_names({name})
        results.append(ops.result(out))
    graph = openvino.Model(results, [tiles], "small")
    graph.inputs[0].set_names({"tiles"})
    return graph


def some_tiles(n: int, seed: int = 1) -> Tiles:
    rng = np.random.default_rng(seed)
    base = rng.uniform(30, 200, (n, 1, 1, 3)) + rng.normal(0, 25, (n, 200, 200, 3))
    return np.clip(base, 0, 255).astype(np.uint8)


def outputs_of(graph: Any, tiles: Tiles) -> NDArray[np.float32]:
    compiled = compile_graph(graph, n_threads=1)
    padded = np.zeros((BATCH_TILES, 200, 200, 3), np.uint8)
    padded[: len(tiles)] = tiles
    answers = compiled(padded)
    return np.stack([answers[name][: len(tiles)] for name in OUTPUT_NAMES])


def write_bundle(folder: Path, *, is_int8: bool = True, side_px: int = 200) -> Path:
    folder.mkdir()
    graph = small_graph(is_int8=is_int8, side_px=side_px)
    openvino.save_model(graph, folder / "model.xml", compress_to_fp16=False)
    tiles = some_tiles(3)
    outputs = (
        outputs_of(openvino.Core().read_model(folder / "model.xml"), tiles)
        if side_px == 200
        else np.zeros((3, 3, 3), np.float32)
    )
    np.savez(folder / "golden.npz", tiles=tiles, **dict(zip(OUTPUT_NAMES, outputs, strict=True)))
    (folder / "card.md").write_text("Small.")
    manifest = Manifest(
        network="small",
        title="Small",
        created_utc="2026-01-01T00:00:00Z",
        precision="int8" if is_int8 else "f32",
        files={},
        outputs=tuple(
            OutputScaling(p.name, p.unit, p.is_log_scaled, 2.0, 0.5, 1.6, 0.1) for p in PROPERTIES
        ),
        trained_px_per_cm=(60.0, 400.0),
        golden_tolerance=0.01,
        training_data="nothing",
        bundle_id="",
    )
    (folder / "manifest.json").write_text(manifest_text(manifest))
    sign(folder)
    return folder


def sign(folder: Path) -> None:
    """Write the digests of the files as they are now."""
    names = ("model.xml", "model.bin", "golden.npz", "card.md")

    def with_digests(raw: dict[str, Any]) -> None:
        raw["files"] = {n: hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in names}

    edit(folder, with_digests)


def edit(folder: Path, change: Edit) -> None:
    path = folder / "manifest.json"
    raw = json.loads(path.read_text())
    change(raw)
    path.write_text(json.dumps(raw))


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("bundles") / "good")


@pytest.fixture
def copy(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "copy"))


@pytest.fixture(scope="module")
def predictor(good: Path) -> BundlePredictor:
    return start_predictor(load_bundle(good), n_threads=2)


def bits(predictor: BundlePredictor, slices: list[Tiles]) -> list[bytes]:
    return [
        b"".join(row.tobytes() for row in (p.mean[i], p.sd[i], p.within_sd[i]))
        for p in predictor.predict(slices)
        for i in range(len(p.mean))
    ]


# A bundle that is not what it says is refused


def test_a_good_bundle_loads_and_passes_its_golden_test(good: Path) -> None:
    bundle = load_bundle(good)
    with start_predictor(bundle, n_threads=1) as running:
        assert running.manifest.bundle_id == bundle.manifest.bundle_id
        assert len(running.manifest.bundle_id) == 16
    assert bundle.card == "Small."


@pytest.mark.parametrize("name", ["model.xml", "model.bin", "golden.npz", "card.md"])
def test_one_flipped_bit_in_any_file_is_refused(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(BundleError, match=rf"{name} with SHA-256 .*damaged or was changed"):
        load_bundle(copy)


@pytest.mark.parametrize(
    "name", ["manifest.json", "model.xml", "model.bin", "golden.npz", "card.md"]
)
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(BundleError, match=f"{name}, got: No such file"):
        load_bundle(copy)


def test_a_folder_in_the_place_of_a_file_is_refused(copy: Path) -> None:
    (copy / "model.bin").unlink()
    (copy / "model.bin").mkdir()
    with pytest.raises(BundleError, match=r"model\.bin, got: Is a directory"):
        load_bundle(copy)


def test_a_manifest_beyond_the_limit_is_not_parsed(copy: Path) -> None:
    (copy / "manifest.json").write_bytes(b" " * (1 << 21))
    with pytest.raises(BundleError, match="at most 1048576 bytes"):
        load_bundle(copy)


def test_another_format_version_is_refused(copy: Path) -> None:
    edit(copy, lambda raw: raw.update(format_version=99))
    with pytest.raises(BundleError, match=r"manifest\.json: expected bundle format 1, got 99"):
        load_bundle(copy)


def test_another_input_shape_is_refused(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "small", side_px=192)
    with pytest.raises(BundleError, match=r"tiles u8\[\?,200,200,3\].*tiles u8\[\?,192,192,3\]"):
        load_bundle(folder)


def test_an_unquantised_graph_in_the_place_of_an_8_bit_one_is_refused(
    copy: Path, tmp_path: Path
) -> None:
    plain = write_bundle(tmp_path / "plain", is_int8=False)
    for name in ("model.xml", "model.bin"):
        shutil.copy(plain / name, copy / name)
    with pytest.raises(BundleError, match="SHA-256"):
        load_bundle(copy)
    sign(copy)
    with pytest.raises(BundleError, match="precision int8, got one that is not quantised"):
        load_bundle(copy)


def test_outputs_of_another_number_of_properties_are_refused(copy: Path) -> None:
    edit(copy, lambda raw: raw["outputs"].pop())
    with pytest.raises(BundleError, match=r"mean f32\[\?,2\].*mean f32\[\?,3\]"):
        load_bundle(copy)


def test_a_graph_that_openvino_cannot_read_is_refused(copy: Path) -> None:
    (copy / "model.xml").write_text("<net/>")
    sign(copy)
    with pytest.raises(BundleError, match="expected a graph"):
        load_bundle(copy)


def test_a_golden_file_with_pickles_is_refused(copy: Path) -> None:
    np.savez(copy / "golden.npz", tiles=np.array([{}], object))
    sign(copy)
    with pytest.raises(BundleError, match="expected golden tiles"):
        load_bundle(copy)


def test_a_golden_mismatch_refuses_the_bundle(copy: Path) -> None:
    with np.load(copy / "golden.npz") as arrays:
        content = dict(arrays)
    content["mean"][1, 2] += 0.011
    np.savez(copy / "golden.npz", **content)
    sign(copy)
    with pytest.raises(BundleError, match=r"within 0\.01 standard deviations, got 0\.011"):
        start_predictor(load_bundle(copy), n_threads=1)


def test_files_that_the_manifest_does_not_name_are_never_opened(copy: Path) -> None:
    (copy / "note.txt").mkdir()
    load_bundle(copy)


# The numbers of a tile depend on the tile alone


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("n_threads", [1, 2])
def test_a_tile_has_the_same_bits_alone_and_in_any_company(
    good: Path, mode: Mode, n_threads: int
) -> None:
    tiles = some_tiles(11, seed=2)
    with start_predictor(load_bundle(good), n_threads=1) as alone:
        expected = [bits(alone, [tiles[i : i + 1]])[0] for i in range(len(tiles))]
    with start_predictor(load_bundle(good), n_threads=n_threads, mode=mode) as running:
        rng = np.random.default_rng(3)
        for _ in range(5):
            order = rng.permutation(len(tiles))
            cuts = np.sort(rng.integers(0, len(tiles) + 1, 3)).tolist()
            spans = itertools.pairwise([0, *cuts, len(tiles)])
            got = bits(running, [tiles[order[a:b]] for a, b in spans])
            assert got == [expected[i] for i in order], f"{mode}, cut at {cuts}"


def test_values_are_in_units(predictor: BundlePredictor, good: Path) -> None:
    tiles = some_tiles(2, seed=4)
    (got,) = predictor.predict([tiles])
    mean, log_sd, within = outputs_of(load_bundle(good).model, tiles).astype(np.float64)
    np.testing.assert_allclose(got.mean, 2.0 + 0.5 * mean)
    np.testing.assert_allclose(got.sd, 0.5 * np.exp(log_sd))
    np.testing.assert_allclose(got.within_sd, 0.5 * within)


# Results come back in the order of submission


@pytest.mark.parametrize("mode", list(Mode))
def test_results_come_in_the_order_of_submission(good: Path, mode: Mode) -> None:
    tiles = some_tiles(39, seed=6)
    sizes = [3, 0, 1, 8, 5, 2, 4, 9, 0, 7]
    with start_predictor(load_bundle(good), n_threads=2, mode=mode) as running:
        (expected,) = running.predict([tiles])
        got, first = [], 0
        for tag, size in enumerate(sizes):
            running.submit(tag, tiles[first : first + size])
            first += size
            got += running.collect(wait=False)
        got += running.collect(wait=True)
        assert running.collect(wait=True) == [], "nothing is given twice"
    assert [tag for tag, _ in got] == list(range(len(sizes)))
    assert [len(one.mean) for _, one in got] == sizes
    np.testing.assert_array_equal(np.concatenate([one.mean for _, one in got]), expected.mean)


def test_the_caller_may_reuse_its_memory_at_once(predictor: BundlePredictor) -> None:
    tiles = some_tiles(4, seed=7)
    (expected,) = predictor.predict([tiles])
    scratch = tiles.copy()
    predictor.mode = Mode.BACKLOG
    predictor.submit("a", scratch[:3])
    scratch[:] = 0
    ((_, got),) = predictor.collect(wait=True)
    predictor.mode = Mode.LIVE
    np.testing.assert_array_equal(got.mean, expected.mean[:3])


def test_predict_does_not_swallow_what_was_submitted(predictor: BundlePredictor) -> None:
    predictor.submit("waiting", some_tiles(1))
    with pytest.raises(RuntimeError, match="collected first, got 1"):
        predictor.predict([])
    assert [tag for tag, _ in predictor.collect(wait=True)] == ["waiting"]


@pytest.mark.parametrize(
    "tiles", [np.zeros((1, 200, 200, 3), np.float32), np.zeros((1, 100, 200, 3), np.uint8)]
)
def test_tiles_of_another_kind_are_refused(predictor: BundlePredictor, tiles: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match="expected u8 tiles"):
        predictor.submit(None, tiles)


# The cache of compiled graphs is disposable


def test_a_damaged_cache_is_survived_and_mended(good: Path, tmp_path: Path) -> None:
    bundle, tiles = load_bundle(good), [some_tiles(5, seed=8)]
    with start_predictor(bundle, n_threads=1, cache_folder=tmp_path) as running:
        expected = bits(running, tiles)
    (kept,) = tmp_path.iterdir()
    whole = kept.read_bytes()
    flipped = bytearray(whole)
    flipped[-100] ^= 1
    for damaged in (b"", whole[: len(whole) // 2], bytes(flipped), b"x" * 5000):
        kept.write_bytes(damaged)
        with start_predictor(bundle, n_threads=1, cache_folder=tmp_path) as running:
            assert bits(running, tiles) == expected
        assert kept.read_bytes()[:32] == hashlib.sha256(kept.read_bytes()[32:]).digest()


def test_a_graph_from_the_cache_gives_the_same_bits(good: Path, tmp_path: Path) -> None:
    bundle, tiles = load_bundle(good), [some_tiles(5, seed=9)]
    answers = []
    for _ in range(2):
        with start_predictor(bundle, n_threads=2, cache_folder=tmp_path) as running:
            answers.append(bits(running, tiles))
    assert answers[0] == answers[1]
    assert len(list(tmp_path.iterdir())) == 1


def test_content_that_is_whole_but_no_graph_is_compiled_anew(good: Path, tmp_path: Path) -> None:
    bundle = load_bundle(good)
    start_predictor(bundle, n_threads=1, cache_folder=tmp_path).close()
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(hashlib.sha256(b"no graph").digest() + b"no graph")
    start_predictor(bundle, n_threads=1, cache_folder=tmp_path).close()
    assert len(kept.read_bytes()) > 1000


def test_a_cache_folder_that_cannot_be_made_is_no_fault(good: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    start_predictor(load_bundle(good), n_threads=1, cache_folder=tmp_path / "file" / "x").close()


# OpenVINO is quiet


def test_importing_openvino_through_the_shim_asks_the_network_nothing() -> None:
    code = (
        "import socket, sys\n"
        "def asked(*_): raise SystemExit('asked the network')\n"
        "socket.getaddrinfo = socket.gethostbyname = socket.create_connection = asked\n"
        "from downcore.inference._openvino import openvino\n"
        "assert sys.modules['openvino_telemetry'] is None\n"
        "assert not any(n.startswith('openvino_telemetry.') for n in sys.modules)\n"
        "assert 'torch' not in sys.modules\n"
        "print(openvino.Core().available_devices)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "CPU" in done.stdout


def test_the_device_is_described() -> None:
    device = describe_device()
    assert device.n_usable_cores >= 1
    assert device.openvino_version.startswith("20")
    assert device.processor


# Bundles that come with downcore


def test_an_unknown_bundle_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="expected a bundle, got"):
        find_bundle(str(tmp_path / "nothing"))


def test_a_folder_is_a_bundle(good: Path) -> None:
    assert find_bundle(str(good)) == good


@pytest.mark.parametrize("name", sorted(reference_bundles()))
def test_a_reference_bundle_runs_and_says_what_it_was_trained_on(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    bundle = load_bundle(find_bundle(name))
    assert bundle.manifest.network == name
    assert "generator cores" in bundle.card
    tiles = bundle.golden.tiles
    with open_predictor(find_bundle(name), n_threads=2) as running:
        (together,) = running.predict([tiles])
        alone = running.predict([tile[None] for tile in tiles[::-1]])
        shuffled = np.concatenate([one.mean for one in alone[::-1]])
        np.testing.assert_array_equal(together.mean, shuffled)
        np.testing.assert_array_equal(together.sd, np.concatenate([one.sd for one in alone[::-1]]))
