"""The plate shows what the depth log says, and says when it is no measurement."""

import builtins
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from composed_slices import composed, share, without_value
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from downcore.plate import SIMULATED_CAVEAT, PlateSection, PlateSlice, draw_plate
from downcore.plate.labels import coloured
from downcore.plate.sheet import _figure_of
from downcore.plate.style import STATUS_COLOURS
from downcore.plate.track import _limits, _runs
from downcore.strata.composed import ComposedSlice
from downcore.strata.depthlog import Estimate, Status
from downcore.strata.errors import DowncoreError
from downcore.strata.properties import DENSITY, MS, PROPERTIES

pytest.importorskip("matplotlib", reason="the plate needs the extra 'demo'")

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


def section_of(*slices: PlateSlice, title: str = "DC26-01A-3", caveat: str = "") -> PlateSection:
    picture = np.full((8 * len(slices), 20, 3), 120, dtype=np.uint8)
    return PlateSection(title, "5f1d2c9a", "resnet-18 3fa9", caveat, slices, picture)


def texts_of(section: PlateSection) -> str:
    figure = _figure_of(section)
    words = [text.get_text() for text in figure.texts]
    for axes in figure.axes:
        words.append(axes.get_title())
        words += [text.get_text() for text in axes.texts]
    for legend in figure.legends:
        words += [text.get_text() for text in legend.get_texts()]
    return "\n".join(words).replace("\n", " ")


def test_a_plate_is_a_picture_that_can_be_opened(tmp_path: Path) -> None:
    section = section_of(*(a_slice(i, Status.PREDICTED) for i in range(5)))

    out = draw_plate(section, tmp_path / "plate.png")

    picture = cv2.imread(str(out), cv2.IMREAD_COLOR)
    assert picture is not None, "the plate is not a PNG"
    assert picture.shape[0] > picture.shape[1] > 1000, "a plate stands upright"


def with_gaps() -> PlateSection:
    """Return 12 cm of image of which only centimetres 0, 1, 5 and 6 have rows."""
    slices = tuple(a_slice(i, Status.PREDICTED) for i in (0, 1, 5, 6))
    return replace(section_of(*slices), bottom_um=120_000)


def test_centimetres_of_an_image_without_rows_stay_blank(tmp_path: Path) -> None:
    out = draw_plate(with_gaps(), tmp_path / "plate.png")

    assert out.stat().st_size > 0
    assert "4 of 12 cm, 4 slices" in texts_of(with_gaps())
    figure = _figure_of(with_gaps())
    assert all(axes.get_ylim() == (12.0, 0.0) for axes in figure.axes)


def test_no_value_is_drawn_across_centimetres_without_rows() -> None:
    section = with_gaps()

    runs = list(_runs(section, section.estimates(DENSITY)))

    assert [run.edges_cm for run in runs] == [(0.0, 1.0, 2.0), (5.0, 6.0, 7.0)]


def test_the_same_section_gives_the_same_plate(tmp_path: Path) -> None:
    section = section_of(a_slice(0, Status.PREDICTED), a_slice(1, Status.FILLED))

    first = draw_plate(section, tmp_path / "first.png").read_bytes()
    second = draw_plate(section, tmp_path / "second.png").read_bytes()

    assert first == second, "a plate depends on something beside its section"


def test_a_simulated_core_is_never_shown_as_a_measurement() -> None:
    told = texts_of(section_of(a_slice(0, Status.PREDICTED), caveat=SIMULATED_CAVEAT))

    assert "simulated core, generator-trained network: not a measurement" in told


def test_the_title_names_section_scan_and_bundle() -> None:
    told = texts_of(section_of(a_slice(0, Status.PREDICTED)))

    assert "DC26-01A-3" in told
    assert "scan 5f1d2c9a" in told
    assert "bundle resnet-18 3fa9" in told


def test_core_without_a_value_says_why() -> None:
    slices = [a_slice(i, Status.PREDICTED) for i in range(4)]
    slices.append(a_slice(4, Status.MASKED, "mostly foam"))
    slices.append(a_slice(5, Status.ABSTAINED, "20 px/cm is too coarse"))

    told = texts_of(section_of(*slices))

    assert "masked: mostly foam" in told
    assert "abstained: 20 px/cm is too coarse" in told
    assert "6 cm, 6 slices: 4 predicted, 1 masked, 1 abstained" in told


def test_two_reasons_side_by_side_are_told_apart() -> None:
    told = texts_of(
        section_of(
            a_slice(0, Status.MASKED, "mostly foam"), a_slice(1, Status.MASKED, "open crack")
        )
    )

    assert "masked: mostly foam" in told
    assert "masked: open crack" in told


def test_forced_values_are_hollow_and_the_plate_says_why() -> None:
    forced = "forced: scan has 20 px/cm, bundle trained on 60 to 400"
    usual = section_of(a_slice(0, Status.PREDICTED), a_slice(1, Status.PREDICTED))
    last = usual.slices[1]
    clipped = tuple(replace(one, reason=f"{forced}; clipped") for one in last.estimates)
    section = replace(usual, slices=(usual.slices[0], replace(last, estimates=clipped)))

    told = texts_of(section)

    assert f"2 predicted; {forced}" in told
    assert "clipped" not in told
    assert "forced: hollow" in told
    assert "forced" not in texts_of(usual), "nothing is forced there"
    density = next(a for a in _figure_of(section).axes if a.get_title() == "Density")
    marked = [line for line in density.lines if line.get_marker() == "o"]
    fills = [line.get_markerfacecolor() for line in marked]
    assert fills == [STATUS_COLOURS[Status.PREDICTED], "white"]


