"""Every region of a section in one table, whatever windows its lines came in."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from downcore.strata.depth import LineScale
from downcore.strata.regions.moments import shapes_of
from downcore.strata.regions.section_table import RegionTable, RegionTableBuilder
from downcore.strata.regions.stream import RegionRows

SCALE = LineScale.of(20)
PITCH_UM = 500.0
Labels = NDArray[np.int32]


def clasts() -> tuple[Labels, NDArray[np.uint8]]:
    """30 cm of a bed with clasts, two of which lie across the borders of windows at 10 cm."""
    labels = np.full((600, 80), 1, np.int32)
    for label, centre in ((2, (40, 100)), (3, (30, 200)), (4, (50, 300)), (5, (40, 415))):
        cv2.ellipse(labels, centre, (24, 9), 30.0 * label, 0, 360, label, -1)
    labels[:, :4] = 0
    labels[150:170, 60:70] = 0
    rng = np.random.default_rng(3)
    return labels, rng.integers(0, 256, (600, 80, 3), dtype=np.uint8)


def table_of(labels: Labels, lines: NDArray[np.uint8], cuts: tuple[int, ...]) -> RegionTable:
    builder = RegionTableBuilder(SCALE)
    for first, stop in pairwise((0, *cuts, len(labels))):
        builder.add(RegionRows(first, labels[first:stop].copy(), lines[first:stop]))
    return builder.table()


@pytest.mark.parametrize("cuts", [(), (200, 400), (20, 40, 300, 420)])
def test_a_region_across_windows_has_the_shape_of_all_its_pixels(cuts: tuple[int, ...]) -> None:
    labels, lines = clasts()

    table = table_of(labels, lines, cuts)

    whole = shapes_of(labels, lines, SCALE)
    for name in ("area_um2", "linear_rgb", "line", "column", "major_um", "minor_um",
                 "orientation_deg", "perimeter_um", "roundness", "is_cut"):  # fmt: skip
        np.testing.assert_allclose(
            getattr(table.shapes, name), getattr(whole, name), rtol=1e-9, atol=1e-6, err_msg=name
        )
    assert table.shapes.is_cut.tolist() == [True, False, False, False, False]
    for i, label in enumerate(table.shapes.label.tolist()):
        rows = np.flatnonzero((labels == label).any(axis=1))
        assert (table.top_line[i], table.bottom_line[i]) == (rows[0], rows[-1] + 1)
        here = table.in_slices[table.in_slices[:, 0] == i]
        assert {int(s): int(n) for _, s, n in here} == {
            k: int(n) for k in range(30) if (n := (labels[20 * k : 20 * k + 20] == label).sum())
        }


def test_length_and_solidity_are_those_of_scikit_image() -> None:
    measure = pytest.importorskip("skimage.measure", reason="scikit-image is not installed")
    labels, lines = clasts()

    table = table_of(labels, lines, (200, 400))

    for i, one in enumerate(measure.regionprops(labels)):
        assert table.solidity[i] == pytest.approx(one.solidity, rel=0.03)
        assert table.length_um[i] == pytest.approx(one.feret_diameter_max * PITCH_UM, rel=0.02)
        assert table.shapes.one(i).eccentricity == pytest.approx(one.eccentricity, abs=1e-4)
        perimeter_um = one.perimeter_crofton * PITCH_UM
        assert table.shapes.perimeter_um[i] == pytest.approx(perimeter_um, rel=0.02)


def test_a_square_is_its_own_hull_and_a_cross_is_not() -> None:
    labels = np.zeros((60, 60), np.int32)
    labels[10:30, 10:30] = 1
    labels[40:44, 5:55] = labels[35:50, 28:32] = 2

    table = table_of(labels, np.zeros((60, 60, 3), np.uint8), (20, 40))

    assert table.solidity[0] == 1.0
    assert table.length_um[0] == pytest.approx(20 * np.sqrt(2) * PITCH_UM)
    assert table.solidity[1] < 0.6


def test_windows_without_sediment_add_nothing() -> None:
    labels, lines = clasts()
    labels[200:400] = 0
    labels[400:] = np.where(labels[400:] == 1, 4, labels[400:])
    labels[labels == 5] = 4

    table = table_of(labels, lines, (200, 400))

    assert len(table) == 4
    assert table.top_line.tolist()[3] == 400
    assert len(table_of(np.zeros_like(labels), lines, (200,))) == 0
