"""The plate shows what the depth log says, and says when it is no measurement."""

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from composed_slices import composed, share, without_value
from numpy.typing import NDArray

from downcore.plate import (
    SIMULATED_CAVEAT,
    Plate,
    PlateSection,
    PlateSlice,
    draw_plate,
    is_earlier_plate,
    plate_slices,
    thumbnail,
)
from downcore.plate.regions import mean_colours
from downcore.plate.segmentation import class_colours, classes_of_pictures
from downcore.plate.sheet import figure_of
from downcore.plate.style import STATUS_COLOURS
from downcore.plate.track import _limits, _runs
from downcore.strata.composed import ComposedSlice
from downcore.strata.depth import LineScale
from downcore.strata.depthlog import Estimate, Status
from downcore.strata.properties import DENSITY, MS, PROPERTIES
from downcore.strata.record import SliceRow
from downcore.strata.slices import measure_slice

pytest.importorskip("matplotlib", reason="the plate needs the extra 'demo'")
to_hex = importlib.import_module("matplotlib.colors").to_hex

SEDIMENT = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def predicted(name: str, value: float, half: float, status: Status) -> Estimate:
    return Estimate(name, value, value - half, value + half, status, "", "b")


def silent(name: str, status: Status, reason: str) -> Estimate:
    return Estimate(name, None, None, None, status, reason, "b")


def a_slice(index: int, status: Status, reason: str = "") -> PlateSlice:
    values = {"density": (1.6 + index / 100, 0.1), "vp": (1500.0, 40.0), "ms": (30.0, 10.0)}
    return PlateSlice(
        top_um=index * 10_000,
        bottom_um=(index + 1) * 10_000,
        class_fractions=SEDIMENT,
        estimates=tuple(
            silent(p.name, status, reason) if reason else predicted(p.name, *values[p.name], status)
            for p in PROPERTIES
        ),
    )


def section_of(*slices: PlateSlice, name: str = "DC26-01A-3", has_picture: bool = True) -> Any:
    picture = np.full((8 * len(slices), 20, 3), 120, dtype=np.uint8)
    top_um, bottom_um = slices[0].top_um, slices[-1].bottom_um
    return PlateSection(name, top_um, bottom_um, slices, picture if has_picture else None)


def plate_of(
    *slices: PlateSlice, title: str = "Section DC26-01A-3", caveat: str = "", **more: Any
) -> Plate:
    section = section_of(*slices, **more)
    words = {"scan": "5f1d2c9a", "bundle": "resnet-18 3fa9", "caveat": caveat}
    return Plate(title, (section,), is_depth_in_core=False, **words)


def texts_of(plate: Plate) -> str:
    figure = figure_of(plate)
    words = [text.get_text() for text in figure.texts]
    for axes in figure.axes:
        words.append(axes.get_title())
        words += [text.get_text() for text in axes.texts]
        words.append(axes.get_ylabel())
    for legend in figure.legends:
        words += [text.get_text() for text in legend.get_texts()]
    return "\n".join(words).replace("\n", " ")


def column(plate: Plate, title: str) -> Any:
    return next(axes for axes in figure_of(plate).axes if axes.get_title() == title)


