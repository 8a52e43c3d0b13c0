"""To which section a logger's row is matched, and why it is not."""

import pytest

from downcore.strata.core_depths import CoreDepths, core_depths
from downcore.strata.depth_ledger import (
    CoreEntry,
    CoreName,
    DepthSource,
    Draft,
    SectionEntry,
    Version,
    core_said,
)
from downcore.strata.measured_places import KnownSection, Match, MeasuredPlaces, RowPlace

CM = 10_000
CORE = CoreName("145", "887A-2H")


def depths_of(*sections: SectionEntry, top_cm: int | None = None) -> CoreDepths:
    cores = () if top_cm is None else (CoreEntry(CORE, top_um=top_cm * CM),)
    draft = Draft(DepthSource.TYPED, "ann", sections=sections, cores=cores)
    return core_depths(core_said(CORE, [Version(1, "", draft)]))


def section(name: str, core: CoreName | None = CORE, *, is_whole: bool = False) -> KnownSection:
    return KnownSection(f"{core}-{name}", core, name, is_whole, 150 * CM)


def places(*known: KnownSection, depths: CoreDepths | None = None) -> MeasuredPlaces:
    said = {one.core: depths or depths_of() for one in known if one.core is not None}
    return MeasuredPlaces(known, said, lambda text: (text.partition("_")[0], ""))


PLACED = depths_of(
    SectionEntry(CORE, "1", top_um=0, curated_length_um=150 * CM),
    SectionEntry(
        CORE, "2", top_um=160 * CM, curated_length_um=100 * CM, expanded_length_um=125 * CM
    ),
    top_cm=900,
)
BOTH = places(section("1"), section("2"), depths=PLACED)


def test_a_row_with_its_section_lies_there_however_core_and_section_are_written() -> None:
    for core in ("887A-2H", "145-887a_2h", "887A-2H_part01"):
        row = RowPlace(core, "02", 12 * CM, None)
        assert BOTH.match(row) == Match("145-887A-2H-2", 12 * CM, "section")


@pytest.mark.parametrize(
    ("core_cm", "expected"),
    [
        (10, Match("145-887A-2H-1", 10 * CM, "core")),
        (170, Match("145-887A-2H-2", 12_5000, "core")),
        (155, "155 cm lies below section 1 of core 145-887A-2H"),
        (400, "400 cm lies below section 2 of core 145-887A-2H"),
    ],
)
def test_depth_in_the_core_goes_through_the_ledger(core_cm: int, expected: Match | str) -> None:
    found = BOTH.match(RowPlace("887A-2H", "", None, core_cm * CM))

    assert (found.unmatched if isinstance(expected, str) else found) == expected


def test_depth_far_below_the_core_is_depth_in_the_hole_where_that_fits() -> None:
    row = RowPlace("887A-2H", "", None, 910 * CM)

    assert BOTH.match(row, 1_150 * CM) == Match("145-887A-2H-1", 10 * CM, "hole")
    assert BOTH.match(row, 5_000 * CM).unmatched, "that is deeper than the core in the hole, too"


def test_a_core_that_was_not_cut_is_its_own_section() -> None:
    whole = places(section("1", is_whole=True))

    found = whole.match(RowPlace("887A-2H", "4", 30 * CM, 480 * CM))

    assert found == Match("145-887A-2H-1", 480 * CM, "core")


def test_a_section_without_a_core_is_found_by_its_whole_name() -> None:
    lake = MeasuredPlaces(
        [KnownSection("LP161C", None, "", is_whole_core=True, length_um=CM)], {}, lambda _: ("", "")
    )

    assert lake.match(RowPlace("LP16-1C", "", 5 * CM, 90 * CM)) == Match(
        "LP161C", 5 * CM, "section"
    )


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (RowPlace("999X-1H", "1", CM, None), "no scan of core 999X-1H is in the store"),
        (RowPlace("887A-2H", "7", CM, None), "no scan of section 7 of core 145-887A-2H"),
        (RowPlace("887A-2H", "1", -CM, None), "-1 cm lies above the top of section"),
        (RowPlace("887A-2H", "1", None, None), "has no depth"),
        (RowPlace("887A-2H", "", CM, None), "has no section"),
    ],
)
def test_what_cannot_be_matched_says_why(row: RowPlace, why: str) -> None:
    found = BOTH.match(row)

    assert found.section_id == ""
    assert why in found.unmatched


def test_a_core_of_two_expeditions_is_not_guessed() -> None:
    other = CoreName("146", "887A-2H")
    both = places(section("1"), section("1", other))

    assert (
        "may be 145-887A-2H and 146-887A-2H"
        in both.match(RowPlace("887A-2H", "1", CM, None)).unmatched
    )
    assert both.match(RowPlace("146-887A-2H", "1", CM, None)).section_id == "146-887A-2H-1"
