"""A view shows a centimetre of core at 20 px/cm, whatever the scan's own scale."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from downcore.strata.core_view import (
    MAX_ACROSS_CM,
    VIEW_PX_PER_CM,
    edge_px,
    sediment_columns,
    view_of,
)
from downcore.strata.depth import LineScale
from downcore.strata.mask.classes import MaskClass
from downcore.strata.segment import Pixels

scales = st.sampled_from(["1", "2", "17.4", "20", "60", "200", "400"])


def slice_lines(px_per_cm: str, width_cm: float, seed: int, index: int = 0) -> Pixels:
    """Return the lines of a whole slice of grain."""
    scale = LineScale.of(px_per_cm)
    n_lines = scale.first_line_of_slice(index + 1) - scale.first_line_of_slice(index)
    n_across = max(1, round(width_cm * float(scale.px_per_cm)))
    return np.random.default_rng(seed).integers(0, 256, (n_lines, n_across, 3), np.uint8)


@given(
    px_per_cm=scales, width_cm=st.floats(0.2, 8.0), index=st.integers(0, 9), seed=st.integers(0, 9)
)
def test_a_view_is_20_px_per_cm_long_and_as_wide_as_the_scan(
    px_per_cm: str, width_cm: float, index: int, seed: int
) -> None:
    lines = slice_lines(px_per_cm, width_cm, seed, index)
    classes = np.zeros(lines.shape[:2], np.uint8)

    view = view_of(lines, classes, float(px_per_cm))

    width = max(1, round(VIEW_PX_PER_CM / float(px_per_cm) * lines.shape[1]))
    assert view.rgb.shape == (VIEW_PX_PER_CM, width, 3)
    assert view.is_sediment.shape == view.rgb.shape[:2]
    edge = edge_px(width)
    assert view.is_sediment[:, edge : width - edge].all(), "a whole slice, up to its last line"
    assert view.sediment_cm2 == pytest.approx((width - 2 * edge) / VIEW_PX_PER_CM)
    assert view.core_columns == (0, width)


@given(px_per_cm=scales, index=st.integers(0, 9), colour=st.tuples(*[st.integers(0, 255)] * 3))
def test_one_colour_stays_that_colour_at_every_scale(
    px_per_cm: str, index: int, colour: tuple[int, int, int]
) -> None:
    lines = slice_lines(px_per_cm, 3.0, 0, index)
    lines[:] = colour

    view = view_of(lines, np.zeros(lines.shape[:2], np.uint8), float(px_per_cm))

    assert np.abs(view.rgb.astype(int) - colour).max() <= 1


@pytest.mark.parametrize("px_per_cm", [40, 200, 400])
def test_pixels_of_a_finer_scan_are_averaged(px_per_cm: int) -> None:
    lines = slice_lines(str(px_per_cm), 2.0, 3)
    n = px_per_cm // VIEW_PX_PER_CM
    means = lines.reshape(VIEW_PX_PER_CM, n, -1, n, 3).mean(axis=(1, 3))

    view = view_of(lines, np.zeros(lines.shape[:2], np.uint8), px_per_cm)

    assert np.abs(view.rgb - means).max() <= 0.51


@given(px_per_cm=scales, seed=st.integers(0, 99))
def test_16_bit_gives_the_view_of_8_bit(px_per_cm: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    lines = slice_lines(px_per_cm, 2.5, seed)
    classes = rng.integers(0, 2, lines.shape[:2]).astype(np.uint8)
    deep = (lines.astype(np.uint16) << 8) + rng.integers(0, 256, lines.shape, np.uint16)

    eight, sixteen = (view_of(x, classes, float(px_per_cm)) for x in (lines, deep))

    np.testing.assert_array_equal(eight.rgb, sixteen.rgb)
    np.testing.assert_array_equal(eight.is_sediment, sixteen.is_sediment)


@given(px_per_cm=scales, seed=st.integers(0, 99))
def test_a_grey_scan_stays_grey(px_per_cm: str, seed: int) -> None:
    grey = slice_lines(px_per_cm, 2.5, seed)[..., :1]
    lines = np.repeat(grey, 3, axis=2)

    view = view_of(lines, np.zeros(lines.shape[:2], np.uint8), float(px_per_cm))

    assert (view.rgb == view.rgb[..., :1]).all()


@pytest.mark.parametrize(("n_lines", "n_filled"), [(1, 1), (40, 4), (100, 10), (196, 20)])
def test_a_short_last_slice_fills_only_the_lines_it_has(n_lines: int, n_filled: int) -> None:
    lines = slice_lines("200", 2.0, 5)[:n_lines]
    lines = np.maximum(lines, 1)

    view = view_of(lines, np.zeros(lines.shape[:2], np.uint8), 200)

    assert view.is_sediment.any(axis=1).sum() == n_filled
    assert view.is_sediment[:n_filled, 6:-6].all()
    assert not view.rgb[n_filled:].any()


def test_pixels_of_the_view_that_are_sediment_in_part_are_not_sediment() -> None:
    lines = slice_lines("200", 4.0, 6)
    classes = np.full(lines.shape[:2], MaskClass.SEDIMENT, np.uint8)
    classes[:, 395:405] = MaskClass.VOID

    view = view_of(lines, classes, 200)

    assert view.is_sediment[:, 30:39].all()
    assert not view.is_sediment[:, 39:41].any()
    assert view.is_sediment[:, 41:50].all()


def test_of_a_scan_wider_than_a_metre_the_middle_is_seen() -> None:
    lines = np.zeros((1, 3 * MAX_ACROSS_CM, 3), np.uint8)
    lines[:, MAX_ACROSS_CM : 2 * MAX_ACROSS_CM] = 200

    view = view_of(lines, np.zeros(lines.shape[:2], np.uint8), 1)

    assert view.rgb.shape[1] == MAX_ACROSS_CM * VIEW_PX_PER_CM
    assert (view.rgb == 200).all()


@pytest.mark.parametrize("shape", [(20, 30), (0, 0)])
def test_a_mask_of_another_size_is_refused(shape: tuple[int, int]) -> None:
    lines = np.zeros((20, 40, 3) if shape[0] else (0, 0, 3), np.uint8)
    with pytest.raises(ValueError, match="expected a mask of the size of the lines"):
        view_of(lines, np.zeros(shape, np.uint8), 20)


def test_sediment_lies_between_the_outermost_columns_that_hold_enough() -> None:
    is_sediment = np.zeros((20, 50), np.bool_)
    assert sediment_columns(is_sediment) == (0, 0)
    is_sediment[:, 10:30] = True
    is_sediment[:, 15:20] = False
    is_sediment[:5, 40] = True
    assert sediment_columns(is_sediment) == (10, 30)


@pytest.mark.parametrize(("width_cm", "left_out_px"), [(1.0, 3), (4.0, 12), (7.0, 12)])
def test_the_shadowed_edges_of_the_sediment_do_not_count(width_cm: float, left_out_px: int) -> None:
    lines = slice_lines("20", width_cm + 2.0, 6)
    classes = np.full(lines.shape[:2], MaskClass.TRAY, np.uint8)
    classes[:, 20:-20] = MaskClass.SEDIMENT

    view = view_of(lines, classes, 20)

    stop = 20 + round(20 * width_cm)
    assert view.core_columns == (20, stop)
    columns = np.flatnonzero(view.is_sediment.all(axis=0))
    assert (columns[0], columns[-1] + 1) == (20 + left_out_px, stop - left_out_px)
