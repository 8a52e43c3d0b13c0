"""Labels survive the way into a small picture and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from downcore.composing.label_png import MAX_LABEL, MAX_PX_PER_CM, label_tile, labels_of
from downcore.strata.composed import LabelTile
from downcore.strata.errors import StoreError

LABELS = arrays(
    np.int32,
    array_shapes(min_dims=2, max_dims=2, max_side=30),
    elements=st.integers(0, MAX_LABEL),
)


@given(LABELS)
def test_labels_of_a_coarse_scan_come_back_the_same(labels: NDArray[np.int32]) -> None:
    tile = label_tile(labels, 40.0)

    assert tile.px_per_cm == 40.0
    assert np.array_equal(labels_of(tile), labels)


@given(LABELS, st.floats(50.1, 400.0))
def test_of_a_fine_scan_labels_are_kept_that_are_there(
    labels: NDArray[np.int32], px_per_cm: float
) -> None:
    tile = label_tile(labels, px_per_cm)

    small = labels_of(tile)
    assert tile.px_per_cm <= MAX_PX_PER_CM
    assert set(small.ravel().tolist()) <= set(labels.ravel().tolist()), "expected no label made up"


@pytest.mark.parametrize("label", [-1, MAX_LABEL + 1])
def test_a_label_that_three_bytes_do_not_hold_is_refused(label: int) -> None:
    with pytest.raises(ValueError, match="expected labels of 0 to 16777215"):
        label_tile(np.array([[label]], np.int32), 50.0)


def test_a_picture_that_is_none_is_said_to_be_damaged() -> None:
    with pytest.raises(StoreError, match="expected a PNG of labels"):
        labels_of(LabelTile(50.0, b"not a picture"))
