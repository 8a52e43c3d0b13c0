from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from downcore.strata.depth import LineScale
from downcore.strata.errors import SectionError, SegmentGapError
from downcore.strata.regions.merging import MergeRefiner
from downcore.strata.regions.stream import RegionRows, RegionStream
from downcore.strata.regions.window import RegionWindow
from downcore.strata.segment import Segment
from downcore.strata.superpixels.settings import SuperpixelSettings
from downcore.strata.superpixels.stream import LabelRows, SuperpixelStream

SCALE = LineScale.of("31/10")
"""31 lines in a window of 10 cm, and no whole number of lines in a slice."""
N_ACROSS = 7
Labels = NDArray[np.int32]


class EachSuperpixel:
    """A refiner that makes a region of each superpixel."""

    name = "each"

    def __init__(self) -> None:
        self.windows: list[RegionWindow] = []

    def refine(self, window: RegionWindow) -> Labels:
        self.windows.append(window)
        _, first, own = np.unique(window.superpixels, return_index=True, return_inverse=True)
        number = np.argsort(np.argsort(first)).astype(np.int32) + 1
        found = number[own].reshape(window.superpixels.shape)
        found[window.superpixels == 0] = 0
        return (np.unique(found, return_inverse=True)[1].reshape(found.shape)).astype(
            np.int32
        ) + np.int32(np.all(found > 0))


class Answers:
    """A refiner with one fixed answer."""

    name = "fixed"

    def __init__(self, answer: Labels) -> None:
        self.answer = answer

    def refine(self, window: RegionWindow) -> Labels:
        del window
        return self.answer


def section(n_lines: int, seed: int = 0) -> tuple[NDArray[np.uint8], Labels]:
    """Lines, and superpixels of three lines by two pixels with holes between."""
    rng = np.random.default_rng(seed)
    lines = rng.integers(0, 256, (n_lines, N_ACROSS, 3), dtype=np.uint8)
    number = np.arange(n_lines)[:, None] // 3 * 4 + np.arange(N_ACROSS) // 2 + 1
    number[rng.uniform(size=number.shape) < 0.1] = 0
    return lines, number.astype(np.int32)


def streamed(
    lines: NDArray[np.uint8], labels: Labels, cuts: list[int], label_cuts: list[int]
) -> list[RegionRows]:
    """Regions of a section whose labels lag behind its lines, both cut anyhow."""
    stream = RegionStream(EachSuperpixel(), SCALE, N_ACROSS)
    bounds = [0, *np.minimum(np.cumsum(cuts, dtype=int), len(lines)).tolist(), len(lines)]
    stops = np.minimum(np.cumsum(label_cuts, dtype=int), len(lines)).tolist()
    ready = [
        LabelRows(first, labels[first:stop]) for first, stop in pairwise([0, *stops, len(lines)])
    ]
    found: list[RegionRows] = []
    for first, stop in pairwise(bounds):
        known = []
        while ready and ready[0].first_line + len(ready[0].labels) <= stop - 2:
            known.append(ready.pop(0))
        found += stream.push(Segment(lines[first:stop], first), known)
    return found + stream.finish(ready)


@settings(deadline=None)
@given(
    n_lines=st.integers(0, 100),
    cuts=st.lists(st.integers(0, 40), max_size=12),
    label_cuts=st.lists(st.integers(0, 40), max_size=12),
)
def test_regions_do_not_depend_on_how_lines_and_superpixels_arrived(
    n_lines: int, cuts: list[int], label_cuts: list[int]
) -> None:
    lines, labels = section(n_lines)

    rows = streamed(lines, labels, cuts, label_cuts)

    at_once = streamed(lines, labels, [], [])
    assert [one.first_line for one in rows] == list(range(0, n_lines, 31))
    for one, other in zip(rows, at_once, strict=True):
        assert one.first_line == other.first_line
        np.testing.assert_array_equal(one.labels, other.labels)
        stop = one.first_line + len(one.labels)
        np.testing.assert_array_equal(one.lines, lines[one.first_line : stop])
    if rows:
        whole = np.concatenate([one.labels for one in rows])
        np.testing.assert_array_equal(whole > 0, labels > 0)


def test_regions_that_are_unlike_have_different_numbers_in_every_window() -> None:
    rows = streamed(*section(100), [], [])

    highest = 0
    for one in rows:
        number = np.unique(one.labels[one.labels > 0])
        assert number[0] == highest + 1
        highest = int(number[-1])
    assert len(rows) == 4
    assert len(rows[-1].labels) == 100 - 3 * 31


def test_windows_begin_with_a_slice() -> None:
    for text in ("20", "200", "96/7", "4.7"):
        scale = LineScale.of(text)
        stream = RegionStream(EachSuperpixel(), scale, 1)
        n_lines = scale.lines_in(350_000)
        lines, labels = np.zeros((n_lines, 1, 3), np.uint8), np.ones((n_lines, 1), np.int32)
        rows = stream.push(Segment(lines, 0), [LabelRows(0, labels)]) + stream.finish([])
        first = [one.first_line for one in rows]
        assert first == [scale.first_line_of_slice(10 * k) for k in range(4)]


