"""Shapes of the record's regions, by scikit-image, against clasts of known shape."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from composed_slices import composed

from downcore.composing.label_png import label_tile
from downcore.notebook.section_log import SectionComposition
from downcore.strata.composed import ComposedSlice

pytest.importorskip("skimage", reason="scikit-image is not installed")


def slices() -> tuple[ComposedSlice, ...]:
    """Six centimetres at 50 px/cm: a bed, and a clast of 20 by 8 mm across two slices' border."""
    labels = np.ones((300, 200), np.int32)
    # OpenCV turns clockwise from across the core; 30 degrees from the core's axis are 60 there.
    cv2.ellipse(labels, (120, 150), (50, 20), 60.0, 0, 360, 70_000, -1)
    return tuple(
        replace(composed(i), labels=label_tile(labels[50 * i : 50 * i + 50], 50.0))
        for i in range(6)
    )


def test_a_clast_has_the_place_and_the_shape_it_was_drawn_with() -> None:
    frame = SectionComposition("GC01_01", "1", slices()).region_shapes().set_index("label")

    clast = frame.loc[70_000]
    assert clast["depth (cm)"] == pytest.approx(3.01, abs=0.02)
    assert clast["across (cm)"] == pytest.approx(2.41, abs=0.02)
    assert clast["area (mm2)"] == pytest.approx(np.pi * 10 * 4, rel=0.03)
    assert clast["length (mm)"] == pytest.approx(20.2, abs=0.3)
    assert clast["longer axis (mm)"] == pytest.approx(20.2, abs=0.3)
    assert clast["shorter axis (mm)"] == pytest.approx(8.2, abs=0.3)
    assert clast["orientation (deg)"] == pytest.approx(30.0, abs=1.0)
    assert clast["eccentricity"] == pytest.approx(np.sqrt(1 - 0.4**2), abs=0.02)
    assert clast["solidity"] > 0.97
    assert clast["bottom (cm)"] - clast["top (cm)"] == pytest.approx(1.78, abs=0.06)
    assert clast["perimeter (mm)"] == pytest.approx(46.0, rel=0.05)
    assert clast["euler number"] == 1
    assert frame.loc[1, "euler number"] == 0, "expected the bed to have a hole where the clast is"
    assert (frame.loc[1, "top (cm)"], frame.loc[1, "bottom (cm)"]) == (0.0, 6.0)


def test_a_section_without_pictures_of_regions_has_no_shapes() -> None:
    without = tuple(replace(one, labels=None) for one in slices())

    assert len(SectionComposition("GC01_01", "1", without).region_shapes()) == 0
    assert len(SectionComposition("GC01_01", "1", ()).region_shapes()) == 0
