"""Folders that the bench has never seen: other columns, other units, things that are missing."""

from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the extra [training]")

from downcore.strata.errors import SettingsError
from downcore_training.bench.layouts import layouts, read_folder

DENSITY = {"density_g_cm3": "1.40", "mag_sus_loop_1e-5SI": "50"}
COLOUR = {"R_mean": "120", "G_mean": "110", "B_mean": "90"}


def write_table(path: Path, rows: list[dict[str, str]], *, separator: str = ",") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [separator.join(rows[0]), *(separator.join(row.values()) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def rows_of(n: int, *, core: str = "AB-1", **columns: str) -> list[dict[str, str]]:
    return [{"core": core, "depth_top_cm": str(i), **columns} for i in range(n)]


def test_every_layout_has_a_name_of_its_own() -> None:
    names = [layout.name for layout in layouts()]

    assert len(set(names)) == len(names) >= 3


def test_a_table_becomes_a_core_with_labels_colours_and_depth(tmp_path: Path) -> None:
    write_table(tmp_path / "margin" / "AB-1_slices_1cm.csv", rows_of(5, **DENSITY, **COLOUR))

    (core,) = read_folder(tmp_path).cores

    assert (core.name, core.site, len(core)) == ("AB-1", "margin", 5)
    np.testing.assert_allclose(core.labels[:, 0], 1.4)
    np.testing.assert_allclose(core.labels[:, 2], np.log10(50))
    assert np.isnan(core.labels[:, 1]).all()
    assert core.has_colour.all()
    assert core.image is None


def test_a_loop_is_preferred_to_a_point_and_it_says_so(tmp_path: Path) -> None:
    columns = {"mag_sus_point_1e-5SI": "200", "mag_sus_loop_1e-5SI": "50"}
    write_table(tmp_path / "AB-1_slices_1cm.csv", rows_of(5, **columns, **COLOUR))

    found = read_folder(tmp_path)

    np.testing.assert_allclose(found.cores[0].labels[:, 2], np.log10(50))
    assert any("mag_sus_loop" in note for note in found.notes)


def test_velocity_that_calls_itself_uncalibrated_is_not_used(tmp_path: Path) -> None:
    columns = {**DENSITY, "pwave_vel_m_s_UNCALIBRATED": "1500"}
    write_table(tmp_path / "AB-1_slices_1cm.csv", rows_of(5, **columns, **COLOUR))

    found = read_folder(tmp_path)

    assert np.isnan(found.cores[0].labels[:, 1]).all()
    assert any("uncalibrated" in note for note in found.notes)


def test_velocity_below_that_of_water_is_left_out_with_the_reason(tmp_path: Path) -> None:
    columns = {**DENSITY, "pwave_vel_m_s": "1064"}
    write_table(tmp_path / "AB-1_slices_1cm.csv", rows_of(5, **columns, **COLOUR))

    found = read_folder(tmp_path)

    assert np.isnan(found.cores[0].labels[:, 1]).all()
    assert any("vp is left out" in note for note in found.notes)


def test_mud_heavier_than_packed_grains_is_believed_in_its_order_only(tmp_path: Path) -> None:
    rows = [{**row, "density": str(2.3 + 0.01 * i)} for i, row in enumerate(rows_of(20, **COLOUR))]
    write_table(tmp_path / "AB-1_slices_1cm.csv", rows)

    found = read_folder(tmp_path)

    (core,) = found.cores
    assert np.isnan(core.labels).all()
    assert core.ranks is not None
    assert np.isfinite(core.ranks[:, 0]).all()
    assert any("order only" in note for note in found.notes)


@pytest.mark.parametrize(
    ("column", "text", "expected"),
    [
        ("density_kg_m3", "1400", 1.4),
        ("GRA_density", "1.40", 1.4),
        ("Wet_Bulk_Density (g/cm3)", "1.4", 1.4),
    ],
)
def test_density_is_found_under_other_names_and_units(
    tmp_path: Path, column: str, text: str, expected: float
) -> None:
    write_table(tmp_path / "AB-1_slices_1cm.csv", rows_of(5, **{column: text}, **COLOUR))

    np.testing.assert_allclose(read_folder(tmp_path).cores[0].labels[:, 0], expected)


def test_gaps_in_depth_and_new_sections_start_a_new_stretch(tmp_path: Path) -> None:
    rows = rows_of(9, **DENSITY, **COLOUR)
    for i, row in enumerate(rows):
        row["section"] = "1" if i < 6 else "2"
    del rows[3]
    write_table(tmp_path / "AB-1_slices_1cm.csv", rows)

    assert read_folder(tmp_path).cores[0].run.tolist() == [0, 0, 0, 1, 1, 2, 2, 2]


def test_colours_come_from_an_image_that_lies_where_the_table_has_none(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    mud = np.clip(np.array([70, 100, 120]) + rng.normal(0, 4, (140, 400, 3)), 0, 255)
    cv2.imwrite(str(tmp_path / "scan.png"), mud.astype(np.uint8))
    rows = rows_of(18, **DENSITY)
    for i, row in enumerate(rows):
        row |= {"image": "scan.png", "x0_px": str(20 * i), "x1_px": str(20 * i + 20)}
    write_table(tmp_path / "AB-1_slices_1cm.csv", rows)

    (core,) = read_folder(tmp_path).cores

    assert core.px_per_cm == pytest.approx(20.0)
    assert core.image is not None
    cut = core.image.lines_and_classes(3)
    assert cut is not None
    assert cut[0].shape == (20, 140, 3)
    expected = cv2.cvtColor(mud[:, 60:80].astype(np.uint8), cv2.COLOR_BGR2RGB).transpose(1, 0, 2)
    np.testing.assert_array_equal(cut[0], expected)


def test_pixels_that_count_up_the_core_are_read_from_the_other_end(tmp_path: Path) -> None:
    shades = np.repeat(np.arange(10, dtype=np.uint8) * 20 + 30, 10)
    image = np.broadcast_to(shades[:, None, None], (100, 60, 3)).copy()
    cv2.imwrite(str(tmp_path / "scan.png"), image)
    rows = rows_of(10, **DENSITY, **COLOUR)
    for i, row in enumerate(rows):
        row |= {"image": "scan.png", "y0_px": str(100 - 10 * i), "y1_px": str(90 - 10 * i)}
    write_table(tmp_path / "AB-1_slices_1cm.csv", rows)

    images = read_folder(tmp_path).cores[0].image

    assert images is not None
    cut = images.lines_and_classes(0)
    assert cut is not None
    assert cut[0][0, 0, 0] == 210


def test_an_image_that_is_not_there_is_a_note_and_no_crash(tmp_path: Path) -> None:
    columns = {"image": "gone.tif", "y0_px": "0", "y1_px": "20"}
    write_table(tmp_path / "AB-1_slices_1cm.csv", rows_of(5, **DENSITY, **COLOUR, **columns))

    found = read_folder(tmp_path)

    assert found.cores[0].image is None
    assert any("gone.tif is not there" in note for note in found.notes)


def test_a_name_that_no_image_can_have_is_an_image_that_is_not_there(tmp_path: Path) -> None:
    columns = {**DENSITY, **COLOUR, "image": "x" * 5000, "y0_px": "0", "y1_px": "9"}
    write_table(tmp_path / "AB-1_slices_1cm.csv", rows_of(5, **columns))

    found = read_folder(tmp_path)

    assert found.cores[0].image is None
    assert any("is not there" in note for note in found.notes)


def test_a_depth_that_no_core_reaches_is_left_out_and_said(tmp_path: Path) -> None:
    rows = rows_of(5, **DENSITY, **COLOUR)
    rows[2]["depth_top_cm"] = "1e300"
    write_table(tmp_path / "AB-1_slices_1cm.csv", rows)

    found = read_folder(tmp_path)

    assert found.cores[0].depth_cm.tolist() == [0, 1, 3, 4]
    assert any("1 rows with a depth beyond" in note for note in found.notes)


def test_an_image_outside_the_folder_is_never_opened(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "secret.png"), np.full((50, 50, 3), 90, np.uint8))
    columns = {"image": "../secret.png", "y0_px": "0", "y1_px": "20"}
    inner = tmp_path / "data"
    write_table(inner / "AB-1_slices_1cm.csv", rows_of(5, **DENSITY, **COLOUR, **columns))

    assert read_folder(inner).cores[0].image is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"core,density\n",
        b"\x00\x01\x02" * 50,
        b"nothing,here\n1,2\n",
        b"core,depth_top_cm,density_g_cm3\nA,x,y\n",
    ],
    ids=["empty", "no row", "binary", "no property", "no number"],
)
def test_a_table_that_says_nothing_is_refused_with_what_was_looked_for(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "AB-1_slices_1cm.csv").write_bytes(content)

    with pytest.raises(SettingsError, match="expected cores with logs"):
        read_folder(tmp_path)


