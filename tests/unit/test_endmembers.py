"""End members: numbers with their uncertainties, and tables that make sense as a whole."""

from dataclasses import replace

import numpy as np
import pytest
from mixtures import FIVE, marine_table

from downcore.strata.endmembers.library import VP_SHARE_SD, Library
from downcore.strata.endmembers.member import Solid
from downcore.strata.endmembers.quantity import Colour, Quantity
from downcore.strata.errors import EndMemberError

QUARTZ = Solid("quartz", "clastic", Quantity(2.65, 0.03, "a handbook"))


@pytest.mark.parametrize(
    ("value", "sd", "source", "said"),
    [
        (float("nan"), 1.0, "book", "expected finite numbers"),
        (1.0, float("inf"), "book", "expected finite numbers"),
        (1.0, 0.0, "book", "expected an sd above 0"),
        (1.0, -1.0, "book", "expected an sd above 0"),
        (1.0, 1.0, "  ", "expected a source"),
    ],
)
def test_a_number_without_sense_sd_or_source_is_refused(
    value: float, sd: float, source: str, said: str
) -> None:
    with pytest.raises(EndMemberError, match=said):
        Quantity(value, sd, source)


def test_a_colour_outside_the_gamut_is_refused() -> None:
    with pytest.raises(EndMemberError, match="inside the gamut"):
        Colour((0.2, 0.3, 1.0), (0.1, 0.1, 0.1), "book")
    with pytest.raises(EndMemberError, match="sd above 0 for each channel"):
        Colour((0.2, 0.3, 0.4), (0.1, 0.0, 0.1), "book")


def test_a_mineral_has_a_name_and_a_weight() -> None:
    with pytest.raises(EndMemberError, match="empty group"):
        replace(QUARTZ, group=" ")
    with pytest.raises(EndMemberError, match="quartz: expected density above 0, got -2"):
        replace(QUARTZ, density=Quantity(-2.0, 0.1, "book"))


def test_moduli_and_velocity_tell_one_another() -> None:
    by_speed = replace(QUARTZ, vp=Quantity(6000.0, 60.0, "book"))
    by_moduli = replace(
        QUARTZ, bulk_gpa=Quantity(37.0, 1.0, "book"), shear_gpa=Quantity(44.0, 1.0, "book")
    )

    assert by_speed.p_wave_gpa == pytest.approx(2.65 * 36.0)
    assert by_moduli.stiffness_gpa == 37.0
    assert by_moduli.vp_m_per_s == pytest.approx(1000.0 * np.sqrt((37.0 + 44.0 / 0.75) / 2.65))
    assert QUARTZ.stiffness_gpa is None
    assert QUARTZ.vp_m_per_s is None


def test_a_table_of_one_member_is_refused() -> None:
    table = marine_table()

    with pytest.raises(EndMemberError, match="expected 2 to 32 members, got 1"):
        replace(table, members=table.members[:1])


def test_a_member_that_is_there_twice_is_refused() -> None:
    table = marine_table()

    with pytest.raises(EndMemberError, match="expected each member once, got 'quartz' twice"):
        replace(table, members=(*table.members, table.members[0]))


def test_members_with_the_same_numbers_are_refused() -> None:
    table = marine_table()
    twin = replace(table.members[0], mineral="silica")

    with pytest.raises(EndMemberError, match="quartz and silica have the same numbers"):
        replace(table, members=(*table.members, twin))


def test_a_table_of_one_group_is_refused() -> None:
    table = marine_table()
    alike = tuple(replace(m, group="all") for m in table.members)

    with pytest.raises(EndMemberError, match="expected 2 groups or more, got only 'all'"):
        replace(table, members=alike)


def test_a_table_without_any_colour_is_refused() -> None:
    table = marine_table()
    colourless = tuple(replace(m, colour=None) for m in table.members)

    with pytest.raises(EndMemberError, match="expected a colour for one member or more"):
        replace(table, members=colourless)


def test_a_library_keeps_the_order_of_its_table() -> None:
    library = Library.of(marine_table())

    assert library.minerals == FIVE
    assert library.density.shape == (6,)
    assert library.density[0] == pytest.approx(1.026)
    assert library.is_in_group.sum(axis=0).tolist() == [1.0] * 5
    assert library.reflectance.shape == (5, 3)
    assert (library.stiff_share_sd[1:] >= VP_SHARE_SD).all()


def test_what_is_not_known_of_a_member_is_anything_the_others_are() -> None:
    table = marine_table()
    unknown = replace(table.members[2], colour=None, ms=None, vp=None)
    library = Library.of(replace(table, members=(*table.members[:2], unknown, *table.members[3:])))

    others = library.reflectance[[0, 1, 3, 4], 0]
    assert library.reflectance[2, 0] == pytest.approx(np.median(others))
    assert library.reflectance_share_sd[2, 0] >= 1.0
    assert abs(library.ms[3]) < 100.0, "one ore among the others shall not make it ore"
    assert library.stiff_share_sd[3] >= 1.0
