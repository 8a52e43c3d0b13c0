"""A site is learned from what the store holds, and answers from the next section on."""

import io
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the extra [learn]")

from logged_site import N_CM, logged_site
from typer.testing import CliRunner

from downcore.cli import app
from downcore.commands.learn import LearnedBundle, learn, take_logs, use_if_better
from downcore.inference import open_predictor
from downcore.learning.packed_trees import PackedTrees, paths_of, summed
from downcore.learning.site_figures import PropertyFigures, beats_what_runs, figures_of
from downcore.learning.site_fit import HeldOutSlices
from downcore.learning.site_sections import SiteSlices
from downcore.store import Reader
from downcore.store.learned_bundle import learned_in_use
from downcore.strata.errors import SettingsError, TooFewSectionsError


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, LearnedBundle, str]:
    db = logged_site(tmp_path_factory.mktemp("site"), 5)
    said = io.StringIO()
    return db, learn(db, [], ["b1"], said), said.getvalue()


def test_five_sections_whose_colour_tells_the_density_are_learned(
    learned: tuple[Path, LearnedBundle, str],
) -> None:
    db, bundle, said = learned
    assert bundle.why_not_better == ""
    assert bundle.folder.parent == db.parent / "learned"
    assert "5 sections scanned, 5 of them logged" in said
    assert "learned from 5 sections only, which is little" in said
    assert "density" in said
    manifest = open_predictor(bundle.folder).manifest
    figures = manifest.metrics["held out by section"]
    assert figures["density.r2"] > 0.5
    assert figures["density.n_sections"] == 5


def test_a_learned_bundle_is_used_only_once_somebody_says_so(
    learned: tuple[Path, LearnedBundle, str],
) -> None:
    db, bundle, _ = learned
    assert learned_in_use(db) is None
    use_if_better(db, bundle, io.StringIO())
    assert learned_in_use(db) == bundle.folder
    (db.parent / "learned" / "in-use").unlink()


@pytest.mark.parametrize("n_sections", [1, 3])
def test_fewer_than_four_sections_are_refused_by_their_number(
    tmp_path: Path, n_sections: int
) -> None:
    db = logged_site(tmp_path, n_sections)
    with pytest.raises(TooFewSectionsError, match=f"at least 4 sections .* got {n_sections}"):
        learn(db, [], [], io.StringIO())
    assert not (db.parent / "learned").exists()


def test_a_site_whose_colour_tells_nothing_is_not_used_and_this_is_said(tmp_path: Path) -> None:
    db = logged_site(tmp_path, 4, follows_colour=False)
    said = io.StringIO()
    bundle = learn(db, [], [], said)
    use_if_better(db, bundle, said)
    assert "does not beat what runs now: density: R2" in said.getvalue()
    assert "not used" in said.getvalue()
    assert learned_in_use(db) is None


def test_logs_of_a_folder_are_brought_into_the_store_on_the_spot(tmp_path: Path) -> None:
    db = logged_site(tmp_path, 4, is_followed=False)
    with pytest.raises(TooFewSectionsError, match="got 0"):
        learn(db, [], [], io.StringIO())
    take_logs(db, tmp_path / "logger")
    said = io.StringIO()
    learn(db, [], [], said)
    assert "4 sections scanned, 4 of them logged" in said.getvalue()


def test_logs_that_are_no_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="expected a folder of logs"):
        take_logs(tmp_path / "a.db", tmp_path / "none")


def test_other_cores_are_not_learned_from(tmp_path: Path) -> None:
    db = logged_site(tmp_path, 4)
    with pytest.raises(TooFewSectionsError, match="got 0"):
        learn(db, ["other*"], [], io.StringIO())


def test_what_runs_now_must_be_beaten_for_every_property() -> None:
    nan = float("nan")
    good = PropertyFigures("density", 90, 4, 0.6, 0.1, 0.1, 0.0, 0.9, 0.8, 0.0, 0.1, nan, nan)
    worse = PropertyFigures("ms", 90, 4, 0.6, 0.1, 0.1, 0.0, 0.9, 0.8, 0.0, 0.1, 0.7, 0.6)
    assert beats_what_runs([good]) == ""
    assert beats_what_runs([good, worse]) == "ms: R2 0.60, what runs now has 0.70"


def test_what_runs_now_is_beaten_on_the_slices_that_it_answers_not_on_others() -> None:
    random = np.random.default_rng(1)
    section = np.repeat(np.arange(8), 50)
    answered = section < 5
    wave = np.sin((np.arange(400) + 0.5) / 9.0)
    labels = np.full((400, 3), np.nan)
    labels[:, 0] = 1.5 + np.where(answered, 0.02, 0.1) * wave
    running = np.full((400, 3), np.nan)
    running[answered, 0] = labels[answered, 0] + random.normal(0.0, 0.015, int(answered.sum()))
    value = labels[:, [0]] + random.normal(0.0, 0.03, (400, 1))
    slices = SiteSlices(
        features=np.zeros((400, 64)),
        labels=labels,
        running=running,
        depth_cm=np.arange(400) + 0.5,
        section=section,
    )
    held_out = HeldOutSlices(value, np.full((400, 1), 0.03), random.random(400))
    (one,) = figures_of(slices, held_out, (0,))
    assert one.r2 > one.r2_running > one.r2_beside_running
    assert "what runs now has" in beats_what_runs([one])


def test_a_bundle_that_nothing_could_be_compared_with_is_not_said_to_beat_what_runs(
    tmp_path: Path,
) -> None:
    said = io.StringIO()
    learn(logged_site(tmp_path, 5), [], [], said)
    assert "not compared with what runs now" in said.getvalue()
    assert "\nbeats what runs now" not in said.getvalue()


def test_a_store_named_without_settings_is_learned_from_but_not_used(tmp_path: Path) -> None:
    db = logged_site(tmp_path, 5)
    got = CliRunner().invoke(app, ["learn", "--db", str(db), "--use"])
    assert got.exit_code == 2
    assert learned_in_use(db) is None
    assert not (db.parent / "learned").exists()


def test_profiles_are_kept_once_whatever_is_committed_again(tmp_path: Path) -> None:
    db = logged_site(tmp_path, 1)
    with Reader.open(db) as reader:
        (scan,) = reader.sections()
        kept = reader.colour_profiles(scan.scan.scan_id)
    assert [one.index for one in kept] == list(range(N_CM))


def test_the_sum_of_trees_follows_the_path_of_its_tests() -> None:
    trees = PackedTrees(
        np.array([[0, 1, 1]]),
        np.array([[0.5, 0.5, 2.5]], np.float32),
        np.array([[1, 2, 3, 4]], np.float32),
        0.5,
    )
    asked = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 2.0], [1.0, 3.0]])
    assert summed([trees], asked).tolist() == [1.5, 2.5, 3.5, 4.5]
    signs = np.where(asked[:, trees.feature[0]] <= trees.threshold[0], 1.0, -1.0)
    assert (signs @ paths_of(2)).argmax(axis=1).tolist() == [0, 1, 2, 3]
