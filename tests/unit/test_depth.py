from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downcore.strata.depth import SLICE_UM, LineScale

scales = st.fractions(min_value=1, max_value=2000, max_denominator=1000).map(LineScale)


def test_a_scale_is_the_decimal_a_person_wrote() -> None:
    assert LineScale.of(1.34).px_per_cm == Fraction(134, 100), "1.34 must not become binary"


@pytest.mark.parametrize("wrong", ["0", "0.5", "2001", "-3"])
def test_a_scale_no_scanner_has_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="pixels per centimetre"):
        LineScale.of(wrong)


@given(scale=scales, index=st.integers(0, 5_000))
def test_a_slice_starts_at_the_first_line_at_or_past_its_centimetre(
    scale: LineScale, index: int
) -> None:
    first = scale.first_line_of_slice(index)

    assert first / scale.px_per_cm >= index, "the line lies above the centimetre mark"
    assert first == 0 or (first - 1) / scale.px_per_cm < index, "an earlier line would do"


@given(scale=scales, line=st.integers(0, 1_000_000))
def test_every_line_lies_in_the_slice_that_claims_it(scale: LineScale, line: int) -> None:
    index = scale.slice_of_line(line)

    assert scale.first_line_of_slice(index) <= line < scale.first_line_of_slice(index + 1), (
        "a line belongs to exactly one slice"
    )


@given(scale=scales, n_lines=st.integers(0, 100_000))
def test_slices_cover_every_line_and_no_more(scale: LineScale, n_lines: int) -> None:
    n = scale.n_slices(n_lines)

    assert scale.first_line_of_slice(n) >= n_lines, "lines are left over"
    assert n == 0 or scale.first_line_of_slice(n - 1) < n_lines, "a slice has no line"


@given(scale=scales, line=st.integers(0, 1_000_000))
def test_depth_and_line_agree_to_half_a_micrometre(scale: LineScale, line: int) -> None:
    exact = Fraction(line * SLICE_UM) / scale.px_per_cm

    assert abs(scale.depth_um(line) - exact) <= Fraction(1, 2), "depth drifted"


@given(scale=scales, length_um=st.integers(0, 10_000_000))
def test_lines_in_a_length_cover_it(scale: LineScale, length_um: int) -> None:
    n = scale.lines_in(length_um)

    assert n * SLICE_UM / scale.px_per_cm >= length_um, "the lines are too few"
    assert n == 0 or (n - 1) * SLICE_UM / scale.px_per_cm < length_um, "one line fewer would do"