def test_one_bad_table_does_not_keep_the_others_from_being_read(tmp_path: Path) -> None:
    (tmp_path / "bad_slices_1cm.csv").write_bytes(b"")
    write_table(tmp_path / "AB-1_slices_1cm.csv", rows_of(5, **DENSITY, **COLOUR))

    found = read_folder(tmp_path)

    assert [core.name for core in found.cores] == ["AB-1"]
    assert any("bad_slices_1cm.csv" in note for note in found.notes)


def test_semicolons_a_mark_of_order_and_latin_1_are_read(tmp_path: Path) -> None:
    path = tmp_path / "AB-1_slices_1cm.csv"
    rows = rows_of(4, **DENSITY, **COLOUR, note="gr\u00fcn")
    write_table(path, rows, separator=";")
    path.write_bytes(path.read_text(encoding="utf-8").encode("latin-1"))

    assert len(read_folder(tmp_path).cores[0]) == 4


def test_an_empty_folder_and_no_folder_are_each_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="expected cores with logs"):
        read_folder(tmp_path)
    with pytest.raises(SettingsError, match="expected a folder"):
        read_folder(tmp_path / "gone")


def test_a_generated_folder_with_a_mistyped_key_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "generated.toml").write_text("first_seed = 1\ncoers = 2\n", encoding="utf-8")

    with pytest.raises(SettingsError, match="coers"):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("px_per_cm_lowest = nan", "px_per_cm_lowest"),
        ("width_cm = inf", "width_cm"),
        ("length_cm = 0", "length_cm"),
        ("width_cm = -1", "width_cm"),
        ("px_per_cm_lowest = 300\npx_per_cm_usual = 100", "px_per_cm_lowest <= px_per_cm_usual"),
        ("length_cm = true", "length_cm"),
    ],
)
def test_a_generated_folder_with_an_impossible_core_is_refused_by_name(
    tmp_path: Path, line: str, said: str
) -> None:
    (tmp_path / "generated.toml").write_text(
        f"first_seed = 1\ncores = 1\n{line}\n", encoding="utf-8"
    )

    with pytest.raises(SettingsError, match=said):
        read_folder(tmp_path)


