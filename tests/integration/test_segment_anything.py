"""
Segment Anything from a checkpoint to regions: the whole architecture with random weights.

Random weights find nothing in a core; what is shown is that whatever the network says, the
sediment stays whole, and that nothing but a sound bundle is ever used.
"""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from played_device import DigestPredictor
from region_windows import Squares, blotches, breaks, window_of, without
from typer.testing import CliRunner

from downcore.inference.segment_anything import (
    SegmentAnythingRefiner,
    SegmentAnythingSettings,
    load_segment_anything,
    open_segment_anything,
)
from downcore.inference.segment_anything.manifest import FILES, MANIFEST
from downcore.inference.segment_anything.network import SegmentAnythingNetwork
from downcore.service.composition_setup import composition_config_of
from downcore.settings import load_settings
from downcore.strata.errors import BundleError, SettingsError

torch = pytest.importorskip("torch", reason="needs the extra [training]")

# Only where torch is installed can the lab be imported.
from downcore_export.segment_anything import bundling  # noqa: E402 - see above
from downcore_export.segment_anything.checkpoint import read_checkpoint  # noqa: E402 - see above
from downcore_export.segment_anything.commands import segment_anything  # noqa: E402 - see above
from downcore_export.segment_anything.network import (  # noqa: E402 - see above
    PictureToEmbedding,
    PromptsToTokens,
    SegmentAnything,
    TokensToMasks,
)

SIDE_PX = 256
EAGER = SegmentAnythingSettings(spread_in_noise=0.5, least_share=0.001, most_share=1.0)
"""Asks and believes more than is sensible, so that random weights change something."""

app = typer.Typer()
app.command()(segment_anything)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file as users have it, with masks and predicted overlaps as large as theirs."""
    path = tmp_path_factory.mktemp("checkpoints") / "mobile_sam.pt"
    torch.manual_seed(7)
    network = SegmentAnything()
    with torch.no_grad():
        network.mask_decoder.iou_prediction_head.layers[2].bias.fill_(0.9)
        for one in network.mask_decoder.output_hypernetworks_mlps:
            one.layers[2].weight.mul_(400.0)
    torch.save(network.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def good(checkpoint: Path) -> Path:
    """Make a bundle with the one command."""
    folder = checkpoint.parent / "bundle"
    asked = [str(checkpoint), "--to", str(folder), "--licence", "Apache-2.0"]
    ran = CliRunner().invoke(app, [*asked, "--side", str(SIDE_PX)], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    assert "licence Apache-2.0; golden test passed" in ran.output
    return folder


@pytest.fixture(scope="module")
def refiner(good: Path) -> SegmentAnythingRefiner:
    return open_segment_anything(good, Squares(60), EAGER)


@pytest.fixture
def copy(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "copy"))


def changed(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change the manifest and take the digests of the files that are there."""
    raw = json.loads((folder / MANIFEST).read_text())
    raw["files"] = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES
    }
    change(raw)
    (folder / MANIFEST).write_text(json.dumps(raw))


def test_the_bundle_says_what_it_was_made_of(good: Path, checkpoint: Path) -> None:
    manifest = load_segment_anything(good).manifest
    assert manifest.checkpoint == "mobile_sam.pt"
    assert manifest.checkpoint_sha256 == hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    assert (manifest.side_px, manifest.batch, manifest.precision) == (SIDE_PX, 16, "f32")
    assert manifest.licence == "Apache-2.0"
    assert max(manifest.parity.values()) < 0.02
    assert {one.name for one in good.iterdir()} == {MANIFEST, *FILES}


