import sys
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mosaics import label_strip
from numpy.typing import NDArray
from strips import grains, patches

from downcore.simulator.generator import CoreRecipe, generate
from downcore.strata.depth import LineScale
from downcore.strata.errors import SectionError, SegmentGapError
from downcore.strata.mask.classes import MaskClass
from downcore.strata.segment import Segment
from downcore.strata.superpixels.settings import SuperpixelSettings
from downcore.strata.superpixels.stream import LabelRows, SuperpixelStream

SCALE = LineScale.of(200)
FINE = SuperpixelSettings(cell_um=300, stretch_cells=4)
"""Cells of 6 px, so that small pictures hold many."""


def streamed(
    lines: NDArray[np.uint8],
    classes: NDArray[np.uint8],
    cuts: list[int],
    how: SuperpixelSettings = FINE,
) -> NDArray[np.int32]:
    stream = SuperpixelStream(how, SCALE, lines.shape[1])
    bounds = [0, *np.minimum(np.cumsum(cuts, dtype=int), len(lines)), len(lines)]
    rows: list[LabelRows] = []
    for first, stop in pairwise(bounds):
        rows += stream.push(Segment(lines[first:stop], int(first)), classes[first:stop])
    rows += stream.finish()
    for one, following in pairwise(rows):
        assert one.first_line + len(one.labels) == following.first_line, "a hole between stretches"
    return np.concatenate([one.labels for one in rows])


def n_connected(labels: NDArray[np.int32]) -> int:
    """How many parts of one label there are, pixels touching by their edges."""
    n_lines, n_across = labels.shape
    links = np.zeros((2 * n_lines - 1, 2 * n_across - 1), np.uint8)
    links[::2, ::2] = labels > 0
    links[1::2, ::2] = (labels[1:] == labels[:-1]) & (labels[1:] > 0)
    links[::2, 1::2] = (labels[:, 1:] == labels[:, :-1]) & (labels[:, 1:] > 0)
    return cv2.connectedComponents(links, connectivity=4)[0] - 1


