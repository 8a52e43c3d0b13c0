import math
import subprocess
import sys

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from downcore.strata.colour import linear_of_counts
from downcore.strata.depth import LineScale
from downcore.strata.regions.moments import shapes_of
from downcore.strata.regions.shapes import slice_regions
from downcore.strata.regions.stream import RegionRows

SCALE = LineScale.of(200)
PITCH_UM = 50.0
Labels = NDArray[np.int32]


def grey(labels: Labels) -> NDArray[np.uint8]:
    return np.full((*labels.shape, 3), 128, np.uint8)


def clast(major_px: int, minor_px: int, angle_deg: float, label: int = 1) -> Labels:
    """A bed, numbered 9, with one clast whose long axis lies at an angle to the core's."""
    labels = np.full((300, 300), 9, np.int32)
    # OpenCV turns clockwise from across the core.
    axes = (major_px // 2, minor_px // 2)
    cv2.ellipse(labels, (150, 140), axes, 90.0 - angle_deg, 0, 360, label, -1)
    return labels


@pytest.mark.parametrize("angle_deg", [-60.0, -30.0, 0.0, 45.0, 80.0])
def test_a_clast_has_the_axes_and_the_direction_it_was_drawn_with(angle_deg: float) -> None:
    shape = shapes_of(clast(120, 40, angle_deg), grey(clast(120, 40, 0)), SCALE).one(0)

    assert shape.label == 1
    assert shape.major_um == pytest.approx(120 * PITCH_UM, rel=0.04)
    assert shape.minor_um == pytest.approx(40 * PITCH_UM, rel=0.04)
    assert shape.orientation_deg == pytest.approx(angle_deg, abs=1.0)
    assert shape.sphericity == pytest.approx(1 / 3, rel=0.04)
    assert (shape.line, shape.column) == pytest.approx((140, 150), abs=0.2)
    assert not shape.is_cut


def test_a_round_clast_is_round_and_a_square_one_less() -> None:
    disc = shapes_of(clast(100, 100, 0), grey(clast(100, 100, 0)), SCALE).one(0)
    labels = np.full((300, 300), 9, np.int32)
    labels[100:180, 100:180] = 1
    square = shapes_of(labels, grey(labels), SCALE).one(0)

    assert disc.roundness == pytest.approx(1.0, abs=0.03)
    assert square.roundness == pytest.approx(math.pi / 4, abs=0.1)
    assert disc.sphericity == pytest.approx(1.0, abs=0.01)
    assert square.sphericity == pytest.approx(1.0)
    assert disc.diameter_um == pytest.approx(100 * PITCH_UM, rel=0.02)
    assert square.area_um2 == 80 * 80 * PITCH_UM**2


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 999),
    n_lines=st.integers(1, 40),
    n_across=st.integers(1, 40),
    most=st.sampled_from([3, 40, 2**31 - 1]),
)
def test_regions_share_out_all_sediment_and_no_number_is_nan(
    seed: int, n_lines: int, n_across: int, most: int
) -> None:
    rng = np.random.default_rng(seed)
    number = rng.integers(0, most, 5)
    labels = number[rng.integers(0, 5, (n_lines, n_across))].astype(np.int32)
    lines = rng.integers(0, 256, (n_lines, n_across, 3), dtype=np.uint8)

    shapes = shapes_of(labels, lines, SCALE)

    seen = labels > 0
    assert shapes.label.tolist() == np.unique(labels[seen]).tolist()
    assert shapes.area_um2.sum() == pytest.approx(seen.sum() * PITCH_UM**2)
    light = (shapes.linear_rgb * shapes.area_um2[:, None]).sum(axis=0)
    expected = linear_of_counts(lines)[seen].sum(axis=0, dtype=float) * PITCH_UM**2
    np.testing.assert_allclose(light, expected, rtol=1e-3)
    for values in (shapes.major_um, shapes.minor_um, shapes.orientation_deg, shapes.diameter_um):
        assert np.all(np.isfinite(values))
    for values in (shapes.sphericity, shapes.roundness):
        assert np.all((values >= 0) & (values <= 1))
    assert np.all(np.abs(shapes.orientation_deg) <= 90)
    assert np.all(shapes.minor_um <= shapes.major_um * (1 + 1e-9))


def test_shapes_are_those_of_scikit_image() -> None:
    measure = pytest.importorskip("skimage.measure", reason="scikit-image is not installed")
    rng = np.random.default_rng(3)
    rough = cv2.GaussianBlur(rng.normal(size=(120, 150)), (0, 0), 5.0)
    labels = cv2.connectedComponents((rough > 0).astype(np.uint8))[1].astype(np.int32)

    shapes = shapes_of(labels, grey(labels), SCALE)

    for i, theirs in enumerate(measure.regionprops(labels)):
        ours = shapes.one(i)
        perimeter = measure.perimeter_crofton(np.pad(theirs.image, 1), directions=4)
        assert ours.label == theirs.label
        assert ours.area_um2 == theirs.area * PITCH_UM**2
        assert (ours.line, ours.column) == pytest.approx(theirs.centroid)
        assert ours.major_um == pytest.approx(theirs.axis_major_length * PITCH_UM)
        assert ours.minor_um == pytest.approx(theirs.axis_minor_length * PITCH_UM, abs=1e-3)
        assert ours.orientation_deg == pytest.approx(math.degrees(theirs.orientation), abs=1e-6)
        roundness = min(1.0, 4 * math.pi * theirs.area / perimeter**2)
        assert ours.roundness == pytest.approx(roundness)
    assert len(shapes) > 5