def test_only_statuses_that_occur_stand_in_the_legend() -> None:
    told = texts_of(section_of(a_slice(0, Status.MASKED, "mostly foam")))

    assert "90 % interval" not in told, "nothing has an interval here"
    assert "predicted" not in told


def test_every_status_has_a_colour_of_its_own() -> None:
    assert set(STATUS_COLOURS) == set(Status)
    assert len(set(STATUS_COLOURS.values())) == len(Status)


def test_a_dollar_sign_in_a_name_is_no_formula(tmp_path: Path) -> None:
    section = section_of(a_slice(0, Status.PREDICTED), title="core $1_a^b$ and $")

    assert draw_plate(section, tmp_path / "plate.png").stat().st_size > 0


def test_a_section_without_picture_or_estimates_is_still_drawn(tmp_path: Path) -> None:
    bare = PlateSection("core", "5f1d", "", "", (PlateSlice(0, 4_000, SEDIMENT, ()),), None)

    assert "no picture" in texts_of(bare)
    assert "0.4 cm, 1 slice: no values" in texts_of(bare)
    assert draw_plate(bare, tmp_path / "plate.png").exists()


@pytest.mark.parametrize("prop", PROPERTIES, ids=lambda p: p.name)
def test_every_interval_lies_inside_its_axis(prop: Any) -> None:
    estimates = [a_slice(i, Status.PREDICTED).estimates[PROPERTIES.index(prop)] for i in range(9)]

    low, high = _limits(estimates, prop)

    assert all(low < one.lower and one.upper < high for one in estimates if one.lower and one.upper)


def test_an_axis_without_values_shows_the_plausible_range() -> None:
    for prop in (DENSITY, MS):
        low, high = _limits([], prop)
        assert low < prop.lowest < prop.highest < high


def test_a_section_without_slices_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at least one slice of nothing"):
        PlateSection("nothing", "5f1d", "", "", (), None)


def test_without_matplotlib_the_message_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in [m for m in sys.modules if m.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    real_import = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == "matplotlib":
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)

    with pytest.raises(DowncoreError, match=r"pip install 'downcore\[demo\]'"):
        draw_plate(section_of(a_slice(0, Status.PREDICTED)), tmp_path / "plate.png")


def with_composition(*told: ComposedSlice, labels: NDArray[np.int32] | None = None) -> PlateSection:
    slices = tuple(
        replace(a_slice(i, Status.PREDICTED), composition=one.composition.resolved_groups)
        for i, one in enumerate(told)
    )
    return replace(section_of(*slices), labels=labels, table="two")


def test_groups_are_in_the_legend_with_their_median_and_interval() -> None:
    section = with_composition(composed(0, light=0.2), composed(1, light=0.2))

    words = texts_of(section)

    assert "light 20 % (10 to 30)" in words
    assert "dark 80 % (70 to 90)" in words
    assert "end members two" in words


def test_what_the_prior_says_is_hatched_and_what_the_data_say_is_not() -> None:
    figure = _figure_of(with_composition(composed(0)))

    track = figure.axes[-1]
    hatches = [patch.get_hatch() for patch in track.patches]
    assert hatches == [None, "////"], "expected light plain and dark, prior-driven, hatched"


def test_a_group_whose_name_looks_like_a_formula_is_shown_as_it_is(tmp_path: Path) -> None:
    one = composed(0)
    odd = (share("$\\frac{$ of it", 0.4), share("the $rest$", 0.6))
    section = with_composition(
        replace(one, composition=replace(one.composition, groups=odd, joined=()))
    )

    assert draw_plate(section, tmp_path / "plate.png").exists()
    assert "the $rest$ 60 % (50 to 70)" in texts_of(section)


def test_a_slice_without_composition_has_no_bar() -> None:
    masked = without_value(1, Status.MASKED, "no sediment")

    figure = _figure_of(with_composition(composed(0), masked))

    bars = [p for p in figure.axes[-1].patches if p.get_y() == 1.0 and p.get_width() < 1.0]
    assert not bars, f"expected no share in the masked slice, got {bars}"


def test_the_strip_of_regions_says_how_many_there_are() -> None:
    labels = np.array([[0, 1, 1], [2, 2, 3]], np.int32)

    words = texts_of(with_composition(composed(0), labels=labels))

    assert "3 labels" in words


@given(arrays(np.int32, (9, 11), elements=st.integers(0, 6)))
def test_regions_that_touch_have_different_colours(labels: NDArray[np.int32]) -> None:
    picture = coloured(labels)

    for one, other in ((labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])):
        down = one.shape[0] < labels.shape[0]
        a, b = (picture[1:], picture[:-1]) if down else (picture[:, 1:], picture[:, :-1])
        same = (a == b).all(axis=-1)
        assert not (same & (one != other)).any(), "expected two colours where regions meet"


def test_a_legend_of_long_names_is_broken_rather_than_cut(tmp_path: Path) -> None:
    one = composed(0)
    groups = tuple(share(f"a group with quite a long name {i}", 0.1) for i in range(8))
    wide = replace(one, composition=replace(one.composition, groups=groups, joined=()))

    figure = _figure_of(with_composition(wide))

    figure.savefig(tmp_path / "plate.png")
    right = max(legend.get_window_extent().x1 for legend in figure.legends)
    assert right < figure.bbox.x1, "expected every entry on the sheet"
