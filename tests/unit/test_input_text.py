"""Numbers and names in the text of an input are bounded, whatever they are."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downcore.strata.input_text import (
    MAX_SHOWN,
    exact_number,
    exact_ratio,
    finite_number,
    name_text,
    shown,
    whole_number,
)

HOSTILE = [
    "",
    "9" * 5000,
    "1e999999999",
    "0." + "0" * 400 + "1",
    "1/0",
    "nan",
    "-1",
    "٣",
    "1_0",
    "²",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_no_number_of_a_sensible_length_is_none(text: str) -> None:
    assert [read(text) for read in (whole_number, exact_number, exact_ratio)] == [None] * 3


@pytest.mark.parametrize("text", ["", "9" * 5000, "1e400", "nan", "inf", "1_0", "٣", "0x10"])
def test_a_measured_number_is_finite_and_written_in_plain_digits(text: str) -> None:
    assert finite_number(text) is None


def test_numbers_are_read_exactly_as_they_were_written() -> None:
    assert whole_number("0012") == 12
    assert exact_number("20,5") == exact_number("20.5") == Fraction(41, 2)
    assert exact_ratio("1000/3") == Fraction(1000, 3)
    assert exact_ratio("66.66666666666667") == Fraction("66.66666666666667")
    assert finite_number("-1.5e-3") == -0.0015


@given(st.text(alphabet=st.characters(), max_size=300))
def test_any_text_becomes_numbers_or_none_and_can_be_shown(text: str) -> None:
    for read in (whole_number, exact_number, exact_ratio, finite_number, name_text):
        read(text)

    told = shown(text)

    assert told.isprintable()
    assert len(told) <= 10 * MAX_SHOWN + 5


def test_what_python_does_not_write_out_is_still_shown() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]

    assert "too long" in shown(int("f" * 20_000, 16))
    assert "too long" in shown(deep)


def test_a_name_that_would_fill_a_page_or_move_the_cursor_is_no_name() -> None:
    assert name_text("  GC01 ") == "GC01"
    assert name_text("x" * 81) is None
    assert name_text("GC\x1b[2J01") is None
    assert name_text(" ") is None
