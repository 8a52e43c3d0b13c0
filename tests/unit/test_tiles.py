import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from downcore.strata.bundle import TILE_PX
from downcore.strata.mask.classes import MaskClass
from downcore.strata.tiles import MIN_SEDIMENT_FRACTION, cut_tiles

SEDIMENT, TRAY = int(MaskClass.SEDIMENT), int(MaskClass.TRAY)


def noise(n_lines: int, n_across: int) -> NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 256, (n_lines, n_across, 3), dtype=np.uint8)


def between(n_lines: int, n_across: int, left: int, right: int) -> NDArray[np.uint8]:
    classes = np.full((n_lines, n_across), TRAY, np.uint8)
    classes[:, left:right] = SEDIMENT
    return classes


def test_tiles_at_200_px_per_cm_are_a_copy_centred_on_the_sediment() -> None:
    lines = noise(200, 1400)

    tiles = cut_tiles(lines, between(200, 1400, 150, 1250), 200.0)

    assert tiles.across_px == (200, 400, 600, 800, 1000)
    for left, tile in zip(tiles.across_px, tiles.pixels, strict=True):
        np.testing.assert_array_equal(tile, lines[:, left : left + 200])
    assert (tiles.sediment_fraction == 1.0).all()


@given(
    px_per_cm=st.floats(1.0, 450.0),
    width_cm=st.floats(0.2, 14.0),
    margins=st.tuples(st.floats(0.0, 0.4), st.floats(0.0, 0.4)),
    filled=st.floats(0.1, 1.0),
    max_tiles=st.integers(1, 9),
)
@example(px_per_cm=11.0, width_cm=2.25, margins=(0.0, 0.0), filled=1.0, max_tiles=2)
@example(px_per_cm=450.0, width_cm=14.0, margins=(0.0, 0.0), filled=1.0, max_tiles=9)
@example(px_per_cm=1.0, width_cm=0.2, margins=(0.4, 0.4), filled=0.1, max_tiles=1)
@settings(max_examples=50, deadline=None)
def test_tiles_never_overlap_leave_the_scan_or_hold_mostly_tray(
    px_per_cm: float,
    width_cm: float,
    margins: tuple[float, float],
    filled: float,
    max_tiles: int,
) -> None:
    n_lines = max(1, round(px_per_cm * filled))
    n_across = max(1, round(px_per_cm * width_cm))
    left, right = (round(margin * n_across) for margin in margins)
    classes = between(n_lines, n_across, left, n_across - right)

    tiles = cut_tiles(
        np.zeros((n_lines, n_across, 3), np.uint8), classes, px_per_cm, max_tiles=max_tiles
    )

    assert tiles.pixels.shape == (len(tiles.across_px), TILE_PX, TILE_PX, 3)
    assert len(tiles.across_px) <= max_tiles
    assert all(0 <= x < n_across for x in tiles.across_px)
    steps = np.diff(tiles.across_px)
    # Each edge is rounded to a whole pixel on its own.
    assert (steps >= px_per_cm - 1 - 1e-9).all(), f"tiles overlap: {tiles.across_px}"
    assert (tiles.sediment_fraction >= MIN_SEDIMENT_FRACTION).all()


def test_a_slice_without_sediment_has_no_tile() -> None:
    tiles = cut_tiles(noise(20, 140), np.full((20, 140), TRAY, np.uint8), 20.0)

    assert tiles.pixels.shape == (0, 200, 200, 3)
    assert tiles.across_px == ()


def test_a_tile_with_a_hole_in_the_mask_is_left_out_and_its_neighbours_stay() -> None:
    classes = np.zeros((200, 1400), np.uint8)
    classes[40:, 420:580] = MaskClass.VOID

    tiles = cut_tiles(noise(200, 1400), classes, 200.0)

    assert tiles.across_px == (0, 200, 600, 800, 1000, 1200)


def test_a_short_last_slice_is_completed_by_its_mirror_image() -> None:
    lines = noise(120, 200)

    tile = cut_tiles(lines, np.zeros((120, 200), np.uint8), 200.0).pixels[0]

    np.testing.assert_array_equal(tile[:120], lines)
    np.testing.assert_array_equal(tile[120:], lines[::-1][:80])


def test_both_depths_of_one_scan_give_the_same_tiles() -> None:
    eight = noise(50, 360)
    classes = np.zeros((50, 360), np.uint8)

    wide = cut_tiles(eight.astype(np.uint16) * 257, classes, 50.0)

    np.testing.assert_array_equal(wide.pixels, cut_tiles(eight, classes, 50.0).pixels)


