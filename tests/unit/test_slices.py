import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from downcore.strata.depth import LineScale
from downcore.strata.mask.classes import MaskClass
from downcore.strata.segment import Pixels
from downcore.strata.slices import CoreSlice, measure_slice

SCALE = LineScale.of(20)


def grey(n_lines: int, n_across: int, level: int = 90, dtype: type = np.uint8) -> Pixels:
    lines: Pixels = np.full((n_lines, n_across, 3), level, dtype)
    return lines


def test_colour_is_that_of_the_sediment_alone() -> None:
    lines = np.full((20, 140, 3), 255, np.uint8)
    lines[:, 30:110] = 128
    classes = np.full((20, 140), MaskClass.FOAM, np.uint8)
    classes[:, 30:110] = MaskClass.SEDIMENT

    got = measure_slice(lines, classes, SCALE, 3, 60)

    assert got.colour is not None
    assert got.colour.lab_mean == pytest.approx((53.585, 0.0, 0.0), abs=0.01)
    assert got.colour.lab_sd == pytest.approx((0.0, 0.0, 0.0), abs=1e-3)
    assert got.colour.linear_rgb_mean == pytest.approx((0.2159,) * 3, abs=1e-4)
    assert got.valid_fraction == pytest.approx(80 / 140)


def test_a_slice_without_sediment_has_no_colour() -> None:
    classes = np.full((20, 140), MaskClass.VOID, np.uint8)

    got = measure_slice(np.zeros((20, 140, 3), np.uint8), classes, SCALE, 0, 0)

    assert got.colour is None
    assert got.valid_fraction == 0.0
    assert "no_sediment" in got.flags


@given(
    px_per_cm=st.sampled_from(["1.34", "4.7", "13.7", "20", "98.6", "200"]),
    index=st.integers(0, 200),
)
@settings(deadline=None)
def test_whole_slices_lie_end_to_end_in_whole_centimetres(px_per_cm: str, index: int) -> None:
    scale = LineScale.of(px_per_cm)
    first, stop = scale.first_line_of_slice(index), scale.first_line_of_slice(index + 1)
    lines = np.zeros((stop - first, 12, 3), np.uint8)

    got = measure_slice(lines, np.zeros((stop - first, 12), np.uint8), scale, index, first)

    assert (got.top_um, got.bottom_um) == (index * 10_000, (index + 1) * 10_000)
    assert "short" not in got.flags
    assert sum(got.class_fractions) == pytest.approx(1.0)


def test_a_short_last_slice_ends_where_its_lines_end() -> None:
    got = measure_slice(np.zeros((7, 12, 3), np.uint8), np.zeros((7, 12), np.uint8), SCALE, 5, 100)

    assert got.bottom_um == 53_500
    assert "short" in got.flags


def test_both_depths_of_one_scan_measure_the_same() -> None:
    lines = np.random.default_rng(1).integers(40, 90, (20, 60, 3), dtype=np.uint8)
    classes = np.zeros((20, 60), np.uint8)

    wide = measure_slice(lines.astype(np.uint16) * 257, classes, SCALE, 0, 0)

    assert wide == measure_slice(lines, classes, SCALE, 0, 0)


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="size of the lines"):
        measure_slice(np.zeros((5, 5, 3), np.uint8), np.zeros((4, 5), np.uint8), SCALE, 0, 0)


def test_the_valid_fraction_never_passes_1() -> None:
    third = 1.0 / 3.0
    part = CoreSlice(
        index=0,
        first_line=0,
        n_lines=1,
        top_um=0,
        bottom_um=1,
        class_fractions=(1.0 - third - third, third, 0.0, 0.0, 0.0, 0.0, third),
        colour=None,
        flags=(),
    )

    assert 1.0 - 1e-9 <= part.valid_fraction <= 1.0, part.valid_fraction


@pytest.mark.parametrize("n_lines", [1, 2, 5])
def test_a_last_slice_of_a_few_lines_has_a_colour(n_lines: int) -> None:
    lines = np.full((n_lines, 40, 3), (120, 100, 80), np.uint8)
    classes = np.zeros((n_lines, 40), np.uint8)

    core_slice = measure_slice(lines, classes, LineScale.of("200"), index=3, first_line=600)

    assert core_slice.colour is not None, "expected the colour of sediment that is there"


def test_a_slice_keeps_its_place_in_the_section() -> None:
    got = measure_slice(grey(20, 8), np.zeros((20, 8), np.uint8), SCALE, 3, 60)

    assert (got.index, got.first_line, got.n_lines) == (3, 60, 20)


def test_channels_and_axes_of_colour_are_not_mixed_up() -> None:
    lines = np.full((20, 8, 3), (200, 120, 40), np.uint8)

    got = measure_slice(lines, np.zeros((20, 8), np.uint8), SCALE, 0, 0).colour

    assert got is not None
    # sRGB decoding of 200, 120 and 40, and the CIE L*a*b* of that ochre.
    assert got.linear_rgb_mean == pytest.approx((0.5776, 0.1878, 0.0212), abs=1e-4)
    assert got.lab_mean == pytest.approx((57.9, 24.9, 54.5), abs=0.6)


@pytest.mark.parametrize(("px_per_cm", "step"), [(20, 1), (50, 2), (100, 4), (200, 8)])
def test_colour_is_read_at_the_middle_of_each_cell_of_a_regular_grid(
    px_per_cm: int, step: int
) -> None:
    lines = grey(px_per_cm, 2 * px_per_cm, 10)
    lines[step // 2 :: step, step // 2 :: step] = 200

    classes = np.zeros(lines.shape[:2], np.uint8)
    got = measure_slice(lines, classes, LineScale.of(px_per_cm), 0, 0).colour

    assert got is not None
    assert got.lab_sd == pytest.approx((0.0, 0.0, 0.0), abs=1e-3), "a pixel off the grid was read"
    assert got.linear_rgb_mean == pytest.approx((0.5776,) * 3, abs=1e-4)


@pytest.mark.parametrize(("level", "is_dark"), [(20, True), (40, False)])
def test_sediment_near_black_is_flagged_as_dark(level: int, *, is_dark: bool) -> None:
    got = measure_slice(grey(20, 8, level), np.zeros((20, 8), np.uint8), SCALE, 0, 0)

    assert ("dark" in got.flags) == is_dark


@pytest.mark.parametrize(
    ("dtype", "clipped", "still_seen"), [(np.uint8, 254, 253), (np.uint16, 65_024, 65_023)]
)
def test_a_channel_in_the_last_two_of_256_steps_is_over_exposed(
    dtype: type, clipped: int, still_seen: int
) -> None:
    classes = np.zeros((20, 8), np.uint8)
    lines = grey(20, 8, 100, dtype)
    lines[..., 1] = still_seen
    assert "over_exposed" not in measure_slice(lines, classes, SCALE, 0, 0).flags
    lines[..., 1] = clipped
    assert "over_exposed" in measure_slice(lines, classes, SCALE, 0, 0).flags


def test_one_blown_out_pixel_does_not_make_a_slice_over_exposed() -> None:
    lines = grey(20, 20)
    lines[10, 10] = 255

    got = measure_slice(lines, np.zeros((20, 20), np.uint8), SCALE, 0, 0)

    assert "over_exposed" not in got.flags


def test_where_there_is_no_sediment_none_is_over_exposed() -> None:
    classes = np.full((20, 8), MaskClass.VOID, np.uint8)

    assert "over_exposed" not in measure_slice(grey(20, 8, 255), classes, SCALE, 0, 0).flags
