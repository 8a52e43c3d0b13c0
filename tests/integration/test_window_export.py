"""From a folder of cores to bundles with context: trees and a network, exported and run."""

import csv
import dataclasses
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("nncf")

from downcore.inference import Mode, load_bundle, open_guarded
from downcore.pipeline import SectionPipeline, SliceRules
from downcore.simulator.generator import CoreRecipe, generate
from downcore.strata.depth import LineScale
from downcore.strata.depthlog import Status
from downcore.strata.errors import SettingsError
from downcore.strata.segment import Segment
from downcore_export.bundling import Written
from downcore_export.windows.bundling import write_window_bundle
from downcore_export.windows.source import sections_for, window_source
from downcore_training.bench.layouts import read_folder
from downcore_training.fitting.checkpoint import read
from downcore_training.windows.fitting import Fitted, fit_all
from downcore_training.windows.learning import Lesson
from downcore_training.windows.recipe import WindowRecipe
from downcore_training.windows.section_views import all_sections

PX_PER_CM = 20
LENGTH_CM = 24


class Silent:
    """Hears of the progress and says nothing."""

    def at(self, share: float, text: str) -> None:
        """Ignore it."""

    def note(self, text: str) -> None:
        """Ignore it."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of four generated sections with a slice table."""
    place = tmp_path_factory.mktemp("cores")
    rows = []
    for number in range(4):
        core = generate(
            CoreRecipe(
                seed=500 + number,
                length_cm=LENGTH_CM,
                px_per_cm=PX_PER_CM,
                site=3,
                with_artefacts=False,
            )
        )
        lines = core.lines(0, core.n_lines)
        cv2.imwrite(str(place / f"s{number}.png"), lines[..., ::-1])
        for k in range(LENGTH_CM):
            row = {
                "core": "G1",
                "section": f"s{number}",
                "slice": k,
                "depth_top_cm": k + 30 * number,
                "density_g_cm3": f"{core.truth.density[k]:.4f}",
                "image": f"s{number}.png",
                "y0_px": k * PX_PER_CM,
                "y1_px": (k + 1) * PX_PER_CM,
            }
            rows.append(row)
    with (place / "G1_slices_1cm.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return place


@pytest.fixture(scope="module")
def fitted(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Fitted]:
    sections = all_sections(read_folder(folder).cores)
    recipe = WindowRecipe(
        networks=("resnet-18",),
        name="test",
        n_folds=2,
        lesson=dataclasses.replace(Lesson(), steps=2, batch=2, crop_across_px=96),
    )
    found = fit_all(recipe, sections, tmp_path_factory.mktemp("runs"), report=Silent())
    return {part.network: part for part in found}


@pytest.fixture(scope="module")
def bundles(
    folder: Path, fitted: dict[str, Fitted], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Written]:
    place = tmp_path_factory.mktemp("bundles")
    return {
        name: write_window_bundle(read(part.path), folder, place / name, report=Silent())
        for name, part in fitted.items()
        if name != "resnet-18"
    }


def test_trees_a_network_and_their_blend_come_from_one_run(fitted: dict[str, Fitted]) -> None:
    assert list(fitted) == ["boosted-profile", "resnet-18", "blend"]
    for part in fitted.values():
        assert list(part.judged.metrics) == ["density"], "no other property was logged"
        assert part.judged.metrics["density"]["n_sections"] == 4


@pytest.mark.parametrize("name", ["boosted-profile", "blend"])
def test_a_bundle_with_context_runs_and_answers_every_row(
    name: str, bundles: dict[str, Written], folder: Path
) -> None:
    bundle = load_bundle(bundles[name].folder)
    assert bundle.manifest.window is not None
    assert [output.property for output in bundle.manifest.outputs] == ["density"]
    assert (bundles[name].folder / "card.md").read_text(encoding="utf-8").startswith("# test")
    image = cv2.imread(str(folder / "s1.png"))
    assert image is not None
    lines = np.ascontiguousarray(image[..., ::-1])
    predictor = open_guarded(bundles[name].folder, mode=Mode.BACKLOG, n_threads=1)
    pipeline = SectionPipeline(LineScale.of(PX_PER_CM), (predictor,), SliceRules())
    rows = pipeline.push(Segment(lines=lines, first_line=0)) + pipeline.finish()
    assert len(rows) == LENGTH_CM
    answered = [row.estimates[0] for row in rows if row.estimates[0].status is Status.PREDICTED]
    assert len(answered) > LENGTH_CM / 2, "its own training core is familiar"
    for estimate in answered:
        assert estimate.lower is not None
        assert estimate.value is not None
        assert estimate.upper is not None
        assert 1.0 <= estimate.lower <= estimate.value <= estimate.upper <= 3.0


def test_a_network_is_quantised_and_trees_are_not(bundles: dict[str, Written]) -> None:
    assert bundles["boosted-profile"].manifest.precision == "f32"
    done = bundles["blend"].manifest.quantisation
    assert done is not None
    assert bundles["blend"].manifest.precision in ("int8", "f16")
    assert done.p95_deviation["density"] <= 0.1
    assert bundles["blend"].manifest.title.endswith(
        "Blend of ResNet-18 on windows and boosted profile"
    )


def test_a_bundle_is_not_made_from_cores_it_did_not_learn_from(
    fitted: dict[str, Fitted], tmp_path: Path
) -> None:
    content = read(fitted["boosted-profile"].path)
    with pytest.raises(SettingsError, match="with --data"):
        write_window_bundle(content, None, tmp_path / "out", report=Silent())
    content["data"]["sections"] = ["another section"]
    (tmp_path / "data").mkdir()
    with pytest.raises(SettingsError, match=r"expected|got"):
        write_window_bundle(content, tmp_path / "data", tmp_path / "out", report=Silent())


def test_cores_whose_log_was_changed_since_the_training_are_noticed(
    fitted: dict[str, Fitted], folder: Path, tmp_path: Path
) -> None:
    content = read(fitted["boosted-profile"].path)
    changed = tmp_path / "data"
    shutil.copytree(folder, changed)
    log = next(changed.rglob("*.csv"))
    rows = list(csv.reader(log.read_text(encoding="utf-8").splitlines()))
    rows[5][4] = "2.3"
    with log.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    heard: list[str] = []

    class Listening(Silent):
        def note(self, text: str) -> None:
            heard.append(text)

    source = window_source(content)
    sections_for(source, folder, report=Listening())
    assert heard == []
    sections_for(source, changed, report=Listening())
    assert len(heard) == 1
    assert "not bit for bit" in heard[0]


def test_an_interrupted_run_goes_on_with_the_parts_that_are_done(
    folder: Path, tmp_path: Path
) -> None:
    sections = all_sections(read_folder(folder).cores)
    recipe = WindowRecipe(
        networks=("resnet-18",), n_folds=2, lesson=dataclasses.replace(Lesson(), steps=1, batch=2)
    )
    heard: list[str] = []

    class Stopped(Silent):
        def note(self, text: str) -> None:
            heard.append(text)
            if "part 2" in text:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_all(recipe, sections, tmp_path, report=Stopped())
    again: list[str] = []

    class Listening(Silent):
        def note(self, text: str) -> None:
            again.append(text)

    fit_all(recipe, sections, tmp_path, report=Listening())
    assert any("part 1" in text for text in heard)
    assert not any("part 1" in text for text in again)
    assert any("part 2" in text for text in again)
