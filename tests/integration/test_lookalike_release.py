"""A release as the USGS lays it out, written by the generator and read back against its truth."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from silent import Silent

from downcore.strata.errors import SettingsError
from downcore_training.datasets.folders import matched_cores
from downcore_training.datasets.lookalike import LookalikeRecipe, write_lookalike
from downcore_training.datasets.matched_core import MatchedCore
from downcore_training.datasets.matching_rules import MatchingRules, SectionRule, load_rules
from downcore_training.datasets.real_cores import release_sets
from downcore_training.datasets.release import find_release
from downcore_training.datasets.release_split import ReleaseSplit, split_of

RECIPE = LookalikeRecipe(cores=5, sections=3, section_cm=24, px_per_cm=24, seed=3)


class Heard(Silent):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("lookalike")
    write_lookalike(out, RECIPE)
    return out


@pytest.fixture(scope="module")
def cores(written: Path) -> dict[str, MatchedCore]:
    return {core.name: core for core in matched_cores(written / "release")}


def truth_of(written: Path, core: MatchedCore) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    table = np.genfromtxt(
        written / "truth" / f"{core.name.replace('-', '_')}.csv", delimiter=",", skip_header=1
    )
    values = table[:, 1:4].copy()
    values[:, 2] = np.log10(values[:, 2])
    return values, table[:, 4:7] > 0


def copied(written: Path, folder: Path, *patterns: str) -> Path:
    for pattern in patterns:
        for path in (written / "release").glob(pattern):
            shutil.copy2(path, folder / path.name)
    return folder


def test_every_core_is_found_in_spite_of_mixed_case(cores: dict[str, MatchedCore]) -> None:
    names = [f"2019-643-FA-{core}" for core in ("GC01", "GC03", "JPC02", "JPC04", "TC02")]

    assert list(cores) == names
    assert cores["2019-643-FA-JPC02"].site == cores["2019-643-FA-TC02"].site
    assert len({core.site for core in cores.values()}) == 4


def test_labels_are_the_truth_where_the_log_is_good_and_nothing_elsewhere(
    written: Path, cores: dict[str, MatchedCore]
) -> None:
    for core in cores.values():
        true, good = truth_of(written, core)
        at = np.round(core.depth_cm - 0.5).astype(int)
        on_row = np.abs(core.depth_cm - 0.5 - at) < 1e-6
        got, want = core.labels[on_row], np.where(good, true, np.nan)[at[on_row]]
        labelled = np.isfinite(got)
        np.testing.assert_allclose(got[labelled], want[labelled], atol=1e-4, err_msg=core.name)
        for k in (0, 1):
            assert labelled[:, k].sum() == np.isfinite(want[:, k]).sum(), core.name


def test_susceptibility_near_section_ends_is_left_out(cores: dict[str, MatchedCore]) -> None:
    core = cores["2019-643-FA-TC02"]
    within = core.depth_cm % RECIPE.section_cm
    near_end = (within < 5.0) | (within > RECIPE.section_cm - 5.0)

    assert np.isnan(core.labels[near_end, 2]).all()
    assert np.isfinite(core.labels[~near_end, 2]).any()


def test_a_missing_section_leaves_a_gap_and_does_not_move_what_is_below(
    cores: dict[str, MatchedCore],
) -> None:
    core = cores["2019-643-FA-GC01"]

    assert [one.number for one in core.sections] == [1, 3]
    assert [one.top_cm for one in core.sections] == [0.0, 48.0]
    assert np.unique(core.run).size == 2
    assert any("no image of section 2" in text for text in core.warnings)


def test_a_trimmed_top_moves_the_image_down_and_is_told(
    written: Path, cores: dict[str, MatchedCore]
) -> None:
    core = cores["2019-643-FA-JPC02"]
    with (written / "truth" / "2019_643_FA_JPC02_sections.csv").open() as file:
        trims = [float(row["image_top_cm"]) for row in csv.DictReader(file)]

    got = [one.top_cm - RECIPE.section_cm * i for i, one in enumerate(core.sections)]

    np.testing.assert_allclose(got, trims, atol=0.05)
    assert any("trimmed at its top" in text for text in core.warnings)
    true, good = truth_of(written, core)
    mine = np.flatnonzero((core.section == 1) & np.isfinite(core.labels[:, 0]))
    assert mine.size
    for i in mine:
        above = int(np.floor(core.depth_cm[i] - 0.5))
        near = true[above : above + 2, 0]
        assert good[above : above + 2, 0].all()
        assert near.min() - 1e-4 <= core.labels[i, 0] <= near.max() + 1e-4


def test_pixels_are_the_sections_own(cores: dict[str, MatchedCore]) -> None:
    core = cores["2019-643-FA-GC01"]
    image = next(one.image for one in core.placed if one.number == 3)
    scan = image.open()
    third = scan.read(0, 48).lines
    scan.close()
    first_of_third = int(np.flatnonzero(core.section == 1)[0])
    with core.images() as images:
        later, classes = images.lines_and_classes(first_of_third + 1)
        again, _ = images.lines_and_classes(first_of_third)
        assert images.px_per_cm(0) == RECIPE.px_per_cm

    np.testing.assert_array_equal(later, third[24:48])
    np.testing.assert_array_equal(again, third[:24])
    assert classes.shape == later.shape[:2]


def test_tiles_are_split_by_site_cut_once_and_carry_the_labels(
    written: Path, tmp_path: Path
) -> None:
    heard = Heard()
    folder = written / "release"
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}

    sets = release_sets(folder, tmp_path, ReleaseSplit(tiles_per_slice=2), report=heard)

    parts = (sets.training, sets.validation, sets.test)
    assert sum(len(part.cores) for part in parts) == 5
    for part in parts:
        assert part.pixels(np.arange(2)).shape == (2, 200, 200, 3)
        for core in part.cores:
            assert np.isnan(core.visible).all()
            assert np.bincount(core.slice_index).max() <= 2
            assert np.isfinite(core.labels[core.slice_index]).any()
    assert any("shift" in note for note in heard.notes)
    cut = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("pixels.u8")}
    again = release_sets(folder, tmp_path, ReleaseSplit(tiles_per_slice=2), report=Silent())
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("pixels.u8")} == cut
    np.testing.assert_array_equal(again.training.labels, sets.training.labels)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_no_site_is_in_two_sets_and_named_cores_go_where_they_are_named(
    cores: dict[str, MatchedCore],
) -> None:
    found = list(cores.values())
    usual = split_of(found, ReleaseSplit())
    named = split_of(found, ReleaseSplit(test=("2019_643_FA_TC02",)))

    for names in (usual, named):
        sites = [
            {cores[name].site for name in part}
            for part in (names.training, names.validation, names.test)
        ]
        assert all(sites)
        assert not sites[0] & sites[1]
        assert not sites[0] & sites[2]
        assert not sites[1] & sites[2]
    assert set(named.test) == {"2019-643-FA-TC02", "2019-643-FA-JPC02"}
    assert split_of(found[::-1], ReleaseSplit()).test == usual.test[::-1]
    with pytest.raises(SettingsError, match="GC99"):
        split_of(found, ReleaseSplit(test=("GC99",)))
    with pytest.raises(SettingsError, match="3 sites"):
        split_of(found[:2], ReleaseSplit())


def test_a_damaged_image_and_a_lonely_log_are_left_out_with_the_reason(
    written: Path, tmp_path: Path
) -> None:
    copied(written, tmp_path, "2019_643_FA_GC01*", "2019_643_FA_TC02.csv")
    image = tmp_path / "2019_643_FA_GC01_03.tif"
    image.write_bytes(image.read_bytes()[:1000])

    (core,) = matched_cores(tmp_path)

    assert [one.number for one in core.sections] == [1]
    assert any("GC01_03.tif is left out" in text for text in core.warnings)
    assert any("no image shows core 2019_643_FA_TC02" in text for text in core.warnings)


def test_an_image_made_with_x_rays_is_not_taken_for_one_made_with_light(
    written: Path, tmp_path: Path
) -> None:
    copied(written, tmp_path, "2019_643_FA_GC01*")
    sidecar = tmp_path / "2019_643_FA_GC01_03.xml"
    sidecar.write_text(sidecar.read_text().replace("Linescan", "CT"))

    (core,) = matched_cores(tmp_path)

    assert [one.name for one in core.sections] == ["2019_643_FA_GC01_01"]


def test_sections_numbered_from_the_bottom_are_turned_when_told_so(
    written: Path, tmp_path: Path
) -> None:
    copied(written, tmp_path, "2019_643_FA_TC02*")
    for sidecar in tmp_path.glob("*.xml"):
        text = sidecar.read_text()
        sidecar.write_text("\n".join(t for t in text.splitlines() if "physical-top" not in t))
    rules = MatchingRules(section_order="bottom-up")

    (core,) = matched_cores(tmp_path, rules)

    assert [one.name[-2:] for one in core.sections] == ["03", "02", "01"]
    assert [one.top_cm for one in core.sections] == [0.0, 24.0, 48.0]


def test_a_section_of_which_nothing_says_the_depth_waits_for_a_person(
    written: Path, tmp_path: Path
) -> None:
    copied(written, tmp_path, "2019_643_FA_GC01*")
    sidecar = tmp_path / "2019_643_FA_GC01_03.xml"
    text = sidecar.read_text()
    sidecar.write_text("\n".join(t for t in text.splitlines() if "physical-top" not in t))

    (core,) = matched_cores(tmp_path)
    rule = {"2019_643_fa_gc01_03": SectionRule(top_cm=48.0)}
    (told,) = matched_cores(tmp_path, MatchingRules(sections=rule))

    assert [one.number for one in core.sections] == [1]
    assert any("nothing says its depth" in text for text in core.warnings)
    assert [one.top_cm for one in told.sections] == [0.0, 48.0]


def test_matching_toml_is_read_strictly(tmp_path: Path) -> None:
    rules = tmp_path / "matching.toml"
    rules.write_text(
        'section_order = "bottom-up"\npx_per_cm = 99.3\n'
        '[sections.GC01_02]\ntop_cm = 12\nskip = true\n[sites]\nGC01 = "P1"\n'
    )
    read = load_rules(tmp_path)

    assert read.section_order == "bottom-up"
    assert read.px_per_cm == "99.3"
    assert read.of_section("gc01_02") == SectionRule(top_cm=12.0, skip=True)
    assert read.sites == {"gc01": "P1"}
    for wrong in (
        "order = 1",
        'section_order = "sideways"',
        'trimmed = "left"',
        "use_doubtful = 1",
        'px_per_cm = "many"',
        "[sections.a]\ntop_cm = -1",
        "[sections.a]\nshift = 1",
        "sites = 3",
        "[sites]\na = 1",
        "not toml",
    ):
        rules.write_text(wrong)
        with pytest.raises(SettingsError, match=r"expected|unknown"):
            load_rules(tmp_path)


def test_a_folder_without_cores_says_what_was_missing(written: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no log and no image"):
        list(matched_cores(tmp_path))
    copied(written, tmp_path, "2019_643_FA_GC01*.tif", "2019_643_FA_GC01*.xml")
    with pytest.raises(SettingsError, match="no log"):
        list(matched_cores(tmp_path))
    with pytest.raises(SettingsError, match="folder"):
        find_release(tmp_path / "absent", MatchingRules())


def test_the_same_seed_writes_the_same_files(tmp_path: Path) -> None:
    recipe = LookalikeRecipe(cores=1, sections=1, section_cm=4, px_per_cm=20)
    one, two = (write_lookalike(tmp_path / name, recipe) for name in ("a", "b"))

    files = sorted(path.name for path in one.iterdir())
    assert len(files) == 3
    for name in files:
        assert (one / name).read_bytes() == (two / name).read_bytes()
    with pytest.raises(FileExistsError):
        write_lookalike(tmp_path / "a", recipe)