def test_generated_cores_have_what_is_visible_and_an_image(tmp_path: Path) -> None:
    (tmp_path / "generated.toml").write_text(
        "first_seed = 7\ncores = 1\nlength_cm = 6\nwidth_cm = 4\npx_per_cm_lowest = 30\n"
        "px_per_cm_usual = 30\npx_per_cm_highest = 30\n",
        encoding="utf-8",
    )

    (core,) = read_folder(tmp_path).cores

    assert len(core) == 6
    assert core.visible is not None
    assert core.image is not None
    first = core.image.lines_and_classes(2)
    core.image.lines_and_classes(4)
    again = core.image.lines_and_classes(2)
    assert first is not None
    assert again is not None
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])


def test_generated_cores_can_share_a_site(tmp_path: Path) -> None:
    (tmp_path / "generated.toml").write_text(
        "first_seed = 7\ncores = 3\nlength_cm = 3\nwidth_cm = 4\npx_per_cm_lowest = 30\n"
        "px_per_cm_usual = 30\npx_per_cm_highest = 30\ncores_per_site = 2\n",
        encoding="utf-8",
    )

    one, two, three = read_folder(tmp_path).cores

    assert one.site == two.site != three.site
    assert not np.array_equal(one.labels, two.labels)


def test_a_point_log_beside_a_loop_is_kept_apart(tmp_path: Path) -> None:
    columns = {"mag_sus_point_1e-5SI": "20", "mag_sus_loop_1e-5SI": "100"}
    write_table(tmp_path / "AB-1_slices_1cm.csv", rows_of(5, **columns, **COLOUR))

    (core,) = read_folder(tmp_path).cores

    assert core.sensors == ("", "", "loop")
    np.testing.assert_allclose(core.labels[:, 2], 2.0)
    (log,) = core.further
    assert (log.sensor, log.property) == ("point", 2)
    np.testing.assert_allclose(log.values, np.log10(20.0))


