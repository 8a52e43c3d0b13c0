"""Tables as people write them: read whole, or refused with the place and what would be right."""

from pathlib import Path

import pytest

from downcore.endmember_tables.files import find_table, preset_names
from downcore.endmember_tables.parsing import MAX_CHARACTERS, parse_table
from downcore.strata.endmembers.library import Library
from downcore.strata.endmembers.table import VpRule
from downcore.strata.errors import EndMemberError
from downcore.strata.unmixing.identifiability import most_groups
from downcore.strata.unmixing.observations import ROWS

GOOD = """
kind = "physical"
name = "two"
title = "Two members"
[sources]
book = "a handbook"
[pore_water]
density_g_per_cm3 = { value = 1.026, sd = 0.003, source = "book" }
vp_m_per_s = { low = 1500, high = 1530, source = "book" }
ms_1e5_si = { value = -0.9, source = "book" }
[[member]]
mineral = "quartz"
group = "clastic"
density_g_per_cm3 = { value = 2.65, source = "book" }
ms_1e5_si = { low = -1.7, high = -1.3, source = "book" }
lab = { value = [75, 0, 5], sd = [6, 3, 4], source = "book" }
[[member]]
mineral = "calcite"
group = "carbonate"
density_g_per_cm3 = { value = 2.71, sd = 0.01, source = "book" }
linear_rgb = { value = [0.7, 0.6, 0.5], sd = [0.07, 0.06, 0.05], source = "book" }
"""


def test_a_table_is_read_with_its_numbers_units_and_sources() -> None:
    table = parse_table(GOOD, "two.toml")

    quartz, calcite = table.members
    assert quartz.density.value == 2.65
    assert quartz.density.sd == pytest.approx(0.0265), "one per cent where none is given"
    assert quartz.density.source == "a handbook"
    assert quartz.ms is not None
    assert (quartz.ms.value, quartz.ms.sd) == pytest.approx((-1.5, 0.4 / 12**0.5))
    assert quartz.colour is not None
    assert quartz.colour.linear_rgb[1] == pytest.approx(0.482, abs=0.01)
    assert calcite.colour is not None
    assert calcite.colour.share_sd == pytest.approx((0.1, 0.1, 0.1))
    assert calcite.ms is None
    assert table.vp_rule is VpRule.WOOD


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('kind = "physical"', 'kind = "magic"', "expected kind"),
        ('kind = "physical"\n', "", "expected a text as kind, got None"),
        ('title = "Two members"', "title = 3", "expected a text as title, got 3"),
        ("[sources]", 'vp_rule = "wod"\n[sources]', "expected vp_rule to be one of wood"),
        ("value = 2.65", "value = nan", "quartz, density_g_per_cm3: expected a finite number"),
        ("value = 2.65", "value = -2.65", "expected a number above 0, got -2.65"),
        ("value = 2.65", 'value = "2.65"', "expected a finite number as value, got '2.65'"),
        ("value = 2.65", "value = true", "expected a finite number as value, got True"),
        ("value = 2.65,", "", "expected a value, with or without sd, or low and high, got nothing"),
        ("value = 2.65", "value = 2.65, low = 2", "or low and high, got low, value"),
        ("low = -1.7, high = -1.3", "low = -1.3, high = -1.7", "expected low below high"),
        ("sd = 0.01", "sd = 0", "calcite, density_g_per_cm3: expected an sd above 0"),
        ('2.65, source = "book"', "2.65", "density_g_per_cm3: expected a source"),
        ('2.65, source = "book"', '2.65, source = "bok"', "did you mean 'book'?"),
        ('book = "a handbook"', 'book = ""', r"expected a table \[sources\] of texts"),
        ('group = "clastic"', "", "quartz: expected a text as group"),
        ('group = "clastic"', 'group = "clastic"\ndensity = 2', "did you mean 'density_g_per_cm3'"),
        ("[75, 0, 5]", "[75, 0]", "quartz, lab: expected three numbers as value"),
        ("[75, 0, 5]", "[120, 0, 5]", "inside the gamut"),
        ("[0.7, 0.6, 0.5]", "[0.7, 0.0, 0.5]", "inside the gamut"),
        (
            "linear_rgb =",
            'lab = { value = [1,2,3], sd = [1,1,1], source = "book" }\nlinear_rgb =',
            "got both",
        ),
        ('mineral = "calcite"', 'mineral = "quartz"', "got 'quartz' twice"),
        ('group = "carbonate"', 'group = "clastic"', "expected 2 groups or more"),
        ('group = "clastic"', 'group = "clastic"\nis_artefact = 1', "true or false, got 1"),
        ("[pore_water]", "[water]", "unknown key 'water'"),
        ("ms_1e5_si = { value = -0.9", "ms_si = { value = -0.9", r"\[pore_water\]: unknown key"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused_with_the_place(
    old: str, new: str, said: str
) -> None:
    assert old in GOOD

    with pytest.raises(EndMemberError, match=said) as refused:
        parse_table(GOOD.replace(old, new), "two.toml")
    assert str(refused.value).startswith("two.toml")


def test_a_table_without_members_is_refused() -> None:
    with pytest.raises(EndMemberError, match=r"expected \[\[member\]\] entries"):
        parse_table(GOOD[: GOOD.index("[[member]]")], "two.toml")


def test_what_is_no_toml_is_refused() -> None:
    with pytest.raises(EndMemberError, match=r"two\.toml: expected TOML, got"):
        parse_table("kind = ", "two.toml")


def test_a_text_beyond_any_table_is_refused() -> None:
    with pytest.raises(EndMemberError, match="expected at most"):
        parse_table("#" * (MAX_CHARACTERS + 1), "long.toml")


def test_a_file_is_read_as_its_text_is(tmp_path: Path) -> None:
    path = tmp_path / "two.toml"
    path.write_text(GOOD, encoding="utf-8")

    assert find_table(str(path)).table == parse_table(GOOD, "two.toml")


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EndMemberError, match=r"expected an end-member table in .*No such file"):
        find_table(str(tmp_path / "none.toml"))
    (tmp_path / "odd.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(EndMemberError, match="expected UTF-8 text"):
        find_table(str(tmp_path / "odd.toml"))


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_a_table_of_no_more_groups_than_all_rows_hold(name: str) -> None:
    table = find_table(name).table

    assert table.name == name
    library = Library.of(table)
    assert len(library.groups) <= most_groups(ROWS)
    assert (library.reflectance > 0.0).all()


def test_the_presets_are_those_the_how_to_names() -> None:
    how_to = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "edit-end-members.md"
    lines = how_to.read_text(encoding="utf-8").splitlines()

    named = [line.split("`")[1] for line in lines if line.startswith("| `")]

    assert set(preset_names()) <= set(named), "each has a line in the table of tables"


def test_a_preset_that_is_not_there_is_refused_with_those_there_are() -> None:
    with pytest.raises(EndMemberError, match=r"expected one of carbonate, .* got 'mars'"):
        find_table("mars")
