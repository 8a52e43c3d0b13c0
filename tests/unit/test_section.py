from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from downcore.strata.depth import LineScale
from downcore.strata.errors import SectionError, SegmentGapError
from downcore.strata.section import SectionBuffer, SliceLines
from downcore.strata.segment import Segment


def lines_of(count: int, across: int = 3) -> NDArray[np.uint8]:
    """Lines that are all different."""
    rng = np.random.default_rng(count)
    return rng.integers(0, 256, (count, across, 3), dtype=np.uint8)


def cut(whole: NDArray[np.uint8], cuts: list[int], buffer: SectionBuffer) -> list[SliceLines]:
    got: list[SliceLines] = []
    first = 0
    for count in [*cuts, len(whole)]:
        stop = min(first + count, len(whole))
        got += buffer.push(Segment(whole[first:stop], first))
        first = stop
    return got + buffer.finish()


@given(
    cuts=st.lists(st.integers(0, 40), max_size=12),
    scale=st.fractions(min_value=1, max_value=25, max_denominator=50).map(LineScale),
    halo_um=st.integers(0, 25_000),
)
def test_slices_do_not_depend_on_how_segments_are_cut(
    cuts: list[int], scale: LineScale, halo_um: int
) -> None:
    whole = lines_of(sum(cuts) + 7)
    in_one = cut(whole, [], SectionBuffer(scale, halo_um=halo_um))

    in_pieces = cut(whole, cuts, SectionBuffer(scale, halo_um=halo_um))

    assert len(in_pieces) == len(in_one) == scale.n_slices(len(whole)), "slices lost or doubled"
    for one, other in zip(in_one, in_pieces, strict=True):
        assert (one.index, one.first_line, one.above, one.n_lines) == (
            other.index,
            other.first_line,
            other.above,
            other.n_lines,
        ), "the cut moved a slice"
        np.testing.assert_array_equal(one.window, other.window)


@given(
    n_lines=st.integers(1, 300),
    scale=st.fractions(min_value=1, max_value=25, max_denominator=50).map(LineScale),
    halo_um=st.integers(0, 25_000),
)
def test_slices_put_together_are_the_section(n_lines: int, scale: LineScale, halo_um: int) -> None:
    whole = lines_of(n_lines)

    got = cut(whole, [], SectionBuffer(scale, halo_um=halo_um))

    np.testing.assert_array_equal(np.concatenate([s.lines for s in got]), whole)


@given(halo_um=st.integers(0, 20_000), step=st.integers(1, 30))
def test_the_buffer_never_holds_more_than_two_slices_and_their_halos(
    halo_um: int, step: int
) -> None:
    scale = LineScale(Fraction(10))
    buffer = SectionBuffer(scale, halo_um=halo_um)
    whole = lines_of(400)
    most = 2 * (10 + 2 * scale.lines_in(halo_um))

    for first in range(0, len(whole), step):
        buffer.push(Segment(whole[first : first + step], first))
        held = 0 if buffer._held is None else len(buffer._held)
        assert held <= most, f"expected at most {most} lines held, got {held}"


def test_missing_lines_are_named() -> None:
    buffer = SectionBuffer(LineScale(Fraction(10)))
    buffer.push(Segment(lines_of(12), 0))

    with pytest.raises(SegmentGapError, match="expected scan line 12, got 20: 8 lines missing"):
        buffer.push(Segment(lines_of(5), 20))


def test_a_scan_that_changes_its_width_is_refused() -> None:
    buffer = SectionBuffer(LineScale(Fraction(10)))
    buffer.push(Segment(lines_of(5), 0))

    with pytest.raises(SectionError, match="expected lines of 3 px"):
        buffer.push(Segment(lines_of(5, across=4), 5))


def test_nothing_comes_after_the_end() -> None:
    buffer = SectionBuffer(LineScale(Fraction(10)))
    buffer.finish()

    with pytest.raises(SectionError, match="after the end"):
        buffer.push(Segment(lines_of(5), 0))


def test_a_slice_knows_its_number_and_its_first_line() -> None:
    got = cut(lines_of(25), [], SectionBuffer(LineScale(Fraction(10)), halo_um=2_000))

    assert [(one.index, one.first_line, one.above, one.n_lines) for one in got] == [
        (0, 0, 0, 10),
        (1, 10, 2, 10),
        (2, 20, 2, 5),
    ]


def test_a_slice_is_released_with_its_last_line_and_not_a_line_later() -> None:
    buffer = SectionBuffer(LineScale(Fraction(10)), halo_um=2_000)
    whole = lines_of(12)

    assert buffer.push(Segment(whole[:11], 0)) == [], "a line of the halo is still to come"
    assert [one.index for one in buffer.push(Segment(whole[11:], 11))] == [0]


def test_a_change_of_width_or_depth_says_what_was_expected_and_where() -> None:
    buffer = SectionBuffer(LineScale(Fraction(10)))
    buffer.push(Segment(lines_of(5, across=7), 0))

    with pytest.raises(SectionError, match="of 7 px, uint8; got 9 px, uint8 at line 5"):
        buffer.push(Segment(lines_of(5, across=9), 5))
    with pytest.raises(SectionError, match="of 7 px, uint8; got 7 px, uint16 at line 5"):
        buffer.push(Segment(lines_of(5, across=7).astype(np.uint16), 5))


def test_an_empty_section_has_no_slice_however_often_it_is_finished() -> None:
    buffer = SectionBuffer(LineScale(Fraction(10)))

    assert buffer.finish() == []
    assert buffer.next_line == 0
