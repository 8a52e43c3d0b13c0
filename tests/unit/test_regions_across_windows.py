"""A bed, a burrow or a crack's side goes on where one window of 10 cm ends and the next begins."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from downcore.strata.depth import LineScale
from downcore.strata.regions.merging import MergeRefiner
from downcore.strata.regions.stream import RegionRows, RegionStream
from downcore.strata.regions.window import RegionWindow
from downcore.strata.segment import Segment
from downcore.strata.superpixels.settings import SuperpixelSettings
from downcore.strata.superpixels.stream import LabelRows, SuperpixelStream

SCALE = LineScale.of(20)
WINDOW = 200
N_ACROSS = 60
Labels = NDArray[np.int32]
Lines = NDArray[np.uint8]

OLIVE, PALE, DARK = (120, 116, 92), (176, 172, 160), (60, 60, 58)


def mud(n_lines: int, colour: tuple[int, int, int] = OLIVE, seed: int = 0) -> Lines:
    noise = np.random.default_rng(seed).normal(0.0, 2.0, (n_lines, N_ACROSS, 3))
    return np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)


def regions(lines: Lines, is_sediment: NDArray[np.bool_] | None = None, step: int = 37) -> Labels:
    """Return the regions of a scan that comes ``step`` lines at a time."""
    classes = np.zeros(lines.shape[:2], np.uint8)
    if is_sediment is not None:
        classes[~is_sediment] = 1
    superpixels = SuperpixelStream(SuperpixelSettings(), SCALE, N_ACROSS)
    stream = RegionStream(MergeRefiner(), SCALE, N_ACROSS)
    rows: list[RegionRows] = []
    for first in range(0, len(lines), step):
        segment = Segment(lines[first : first + step], first)
        rows += stream.push(segment, superpixels.push(segment, classes[first : first + step]))
    rows += stream.finish(superpixels.finish())
    return np.concatenate([one.labels for one in rows])


def test_uniform_mud_is_one_region_from_end_to_end() -> None:
    assert np.unique(regions(mud(5 * WINDOW + 70))).tolist() == [1]


def test_a_gradient_down_the_core_is_not_cut_where_windows_meet() -> None:
    lines = mud(3 * WINDOW).astype(np.float64)
    lines += np.linspace(0.0, 18.0, len(lines))[:, None, None]

    labels = regions(lines.astype(np.uint8))

    for border in (WINDOW, 2 * WINDOW):
        np.testing.assert_array_equal(labels[border - 1], labels[border])


def test_beds_of_different_colour_that_meet_there_stay_two() -> None:
    lines = np.concatenate([mud(WINDOW, OLIVE), mud(WINDOW, PALE, 1)])

    labels = regions(lines)

    assert set(np.unique(labels[WINDOW - 1])) & set(np.unique(labels[WINDOW])) == set()


def test_two_beds_side_by_side_keep_their_numbers() -> None:
    lines = mud(2 * WINDOW)
    lines[:, 30:] = mud(2 * WINDOW, PALE, 1)[:, 30:]

    labels = regions(lines)

    for column in (10, 50):
        assert np.unique(labels[WINDOW - 60 : WINDOW + 60, column]).size == 1
    assert labels[WINDOW, 10] != labels[WINDOW, 50]


def test_a_clast_across_the_border_is_one_region() -> None:
    lines = mud(2 * WINDOW)
    y, x = np.mgrid[: 2 * WINDOW, :N_ACROSS]
    is_clast = (y - WINDOW - 5) ** 2 + (x - 30) ** 2 < 15**2
    lines[is_clast] = mud(2 * WINDOW, DARK, 1)[is_clast]

    labels = regions(lines)

    clast = labels[WINDOW, 30]
    assert clast == labels[WINDOW - 5, 30]
    assert np.count_nonzero(labels == clast) == pytest.approx(is_clast.sum(), rel=0.1)


def test_nothing_goes_on_across_a_gap_in_the_core() -> None:
    is_sediment = np.ones((2 * WINDOW, N_ACROSS), np.bool_)
    is_sediment[WINDOW - 10 : WINDOW + 10] = False

    labels = regions(mud(2 * WINDOW), is_sediment)

    assert labels[WINDOW - 30, 30] != labels[WINDOW + 30, 30]
    assert not labels[~is_sediment].any()


@settings(deadline=None, max_examples=8)
@given(st.integers(1, 450))
def test_how_lines_arrive_changes_no_number(step: int) -> None:
    lines = mud(2 * WINDOW + 50)
    lines[:, 40:] = mud(len(lines), PALE, 1)[:, 40:]
    lines[90:120] = mud(30, DARK, 2)

    np.testing.assert_array_equal(regions(lines, step=step), regions(lines, step=len(lines)))


class Given:
    """A refiner whose regions are those of a picture, counted as they begin."""

    name = "given"

    def __init__(self, pictured: Labels) -> None:
        self.pictured = pictured

    def refine(self, window: RegionWindow) -> Labels:
        here = self.pictured[window.first_line :][: len(window.lines)]
        _, first, own = np.unique(here, return_index=True, return_inverse=True)
        return (np.argsort(np.argsort(first))[own].reshape(here.shape) + 1).astype(np.int32)


def numbered(pictured: Labels, lines: Lines) -> Labels:
    stream = RegionStream(Given(pictured), SCALE, N_ACROSS)
    squares = np.arange(len(lines))[:, None] // 8 * 100 + np.arange(N_ACROSS) // 8 + 1
    rows: list[RegionRows] = []
    for first, stop in pairwise([*range(0, len(lines), 130), len(lines)]):
        labels = [LabelRows(first, squares[first:stop].astype(np.int32))]
        rows += stream.push(Segment(lines[first:stop], first), labels)
    return np.concatenate([one.labels for one in rows + stream.finish([])])


def test_two_regions_that_touch_below_the_border_stay_two() -> None:
    pictured = np.ones((2 * WINDOW, N_ACROSS), np.int32)
    pictured[WINDOW:, :25], pictured[WINDOW:, 25:] = 2, 3

    labels = numbered(pictured, mud(2 * WINDOW))

    assert np.unique(labels[:WINDOW]).tolist() == [1]
    assert labels[WINDOW, 50] == 1, "expected the one that touches more of the bed to go on"
    assert labels[WINDOW, 10] == 2


def test_two_regions_that_are_apart_below_the_border_are_both_the_bed_above() -> None:
    pictured = np.ones((2 * WINDOW, N_ACROSS), np.int32)
    pictured[WINDOW:, :25], pictured[WINDOW:, 25:30], pictured[WINDOW:, 30:] = 2, 3, 4
    lines = mud(2 * WINDOW)
    lines[WINDOW:, 25:30] = mud(WINDOW, DARK, 1)[:, 25:30]

    labels = numbered(pictured, lines)

    assert (labels[-1, 10], labels[-1, 27], labels[-1, 50]) == (1, 2, 1)


def test_of_two_regions_that_meet_below_the_border_one_goes_on() -> None:
    pictured = np.ones((2 * WINDOW, N_ACROSS), np.int32)
    pictured[:WINDOW, :25] = 2
    pictured[WINDOW:] = 3

    labels = numbered(pictured, mud(2 * WINDOW))

    assert (labels[0, 10], labels[0, 50]) == (1, 2)
    assert np.unique(labels[WINDOW:]).tolist() == [2]


def test_numbers_count_regions_as_they_begin_without_a_gap() -> None:
    pictured = np.arange(3 * WINDOW)[:, None] // 60 + np.zeros(N_ACROSS, np.int64)
    colours = [OLIVE, PALE, DARK] * 4
    lines = np.concatenate([mud(60, colour, i) for i, colour in enumerate(colours[:10])])

    labels = numbered(pictured.astype(np.int32), lines)

    assert np.unique(labels).tolist() == list(range(1, 11))
    assert (np.diff(labels[:, 0]) >= 0).all()
