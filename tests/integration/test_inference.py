"""Bundles on the device, with a small real graph that is made here and needs no torch."""

import hashlib
import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from small_bundle import (
    Tiles,
    answers_of,
    some_tiles,
    write_bundle,
)

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
from downcore.strata.errors import BundleError


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
        b"".join(row.tobytes() for row in (p.mean[i], p.sd[i], p.within_sd[i], p.novelty[i]))
        for p in predictor.predict(slices)
        for i in range(len(p.mean))
    ]


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
    outputs, novelty = answers_of(load_bundle(good).model, tiles)
    mean, log_sd, within = outputs.astype(np.float64)
    np.testing.assert_allclose(got.mean, 2.0 + 0.5 * mean)
    np.testing.assert_allclose(got.sd, 0.5 * np.exp(log_sd))
    np.testing.assert_allclose(got.within_sd, 0.5 * within)
    np.testing.assert_array_equal(got.novelty, novelty)


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
        "from downcore.inference.openvino_runtime import openvino\n"
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


DROPPED = """
import gc, sys
from pathlib import Path
import numpy as np
from downcore.inference import load_bundle, start_predictor

bundle = load_bundle(Path(sys.argv[1]))
tiles = np.zeros((32, 200, 200, 3), np.uint8)
for _ in range(10):
    predictor = start_predictor(bundle)
    for slice_index in range(4):
        predictor.submit(slice_index, tiles)
    del predictor
    gc.collect()
print("alive")
"""


def test_a_predictor_dropped_at_work_does_not_take_the_process_with_it(good: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", DROPPED, str(good)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert (ran.returncode, ran.stdout.strip()) == (0, "alive"), ran.stderr


def test_the_device_is_described() -> None:
    device = describe_device()
    assert device.n_usable_cpus >= 1
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
    assert bundle.manifest.network == name.removeprefix("odp887-")
    card = (find_bundle(name) / "card.md").read_text()
    is_real = name.startswith("odp887-")
    assert ("Site 887, hole A" if is_real else "generator cores") in card
    assert bundle.manifest.saw_generated_cores_only != is_real
    tiles = bundle.golden.tiles
    with open_predictor(find_bundle(name), n_threads=2) as running:
        (together,) = running.predict([tiles])
        alone = running.predict([tile[None] for tile in tiles[::-1]])
        shuffled = np.concatenate([one.mean for one in alone[::-1]])
        np.testing.assert_array_equal(together.mean, shuffled)
        np.testing.assert_array_equal(together.sd, np.concatenate([one.sd for one in alone[::-1]]))
