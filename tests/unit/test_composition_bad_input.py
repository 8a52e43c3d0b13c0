"""What composition does with tables and slices that make little sense: refuse, or abstain."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mixtures import marine_table, observed, random_shares, sharp_library
from small_config import small_config

from downcore.composing import SectionComposer
from downcore.composing.label_png import MAX_LABEL, label_tile, labels_of
from downcore.endmember_tables.files import find_table
from downcore.pipeline import SectionPipeline, SliceRules
from downcore.strata.colour import linear_of_lab
from downcore.strata.composed import ComposedSlice
from downcore.strata.depth import LineScale
from downcore.strata.depthlog import HAS_VALUE, Status
from downcore.strata.endmembers.library import Library
from downcore.strata.endmembers.quantity import Quantity
from downcore.strata.endmembers.table import EndMemberTable
from downcore.strata.errors import EndMemberError
from downcore.strata.segment import Segment
from downcore.strata.unmixing.composition import (
    ARTEFACT,
    PRIOR_SPEAKS,
    Composition,
    compose,
)
from downcore.strata.unmixing.identifiability import most_groups
from downcore.strata.unmixing.mixing_calibration import KnownSlices, calibrate_mixing, uncalibrated
from downcore.strata.unmixing.observations import MS, RED, ROWS, Observations
from downcore.strata.unmixing.physics import Mixing
from downcore.strata.unmixing.prior import Prior
from downcore.strata.unmixing.solving import solve

QUARTZ = """
[[member]]
mineral = "quartz"
group = "clastic"
density_g_per_cm3 = { value = 2.65, source = "book" }
vp_m_per_s = { value = 5440, source = "book" }
bulk_gpa = { value = 37, source = "book" }
ms_1e5_si = { value = -1.5, source = "book" }
lab = { value = [75, 0, 5], sd = [6, 3, 4], source = "book" }
"""
CALCITE = """
[[member]]
mineral = "calcite"
group = "carbonate"
density_g_per_cm3 = { value = 2.71, sd = 0.02, source = "book" }
linear_rgb = { value = [0.7, 0.6, 0.5], sd = [0.07, 0.06, 0.05], source = "book" }
"""
HEAD = """
kind = "physical"
name = "two"
title = "Two members"
[sources]
book = "a handbook"
[pore_water]
density_g_per_cm3 = { value = 1.026, source = "book" }
vp_m_per_s = { value = 1500, source = "book" }
ms_1e5_si = { value = -0.9, source = "book" }
"""
TEXT = HEAD + QUARTZ + CALCITE
SIX = [1.4, 1520.0, 60.0, 0.2, 0.18, 0.12]
MUD = np.tile(SIX, (5, 1))


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding=encoding, newline="")
    return path


def physical(preset: str) -> EndMemberTable:
    return find_table(preset).table


def of_preset(preset: str, seen: Observations) -> tuple[Composition, ...]:
    table = physical(preset)
    return compose(seen, uncalibrated(Library.of(table), Mixing(0.5, table.vp_rule)))


def only(rows: tuple[str, ...]) -> Observations:
    value = np.where([row in rows for row in ROWS], MUD, np.nan)
    return Observations.of(value, 0.03 * MUD)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("value = 2.65", "value = inf", "quartz, density_g_per_cm3: expected a finite number"),
        ("value = 2.65", "value = 1" + 400 * "0", "density_g_per_cm3: .* too many digits"),
        (
            "value = 2.65",
            "value = 2650",
            r"quartz: expected density in g/cm3 from 0\.01 to 25, got",
        ),
        ("value = 5440", "value = 5.44", "quartz: expected vp in m/s from 100 to 20000, got 5.44"),
        ("value = 37,", "value = 3.7e10,", "quartz: expected bulk modulus in GPa .* another unit"),
        ("value = -1.5", "value = 1e300", "quartz: expected ms in 1e-5 SI from -10000 to"),
        ("sd = 0.02", "sd = 1e300", "calcite: expected an sd of density in g/cm3 up to 25"),
        ("value = 1.026", "value = 1026", r"density of pore water in g/cm3 from 0\.9 to 1\.5"),
        ("value = 1500", "value = 1.5", "vp of pore water in m/s from 1000 to 2500, got 1.5"),
        ("sd = [6, 3, 4]", "sd = [-6, 3, 4]", r"quartz, lab: expected an sd above 0 .* \(-6\.0"),
        ("sd = [6, 3, 4]", "sd = [inf, 3, 4]", "quartz, lab: expected a finite number as sd"),
        ("sd = [6, 3, 4]", "sd = [600, 3, 4]", "quartz, lab: expected an sd above 0 and up to 50"),
        ("[75, 0, 5]", "[-5, 0, 5]", "quartz, lab: expected a colour inside the gamut"),
        ("[75, 0, 5]", "[0.001, 0, 0]", "leave out a colour that is not known"),
        ("[0.7, 0.6, 0.5]", "[178, 153, 127]", "calcite, linear_rgb: .* inside the gamut"),
        (
            'mineral = "calcite"',
            'mineral = "Quartz "',
            "each member once, got 'quartz' and 'Quartz '",
        ),
        ('group = "carbonate"', 'group = "Clastic"', "one spelling of a group, got 'clastic'"),
        (
            'group = "clastic"',
            'group = "clastic + clay"',
            r"quartz: expected a group without ' \+ '",
        ),
        ('group = "clastic"', 'group = "clastic"\ngroup = "x"', "expected TOML, got: Cannot over"),
        (CALCITE, "", "table two: expected 2 to 32 members, got 1"),
        (
            CALCITE,
            QUARTZ.replace('"quartz"', '"silica"'),
            "quartz and silica have the same numbers",
        ),
        (QUARTZ + CALCITE, "[member]\nmineral = 3", r"expected \[\[member\]\] entries, got none"),
    ],
)
def test_a_file_with_a_table_that_cannot_be_is_refused_with_the_place(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in TEXT

    with pytest.raises(EndMemberError, match=said) as refused:
        find_table(str(written(tmp_path, TEXT.replace(old, new))))
    assert str(refused.value).startswith("mine.toml")


def test_members_no_denser_than_pore_water_are_refused() -> None:
    table = marine_table()
    film = Quantity(0.95, 0.01, "book")
    floating = tuple(replace(m, density=film) for m in table.members)

    with pytest.raises(EndMemberError, match="nothing could be told from pore water"):
        replace(table, members=floating)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_file_is_read_whatever_editor_wrote_it(
    tmp_path: Path, encoding: str, line_end: str
) -> None:
    table = find_table(str(written(tmp_path, TEXT.replace("\n", line_end), encoding))).table

    assert table == find_table(str(written(tmp_path, TEXT))).table


@pytest.mark.parametrize(
    ("preset", "rows"),
    [
        ("marine", ("red", "green", "blue")),
        ("marine", ("density", "ms", "red", "green", "blue")),
        ("carbonate", ("density", "vp", "ms")),
        ("hard-rock", ("vp",)),
        ("marine-with-artefacts", ("red", "green", "blue")),
        ("marine-colour", ("density", "ms")),
    ],
)
def test_more_groups_than_the_observations_hold_abstain_and_say_what_would_help(
    preset: str, rows: tuple[str, ...]
) -> None:
    n_groups = len(physical(preset).groups)
    assert n_groups > most_groups(rows)

    for one in of_preset(preset, only(rows)):
        assert {g.status for g in one.groups} == {Status.ABSTAINED}
        assert one.joined == ()
        assert one.porosity is None
        reason = one.groups[0].reason
        assert reason.startswith(f"{n_groups} groups asked, but {', '.join(rows)}"), reason
        assert "join groups, or observe" in reason


def test_a_table_with_artefacts_is_answered_and_says_which_group_is_no_part_of_the_core() -> None:
    for preset in ("marine-with-artefacts", "hard-rock-with-artefacts"):
        one = of_preset(preset, only(ROWS))[0]
        by_name = {g.group: g for g in one.groups}

        assert one.total == pytest.approx(1.0)
        assert ARTEFACT in by_name["artefacts"].reason
        assert PRIOR_SPEAKS in by_name["artefacts"].reason, "three channels do not tell artefacts"
        assert not any(ARTEFACT in g.reason for n, g in by_name.items() if n != "artefacts")


def test_a_core_without_slices_has_no_compositions() -> None:
    none = np.empty((0, 6))

    assert of_preset("marine-colour", Observations.of(none, none)) == ()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_as_good_as_not_observed(bad: float) -> None:
    value = MUD.copy()
    value[1] = bad
    value[2, :RED] = bad
    sd = 0.03 * MUD
    sd[3] = bad

    found = of_preset("marine", Observations.of(value, sd))

    assert [one.total is not None for one in found] == [True, False, False, False, True]
    assert found[1].groups[0].reason == found[3].groups[0].reason == "no colour and no log to unmix"
    assert "red, green, blue and the sum hold at most 4" in found[2].groups[0].reason


@pytest.mark.parametrize("sd", [1e-300, 1e300])
def test_an_sd_beyond_all_measure_spoils_no_arithmetic(sd: float) -> None:
    found = of_preset("marine", Observations.of(MUD, np.full(MUD.shape, sd)))

    assert {one.groups[0].status for one in found} == {
        Status.PREDICTED if sd < 1.0 else Status.ABSTAINED
    }


def test_statuses_that_are_given_count_even_when_there_are_none() -> None:
    with pytest.raises(ValueError, match="0 statuses and 0 reasons"):
        Observations.of(MUD, MUD, (), ())


def test_what_was_seen_of_masked_and_abstained_slices_counts_for_nobody() -> None:
    status = (Status.PREDICTED, Status.MASKED, Status.PREDICTED, Status.ABSTAINED, Status.FILLED)
    reason = ("", "5 % sediment", "", "unlike any core of its training", "")
    value = MUD.copy()
    value[[1, 3]] = [2.9, 4000.0, 4000.0, 0.9, 0.9, 0.9]
    blind = MUD.copy()
    blind[[1, 3]] = np.nan

    found, without = (
        of_preset("marine", Observations.of(one, 0.03 * MUD, status, reason))
        for one in (value, blind)
    )

    assert found == without
    kept = [(one.groups[0].status, one.groups[0].reason) for one in (found[1], found[3])]
    assert kept == [(status[1], reason[1]), (status[3], reason[3])]
    assert all(one.joined == () and one.porosity is None for one in (found[1], found[3]))
    assert [one.total is not None for one in found] == [True, False, True, False, True]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255), st.integers(1, 12))
def test_slices_of_one_colour_have_one_answer_with_sums_or_a_reason(
    red: int, green: int, blue: int, n: int
) -> None:
    light = (np.array([red, green, blue]) / 255.0) ** 2.2
    value = np.column_stack([np.full((n, RED), np.nan), np.tile(light, (n, 1))])

    found = of_preset("marine-colour", Observations.of(value, 0.03 * np.abs(value) + 0.003))

    for one in found:
        if one.groups[0].status in HAS_VALUE:
            assert one.total == pytest.approx(1.0)
        else:
            assert {g.reason for g in one.groups} != {""}
    assert len({one.groups[0].status for one in found}) == 1


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("hue", [(0.0, 0.0), (6.0, 14.0), (-3.0, 18.0)])
def test_the_darker_a_slice_the_more_dark_matter_it_holds(
    weight: float, hue: tuple[float, float]
) -> None:
    lightness = np.arange(20.0, 71.0, 5.0)
    lab = np.column_stack([lightness, np.outer(lightness / 50.0, hue)])
    light = linear_of_lab(lab.astype(np.float32)).astype(np.float64)
    value = np.column_stack([np.full((len(light), RED), np.nan), light])
    library = Library.of(physical("marine-colour"))
    dark = library.is_in_group[library.groups.index("dark matter and minerals")]

    found = solve(
        Observations.of(value, 0.03 * value + 0.003),
        library,
        Prior.uniform(library.n_members),
        Mixing(weight),
    )

    assert (np.diff(found.shares @ dark) < 0.02).all(), "the darkest slice has the most"
    assert (found.shares @ dark)[0] > (found.shares @ dark)[-1] + 0.5


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.5, 1.0]))
def test_more_rounds_find_no_other_mixture(seed: int, weight: float) -> None:
    rng = np.random.default_rng(seed)
    lab = rng.uniform([15.0, -8.0, -8.0], [85.0, 15.0, 30.0], (20, 3))
    light = linear_of_lab(lab.astype(np.float32)).astype(np.float64)
    value = np.column_stack([np.full((20, RED), np.nan), light])
    seen = Observations.of(value, 0.03 * np.abs(value) + 0.003)
    library = Library.of(physical("marine-colour"))
    prior = Prior.uniform(library.n_members)

    few, many = (solve(seen, library, prior, Mixing(weight), rounds=n) for n in (12, 60))

    groups = library.is_in_group.T
    away = np.abs((few.shares - many.shares) @ groups)
    assert np.nanquantile(away, 0.95) < 0.02


def known_core(shares: np.ndarray) -> Observations:
    porosity = np.full(len(shares), 0.6)
    return observed(sharp_library(), shares, porosity, Mixing(), np.random.default_rng(1))


@pytest.mark.parametrize("wrong", [np.nan, -0.1, 1.5])
def test_known_shares_that_are_none_are_refused(wrong: float) -> None:
    shares = random_shares(np.random.default_rng(0), 12)
    shares[3, 3] = wrong

    with pytest.raises(ValueError, match="expected shares of 0 or more that sum to 1"):
        KnownSlices(np.arange(12), shares)


def test_known_slices_that_were_masked_do_not_calibrate() -> None:
    shares = random_shares(np.random.default_rng(0), 12)
    seen = replace(known_core(shares), status=(Status.MASKED,) * 12, reason=("5 % sediment",) * 12)

    with pytest.raises(ValueError, match="got 0: leave calibration out, or measure more slices"):
        calibrate_mixing(seen, KnownSlices(np.arange(12), shares), sharp_library(), Mixing())


@pytest.mark.parametrize("rows", [slice(0, RED), slice(RED, None), slice(MS, None)])
def test_known_slices_that_are_all_alike_or_half_observed_calibrate_without_an_error(
    rows: slice,
) -> None:
    alike = np.tile([0.3, 0.3, 0.3, 0.09, 0.01], (12, 1))
    whole = known_core(alike)
    value = np.full(whole.value.shape, np.nan)
    value[:, rows] = whole.value[:, rows]
    seen = Observations.of(value, whole.sd)

    found = calibrate_mixing(seen, KnownSlices(np.arange(12), alike), sharp_library(), Mixing())

    assert found.error == pytest.approx(0.0, abs=0.02)
    for one in compose(seen, found):
        assert one.total == pytest.approx(1.0) or one.groups[0].reason


def test_a_picture_of_labels_holds_more_than_sixteen_bits_count() -> None:
    labels = np.array([[0, 255, 256], [65_535, 65_536, MAX_LABEL]], np.int32)

    np.testing.assert_array_equal(labels_of(label_tile(labels, 20.0)), labels)


@pytest.mark.parametrize("beyond", [-1, MAX_LABEL + 1])
def test_a_label_that_no_pixel_can_hold_is_refused_and_not_wrapped(beyond: int) -> None:
    with pytest.raises(ValueError, match="expected labels of 0 to 16777215, got"):
        label_tile(np.array([[1, beyond]], np.int32), 20.0)


def composed_section(lines: np.ndarray) -> list[ComposedSlice]:
    scale = LineScale.of(20)
    composer = SectionComposer(small_config(), scale)
    pipeline = SectionPipeline(scale, (), SliceRules(), on_masked=composer.add_lines)
    composer.add_rows(pipeline.push(Segment(lines, 0)))
    composer.add_rows(pipeline.finish())
    return composer.finish()


@pytest.mark.parametrize(
    "lines",
    [
        np.zeros((250, 60, 3), np.uint8),
        np.full((250, 60, 3), 255, np.uint8),
        np.full((250, 60, 3), (110, 100, 80), np.uint8),
        np.full((250, 60, 3), (28_000, 26_000, 20_000), np.uint16),
        np.full((250, 1, 3), 90, np.uint8),
        np.full((1, 60, 3), 90, np.uint8),
        np.tile(np.array([[[0], [255]]], np.uint8), (250, 30, 3)),
    ],
    ids=["black", "white", "one brown", "one brown of 16 bit", "a column", "a line", "stripes"],
)
def test_a_scan_of_nothing_or_of_one_colour_gives_a_slice_for_each_centimetre(
    lines: np.ndarray,
) -> None:
    found = composed_section(lines)

    assert [one.index for one in found] == list(range(-(-len(lines) // 20)))
    for one in found:
        for group in one.composition.groups:
            assert (group.fraction is None) == (group.status not in HAS_VALUE)
            assert group.status in HAS_VALUE or group.reason
        if one.composition.groups[0].status in HAS_VALUE:
            assert one.composition.total == pytest.approx(1.0)
