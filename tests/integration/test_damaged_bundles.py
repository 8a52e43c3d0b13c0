"""A bundle that is not what it says is refused on the device, with the reason."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_bundle import (
    FILES,
    answers_of,
    edit,
    ops,
    read_graph,
    save_graph,
    sign,
    small_graph,
    some_tiles,
    write_bundle,
)
from typer.testing import CliRunner

from downcore.cli import app
from downcore.inference import load_bundle, start_predictor
from downcore.inference.openvino_runtime import openvino
from downcore.strata.bundle import OUTPUT_NAMES
from downcore.strata.errors import BundleError


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("bundles") / "good")


@pytest.fixture
def copy(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "copy"))


def start(folder: Path) -> None:
    start_predictor(load_bundle(folder), n_threads=1).close()


def test_a_good_bundle_loads_and_passes_its_golden_test(good: Path) -> None:
    bundle = load_bundle(good)
    with start_predictor(bundle, n_threads=1) as running:
        assert running.manifest.bundle_id == bundle.manifest.bundle_id
        assert len(running.manifest.bundle_id) == 16


@pytest.mark.parametrize("name", FILES)
def test_one_flipped_bit_in_any_file_is_refused(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(BundleError, match=rf"{name} with SHA-256 .*damaged or was changed"):
        load_bundle(copy)


@pytest.mark.parametrize("name", ["manifest.json", *FILES])
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


def test_a_manifest_of_a_newer_format_is_refused(copy: Path) -> None:
    edit(copy, lambda raw: raw.update(format_version=3))
    with pytest.raises(
        BundleError, match=r"manifest\.json: expected bundle format 2, got 3: .*newer downcore"
    ):
        load_bundle(copy)


def test_another_input_shape_is_refused(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "small", side_px=192)
    with pytest.raises(BundleError, match=r"tiles u8\[\?,200,200,3\].*tiles u8\[\?,192,192,3\]"):
        load_bundle(folder)


def test_an_unquantised_graph_in_the_place_of_an_8_bit_one_is_refused(copy: Path) -> None:
    save_graph(small_graph(is_int8=False), copy)
    with pytest.raises(BundleError, match="SHA-256"):
        load_bundle(copy)
    sign(copy)
    with pytest.raises(
        BundleError, match=r"precision int8, got one that is not quantised \(0 % of"
    ):
        load_bundle(copy)


def test_an_8_bit_graph_in_the_place_of_an_unquantised_one_is_refused(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "plain", is_int8=False)
    start(folder)
    save_graph(small_graph(is_int8=True), folder)
    sign(folder)
    with pytest.raises(BundleError, match="precision f32, got one that is quantised to 8 bit"):
        load_bundle(folder)


def test_a_graph_with_half_of_its_layers_quantised_is_refused(copy: Path) -> None:
    graph = read_graph(copy)
    first = next(op for op in graph.get_ordered_ops() if op.get_type_name() == "Convolution")
    weights = first.input_value(1).get_node()
    assert weights.get_type_name() == "FakeQuantize"
    first.input(1).replace_source_output(weights.input_value(0))
    save_graph(graph, copy)
    sign(copy)
    with pytest.raises(BundleError, match=r"quantised in part \(50 % of its convolutions\)"):
        load_bundle(copy)


def test_outputs_of_another_number_of_properties_are_refused(copy: Path) -> None:
    edit(copy, lambda raw: raw["outputs"].pop())
    with pytest.raises(BundleError, match=r"mean f32\[\?,2\].*mean f32\[\?,3\]"):
        load_bundle(copy)


def test_outputs_in_another_order_are_refused(copy: Path) -> None:
    graph = small_graph()
    results = graph.get_results()
    graph = openvino.Model(
        [results[1], results[0], *results[2:]], graph.get_parameters(), "swapped"
    )
    save_graph(graph, copy)
    sign(copy)
    with pytest.raises(BundleError, match=r"with mean f32.*got log_sd f32"):
        load_bundle(copy)


def test_outputs_with_swapped_names_fail_the_golden_test(copy: Path) -> None:
    graph = small_graph()
    first, second, *rest = graph.get_results()
    sources = [one.input_value(0).get_node() for one in (first, second)]
    for source, name in zip(sources, ("log_sd", "mean"), strict=True):
        source.output(0).set_names({name})
    graph = openvino.Model([second, first, *rest], graph.get_parameters(), "swapped")
    save_graph(graph, copy)
    sign(copy)
    with pytest.raises(BundleError, match=r"golden test within 0\.01 standard deviations, got"):
        start(copy)


def test_the_graph_of_another_network_fails_the_golden_test(copy: Path) -> None:
    save_graph(small_graph(seed=6), copy)
    sign(copy)
    with pytest.raises(BundleError, match=r"golden test within 0\.01 standard deviations, got"):
        start(copy)


def test_a_weight_that_is_no_number_is_refused(copy: Path) -> None:
    graph = read_graph(copy)
    kernels = next(
        op
        for op in graph.get_ordered_ops()
        if op.get_type_name() == "Constant" and list(op.shape) == [16, 3, 3, 3]
    )
    spoilt = kernels.data.copy()
    spoilt[7, 1, 2, 0] = np.nan
    kernels.output(0).replace(ops.constant(spoilt).output(0))
    save_graph(graph, copy)
    sign(copy)
    with pytest.raises(BundleError, match="weights that are numbers, got NaN in"):
        load_bundle(copy)


def test_weights_that_were_cut_off_are_refused_even_where_the_digest_was_renewed(
    copy: Path,
) -> None:
    content = (copy / "model.bin").read_bytes()
    (copy / "model.bin").write_bytes(content[: len(content) // 2])
    with pytest.raises(BundleError, match=r"model\.bin with SHA-256"):
        load_bundle(copy)
    sign(copy)
    with pytest.raises(BundleError, match="expected a graph that OpenVINO reads"):
        load_bundle(copy)


@pytest.mark.parametrize(
    ("key", "factor", "told"),
    [
        ("centre", 1.001, "golden value .* of vp"),
        ("spread", 1.001, "golden value .* of vp"),
        ("interval_factor", 0.5, "golden half_width .* of vp"),
        ("interval_floor", 50.0, "golden half_width .* of vp"),
    ],
)
def test_another_scaling_is_refused_however_little_it_differs(
    copy: Path, key: str, factor: float, told: str
) -> None:
    def rescaled(raw: dict[str, Any]) -> None:
        raw["outputs"][1][key] *= factor

    edit(copy, rescaled)
    with pytest.raises(BundleError, match=rf"{told}.*centre, spread, interval or threshold"):
        load_bundle(copy)


@pytest.mark.parametrize("threshold", [1e6, None])
def test_another_novelty_threshold_is_refused(copy: Path, threshold: float | None) -> None:
    edit(copy, lambda raw: raw.update(novelty_threshold=threshold))
    with pytest.raises(BundleError, match=r"golden novelty_share .* of every slice"):
        load_bundle(copy)


def test_a_novelty_that_differs_fails_the_golden_test(copy: Path) -> None:
    graph = read_graph(copy)
    last = graph.get_results()[len(OUTPUT_NAMES)]
    source = last.input_value(0)
    source.get_tensor().set_names(set())
    more = ops.add(source, np.float32(1.0))
    more.output(0).get_tensor().set_names({"novelty"})
    last.input(0).replace_source_output(more.output(0))
    save_graph(graph, copy)
    sign(copy)
    with pytest.raises(BundleError, match=r"within 0\.01 standard deviations, got 0\.02"):
        start(copy)


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


@pytest.mark.parametrize("name", ["value", "half_width", "novelty_share", "novelty", "log_sd"])
def test_golden_data_without_one_of_its_arrays_are_refused(copy: Path, name: str) -> None:
    with np.load(copy / "golden.npz") as arrays:
        content = {key: value for key, value in arrays.items() if key != name}
    np.savez(copy / "golden.npz", **content)
    sign(copy)
    with pytest.raises(BundleError, match=f"expected .*golden.*{name}"):
        load_bundle(copy)


def test_golden_outputs_that_the_graph_does_not_give_refuse_the_bundle(copy: Path) -> None:
    with np.load(copy / "golden.npz") as arrays:
        content = dict(arrays)
    content["within_sd"][1, 2] += 0.011
    np.savez(copy / "golden.npz", **content)
    sign(copy)
    with pytest.raises(BundleError, match=r"within 0\.01 standard deviations, got 0\.011"):
        start(copy)


def test_files_that_the_manifest_does_not_name_are_never_opened(copy: Path) -> None:
    (copy / "note.txt").mkdir()
    (copy / "card.md").mkdir()
    load_bundle(copy)


def test_a_file_for_other_runtimes_may_be_missing(copy: Path) -> None:
    edit(copy, lambda raw: raw.update(extra_files={"model.onnx": "0" * 64}))
    start(copy)


# The same through the command line


def cut_off(folder: Path) -> None:
    (folder / "model.bin").write_bytes((folder / "model.bin").read_bytes()[:100])


def rescaled(folder: Path) -> None:
    edit(folder, lambda raw: raw["outputs"][0].update(centre=1.9))


def unquantised(folder: Path) -> None:
    save_graph(small_graph(is_int8=False), folder)
    sign(folder)


def other_network(folder: Path) -> None:
    save_graph(small_graph(seed=6), folder)
    sign(folder)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (cut_off, "the bundle is damaged or was changed"),
        (rescaled, "centre, spread, interval or threshold were changed"),
        (unquantised, "precision int8, got one that is not quantised"),
        (other_network, "expected the golden test within 0.01"),
    ],
)
def test_process_refuses_a_damaged_bundle_before_it_looks_at_a_scan(
    copy: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    damage: Callable[[Path], None],
    reason: str,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    damage(copy)
    scans = tmp_path / "scans"
    scans.mkdir()
    arguments = ["process", str(scans), "--bundle", str(copy), "--db", str(tmp_path / "log.db")]
    ran = CliRunner().invoke(app, arguments)
    assert isinstance(ran.exception, BundleError), ran.output
    assert reason in re.sub(r"\s+", " ", str(ran.exception))


def test_a_slice_unlike_the_training_cores_is_told_by_the_running_graph(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "wary", threshold=5.0)
    tiles = some_tiles(3)
    with start_predictor(load_bundle(folder), n_threads=1) as running:
        (got,) = running.predict([tiles])
    _, expected = answers_of(read_graph(folder), tiles)
    np.testing.assert_array_equal(got.novelty, expected)