def test_a_colour_profile_without_an_image_gives_the_colours(tmp_path: Path) -> None:
    colours = {"prof_L_mean": "40", "prof_L_sd": "2", "prof_a_mean": "1", "prof_b_mean": "9"}
    write_table(tmp_path / "C-1_slices_1cm.csv", rows_of(5, **DENSITY, **colours))

    found = read_folder(tmp_path)

    np.testing.assert_allclose(found.cores[0].profile[:, :3], [[40.0, 1.0, 9.0]] * 5)
    np.testing.assert_allclose(found.cores[0].profile[:, 3], 5.1)
    assert np.isnan(found.cores[0].profile[:, 4]).all()
    assert not any("neither colours" in note for note in found.notes)


def test_a_table_with_counts_and_lab_keeps_blue_and_b_star_apart(tmp_path: Path) -> None:
    lab = {"L_mean": "46.8", "a_mean": "1.8", "b_mean": "12.3", "prof_L_mean": "5"}
    write_table(tmp_path / "AB-1_slices_1cm.csv", rows_of(5, **DENSITY, **COLOUR, **lab))
    write_table(tmp_path / "AB-2_slices_1cm.csv", rows_of(5, core="AB-2", **DENSITY, **lab))
    write_table(tmp_path / "AB-3_slices_1cm.csv", rows_of(5, core="AB-3", **DENSITY, **COLOUR))

    both, alone, counts = read_folder(tmp_path).cores

    np.testing.assert_allclose(both.profile, counts.profile)
    np.testing.assert_allclose(alone.profile[:, :3], [[46.8, 1.8, 12.3]] * 5)


def test_every_file_that_nothing_is_read_from_is_named_with_its_reason(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "scan.png"), np.full((60, 50, 3), 90, np.uint8))
    cv2.imwrite(str(tmp_path / "catcher.png"), np.full((60, 50, 3), 90, np.uint8))
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "density.csv").write_text("depth,density\n1,1.4\n")
    (tmp_path / "LICENCE.md").write_text("free")
    columns = {"image": "scan.png", "y0_px": "0", "y1_px": "10"}
    rows = rows_of(5, **DENSITY, **columns)
    for i, row in enumerate(rows):
        row |= {"y0_px": str(10 * i), "y1_px": str(10 * i + 10)}
    write_table(tmp_path / "AB-1_slices_1cm.csv", rows)

    notes = [note for note in read_folder(tmp_path).notes if note.startswith("not used")]

    assert len(notes) == 2
    assert notes[0].endswith("no row with a label and a place in it names them: catcher.png")
    assert notes[1].endswith("_slices_1cm.csv: logs/density.csv")
