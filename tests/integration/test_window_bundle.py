"""A bundle with a window on the device: loaded, tested, run, with a small real graph."""

import sqlite3
from pathlib import Path

import cv2
import numpy as np
import pytest
from small_bundle import (
    answers_of,
    edit,
    read_graph,
    renew_golden,
    save_graph,
    sign,
    some_tiles,
    some_windows,
    window_graph,
    write_bundle,
)

import downcore
from downcore.commands.compose import ComposeInputs, compose_image
from downcore.commands.doctor import examine
from downcore.commands.process import process_files
from downcore.inference import (
    BundlePredictor,
    Mode,
    load_bundle,
    open_guarded,
    start_predictor,
)
from downcore.settings import Settings, load_settings
from downcore.simulator.generator import CoreRecipe, GeneratedCore
from downcore.strata.bundle import NO_NATURAL_CORE
from downcore.strata.errors import BundleError
from downcore.strata.windows import Window

WINDOW = Window(above_cm=2, rows_cm=3, below_cm=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = write_bundle(tmp_path_factory.mktemp("bundles") / "window", window=WINDOW)
    edit(made, lambda raw: raw.update(trained_px_per_cm=[2.0, 400.0]))
    return made


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = CoreRecipe(seed=4, length_cm=7.4, px_per_cm=20.0, width_cm=4.0)
    core = GeneratedCore(recipe)
    path = tmp_path_factory.mktemp("scans") / "GC01.png"
    rgb = core.lines(0, core.n_lines)
    assert cv2.imwrite(str(path), np.ascontiguousarray(rgb[..., ::-1]))
    return path


def settings_with(folder: Path, home: Path, **predict: object) -> Settings:
    return load_settings(
        None,
        inbox={"path": home, "px_per_cm": "20", "top": "up"},
        predict={"bundles": (str(folder),), **predict},
        composition={"enabled": False},
        store={"path": home / "log.db"},
    )


def test_a_window_of_the_bundle_has_a_row_for_each_centimetre_it_answers(folder: Path) -> None:
    bundle = load_bundle(folder)
    pixels = some_windows(5, WINDOW, seed=3)
    outputs, novelty = answers_of(bundle.model, pixels)
    assert bundle.manifest.window == WINDOW
    assert outputs.shape == (3, 15, 3)

    with start_predictor(bundle, n_threads=1) as running:
        raw = running.raw_outputs(pixels)
        (found,) = running.predict([pixels])

    np.testing.assert_array_equal(raw.outputs, outputs)
    np.testing.assert_array_equal(raw.novelty, novelty)
    assert found.mean.shape == (15, 3)
    np.testing.assert_array_equal(found.mean, 2.0 + 0.5 * outputs[0].astype(float))


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("n_threads", [1, 2])
def test_a_window_has_the_same_bits_alone_and_in_any_company(
    folder: Path, mode: Mode, n_threads: int
) -> None:
    pixels = some_windows(7, WINDOW, seed=2)
    with start_predictor(load_bundle(folder), n_threads=1) as alone:
        expected = [alone.predict([one[None]])[0] for one in pixels]
    found = []
    with start_predictor(load_bundle(folder), n_threads=n_threads, mode=mode) as running:
        for k, one in enumerate(pixels):
            running.submit(k, one[None])
            found += running.collect(wait=False)
        found += running.collect(wait=True)
    assert [k for k, _ in found] == list(range(7))
    for (_, one), other in zip(found, expected, strict=True):
        for part in ("mean", "sd", "within_sd", "novelty"):
            np.testing.assert_array_equal(getattr(one, part), getattr(other, part))


def test_tiles_are_no_input_of_it(folder: Path) -> None:
    with (
        start_predictor(load_bundle(folder), n_threads=1) as running,
        pytest.raises(ValueError, match=r"shape \(n, 120, 200, 4\), got uint8 \(2, 200, 200, 3\)"),
    ):
        running.submit(None, some_tiles(2))


@pytest.mark.parametrize(
    "other", [Window(2, 2, 1), Window(3, 3, 1), Window(1, 4, 1)], ids=["shorter", "longer", "rows"]
)
def test_a_graph_for_another_window_is_refused(other: Window, tmp_path: Path) -> None:
    made = write_bundle(tmp_path / "window", window=WINDOW)
    save_graph(window_graph(other), made)
    sign(made)
    with pytest.raises(
        BundleError, match=r"expected a graph with (tiles u8\[\?,120,|mean f32\[\?,3,3\])"
    ):
        load_bundle(made)


def test_a_window_in_the_manifest_of_a_bundle_of_tiles_is_refused(tmp_path: Path) -> None:
    made = write_bundle(tmp_path / "tiles")
    says = {"above_cm": 2, "rows_cm": 3, "below_cm": 1, "needs_white_board": False}
    edit(made, lambda raw: raw.update(window=says))
    with pytest.raises(BundleError, match=r"tiles u8\[\?,120,200,4\].*tiles u8\[\?,200,200,3\]"):
        load_bundle(made)


def test_a_golden_test_with_rows_of_another_window_is_refused(tmp_path: Path) -> None:
    made = write_bundle(tmp_path / "window", window=WINDOW)
    with np.load(made / "golden.npz") as golden:
        arrays = dict(golden)
    np.savez(made / "golden.npz", **{**arrays, "novelty": arrays["novelty"][:3]})  # type: ignore[arg-type] # numpy's own stub
    sign(made)
    with pytest.raises(BundleError, match=r"of shape \(\(3, 120, 200, 4\), \(3, 9, 3\), \(9,\)\)"):
        load_bundle(made)


def test_a_window_bundle_that_computes_other_numbers_fails_its_golden_test(
    tmp_path: Path,
) -> None:
    made = write_bundle(tmp_path / "window", window=WINDOW)
    other = write_bundle(tmp_path / "other", window=WINDOW, seed=6)
    for name in ("model.xml", "model.bin"):
        (made / name).write_bytes((other / name).read_bytes())
    sign(made)
    with pytest.raises(BundleError, match="expected the golden test within"):
        start_predictor(load_bundle(made), n_threads=1)
    save_graph(read_graph(other), made)
    renew_golden(made)
    sign(made)
    start_predictor(load_bundle(made), n_threads=1).close()


def test_a_window_bundle_of_generated_cores_has_no_guard_of_tiles(tmp_path: Path) -> None:
    made = write_bundle(tmp_path / "window", window=WINDOW)
    edit(made, lambda raw: raw.update(training_data=f"3 generated cores, {NO_NATURAL_CORE}"))
    opened = open_guarded(made, n_threads=1)
    opened.close()
    assert opened.manifest.saw_generated_cores_only
    assert isinstance(opened, BundlePredictor)


def test_the_compiled_window_graph_is_kept_apart_from_others(folder: Path, tmp_path: Path) -> None:
    pixels = some_windows(2, WINDOW)
    kept, answers = tmp_path / "cache", []
    for _ in range(2):
        with start_predictor(load_bundle(folder), n_threads=1, cache_folder=kept) as running:
            answers.append(running.raw_outputs(pixels).outputs)
        assert len(list(kept.iterdir())) == 1
    np.testing.assert_array_equal(*answers)


def test_rows_of_a_station_beside_a_bundle_of_tiles_are_those_of_a_notebook(
    folder: Path, image: Path, tmp_path: Path
) -> None:
    tiles = write_bundle(tmp_path / "tiles")
    edit(tiles, lambda raw: raw.update(trained_px_per_cm=[20.0, 400.0]))
    settings = load_settings(
        None,
        inbox={"px_per_cm": "20", "top": "up"},
        predict={"bundles": (str(tiles), str(folder))},
        composition={"enabled": False},
        store={"path": tmp_path / "log.db"},
    )
    (outcome,) = process_files([image], settings, on_slices=lambda *_: None)
    assert outcome.is_stored, outcome.sentence
    manifest = load_bundle(folder).manifest
    stored = sqlite3.connect(tmp_path / "log.db").execute(
        "SELECT slice_index, property, status, reason, value FROM estimate WHERE bundle_id = ?"
        " ORDER BY slice_index, property",
        (manifest.bundle_id,),
    )

    scan = downcore.read_scan(image, px_per_cm=20, top="up")
    log = downcore.predict(scan, bundle=folder)

    found = [
        (row.core_slice.index, one.property, one.status, one.reason, one.value)
        for row in log.rows
        for one in row.estimates
    ]
    assert stored.fetchall() == found
    assert len(log.rows) == 8
    assert "predicted" in {status for _, _, status, _, _ in found}


def test_doctor_finds_a_window_bundle_in_order(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "downcore.toml"
    config.write_text(
        f'[inbox]\npath = "{tmp_path}/inbox"\n[predict]\nbundles = ["{folder}"]\n'
        "[composition]\nenabled = false\n[mqtt]\nenabled = false\n"
    )
    (tmp_path / "inbox").mkdir()
    (check,) = (one for one in examine(config) if one.name == "bundles")
    assert check.is_ok, check.finding
    assert check.finding.endswith("golden test passed")


def test_an_image_is_composed_with_the_values_of_a_window_bundle(
    folder: Path, image: Path, tmp_path: Path
) -> None:
    settings = settings_with(folder, tmp_path).model_copy(
        update={"composition": load_settings(None).composition}
    )
    made = compose_image(
        ComposeInputs(image), settings, check=lambda _: None, on_slices=lambda *_: None
    )
    assert [row.core_slice.index for row in made.rows] == list(range(8))
    assert [one.index for one in made.composed] == list(range(8))
    bundle_ids = {one.bundle_id for row in made.rows for one in row.estimates}
    assert bundle_ids == {load_bundle(folder).manifest.bundle_id}


@pytest.mark.parametrize("measured_below_cm", [2.0, 6.5])
def test_measured_rows_correct_the_values_of_a_window_bundle(
    folder: Path, image: Path, tmp_path: Path, measured_below_cm: float
) -> None:
    from downcore.service.measured_series import read_measured  # noqa: PLC0415 - used here alone

    table = tmp_path / "measured.csv"
    rows = [f"{measured_below_cm - k * 0.5},1.9,," for k in range(3)]
    table.write_text("depth_cm,density,vp,ms\n" + "\n".join(reversed(rows)) + "\n")
    settings = settings_with(folder, tmp_path)
    (outcome,) = process_files(
        [image], settings, on_slices=lambda *_: None, measured=read_measured(table)
    )
    assert outcome.is_stored, outcome.sentence
    store = sqlite3.connect(tmp_path / "log.db")
    ids = store.execute("SELECT DISTINCT bundle_id FROM estimate").fetchall()
    assert len(ids) == 1
    n_rows = store.execute("SELECT count(DISTINCT slice_index) FROM estimate").fetchone()
    assert n_rows == (8,)