def test_the_device_computes_what_the_checkpoint_does(good: Path, checkpoint: Path) -> None:
    picture = blotches(SIDE_PX, SIDE_PX, seed=5)
    points = np.array([[20.0, 30.0], [200.0, 100.0], [64.0, 250.0]], np.float32)
    boxes = np.concatenate([points - 15, points + 5], axis=1).astype(np.float32)
    own = read_checkpoint(checkpoint).network
    with torch.no_grad():
        pixels = torch.from_numpy(picture.transpose(2, 0, 1)[None].astype(np.float32))
        embedding = PictureToEmbedding(own).eval()(pixels)
        prompts = (torch.from_numpy(points), torch.from_numpy(boxes))
        tokens = PromptsToTokens(own, SIDE_PX).eval()(*prompts)
        masks, overlaps = TokensToMasks(own, SIDE_PX).eval()(embedding, tokens)

    network = SegmentAnythingNetwork(load_segment_anything(good))
    got_masks, got_overlaps = network.masks(network.embed(picture), points, boxes)

    assert got_masks.shape == (3, 4, SIDE_PX // 4, SIDE_PX // 4)
    assert np.mean((got_masks > 0) == (masks.numpy() > 0)) > 0.99
    np.testing.assert_allclose(got_overlaps, overlaps.numpy(), atol=0.01)


def test_more_prompts_than_a_batch_are_answered_as_if_asked_by_themselves(good: Path) -> None:
    network = SegmentAnythingNetwork(load_segment_anything(good))
    embedding = network.embed(blotches(SIDE_PX, SIDE_PX))
    points = np.random.default_rng(0).uniform(20, 230, (21, 2)).astype(np.float32)
    boxes = np.concatenate([points - 9, points + 9], axis=1)

    masks, overlaps = network.masks(embedding, points, boxes)
    last = network.masks(embedding, points[20:], boxes[20:])

    assert masks.shape[0] == overlaps.shape[0] == 21
    np.testing.assert_allclose(masks[20:], last[0], rtol=1e-3, atol=1e-2)


def test_sediment_stays_whole_whatever_the_network_says(refiner: SegmentAnythingRefiner) -> None:
    window = window_of(blotches(400, 280))
    is_bare = np.zeros((400, 280), np.bool_)
    is_bare[:, :25], is_bare[170:181, 60:200] = True, True
    window = without(window, is_bare)
    before = (window.lines.copy(), window.superpixels.copy())

    got = refiner.refine(window)

    assert refiner.name == "segment-anything"
    assert got.dtype == np.int32
    np.testing.assert_array_equal(got == 0, is_bare)
    assert breaks(got) is None, breaks(got)
    assert not np.array_equal(got, Squares(60).refine(window)), "no mask was believed: no test"
    np.testing.assert_array_equal(window.lines, before[0])
    np.testing.assert_array_equal(window.superpixels, before[1])


def test_a_window_refined_twice_or_by_another_process_is_the_same(
    refiner: SegmentAnythingRefiner, good: Path
) -> None:
    window, between = window_of(blotches(400, 280)), window_of(blotches(300, 280, seed=1))
    first = refiner.refine(window)
    refiner.refine(between)
    again = refiner.refine(window)
    other = open_segment_anything(good, Squares(60), EAGER).refine(window)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, other)


def test_edges_stay_those_of_superpixels_and_first_regions_in_any_cut(
    refiner: SegmentAnythingRefiner,
) -> None:
    window = window_of(blotches(420, 300))
    for top, left, stop in ((0, 0, 420), (60, 0, 420), (0, 60, 360)):
        lines = window.lines[top:stop, left:]
        part = window_of(np.ascontiguousarray(lines))
        got, first = refiner.refine(part), Squares(60).refine(part)
        for axis in (0, 1):
            is_edge = np.diff(got, axis=axis) != 0
            was_edge = (np.diff(part.superpixels, axis=axis) != 0) | (
                np.diff(first, axis=axis) != 0
            )
            assert not (is_edge & ~was_edge).any(), f"a new edge in the cut {top}, {left}, {stop}"


def test_more_labels_than_16_bits_hold_pass_through(good: Path) -> None:
    window = window_of(blotches(320, 300), cell_px=1, first_label=2_147_000_000)
    assert len(np.unique(window.superpixels)) > 65_535

    got = open_segment_anything(good, Squares(1), EAGER).refine(window)

    assert got.all()
    assert got.max() > 65_535
    assert breaks(got) is None, breaks(got)


def test_regions_stay_as_they_are_where_no_mask_is_sure(good: Path) -> None:
    sure = SegmentAnythingSettings(spread_in_noise=0.5, least_stability=1.0, least_overlap=1.0)
    window = window_of(blotches(300, 200))
    got = open_segment_anything(good, Squares(60), sure).refine(window)
    np.testing.assert_array_equal(got, Squares(60).refine(window))


def test_without_a_bundle_the_command_to_make_one_is_told() -> None:
    with pytest.raises(SettingsError, match="downcore segment-anything CHECKPOINT --licence"):
        open_segment_anything(None, Squares())


def test_a_station_is_set_up_with_a_bundle_of_its_own(good: Path) -> None:
    settings = load_settings(
        None, composition={"regions": "segment-anything", "segment_anything": good}
    )
    predictors = (DigestPredictor(),)

    composition_config = composition_config_of(settings, predictors)

    assert composition_config is not None
    assert composition_config.refiner.name == "segment-anything"
    assert composition_config.refiner_version.startswith(load_segment_anything(good).bundle_id)
    nowhere = load_settings(None, composition={"regions": "segment-anything"})
    with pytest.raises(SettingsError, match=r"composition\.segment_anything"):
        composition_config_of(nowhere, predictors)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"nowhere.manifest\.json, got: No such file"):
        load_segment_anything(tmp_path / "nowhere")