def test_the_highest_number_there_can_be_is_a_region_as_well() -> None:
    labels = np.full((2, 3), 2**31 - 1, np.int32)
    labels[0, 0] = 2**31 - 4

    assert shapes_of(labels, grey(labels), SCALE).label.tolist() == [2**31 - 4, 2**31 - 1]


def test_a_clast_beside_a_crack_or_the_edge_is_cut() -> None:
    labels = clast(60, 40, 0)
    whole = shapes_of(labels, grey(labels), SCALE)
    labels[130:132, 165:190] = 0
    beside_a_crack = shapes_of(labels, grey(labels), SCALE)
    at_the_edge = shapes_of(labels[145:], grey(labels[145:]), SCALE)

    assert whole.is_cut.tolist() == [False, True]
    assert beside_a_crack.is_cut.tolist() == [True, True]
    assert at_the_edge.is_cut.tolist() == [True, True]


def test_a_single_pixel_has_no_direction() -> None:
    shape = shapes_of(np.array([[0, 5]], np.int32), np.zeros((1, 2, 3), np.uint8), SCALE).one(0)

    assert (shape.major_um, shape.minor_um, shape.orientation_deg) == (0.0, 0.0, 0.0)
    assert (shape.sphericity, shape.roundness) == (1.0, 1.0)


def gravel(diameters_px: list[int], n_lines: int = 2_000) -> RegionRows:
    """A window of a matrix with round grains in rows, from the top down."""
    labels = np.ones((n_lines, 1_400), np.int32)
    at, top, tallest = 20, 20, 0
    for i, diameter in enumerate(diameters_px):
        if at + diameter > 1_380:
            at, top, tallest = 20, top + tallest + 8, 0
        centre = (at + diameter // 2, top + diameter // 2)
        cv2.circle(labels, centre, diameter // 2, i + 2, -1)
        at, tallest = at + diameter + 8, max(tallest, diameter)
    return RegionRows(0, labels, grey(labels))


def test_grains_are_sized_by_area_and_the_matrix_is_none() -> None:
    rows = gravel([30] * 40 + [90] * 10)

    first = slice_regions(rows, SCALE)[0]

    assert first.no_grains == ""
    assert first.grains is not None
    assert first.grains.n_grains == 50
    # Ten grains of three times the diameter have more area than forty.
    assert first.grains.d10_um == pytest.approx(30 * PITCH_UM, rel=0.06)
    assert first.grains.d50_um == pytest.approx(90 * PITCH_UM, rel=0.06)
    assert first.grains.d90_um == pytest.approx(90 * PITCH_UM, rel=0.06)
    assert first.grains.sphericity == pytest.approx(1.0, abs=0.02)
    assert first.n_regions == 51
    assert first.largest_share == pytest.approx((rows.labels[:200] == 1).mean())


def test_a_grain_across_two_slices_is_counted_once_and_whole() -> None:
    labels = np.ones((400, 1_000), np.int32)
    for i in range(12):
        cv2.circle(labels, (60 + 80 * i, 190), 30, i + 2, -1)

    upper, lower = slice_regions(RegionRows(0, labels, grey(labels)), SCALE)

    assert upper.grains is not None
    assert upper.grains.n_grains == 12
    assert upper.grains.d50_um == pytest.approx(61 * PITCH_UM, rel=0.03)
    assert lower.no_grains == "few grains"
    assert (upper.n_regions, lower.n_regions) == (13, 13)


def test_what_is_too_large_too_small_or_cut_is_no_grain() -> None:
    rows = gravel([30] * 10 + [19] * 5 + [220])
    labels = rows.labels
    cv2.circle(labels, (1_399, 60), 15, 99, -1)

    first = slice_regions(rows, SCALE)[0]

    assert first.grains is not None
    assert first.grains.n_grains == 10
    assert first.grains.least_um == 1_000


def test_a_scan_too_coarse_for_grains_says_so() -> None:
    labels = np.ones((40, 100), np.int32)

    for one in slice_regions(RegionRows(0, labels, grey(labels)), LineScale.of(20)):
        assert one.grains is None
        assert one.no_grains == "resolution"
        assert (one.n_regions, one.largest_share) == (1, 1.0)


def test_a_slice_without_sediment_has_no_regions() -> None:
    labels = np.zeros((300, 100), np.int32)
    labels[200:] = 7

    upper, lower = slice_regions(RegionRows(2_000, labels, grey(labels)), SCALE)

    assert (upper.index, upper.n_regions, upper.largest_share) == (10, 0, 0.0)
    assert upper.no_grains == "no sediment"
    assert (lower.index, lower.n_regions, lower.largest_share) == (11, 1, 1.0)
    assert lower.no_grains == "few grains"


def test_rows_that_do_not_begin_with_a_slice_are_refused() -> None:
    labels = np.ones((40, 100), np.int32)

    with pytest.raises(ValueError, match="start of a slice, got line 7"):
        slice_regions(RegionRows(7, labels, grey(labels)), SCALE)
    with pytest.raises(ValueError, match=r"size of the labels, \(40, 100\), got \(40, 99\)"):
        shapes_of(labels, grey(labels)[:, :99], SCALE)


def test_what_a_slice_holds_can_be_read_without_the_compiler_of_kernels() -> None:
    program = "import sys, downcore.strata.regions.shapes, downcore.strata.regions.stream; "
    program += "sys.exit('numba' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
