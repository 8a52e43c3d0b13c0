"""Segment Anything on regions in doubt, with a network that knows the answer by colour."""

from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from region_windows import Labels, Squares, blotches, breaks, window_of, without

from downcore.inference.segment_anything import (
    SegmentAnythingRefiner,
    SegmentAnythingSettings,
    refiner,
)
from downcore.inference.segment_anything.assigning import connected, reassigned
from downcore.inference.segment_anything.choosing import prompts_for
from downcore.inference.segment_anything.picture import fit
from downcore.strata.regions.window import RegionWindow

SIDE_PX = 512
NOISE = 2.0
CLAST, BED = (180, 140, 90), (90, 95, 100)


class ByColour:
    """A network whose mask is whatever has the colour of the point, and sure of it."""

    n_looked = 0

    def __init__(self, _bundle: Any) -> None:
        ByColour.n_looked = 0

    def embed(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        ByColour.n_looked += 1
        return picture

    def masks(
        self, embedding: NDArray[np.uint8], points: Any, boxes: Any
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        assert (boxes[:, :2] <= points).all(), "the point lies outside its box"
        assert (points <= boxes[:, 2:]).all(), "the point lies outside its box"
        smooth = cv2.blur(embedding, (5, 5)).astype(np.int64)
        own = []
        for x, y in points.astype(int):
            is_like = np.abs(smooth - smooth[y, x]).sum(axis=2) < 90
            one = cv2.resize(
                np.where(is_like, 9.0, -9.0).astype(np.float32),
                (SIDE_PX // 4, SIDE_PX // 4),
                interpolation=cv2.INTER_AREA,
            )
            own.append(np.stack([one] * 4))
        return np.stack(own), np.full((len(points), 4), 0.95, np.float32)


@pytest.fixture
def by_colour(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(refiner, "SegmentAnythingNetwork", ByColour)
    return SimpleNamespace(manifest=SimpleNamespace(side_px=SIDE_PX), bundle_id="0" * 16)


def clast(shape: tuple[int, int] = (600, 420), *, centre: tuple[int, int] = (300, 210)) -> Any:
    """Return a window of a bed with a round clast, and where the clast is."""
    rng = np.random.default_rng(1)
    y, x = np.ogrid[: shape[0], : shape[1]]
    is_clast = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < 110**2
    counts = np.where(is_clast[..., None], CLAST, BED) + rng.normal(0, NOISE, (*shape, 3))
    return window_of(np.clip(counts, 0, 255).astype(np.uint8)), is_clast


def overlap(labels: Labels, is_it: NDArray[np.bool_]) -> float:
    """Return the best intersection over union of a region with what it should be."""
    found = np.bincount(labels[is_it]).argmax()
    return float(((labels == found) & is_it).sum() / ((labels == found) | is_it).sum())


def test_a_clast_inside_a_mixed_region_is_split_off(by_colour: Any) -> None:
    window, is_clast = clast()
    one = Squares(10_000)
    assert overlap(one.refine(window), is_clast) < 0.2

    got = SegmentAnythingRefiner(by_colour, one).refine(window)

    assert overlap(got, is_clast) > 0.9, "edges lie within a superpixel of the clast's"
    assert breaks(got) is None, breaks(got)


def test_a_clast_in_pieces_is_joined(by_colour: Any) -> None:
    window, is_clast = clast()
    assert overlap(Squares(100).refine(window), is_clast) < 0.3

    got = SegmentAnythingRefiner(by_colour, Squares(100)).refine(window)

    assert overlap(got, is_clast) > 0.9
    assert (got[is_clast] == got[300, 210]).mean() > 0.95


def test_what_is_seen_of_a_clast_does_not_depend_on_the_cut(by_colour: Any) -> None:
    window, _ = clast()
    whole = SegmentAnythingRefiner(by_colour, Squares(100)).refine(window)
    for top, left in ((40, 30), (110, 0), (0, 70)):
        cut = (slice(top, 560), slice(left, 400))
        part = RegionWindow(top, window.lines[cut], window.superpixels[cut], window.scale)

        got = SegmentAnythingRefiner(by_colour, Squares(100)).refine(part)

        mine, its = got == got[300 - top, 210 - left], whole[cut] == whole[300, 210]
        assert (mine & its).sum() / (mine | its).sum() > 0.95, f"cut at {top}, {left}"


def test_more_of_the_tray_beside_the_core_changes_nothing(by_colour: Any) -> None:
    window, _ = clast()
    is_bare = np.zeros(window.superpixels.shape, np.bool_)
    is_bare[:, :40], is_bare[:, -60:], is_bare[-30:] = True, True, True
    bare = without(window, is_bare)
    cut = (slice(0, -30), slice(40, -60))
    narrow = RegionWindow(0, window.lines[cut], window.superpixels[cut], window.scale)

    wide_picture, narrow_picture = fit(bare, SIDE_PX), fit(narrow, SIDE_PX)
    got = SegmentAnythingRefiner(by_colour, Squares(10_000)).refine(bare)
    expected = SegmentAnythingRefiner(by_colour, Squares(10_000)).refine(narrow)

    assert wide_picture is not None
    assert narrow_picture is not None
    np.testing.assert_array_equal(wide_picture.picture, narrow_picture.picture)
    np.testing.assert_array_equal(got[cut], expected)
    assert not got[is_bare].any()


def test_the_network_is_not_asked_where_nothing_is_in_doubt(by_colour: Any) -> None:
    lines = np.clip(np.random.default_rng(2).normal(120, 3, (300, 200, 3)), 0, 255)
    window = window_of(lines.astype(np.uint8))
    first = Squares(10_000)

    got = SegmentAnythingRefiner(by_colour, first).refine(window)

    assert ByColour.n_looked == 0, "a plain bed was looked at"
    np.testing.assert_array_equal(got, first.refine(window))


def test_a_window_is_looked_at_once(by_colour: Any) -> None:
    SegmentAnythingRefiner(by_colour, Squares(50)).refine(clast()[0])
    assert ByColour.n_looked == 1


def test_a_window_without_sediment_stays_empty(by_colour: Any) -> None:
    window = without(window_of(blotches(80, 60)), np.ones((80, 60), np.bool_))
    got = SegmentAnythingRefiner(by_colour, Squares(20)).refine(window)
    assert not got.any()


@pytest.mark.parametrize("shape", [(1, 200), (200, 1), (3, 2), (2_000, 9)])
def test_windows_of_any_shape_keep_their_sediment(by_colour: Any, shape: tuple[int, int]) -> None:
    window = window_of(blotches(*shape))
    loose = SegmentAnythingSettings(spread_in_noise=0.0, least_share=0.0, most_share=1.0)
    got = SegmentAnythingRefiner(by_colour, Squares(7), loose).refine(window)
    assert got.shape == shape
    assert got.all()
    assert breaks(got) is None, breaks(got)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros_like, "exactly where there is a superpixel"),
        (lambda n: n[:-1], "exactly where there is a superpixel"),
        (lambda n: n + 2_000_000_000, "counted from 1 without a gap"),
        (lambda n: -n, "counted from 1 without a gap"),
    ],
)
def test_regions_that_do_not_cover_the_sediment_are_refused(
    by_colour: Any, wrong: Any, message: str
) -> None:
    window = window_of(blotches(60, 40))
    first = SimpleNamespace(
        name="wrong", refine=lambda window: wrong(Squares(20).refine(window)).astype(np.int32)
    )
    with pytest.raises(ValueError, match=message):
        SegmentAnythingRefiner(by_colour, first).refine(window)


def test_prompts_are_for_the_regions_in_doubt_and_lie_inside_them() -> None:
    window, _ = clast()
    regions = Squares(100).refine(window)
    fitted = fit(window, SIDE_PX)
    assert fitted is not None

    few = SegmentAnythingSettings(most_prompts=4)
    prompts = prompts_for(fitted, regions, window.superpixels, few)

    assert prompts.regions.size == 4
    scale = 600 / SIDE_PX
    for label, (x, y) in zip(prompts.regions, prompts.points, strict=True):
        line, column = int((y + 0.5) * scale), int((x + 0.5) * scale)
        assert regions[line, column] == label
        assert len(np.unique(window.lines[regions == label] > 130)) == 2, "a plain square"


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    n_masks=st.integers(0, 5),
    least_px=st.sampled_from([0.0, 9.0, 60.0]),
    first_label=st.sampled_from([1, 2_000_000_000]),
)
def test_every_pixel_of_sediment_has_one_region_and_no_atom_is_cut(
    seed: int, shape: tuple[int, int], n_masks: int, least_px: float, first_label: int
) -> None:
    rng = np.random.default_rng(seed)
    window = window_of(np.zeros((*shape, 3), np.uint8), cell_px=4, first_label=first_label)
    window = without(window, rng.random(shape) < 0.1)
    regions = Squares(9).refine(window)
    coarse = rng.integers(0, n_masks + 1, (-(-shape[0] // 6), -(-shape[1] // 6)))
    winners = np.kron(coarse, np.ones((6, 6)))[: shape[0], : shape[1]].astype(np.int32)

    got = reassigned(window.superpixels, regions, winners, least_px)

    assert got.dtype == np.int32
    np.testing.assert_array_equal(got == 0, window.superpixels == 0)
    assert breaks(got) is None, breaks(got)
    np.testing.assert_array_equal(got, connected(got), "a region is in two parts")
    pairs = window.superpixels.astype(np.int64) * (regions.max() + 1) + regions
    for atom in np.unique(pairs[window.superpixels != 0]):
        pieces = connected((pairs == atom).astype(np.int32))
        for piece in range(1, pieces.max() + 1):
            assert len(np.unique(got[pieces == piece])) == 1, "an edge runs through a superpixel"


def test_more_labels_than_16_bits_hold_are_kept_apart() -> None:
    shape = (560, 480)
    window = window_of(np.zeros((*shape, 3), np.uint8), cell_px=1, first_label=2_140_000_000)
    regions = Squares(1).refine(window)
    winners = np.zeros(shape, np.int32)
    winners[:10, :10] = 1

    got = reassigned(window.superpixels, regions, winners, 0.0)

    assert got.max() == shape[0] * shape[1] - 99 > 65_535
    assert len(np.unique(got[10:])) == 550 * 480
    assert (got[:10, :10] == 1).all()
    assert breaks(got) is None, breaks(got)


def test_no_piece_smaller_than_the_least_is_cut_off_a_region() -> None:
    window = window_of(np.zeros((20, 40, 3), np.uint8), cell_px=2)
    regions = Squares(20).refine(window)
    winners = np.zeros((20, 40), np.int32)
    winners[:18, :20], winners[:, 20:22] = 1, 1

    spared = reassigned(window.superpixels, regions, winners, 41.0)
    cut = reassigned(window.superpixels, regions, winners, 40.0)

    np.testing.assert_array_equal(spared, regions)
    assert cut.max() == 3, "the mask, and what it leaves of either region"
