"""A window shows whole centimetres, centred on the sediment; outside it there is nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from downcore.strata.core_view import VIEW_PX_PER_CM, SliceView
from downcore.strata.windows import MAX_WINDOW_CM, WINDOW_ACROSS_PX, Window, cut_window

THREE = Window(above_cm=1, rows_cm=1, below_cm=1)


def view(left: int, width: int, n_across: int = 400, seed: int = 1) -> SliceView:
    """Return a slice whose sediment lies in these columns."""
    rgb = np.random.default_rng(seed).integers(1, 256, (VIEW_PX_PER_CM, n_across, 3), np.uint8)
    is_sediment = np.zeros(rgb.shape[:2], np.bool_)
    is_sediment[:, left : left + width] = True
    return SliceView(rgb, is_sediment)


@given(n_across=st.integers(1, 420), data=st.data())
def test_a_window_holds_the_sediment_and_nothing_else(n_across: int, data: st.DataObject) -> None:
    left = data.draw(st.integers(0, n_across - 1))
    width = data.draw(st.integers(1, n_across - left))
    views = [view(left, width, n_across, seed) for seed in range(3)]

    pixels = cut_window(views, THREE)

    assert pixels.shape == THREE.shape == (60, 200, 4)
    seen = min(width, WINDOW_ACROSS_PX)
    counts = (pixels[..., 3] == 255).sum(axis=1)
    assert (counts == seen).all()
    assert set(np.unique(pixels[..., 3])) <= {0, 255}
    assert (pixels[..., :3].any(axis=2) == (pixels[..., 3] == 255)).all()
    columns = np.flatnonzero(pixels[0, :, 3])
    middle = (columns[0] + columns[-1] + 1) / 2
    assert abs(middle - WINDOW_ACROSS_PX / 2) <= 0.5


@given(shift=st.integers(0, 150), width=st.integers(1, 240))
def test_where_the_core_lies_in_the_scan_changes_nothing(shift: int, width: int) -> None:
    first = view(10, width)
    moved = SliceView(np.roll(first.rgb, shift, axis=1), np.roll(first.is_sediment, shift, axis=1))

    here, there = (cut_window([one] * 3, THREE) for one in (first, moved))

    np.testing.assert_array_equal(here, there)


def test_colours_of_the_sediment_are_those_of_the_view() -> None:
    views = [view(100, 120, seed=seed) for seed in range(3)]
    pixels = cut_window(views, THREE)
    for i, one in enumerate(views):
        lines = slice(i * VIEW_PX_PER_CM, (i + 1) * VIEW_PX_PER_CM)
        np.testing.assert_array_equal(pixels[lines, 40:160, :3], one.rgb[:, 100:220])


def test_a_hole_in_the_sediment_is_black_and_no_sediment() -> None:
    views = [view(100, 120) for _ in range(3)]
    views[1].is_sediment[5:10, 150:160] = False
    pixels = cut_window(views, THREE)
    assert not pixels[25:30, 90:100].any()
    assert pixels[25:30, 80:90, 3].all()


@given(top=st.integers(0, 3), bottom=st.integers(0, 3))
def test_beyond_the_ends_of_the_section_there_is_no_sediment(top: int, bottom: int) -> None:
    window = Window(3, 1, 3)
    inside = 7 - top - bottom
    views = [None] * top + [view(50, 100)] * inside + [None] * bottom

    pixels = cut_window(views, window)

    is_there = pixels[..., 3].reshape(7, -1).any(axis=1)
    assert is_there.tolist() == [False] * top + [True] * inside + [False] * bottom
    assert not pixels[: top * VIEW_PX_PER_CM].any()


def test_a_window_outside_the_section_or_of_foam_alone_is_empty() -> None:
    assert not cut_window([None] * 3, THREE).any()
    assert not cut_window([view(0, 0)] * 3, THREE).any()


def test_the_window_is_centred_once_for_all_its_slices() -> None:
    """A piece that lies askew stays askew."""
    pixels = cut_window([view(100, 100), view(110, 100), view(120, 100)], THREE)
    firsts = [int(np.flatnonzero(pixels[line, :, 3])[0]) for line in (0, 20, 40)]
    assert firsts == [firsts[0], firsts[0] + 10, firsts[0] + 20]


@pytest.mark.parametrize("n", [0, 2, 4])
def test_more_or_fewer_views_than_centimetres_are_refused(n: int) -> None:
    with pytest.raises(ValueError, match=f"expected 3 views, got {n}"):
        cut_window([None] * n, THREE)


@settings(max_examples=50)
@given(rows_cm=st.integers(1, 30), index=st.integers(0, 300))
def test_blocks_of_rows_lie_fixed_from_the_sections_top(rows_cm: int, index: int) -> None:
    first = Window(0, rows_cm, 0).first_row(index)
    assert first % rows_cm == 0
    assert first <= index < first + rows_cm


@pytest.mark.parametrize(
    "sizes", [(0, 0, 0), (-1, 1, 0), (0, 1, -1), (50, 1, 50), (0, MAX_WINDOW_CM + 1, 0)]
)
def test_windows_without_rows_or_beyond_the_limit_are_refused(sizes: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="expected a window of"):
        Window(*sizes)