def labels_with_neighbours(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Labels that touch another label."""
    found = []
    for one, other in ((labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])):
        meet = (one != other) & (one > 0) & (other > 0)
        found += [one[meet], other[meet]]
    return np.unique(np.concatenate(found))


def agreement(labels: NDArray[np.int32], others: NDArray[np.int32]) -> float:
    """Share of labelled pixels that agree when each label is matched with the one most like it."""
    seen = labels > 0
    pairs, counts = np.unique(np.stack([labels[seen], others[seen]]), axis=1, return_counts=True)
    best: dict[int, tuple[int, int]] = {}
    for one, other, count in zip(*pairs.tolist(), counts.tolist(), strict=True):
        best[one] = max(best.get(one, (0, 0)), (count, other))
    taken: dict[int, int] = {}
    for count, other in best.values():
        taken[other] = max(taken.get(other, 0), count)
    return sum(taken.values()) / int(seen.sum())


@given(
    seed=st.integers(0, 999),
    n_lines=st.integers(1, 150),
    n_across=st.integers(1, 80),
    cuts=st.lists(st.integers(0, 60), max_size=8),
    stretch=st.integers(1, 6),
)
@settings(deadline=None, max_examples=60)
def test_superpixels_do_not_depend_on_how_the_core_is_cut_into_segments(
    seed: int, n_lines: int, n_across: int, cuts: list[int], stretch: int
) -> None:
    lines, classes = grains(seed, n_lines, n_across), patches(seed, n_lines, n_across)
    how = replace(FINE, stretch_cells=stretch)

    in_pieces = streamed(lines, classes, cuts, how)

    np.testing.assert_array_equal(in_pieces, streamed(lines, classes, [], how))


@given(
    seed=st.integers(0, 999),
    n_lines=st.integers(1, 150),
    n_across=st.integers(1, 80),
    stretch=st.integers(1, 30),
)
@settings(deadline=None, max_examples=60)
def test_each_superpixel_is_one_piece_of_sediment_and_numbered_as_it_begins(
    seed: int, n_lines: int, n_across: int, stretch: int
) -> None:
    lines, classes = grains(seed, n_lines, n_across, noise=20.0), patches(seed, n_lines, n_across)

    labels = streamed(lines, classes, [], replace(FINE, stretch_cells=stretch))

    np.testing.assert_array_equal(labels > 0, classes == MaskClass.SEDIMENT)
    used, first = np.unique(labels[labels > 0], return_index=True)
    np.testing.assert_array_equal(used, np.arange(1, len(used) + 1), "a number is missing")
    assert (np.diff(first) > 0).all(), "numbers do not follow the order down the core"
    assert n_connected(labels) == len(used), "a superpixel is in pieces"


@given(seed=st.integers(0, 999), stretch=st.integers(1, 30), noise=st.floats(0.0, 40.0))
@settings(deadline=None, max_examples=40)
def test_only_a_patch_of_sediment_by_itself_is_a_superpixel_smaller_than_the_least(
    seed: int, stretch: int, noise: float
) -> None:
    lines, classes = grains(seed, 130, 60, noise), patches(seed, 130, 60)
    how = replace(FINE, stretch_cells=stretch)

    labels = streamed(lines, classes, [], how)

    area = np.bincount(labels.ravel())
    small = np.flatnonzero(area < how.smallest_area_px(SCALE))
    assert not np.isin(small[small > 0], labels_with_neighbours(labels)).any()


def test_superpixels_drawn_while_a_core_is_scanned_are_those_of_the_whole_core() -> None:
    core = generate(CoreRecipe(seed=41, length_cm=7.0, px_per_cm=200.0, width_cm=3.0))
    lines, classes = core.lines(0, core.n_lines), core.classes(0, core.n_lines)
    how = SuperpixelSettings()

    got = streamed(lines, classes, [200] * 7, how)

    assert agreement(got, label_strip(lines, classes, how, SCALE)) >= 0.999


def test_a_stretch_is_given_out_as_soon_as_three_millimetres_below_it_are_there() -> None:
    how = SuperpixelSettings()
    lines, classes = grains(1, 460, 60), patches(1, 460, 60)
    stream = SuperpixelStream(how, SCALE, 60)

    assert how.halo_lines(SCALE) == 60, "the halo is 0.3 cm at 200 px/cm"
    assert stream.push(Segment(lines[:459], 0), classes[:459]) == []
    rows = stream.push(Segment(lines[459:], 459), classes[459:])
    assert [(one.first_line, len(one.labels)) for one in rows] == [(0, 400)]
    assert stream.next_line == 460


def test_a_section_can_have_more_superpixels_than_sixteen_bits_can_count() -> None:
    lines = np.zeros((1_300, 1_000, 3), np.uint8)
    classes = np.zeros((1_300, 1_000), np.uint8)

    labels = streamed(lines, classes, [], SuperpixelSettings(cell_um=200))

    assert labels.dtype == np.int32
    assert labels.max() == len(np.unique(labels)) == 325 * 250


def test_sediment_of_one_colour_gives_square_superpixels() -> None:
    lines = np.full((60, 60, 3), 90, np.uint8)

    labels = label_strip(lines, np.zeros((60, 60), np.uint8), SuperpixelSettings(), SCALE)

    np.testing.assert_array_equal(np.bincount(labels.ravel())[1:], np.full(9, 400))


def test_a_stretch_without_sediment_has_no_superpixels() -> None:
    lines = grains(2, 100, 50)
    classes = np.full((100, 50), MaskClass.FOAM, np.uint8)

    assert (streamed(lines, classes, []) == 0).all()


@pytest.mark.parametrize(("n_lines", "n_across"), [(1, 1), (3, 200), (200, 3), (7, 2)])
def test_a_core_smaller_than_a_cell_has_superpixels_all_the_same(
    n_lines: int, n_across: int
) -> None:
    lines = grains(3, n_lines, n_across)

    labels = streamed(lines, np.zeros((n_lines, n_across), np.uint8), [], SuperpixelSettings())

    assert (labels > 0).all()
    assert n_connected(labels) == labels.max()


def test_a_section_without_lines_has_no_stretches() -> None:
    stream = SuperpixelStream(FINE, SCALE, 40)

    assert (
        stream.push(Segment(np.zeros((0, 40, 3), np.uint8), 0), np.zeros((0, 40), np.uint8)) == []
    )
    assert stream.finish() == []
    assert label_strip(
        np.zeros((0, 40, 3), np.uint8), np.zeros((0, 40), np.uint8), FINE, SCALE
    ).shape == (0, 40)


def test_pixels_of_sixteen_bits_and_read_only_ones_give_the_same_superpixels() -> None:
    lines, classes = grains(6, 90, 70), patches(6, 90, 70)
    deep = lines.astype(np.uint16) * np.uint16(257)
    fixed = np.repeat(lines, 2, axis=1)[:, ::2]
    fixed.setflags(write=False)

    expected = streamed(lines, classes, [])

    np.testing.assert_array_equal(label_strip(fixed, classes, FINE, SCALE).shape, expected.shape)
    np.testing.assert_array_equal(streamed(fixed, classes, []), expected)
    np.testing.assert_array_equal(streamed(deep, classes, []), expected)  # type: ignore[arg-type] # 16 bit


def test_lines_that_do_not_follow_one_another_are_refused() -> None:
    stream = SuperpixelStream(FINE, SCALE, 40)
    lines, classes = grains(7, 10, 40), np.zeros((10, 40), np.uint8)
    stream.push(Segment(lines, 0), classes)

    with pytest.raises(SegmentGapError, match="expected scan line 10, got 12"):
        stream.push(Segment(lines, 12), classes)
    with pytest.raises(SectionError, match="expected lines of 40 px, got 30 px at line 10"):
        stream.push(Segment(lines[:, :30], 10), classes[:, :30])
    with pytest.raises(ValueError, match=r"expected a mask .* \(10, 40\), got \(9, 40\)"):
        stream.push(Segment(lines, 10), classes[1:])
    stream.finish()
    with pytest.raises(SectionError, match="after the end"):
        stream.push(Segment(lines, 10), classes)


def test_cells_too_large_or_a_core_of_no_width_are_refused() -> None:
    with pytest.raises(ValueError, match="expected cells of at most 256 px, got 2000 px"):
        SuperpixelSettings(cell_um=100_000).cell_px(SCALE)
    with pytest.raises(ValueError, match="expected 1 or more pixels across, got 0"):
        SuperpixelStream(FINE, SCALE, 0)


def test_a_coarse_scan_gets_cells_of_a_few_pixels() -> None:
    assert SuperpixelSettings().cell_px(LineScale.of("1.34")) == 4
    assert SuperpixelSettings().cell_px(SCALE) == 20


def test_more_lines_need_no_more_memory() -> None:
    stream = SuperpixelStream(FINE, SCALE, 40)
    held = []
    for first in range(0, 4_000, 50):
        stream.push(Segment(grains(first, 50, 40), first), np.zeros((50, 40), np.uint8))
        held.append(_bytes_held(stream))

    assert max(held[40:]) <= 1.1 * max(held[:40]), "the stream grows with the section"


def _bytes_held(one: object) -> int:
    """Bytes of every array that an object of this package refers to."""
    if isinstance(one, np.ndarray):
        return one.nbytes
    fields = [*getattr(one, "__dict__", {}).values()]
    fields += [getattr(one, name) for name in getattr(type(one), "__slots__", ())]
    if not type(one).__module__.startswith("downcore"):
        return sys.getsizeof(one)
    return sum(map(_bytes_held, fields))
