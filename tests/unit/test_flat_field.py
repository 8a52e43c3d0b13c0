"""Colours are relative to the white board beside the core, seen, held from above, or absent."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from downcore.strata.colour import counts_of_linear, linear_of_counts
from downcore.strata.core_view import SliceView
from downcore.strata.flat_field import BOARD_COUNTS, FlatField, Lighting, white_board

BOARD = slice(80, 100)
MUD = slice(20, 60)
WHITE = (214, 222, 206)


def scene(
    *, board: tuple[int, int, int] | None = WHITE, mud: tuple[int, int, int] = (92, 99, 84)
) -> SliceView:
    """Return a core between dark wood and, at its right, a board."""
    rgb = np.full((20, 100, 3), (60, 45, 30), np.uint8)
    rgb[:, MUD] = mud
    if board is not None:
        rgb[:, BOARD] = board
    is_sediment = np.zeros((20, 100), np.bool_)
    is_sediment[:, MUD] = True
    return SliceView(rgb, is_sediment)


def lit(view: SliceView, gains: tuple[float, float, float]) -> SliceView:
    """Return a view under other light."""
    light = linear_of_counts(view.rgb) * np.array(gains)
    return SliceView(counts_of_linear(light), view.is_sediment)


def mud_of(view: SliceView) -> NDArray[np.float64]:
    return view.rgb[:, MUD].reshape(-1, 3).mean(axis=0)


@settings(deadline=None)
@given(gains=st.tuples(*[st.floats(0.6, 1.1)] * 3))
def test_mud_has_one_colour_under_any_light_and_cast(gains: tuple[float, float, float]) -> None:
    plain, _ = FlatField().correct(scene())
    other = lit(scene(), gains)
    found, lighting = FlatField().correct(other)

    if white_board(other) is None:
        # A cast this strong makes the board no white board, and nothing is changed.
        assert lighting == Lighting()
        assert found is other
        return
    assert np.abs(mud_of(found) - mud_of(plain)).max() <= 3.0
    assert np.abs(found.rgb[:, BOARD].astype(float) - BOARD_COUNTS).max() <= 1.0
    assert (found.is_sediment == other.is_sediment).all()


def test_the_lighting_says_the_boards_median_colour() -> None:
    view, lighting = FlatField().correct(scene())
    assert lighting == Lighting((214.0, 222.0, 206.0))
    assert lighting.remark == "colours relative to the white board"
    assert np.abs(view.rgb[:, BOARD].astype(int) - 240).max() <= 1


def test_nothing_is_changed_before_the_first_board() -> None:
    flat_field, view = FlatField(), scene(board=None)
    found, lighting = flat_field.correct(view)
    assert found is view
    assert lighting == Lighting(None)
    assert lighting.remark == ""


def test_a_slice_without_a_board_is_relative_to_the_last_that_was_seen() -> None:
    flat_field = FlatField()
    first, _ = flat_field.correct(scene())
    held, lighting = flat_field.correct(scene(board=None))

    assert lighting == Lighting((214.0, 222.0, 206.0), is_held=True)
    assert lighting.remark == "colours relative to the white board of a slice above"
    np.testing.assert_array_equal(held.rgb[:, MUD], first.rgb[:, MUD])


def test_light_that_falls_off_down_the_core_is_levelled_out() -> None:
    flat_field = FlatField()
    found = []
    for k in range(10):
        view, lighting = flat_field.correct(lit(scene(), (1.0 - 0.04 * k,) * 3))
        assert not lighting.is_held
        found.append(mud_of(view))
    assert np.ptp(np.array(found), axis=0).max() <= 3.0


@settings(deadline=None)
@given(shows_board=st.lists(st.booleans(), min_size=1, max_size=8))
def test_a_slice_depends_on_those_above_it_alone(shows_board: list[bool]) -> None:
    views = [scene(board=WHITE if one else None) for one in shows_board]
    whole = FlatField()
    found = [whole.correct(view) for view in views]
    for n in range(1, len(views) + 1):
        again = FlatField()
        view, lighting = [again.correct(one) for one in views[:n]][-1]
        assert lighting == found[n - 1][1]
        np.testing.assert_array_equal(view.rgb, found[n - 1][0].rgb)


@pytest.mark.parametrize(
    "board", [(120, 120, 120), (250, 200, 150), None], ids=["grey", "wood", "none"]
)
def test_what_is_dark_or_coloured_is_no_board(board: tuple[int, int, int] | None) -> None:
    assert white_board(scene(board=board)) is None


def test_bright_sediment_and_foam_between_it_are_no_board() -> None:
    view = scene(board=None, mud=(235, 235, 230))
    view.is_sediment[:, 35:45] = False
    assert white_board(view) is None


def test_a_speck_is_no_board_and_a_strip_of_two_pixels_is() -> None:
    view = scene(board=None)
    view.rgb[:3, 80:90] = WHITE
    assert white_board(view) is None
    view.rgb[:, 80:82] = WHITE
    assert white_board(view) is not None


def test_a_slice_without_sediment_shows_no_board_of_its_own() -> None:
    view = scene()
    view.is_sediment[:] = False
    assert white_board(view) is None


def test_a_grey_scan_stays_grey() -> None:
    view, lighting = FlatField().correct(scene(board=(215,) * 3, mud=(90,) * 3))
    assert lighting.board_counts == (215.0,) * 3
    grey = view.rgb[:, MUD]
    assert (grey == grey[..., :1]).all()


def test_what_is_brighter_than_the_board_is_cut_off_at_white() -> None:
    view = scene(board=(180, 180, 180))
    view.rgb[0, 20] = 255
    found, _ = FlatField().correct(view)
    assert (found.rgb[0, 20] == 255).all()
