"""Folders as archives give them: Janus logs, photographs without a scale, slice tables."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the extra [training]")

from archive_folder import (
    BEYOND_CM,
    PX_PER_CM,
    ArchiveCore,
    density_of,
    write_archive,
    write_section,
)

from downcore.strata.errors import SettingsError
from downcore_training.bench.layouts import read_folder
from downcore_training.datasets.folders import matched_cores
from downcore_training.datasets.matched_core import MatchedCore
from downcore_training.datasets.matching_rules import MatchingRules, load_rules
from downcore_training.datasets.proposed_rules import UnmatchedFolderError
from downcore_training.datasets.release_split import ReleaseSplit, parts_of

SCALED = MatchingRules(px_per_cm=str(PX_PER_CM))


def table_of(
    folder: Path, lengths_cm: tuple[int, ...] = (30, 30), *, in_section: bool = True
) -> None:
    """Write a slice table with an image for each section, as the project derives them."""
    rows: list[dict[str, object]] = []
    top_cm = 0
    for number, length in enumerate(lengths_cm, start=1):
        image = f"S-1-{number}.png"
        write_section(folder / image, length, top_cm)
        rows += [
            {
                "core": "S-1",
                "section": f"S-1-{number}",
                "depth_top_cm": i if in_section else top_cm + i,
                "density_g_cm3": density_of(top_cm + i + 0.5) if i % 3 else "",
                "mag_sus_loop_instr": 60 + i,
                "mag_sus_dist_cm": 0.4,
                "image": image,
                "y0_px": i * PX_PER_CM,
                "y1_px": (i + 1) * PX_PER_CM,
            }
            for i in range(length)
        ]
        top_cm += length
    with (folder / "S-1_slices_1cm.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def only(cores: object) -> MatchedCore:
    (core,) = cores  # type: ignore[misc, attr-defined] # any iterable of one
    assert isinstance(core, MatchedCore)
    return core


def test_logs_of_the_archive_label_the_slices_of_its_photographs(tmp_path: Path) -> None:
    write_archive(tmp_path)

    core = only(matched_cores(tmp_path, SCALED))

    assert (core.name, core.site, core.ms_kind) == ("145-887A-1H", "145-887", "loop")
    assert [section.name for section in core.sections] == [f"145-887A-1H-{i}" for i in (1, 2, 3)]
    assert [section.top_cm for section in core.sections] == pytest.approx([0, 40, 80], abs=0.01)
    known = np.isfinite(core.labels)
    assert known[:, 0].sum() > 0.8 * 96, "rows 2.2 cm apart label the slices within 1 cm"
    assert not known[:, 1].any(), "nobody measured velocity"
    assert known[:, 2].sum() > 0.3 * 96, "rows of a loop 5 cm apart label those within 1.5 cm"
    for depth, label in zip(core.depth_cm[known[:, 0]], core.labels[known[:, 0], 0], strict=True):
        assert abs(label - density_of(float(depth))) < 0.2 * np.sin(1.1 / 5.0)
    assert any("instrument units" in text and "1e-5 SI" in text for text in core.warnings)


def test_the_tray_below_a_sections_curated_length_has_no_label(tmp_path: Path) -> None:
    write_archive(tmp_path)

    core = only(matched_cores(tmp_path, SCALED))

    for number, length in enumerate((40, 40, 16)):
        mine = core.section == number
        assert mine.sum() == length + BEYOND_CM
        assert np.isnan(core.labels[mine][length:]).all()


def test_photographs_without_a_scale_get_a_proposal_that_works_once_it_is_pasted(
    tmp_path: Path,
) -> None:
    write_archive(tmp_path)

    with pytest.raises(UnmatchedFolderError) as said:
        list(matched_cores(tmp_path))
    with pytest.raises(SettingsError) as said_by_bench:
        read_folder(tmp_path)

    assert "inferred, not measured" in said.value.proposal
    assert "summary.csv" in said.value.proposal
    assert f'px_per_cm = "{PX_PER_CM}"' in said.value.proposal
    assert said.value.proposal in str(said.value)
    assert said.value.proposal in str(said_by_bench.value)
    text = said.value.proposal.partition("run the same again:")[2]
    (tmp_path / "matching.toml").write_text(text, encoding="utf-8")
    core = only(matched_cores(tmp_path))
    assert {section.px_per_cm for section in core.sections} == {PX_PER_CM}
    (scored,) = read_folder(tmp_path).cores
    np.testing.assert_array_equal(scored.labels, core.labels)


def test_without_a_summary_the_scale_is_inferred_from_the_logs_and_it_says_so(
    tmp_path: Path,
) -> None:
    write_archive(tmp_path, with_summary=False)

    with pytest.raises(UnmatchedFolderError) as said:
        list(matched_cores(tmp_path))

    assert "deepest row" in said.value.proposal
    line = said.value.proposal.strip().splitlines()[-1]
    assert float(line.split('"')[1]) == pytest.approx(PX_PER_CM, rel=0.05)


def test_where_nothing_says_a_length_the_number_is_left_to_fill_in(tmp_path: Path) -> None:
    write_archive(tmp_path, with_summary=False)
    for log in (tmp_path / "logs").iterdir():
        log.write_text(log.read_text().replace(",887,A,", ",888,A,"))

    with pytest.raises(UnmatchedFolderError) as said:
        list(matched_cores(tmp_path))
    text = said.value.proposal.partition("run the same again:")[2]
    (tmp_path / "matching.toml").write_text(text, encoding="utf-8")

    with pytest.raises(SettingsError, match="pixels per centimetre"):
        list(matched_cores(tmp_path))


@pytest.mark.parametrize(("written", "read"), [("17.4", "17.4"), ('"17.4"', "17.4"), ("20", "20")])
def test_the_scale_is_text_or_a_number(tmp_path: Path, written: str, read: str) -> None:
    (tmp_path / "matching.toml").write_text(f"px_per_cm = {written}\n", encoding="utf-8")

    assert load_rules(tmp_path).px_per_cm == read


@pytest.mark.parametrize("written", ["0", "true", '""', '"2O0"', "4000", "-1", "[20]", "nan"])
def test_what_is_no_scale_is_refused(tmp_path: Path, written: str) -> None:
    (tmp_path / "matching.toml").write_text(f"px_per_cm = {written}\n", encoding="utf-8")

    with pytest.raises(SettingsError, match="pixels per centimetre"):
        load_rules(tmp_path)


def test_a_slice_table_trains_with_the_labels_that_the_bench_scores(tmp_path: Path) -> None:
    table_of(tmp_path)

    core = only(matched_cores(tmp_path))
    (scored,) = read_folder(tmp_path).cores

    assert core.name == scored.name == "S-1"
    assert [section.px_per_cm for section in core.sections] == [PX_PER_CM, PX_PER_CM]
    shown = core.slice_index < 30
    np.testing.assert_array_equal(core.labels[shown], scored.labels)
    assert np.isnan(core.labels[~shown]).all(), "the table ends above the tray"
    np.testing.assert_allclose(core.depth_cm[shown] - 0.5, scored.depth_cm)
    assert not scored.further, "a distance to the nearest row is no second sensor"


@pytest.mark.parametrize("in_section", [True, False])
def test_depth_in_a_table_may_be_that_in_the_section_or_in_the_core(
    tmp_path: Path, *, in_section: bool
) -> None:
    table_of(tmp_path, in_section=in_section)

    core = only(matched_cores(tmp_path))
    (scored,) = read_folder(tmp_path).cores

    assert [section.top_cm for section in core.sections] == pytest.approx([0, 30], abs=0.05)
    np.testing.assert_array_equal(scored.depth_cm, np.arange(60))
    assert any("depth is that in the section" in text for text in core.warnings) == in_section


def test_a_slice_of_a_table_is_cut_where_its_pixel_rows_say(tmp_path: Path) -> None:
    table_of(tmp_path)
    core = only(matched_cores(tmp_path))
    second = cv2.cvtColor(cv2.imread(str(tmp_path / "S-1-2.png")), cv2.COLOR_BGR2RGB)

    with core.images() as images:
        at = int(np.flatnonzero((core.section == 1) & (core.slice_index == 7))[0])
        lines, _ = images.lines_and_classes(at)

    np.testing.assert_array_equal(lines, second[7 * PX_PER_CM : 8 * PX_PER_CM])


def test_a_scan_along_the_bed_is_read_from_the_side_that_its_table_says(tmp_path: Path) -> None:
    write_section(tmp_path / "up.png", 20, 0)
    upright = cv2.imread(str(tmp_path / "up.png"))
    cv2.imwrite(str(tmp_path / "T-1.png"), cv2.rotate(upright, cv2.ROTATE_90_CLOCKWISE))
    (tmp_path / "up.png").unlink()
    n = 22 * PX_PER_CM
    rows = [f"{i},1.{i:02d},T-1.png,{n - i * 20},{n - i * 20 - 20}" for i in range(20)]
    header = "depth_top_cm,density_g_cm3,image,x0_px,x1_px"
    (tmp_path / "T-1_slices_1cm.csv").write_text("\n".join([header, *rows]) + "\n")

    core = only(matched_cores(tmp_path))

    assert core.placed[0].image.top == "right"
    assert core.labels[10:20, 0] == pytest.approx([1 + i / 100 for i in range(10, 20)])
    with core.images() as images:
        lines, _ = images.lines_and_classes(10)
    assert abs(int(lines.mean()) - int(upright[200:220].mean())) <= 1


def test_a_table_without_images_is_named_where_others_can_be_trained_on(tmp_path: Path) -> None:
    table_of(tmp_path)
    (tmp_path / "S-2_slices_1cm.csv").write_text("depth_top_cm,density_g_cm3\n0,1.4\n1,1.5\n")

    core = only(matched_cores(tmp_path))

    assert any("core S-2 has no image" in text for text in core.warnings)


def test_one_core_is_split_by_section_and_it_says_so(tmp_path: Path) -> None:
    write_archive(tmp_path, [ArchiveCore(lengths_cm=(20, 20, 20, 20, 20))])

    split = parts_of(list(matched_cores(tmp_path, SCALED)), ReleaseSplit())

    sets = (split.names.training, split.names.validation, split.names.test)
    assert [len(names) for names in sets] == [3, 1, 1]
    assert len({name for names in sets for name in names}) == 5
    assert "5 sections of one core" in split.sentence
    assert "other sites will be read worse" in split.sentence
    for part in split.parts:
        assert (part.section == 0).all()
        assert len(part.labels) == len(part.run) == len(part.depth_cm) == 22
        with part.images() as images:
            assert images.lines_and_classes(3)[0].shape[0] == PX_PER_CM


def test_of_two_sites_one_is_tested_on_whole(tmp_path: Path) -> None:
    cores = [ArchiveCore(), ArchiveCore(number="2"), ArchiveCore(site="900")]
    write_archive(tmp_path, cores)

    split = parts_of(list(matched_cores(tmp_path, SCALED)), ReleaseSplit())

    site_of = {part.name: part.site for part in split.parts}
    tested = {site_of[name] for name in split.names.test}
    assert len(tested) == 1
    assert not tested & {site_of[name] for name in split.names.training}
    assert not tested & {site_of[name] for name in split.names.validation}
    assert not set(split.names.training) & set(split.names.validation)
    assert "two sites" in split.sentence


def test_three_cores_of_one_site_are_kept_whole(tmp_path: Path) -> None:
    write_archive(tmp_path, [ArchiveCore(number=str(i), lengths_cm=(16,)) for i in (1, 2, 3)])

    split = parts_of(list(matched_cores(tmp_path, SCALED)), ReleaseSplit())

    names = split.names
    assert {len(names.training), len(names.validation), len(names.test)} == {1}
    assert "cores of one site" in split.sentence


def test_two_sections_are_too_few_for_three_sets(tmp_path: Path) -> None:
    write_archive(tmp_path, [ArchiveCore(lengths_cm=(20, 20))])

    with pytest.raises(SettingsError, match="at least 3 sections"):
        parts_of(list(matched_cores(tmp_path, SCALED)), ReleaseSplit())