@pytest.mark.parametrize("px_per_cm", [1.34, 1.84, 4.7, 13.7, 20.0, 98.6, 400.0])
def test_an_even_colour_stays_itself_at_every_scale(px_per_cm: float) -> None:
    n_lines, n_across = max(1, round(px_per_cm)), round(7 * px_per_cm)
    lines = np.full((n_lines, n_across, 3), (90, 70, 50), np.uint8)

    tiles = cut_tiles(lines, np.zeros((n_lines, n_across), np.uint8), px_per_cm)

    assert len(tiles.across_px) in (6, 7)
    assert (tiles.pixels == np.array([90, 70, 50])).all()


@pytest.mark.parametrize("px_per_cm", [400, 800, 1600])
def test_speckle_finer_than_a_tile_shows_comes_out_as_its_mean_grey(px_per_cm: int) -> None:
    speckle = np.indices((px_per_cm, px_per_cm)).sum(axis=0) % 2
    lines = np.repeat(speckle[..., None] * 200, 3, axis=2).astype(np.uint8)

    tiles = cut_tiles(lines, np.zeros(speckle.shape, np.uint8), float(px_per_cm))

    assert (tiles.pixels == 100).all(), "the network would see a pattern that is not in the core"


@pytest.mark.parametrize("along", [True, False], ids=["lamina", "scratch"])
def test_one_white_line_in_four_makes_a_quarter_grey(*, along: bool) -> None:
    lines = np.zeros((800, 800, 3), np.uint8)
    (lines if along else lines.transpose(1, 0, 2))[3::4] = 240

    tiles = cut_tiles(lines, np.zeros((800, 800), np.uint8), 800.0)

    assert (tiles.pixels == 60).all(), "fine laminae must neither vanish nor brighten"


def test_few_tiles_of_many_are_spread_from_edge_to_edge() -> None:
    tiles = cut_tiles(noise(20, 200), np.zeros((20, 200), np.uint8), 20.0, max_tiles=4)

    assert tiles.across_px == (0, 60, 120, 180)


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="size of the lines"):
        cut_tiles(noise(20, 140), np.zeros((20, 139), np.uint8), 20.0)


def test_at_least_one_tile_must_be_asked_for() -> None:
    with pytest.raises(ValueError, match="max_tiles of 1 or more, got 0"):
        cut_tiles(noise(20, 140), np.zeros((20, 140), np.uint8), 20.0, max_tiles=0)


def test_pixels_of_16_bit_keep_their_upper_8() -> None:
    lines = np.arange(200, dtype=np.uint16)[:, None, None] * np.ones((1, 200, 3), np.uint16)

    tiles = cut_tiles(lines * 256 + 255, np.zeros((200, 200), np.uint8), 200.0)

    np.testing.assert_array_equal(tiles.pixels[0], lines)
    assert tiles.pixels.dtype == np.uint8
    assert tiles.sediment_fraction.dtype == np.float32


def test_of_several_tiles_a_single_one_is_the_middle_one() -> None:
    classes = np.zeros((20, 140), np.uint8)

    assert cut_tiles(noise(20, 140), classes, 20.0, max_tiles=1).across_px == (60,)


def test_a_tile_of_half_sediment_is_seen_and_of_less_is_not() -> None:
    classes = np.full((20, 20), TRAY, np.uint8)
    classes[:10] = SEDIMENT
    assert cut_tiles(noise(20, 20), classes, 20.0).sediment_fraction.tolist() == [0.5]
    classes[9, 0] = TRAY
    assert cut_tiles(noise(20, 20), classes, 20.0).across_px == ()


@pytest.mark.parametrize(
    ("width_px", "across_px"), [(9, ()), (10, (25,)), (18, (29,)), (20, (30,)), (40, (30, 50))]
)
def test_tiles_lie_in_the_middle_of_the_sediment_which_must_be_half_as_wide_as_one(
    width_px: int, across_px: tuple[int, ...]
) -> None:
    lines = noise(20, 140)

    got = cut_tiles(lines, between(20, 140, 30, 30 + width_px), 20.0).across_px

    assert got == across_px


def test_a_tile_at_the_edge_of_the_scan_is_moved_inside() -> None:
    lines = noise(20, 100)

    right = cut_tiles(lines, between(20, 100, 85, 100), 20.0)
    left = cut_tiles(lines, between(20, 100, 0, 15), 20.0)

    assert (right.across_px, left.across_px) == ((80,), (0,))


def test_a_lamina_stays_sharp_where_a_coarse_scan_is_stretched() -> None:
    lines = np.zeros((100, 100, 3), np.uint8)
    lines[50:] = 200

    rows = cut_tiles(lines, np.zeros((100, 100), np.uint8), 100.0).pixels[0, :, 0, 0]

    assert rows[[98, 99, 100, 101]].tolist() == [0, 50, 150, 200], "linear between two lines"


def test_a_smear_of_few_lines_beside_the_core_does_not_move_the_tiles() -> None:
    classes = between(20, 140, 40, 100)
    classes[:3, :40] = SEDIMENT

    assert cut_tiles(noise(20, 140), classes, 20.0).across_px == (40, 60, 80)