@pytest.mark.parametrize("ending", [".png", ".pdf", ".svg"])
def test_a_plate_is_a_file_of_its_ending_and_the_same_each_time(
    tmp_path: Path, ending: str
) -> None:
    plate = plate_of(a_slice(0, Status.PREDICTED), a_slice(1, Status.FILLED))
    first, second = tmp_path / f"first{ending}", tmp_path / f"second{ending}"

    draw_plate(plate, first)
    draw_plate(plate, second)

    begins = {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<?xml"}
    assert first.read_bytes().startswith(begins[ending])
    assert first.read_bytes() == second.read_bytes(), "a plate depends on more than its section"
    assert is_earlier_plate(first), "a plate is not known again"


def test_a_plate_stands_upright(tmp_path: Path) -> None:
    draw_plate(plate_of(a_slice(0, Status.PREDICTED)), tmp_path / "plate.png")

    picture = cv2.imread(str(tmp_path / "plate.png"), cv2.IMREAD_COLOR)
    assert picture is not None, "the plate is not a PNG"
    assert picture.shape[0] > picture.shape[1] > 1000


@pytest.mark.parametrize("ending", [".png", ".pdf", ".svg", ".txt"])
def test_the_file_of_another_program_is_no_earlier_plate(tmp_path: Path, ending: str) -> None:
    other = tmp_path / f"other{ending}"
    other.write_bytes(b"\x89PNG\r\n\x1a\n and %PDF and <?xml of a core called downcore")

    assert not is_earlier_plate(other)
    assert not is_earlier_plate(tmp_path / f"none{ending}")


def with_gaps() -> Plate:
    """Return 12 cm of image of which only centimetres 0, 1, 5 and 6 have rows."""
    slices = tuple(a_slice(i, Status.PREDICTED) for i in (0, 1, 5, 6))
    section = replace(section_of(*slices), bottom_um=120_000)
    return replace(plate_of(*slices), sections=(section,))


def test_centimetres_of_an_image_without_rows_stay_blank() -> None:
    assert "4 of 12 cm, 4 slices" in texts_of(with_gaps())
    figure = figure_of(with_gaps())
    assert all(axes.get_ylim() == (12.0, 0.0) for axes in figure.axes)


def test_no_value_is_drawn_across_centimetres_without_rows() -> None:
    (section,) = with_gaps().sections

    runs = list(_runs(section, section.estimates(DENSITY)))

    assert [run.edges_cm for run in runs] == [(0.0, 1.0, 2.0), (5.0, 6.0, 7.0)]


def two_sections(top_um: int, *, is_depth_in_core: bool) -> Plate:
    """Return two sections of 4 cm, the lower one from ``top_um`` on."""
    slices = [a_slice(i, Status.PREDICTED) for i in range(4)]
    lower = [
        replace(part, top_um=top_um + part.top_um, bottom_um=top_um + part.bottom_um)
        for part in slices
    ]
    sections = (section_of(*slices, name="section 1"), section_of(*lower, name="section 2"))
    return Plate("Core U1", sections, is_depth_in_core=is_depth_in_core)


def test_joined_sections_have_depths_of_their_own_that_begin_again() -> None:
    image = column(two_sections(40_000, is_depth_in_core=False), "Image")

    assert image.get_ylabel() == "Depth in each section (cm)"
    marks = {
        tick: text.get_text()
        for tick, text in zip(image.get_yticks(), image.get_yticklabels(), strict=True)
    }
    assert marks[0.0] == marks[4.0] == "0"
    assert marks[2.0] == marks[6.0] == "2"
    assert {text.get_text() for text in image.texts} >= {"section 1", "section 2"}


def test_sections_by_depth_in_the_core_leave_the_gap_between_them() -> None:
    plate = two_sections(90_000, is_depth_in_core=True)
    image = column(plate, "Image")

    assert image.get_ylabel() == "Depth in core (cm)"
    assert image.get_ylim() == (13.0, 0.0)
    assert [tuple(picture.get_extent()) for picture in image.images] == [
        (0.0, 1.0, 4.0, 0.0),
        (0.0, 1.0, 13.0, 9.0),
    ]
    assert "8 cm, 8 slices" in texts_of(plate)


def test_no_value_is_drawn_from_one_section_to_the_next() -> None:
    density = column(two_sections(40_000, is_depth_in_core=False), "Density")

    curves = [line for line in density.lines if line.get_marker() == "None"]
    spans = [
        (min(line.get_ydata()), max(line.get_ydata()))
        for line in curves
        if len(line.get_ydata()) > 2
    ]
    assert spans == [(0.5, 3.5), (4.5, 7.5)]


def test_a_section_without_picture_is_drawn_in_the_colours_of_its_rows() -> None:
    slices = (
        replace(a_slice(0, Status.PREDICTED), linear_rgb=(1.0, 1.0, 1.0)),
        a_slice(1, Status.MASKED, "mostly foam"),
        replace(a_slice(2, Status.PREDICTED), linear_rgb=(0.2140, 0.0, 0.0)),
    )
    colours = column(plate_of(*slices, has_picture=False), "Colour")

    drawn = {patch.get_y(): patch.get_facecolor()[:3] for patch in colours.patches}
    assert not colours.images
    assert drawn[0.0] == (1.0, 1.0, 1.0)
    assert drawn[2.0] == pytest.approx((0.5, 0.0, 0.0), abs=0.003)
    assert 1.0 not in drawn, "foam has no colour of sediment"


def test_a_simulated_core_is_never_shown_as_a_measurement() -> None:
    told = texts_of(plate_of(a_slice(0, Status.PREDICTED), caveat=SIMULATED_CAVEAT))

    assert "simulated core, generator-trained network: not a measurement" in told


def test_the_title_names_section_scan_and_bundle() -> None:
    told = texts_of(plate_of(a_slice(0, Status.PREDICTED)))

    assert "DC26-01A-3" in told
    assert "scan 5f1d2c9a" in told
    assert "bundle resnet-18 3fa9" in told


def test_the_plate_says_why_a_bundle_does_not_answer() -> None:
    why = "odp887-blend does not answer: unlike the training cores: novelty 9, limit 3"

    assert why in texts_of(replace(plate_of(a_slice(0, Status.PREDICTED)), silent=(why,)))


def test_core_without_a_value_says_why() -> None:
    slices = [a_slice(i, Status.PREDICTED) for i in range(4)]
    slices.append(a_slice(4, Status.MASKED, "mostly foam"))
    slices.append(a_slice(5, Status.ABSTAINED, "20 px/cm is too coarse"))

    told = texts_of(plate_of(*slices))

    assert "masked: mostly foam" in told
    assert "abstained: 20 px/cm is too coarse" in told
    assert "6 cm, 6 slices: 4 predicted, 1 masked, 1 abstained" in told


def test_two_reasons_side_by_side_are_told_apart() -> None:
    told = texts_of(
        plate_of(a_slice(0, Status.MASKED, "mostly foam"), a_slice(1, Status.MASKED, "open crack"))
    )

    assert "masked: mostly foam" in told
    assert "masked: open crack" in told


def test_forced_values_are_hollow_and_the_plate_says_why() -> None:
    forced = "forced: scan has 20 px/cm, bundle trained on 60 to 400"
    first, last = a_slice(0, Status.PREDICTED), a_slice(1, Status.PREDICTED)
    clipped = tuple(replace(one, reason=f"{forced}; clipped") for one in last.estimates)
    usual, section = plate_of(first, last), plate_of(first, replace(last, estimates=clipped))

    told = texts_of(section)

    assert f"2 predicted; {forced}" in told
    assert "clipped" not in told
    assert "forced: hollow" in told
    assert "forced" not in texts_of(usual), "nothing is forced there"
    density = column(section, "Density")
    marked = [line for line in density.lines if line.get_marker() == "o"]
    fills = [line.get_markerfacecolor() for line in marked]
    assert fills == [STATUS_COLOURS[Status.PREDICTED], "white"]
    assert [patch.get_hatch() for patch in density.patches] == [None, "/////"]


def test_the_left_stripe_has_the_status_of_each_centimetre_and_a_legend_that_says_so() -> None:
    plate = plate_of(
        a_slice(0, Status.PREDICTED),
        a_slice(1, Status.FILLED),
        a_slice(2, Status.MASKED, "mostly foam"),
        a_slice(3, Status.ABSTAINED, "unlike the training cores"),
    )

    stripe = [patch for patch in column(plate, "Density").patches if patch.get_width() < 0.1]

    colours = [STATUS_COLOURS[status] for status in list(Status)[1:]]
    assert [to_hex(patch.get_facecolor()) for patch in stripe] == colours
    figure = figure_of(plate)
    named = {text.get_text(): i for i, text in enumerate(reversed(figure.texts[-3:]))}
    assert set(named) == {"Left stripe", "Values", "Mask"}
    entries = [text.get_text() for text in figure.legends[-1].get_texts()]
    assert entries == ["predicted", "filled", "masked", "abstained"]


def test_reasons_that_differ_in_their_numbers_are_given_once_with_the_range() -> None:
    slices = [
        a_slice(i, Status.ABSTAINED, f"colour novelty {20 + i}.5, limit 7.85 (resnet-18 2c77)")
        for i in range(3)
    ]
    section = section_of(*slices)

    (run,) = _runs(section, section.estimates(DENSITY))

    assert run.reason == "colour novelty 20.5 to 22.5, limit 7.85 (resnet-18 2c77)"


def test_only_statuses_that_occur_stand_in_the_legend() -> None:
    told = texts_of(plate_of(a_slice(0, Status.MASKED, "mostly foam")))

    assert "90 % interval" not in told, "nothing has an interval here"
    assert "predicted" not in told


def test_every_status_has_a_colour_of_its_own() -> None:
    assert set(STATUS_COLOURS) == set(Status)
    assert len(set(STATUS_COLOURS.values())) == len(Status)


def test_a_dollar_sign_in_a_name_is_no_formula() -> None:
    plate = plate_of(a_slice(0, Status.PREDICTED), title="core $1_a^b$ and $")

    figure_of(plate).canvas.draw()


def test_a_section_of_a_few_millimetres_without_estimates_is_still_drawn() -> None:
    section = PlateSection("core", 0, 4_000, (PlateSlice(0, 4_000, SEDIMENT, ()),))
    bare = Plate("core", (section,), is_depth_in_core=False)

    assert "0.4 cm, 1 slice: no values" in texts_of(bare)
    figure_of(bare).canvas.draw()


@pytest.mark.parametrize("prop", PROPERTIES, ids=lambda p: p.name)
def test_every_interval_lies_inside_its_axis(prop: Any) -> None:
    estimates = [a_slice(i, Status.PREDICTED).estimates[PROPERTIES.index(prop)] for i in range(9)]

    low, high = _limits(estimates, prop)

    assert all(low < one.lower and one.upper < high for one in estimates if one.lower and one.upper)


def test_an_axis_without_values_shows_the_plausible_range() -> None:
    for prop in (DENSITY, MS):
        low, high = _limits([], prop)
        assert low < prop.lowest < prop.highest < high


def test_a_plate_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at least one slice of nothing"):
        PlateSection("nothing", 0, 0, ())
    with pytest.raises(ValueError, match="expected at least one section of nothing"):
        Plate("nothing", (), is_depth_in_core=False)


def with_composition(*told: ComposedSlice, labels: NDArray[np.int32] | None = None) -> Plate:
    slices = [
        replace(a_slice(i, Status.PREDICTED), composition=one.composition.resolved_groups)
        for i, one in enumerate(told)
    ]
    section = replace(section_of(*slices), labels=labels)
    return Plate("core", (section,), is_depth_in_core=False, table="two")


def test_groups_are_in_the_legend_with_their_median_and_interval() -> None:
    section = with_composition(composed(0, light=0.2), composed(1, light=0.2))

    words = texts_of(section)

    assert "light 20 % (10 to 30)" in words
    assert "dark 80 % (70 to 90)" in words
    assert "end members two" in words


def test_what_the_prior_says_is_hatched_and_what_the_data_say_is_not() -> None:
    figure = figure_of(with_composition(composed(0)))

    track = figure.axes[-1]
    hatches = [patch.get_hatch() for patch in track.patches]
    assert hatches == [None, "////"], "expected light plain and dark, prior-driven, hatched"


def test_a_group_whose_name_looks_like_a_formula_is_shown_as_it_is() -> None:
    one = composed(0)
    odd = (share("$\\frac{$ of it", 0.4), share("the $rest$", 0.6))
    section = with_composition(
        replace(one, composition=replace(one.composition, groups=odd, joined=()))
    )

    figure_of(section).canvas.draw()
    assert "the $rest$ 60 % (50 to 70)" in texts_of(section)


def test_a_slice_without_composition_has_no_bar() -> None:
    masked = without_value(1, Status.MASKED, "no sediment")

    figure = figure_of(with_composition(composed(0), masked))

    bars = [p for p in figure.axes[-1].patches if p.get_y() == 1.0 and p.get_width() < 1.0]
    assert not bars, f"expected no share in the masked slice, got {bars}"


def test_the_strip_of_regions_says_how_many_there_are() -> None:
    labels = np.array([[0, 1, 1], [2, 2, 3]], np.int32)

    words = texts_of(with_composition(composed(0), labels=labels))

    assert "3, mean colours" in words


def test_a_region_has_the_mean_colour_of_its_pixels_and_no_sediment_is_white() -> None:
    labels = np.array([[0, 7, 7], [0, 9, 7]], np.int32)
    picture = np.array([[[9, 9, 9], [10, 0, 0], [20, 0, 60]], [[9, 9, 9], [1, 2, 3], [30, 0, 0]]])

    coloured = mean_colours(labels, picture.astype(np.uint8))

    assert coloured[0, 1].tolist() == coloured[1, 2].tolist() == [20, 0, 20]
    assert coloured[1, 1].tolist() == [1, 2, 3]
    assert coloured[:, 0].tolist() == [[255, 255, 255]] * 2


@pytest.mark.parametrize(("dtype", "factor"), [(np.uint8, 1), (np.uint16, 256)])
def test_a_thumbnail_of_a_long_scan_fits_a_sheet(dtype: Any, factor: int) -> None:
    lines = np.full((72, 50, 3), 90 * factor, dtype)

    assert thumbnail(lines, 3600).shape == (72, 50, 3), "a short scan stays as it is"
    small = thumbnail(lines, 36_000)
    assert small.shape == (7, 5, 3)
    assert small.dtype == np.uint8
    assert (small == 90).all()


def test_a_measured_value_stands_before_a_bundle_and_the_bundle_before_others() -> None:
    measured = Estimate("density", 1.7, None, None, Status.MEASURED, "", "")
    estimates = (
        predicted("density", 1.5, 0.1, Status.PREDICTED),
        measured,
        predicted("vp", 1500.0, 40.0, Status.PREDICTED),
        replace(predicted("vp", 1600.0, 40.0, Status.PREDICTED), bundle_id="other"),
    )
    lines = np.full((10, 8, 3), 90, np.uint8)
    core_slice = measure_slice(
        lines, np.zeros((10, 8), np.uint8), LineScale.of("10"), index=2, first_line=20
    )

    (shown,) = plate_slices(
        [SliceRow(core_slice, estimates)], [composed(2)], top_um=50_000, bundle_id="other"
    )

    assert (shown.top_um, shown.bottom_um) == (70_000, 80_000)
    assert [(e.property, e.value) for e in shown.estimates] == [("density", 1.7), ("vp", 1600.0)]
    assert [group.group for group in shown.composition] == ["light", "dark"]
    assert shown.linear_rgb is not None


def test_a_legend_of_long_names_is_broken_rather_than_cut() -> None:
    one = composed(0)
    groups = tuple(share(f"a group with quite a long name {i}", 0.1) for i in range(8))
    wide = replace(one, composition=replace(one.composition, groups=groups, joined=()))

    figure = figure_of(with_composition(wide))

    figure.canvas.draw()
    right = max(legend.get_window_extent().x1 for legend in figure.legends)
    assert right < figure.bbox.x1, "expected every entry on the sheet"


def test_the_segmentation_says_how_many_classes_and_how_much_each_holds() -> None:
    classes = np.array([[0, 1, 1], [2, 2, 2], [3, 3, 3]], np.uint8).repeat(50, axis=1)
    section = replace(section_of(a_slice(0, Status.PREDICTED)), classes=classes)
    plate = Plate("Section", (section,), is_depth_in_core=False)

    words = texts_of(plate)

    assert "Segmentation 3 labels" in words
    assert "1 darkest, 25 %" in words
    assert "3 lightest, 38 %" in words


def test_no_two_classes_have_one_colour() -> None:
    colours = class_colours(12)

    assert len({to_hex(colour) for colour in colours}) == 12
    lightness = colours @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness) > 0).all(), "expected darker colours for darker classes"


def test_sections_of_a_core_share_their_classes() -> None:
    dark, pale = (60, 60, 58), (180, 176, 160)
    labels = np.array([[0, 1], [0, 2]], np.int32).repeat(9, axis=0)
    upper, lower = np.zeros((2, 18, 2, 3), np.uint8)
    upper[:9], upper[9:] = dark, pale
    lower[:9], lower[9:] = pale, pale

    one, other = classes_of_pictures([(labels, upper), (labels, lower)])

    assert np.unique(one[:9, 1]).tolist() == [1]
    assert np.unique(one[9:, 1]).tolist() == np.unique(other[:, 1]).tolist() == [2]
    assert not one[:, 0].any()


def test_a_section_without_regions_has_no_classes() -> None:
    nothing = np.zeros((4, 3), np.int32)

    (classes,) = classes_of_pictures([(nothing, np.zeros((4, 3, 3), np.uint8))])

    assert not classes.any()