@pytest.mark.parametrize("name", FILES)
def test_one_flipped_bit_in_any_file_is_refused(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(BundleError, match=rf"{name} with SHA-256 .*damaged or was changed"):
        load_segment_anything(copy)


@pytest.mark.parametrize("name", [MANIFEST, *FILES])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(BundleError, match=f"{name}, got: No such file"):
        load_segment_anything(copy)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda raw: raw.update(format="other"), "expected a bundle of Segment Anything, got"),
        (lambda raw: raw.update(format_version=2), "expected format version 1, got 2"),
        (lambda raw: raw.update(side_px=320), "expected a graph with"),
        (lambda raw: raw.update(side_px=100), "side_px is 100"),
        (lambda raw: raw.update(batch=8), "expected a graph with"),
        (lambda raw: raw.update(batch=True), "batch: expected a whole number, got True"),
        (lambda raw: raw.update(precision="int8"), "precision 'int8' is none of"),
        (lambda raw: raw.update(golden_tolerance=0), "golden_tolerance is 0"),
        (lambda raw: raw.pop("licence"), "licence"),
        (lambda raw: raw.update(extra=1), "extra"),
        (lambda raw: raw["files"].pop("golden.npz"), "files are"),
        (lambda raw: raw["files"].update({"golden.npz": "0"}), "'0' is no SHA-256"),
        (lambda raw: raw.update(parity={"masks": float("nan")}), "parity is no number"),
    ],
)
def test_a_manifest_that_is_wrong_is_refused(
    copy: Path, change: Callable[[dict[str, Any]], Any], message: str
) -> None:
    changed(copy, change)
    with pytest.raises(BundleError, match=message):
        load_segment_anything(copy)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "\xff"])
def test_a_manifest_that_is_none_is_refused(copy: Path, text: str) -> None:
    (copy / MANIFEST).write_bytes(text.encode("latin-1"))
    with pytest.raises(BundleError, match=MANIFEST):
        load_segment_anything(copy)


def test_halves_in_the_wrong_place_are_refused(copy: Path) -> None:
    for ending in ("xml", "bin"):
        shutil.copyfile(copy / f"encoder.{ending}", copy / f"decoder.{ending}")
    changed(copy, lambda _: None)
    with pytest.raises(BundleError, match=r"expected a graph with .*tokens"):
        load_segment_anything(copy)


def test_weights_of_another_checkpoint_are_found_out_by_the_golden_test(
    copy: Path, checkpoint: Path
) -> None:
    layer = torch.load(checkpoint, weights_only=True)[
        "mask_decoder.transformer.layers.1.mlp.lin1.weight"
    ]
    content = (copy / "decoder.bin").read_bytes()
    own = layer.half().numpy().tobytes()
    assert content.count(own) == 1, "the layer is not in the file as it is"
    (copy / "decoder.bin").write_bytes(content.replace(own, own[len(own) // 2 :] * 2))
    changed(copy, lambda _: None)
    bundle = load_segment_anything(copy)
    with pytest.raises(BundleError, match=r"expected the golden \w+ within 0\.02 of their size"):
        SegmentAnythingRefiner(bundle, Squares())


def test_golden_arrays_of_another_side_are_refused(copy: Path) -> None:
    with np.load(copy / "golden.npz") as loaded:
        arrays = dict(loaded)
    np.savez(copy / "golden.npz", **{**arrays, "masks": arrays["masks"][:3]})
    changed(copy, lambda _: None)
    with pytest.raises(BundleError, match="expected golden arrays"):
        load_segment_anything(copy)


def test_nothing_is_written_where_a_graph_would_not_compute_the_same(
    checkpoint: Path, good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = load_segment_anything(good)
    monkeypatch.setattr(bundling, "graphs_of", lambda *_: made.graphs)
    monkeypatch.setitem(bundling.TOLERANCES, "f32", 1e-9)
    options = bundling.BundleOptions(licence="Apache-2.0", side_px=SIDE_PX)
    with pytest.raises(BundleError, match="cannot be kept in 16 bit"):
        bundling.write_bundle(read_checkpoint(checkpoint), tmp_path / "out", options)
    assert not list(tmp_path.iterdir())


def test_a_folder_with_something_in_it_is_not_written_to(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    options = bundling.BundleOptions(licence="Apache-2.0")
    with pytest.raises(SettingsError, match="new or empty folder"):
        bundling.write_bundle(read_checkpoint(checkpoint), tmp_path, options)
    assert (tmp_path / "mine.txt").read_text() == "kept"


def test_the_command_asks_for_the_licence(checkpoint: Path, tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, [str(checkpoint), "--to", str(tmp_path / "out")])
    assert ran.exit_code == 2
    assert "licence" in ran.output