def test_no_more_is_held_than_a_window_and_what_has_no_superpixels_yet() -> None:
    stream = RegionStream(EachSuperpixel(), SCALE, N_ACROSS)
    lines, labels = section(500)
    for first in range(0, 500, 5):
        known = [LabelRows(first - 10, labels[first - 10 : first - 5])] if first >= 10 else []
        stream.push(Segment(lines[first : first + 5], first), known)
        assert sum(map(len, stream._lines)) <= 31 + 10
        assert sum(map(len, stream._labels)) <= 31


def test_lines_of_16_bits_reach_the_refiner_in_8() -> None:
    refiner = EachSuperpixel()
    stream = RegionStream(refiner, SCALE, N_ACROSS)
    lines, labels = section(31)

    counts = lines.astype(np.int32) * 257 + np.where(lines > 127, -120, 120)
    rows = stream.push(Segment(counts.astype(np.uint16), 0), [LabelRows(0, labels)])

    assert refiner.windows[0].lines.dtype == np.uint8
    np.testing.assert_array_equal(rows[0].lines, lines)


def test_superpixels_and_regions_of_a_scan_fit_together() -> None:
    scale = LineScale.of(40)
    rng = np.random.default_rng(2)
    beds = np.repeat(rng.integers(60, 200, (45, 1, 3)), 20, axis=0).repeat(60, axis=1)
    lines = (beds + rng.integers(-4, 5, beds.shape)).astype(np.uint8)
    classes = np.zeros(lines.shape[:2], np.uint8)
    classes[:, :5] = 1

    def labelled(step: int) -> Labels:
        superpixels = SuperpixelStream(SuperpixelSettings(), scale, 60)
        regions = RegionStream(MergeRefiner(), scale, 60)
        rows: list[RegionRows] = []
        for first in range(0, len(lines), step):
            segment = Segment(lines[first : first + step], first)
            rows += regions.push(segment, superpixels.push(segment, classes[first : first + step]))
        rows += regions.finish(superpixels.finish())
        return np.concatenate([one.labels for one in rows])

    whole = labelled(len(lines))
    np.testing.assert_array_equal(labelled(37), whole)
    np.testing.assert_array_equal(whole > 0, classes == 0)
    assert 20 < whole.max() < 100


def test_more_regions_than_32_bits_can_number_are_refused() -> None:
    lines, labels = section(31)
    stream = RegionStream(EachSuperpixel(), SCALE, N_ACROSS)
    stream._n_regions = 2**31 - 1 - int(np.unique(labels[labels > 0]).size)
    rows = stream.push(Segment(lines, 0), [LabelRows(0, labels)])
    assert rows[0].labels.max() == 2**31 - 1

    with pytest.raises(SectionError, match="expected at most 2147483647 regions"):
        stream.push(Segment(lines, 31), [LabelRows(31, labels)])


def test_lines_and_superpixels_that_do_not_follow_are_refused() -> None:
    lines, labels = section(20)
    stream = RegionStream(EachSuperpixel(), SCALE, N_ACROSS)
    stream.push(Segment(lines, 0), [])
    with pytest.raises(SegmentGapError, match="expected scan line 20, got 21"):
        stream.push(Segment(lines, 21), [])
    with pytest.raises(SegmentGapError, match="expected scan line 0, got 3"):
        stream.push(Segment(lines, 20), [LabelRows(3, labels[3:])])
    with pytest.raises(SectionError, match="push the lines first"):
        stream.push(Segment(lines[:0], 40), [LabelRows(0, np.zeros((41, N_ACROSS), np.int32))])


def test_lines_and_superpixels_of_another_width_are_refused() -> None:
    lines, labels = section(20)
    stream = RegionStream(EachSuperpixel(), SCALE, N_ACROSS)
    with pytest.raises(SectionError, match="expected lines of 7 px, got 6 px at line 0"):
        stream.push(Segment(lines[:, :6], 0), [])
    with pytest.raises(SectionError, match="expected superpixels of 7 px, got 6 px at line 0"):
        stream.push(Segment(lines, 0), [LabelRows(0, labels[:, :6])])
    with pytest.raises(ValueError, match="1 or more pixels across"):
        RegionStream(EachSuperpixel(), SCALE, 0)


def test_a_section_ends_with_all_its_superpixels_and_only_once() -> None:
    lines, labels = section(20)
    stream = RegionStream(EachSuperpixel(), SCALE, N_ACROSS)
    stream.push(Segment(lines, 0), [])
    with pytest.raises(SectionError, match="all 20 lines at the section's end, got those of 0"):
        stream.finish([])
    assert len(stream.finish([LabelRows(0, labels)])) == 1
    assert stream.finish([]) == []
    assert stream._n_regions > 0
    with pytest.raises(SectionError, match="no more lines after the end"):
        stream.push(Segment(lines, 20), [])


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (np.zeros((30, N_ACROSS), np.int32), "of shape"),
        (np.ones((31, N_ACROSS), np.int64), "got int64"),
        (np.zeros((31, N_ACROSS), np.int32), "got 217 pixels that are not so"),
    ],
)
def test_a_refiner_that_loses_sediment_is_refused(answer: Labels, message: str) -> None:
    stream = RegionStream(Answers(answer), SCALE, N_ACROSS)
    lines, labels = section(31)
    labels[:] = 1
    with pytest.raises(ValueError, match=f"regions of refiner 'fixed'.*{message}"):
        stream.push(Segment(lines, 0), [LabelRows(0, labels)])
