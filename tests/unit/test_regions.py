from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mosaics import label_strip
from numpy.typing import NDArray

from downcore.ports import RegionRefiner
from downcore.strata.colour import counts_of_linear, lab_of_counts, linear_of_lab
from downcore.strata.depth import LineScale
from downcore.strata.mask.classes import MaskClass
from downcore.strata.regions._noise import halves_apart, measured_parts, noise_around
from downcore.strata.regions.merging import MergeRefiner, RegionSettings
from downcore.strata.regions.window import RegionWindow
from downcore.strata.superpixels.planes import fill_planes
from downcore.strata.superpixels.settings import SuperpixelSettings

SCALE = LineScale.of(200)
Labels = NDArray[np.int32]


def coloured(lab: NDArray[Any], noise: float = 0.0, seed: int = 0) -> NDArray[np.uint8]:
    """Scan lines of a picture in L*a*b*, with noise of so many counts in each channel."""
    counts = counts_of_linear(linear_of_lab(np.asarray(lab, np.float32))).astype(float)
    counts += np.random.default_rng(seed).normal(scale=noise, size=counts.shape)
    return np.asarray(np.clip(np.rint(counts), 0, 255), np.uint8)


def blocks(n_lines: int, n_across: int, side: int = 20) -> Labels:
    """Superpixels that are squares."""
    rows, columns = np.arange(n_lines) // side, np.arange(n_across) // side
    return (rows[:, None] * (int(columns[-1]) + 1) + columns + 1).astype(np.int32)


def refined(lines: NDArray[np.uint8], superpixels: Labels, **how: Any) -> Labels:
    window = RegionWindow(0, lines, superpixels, SCALE)
    return MergeRefiner(RegionSettings(**how)).refine(window)


def patchwork(seed: int, n_lines: int, n_across: int) -> tuple[NDArray[np.uint8], Labels]:
    """Beds and clasts of a few colours with noise, their superpixels, and holes in the mask."""
    rng = np.random.default_rng(seed)
    palette = np.array([(30, 0, 2), (45, -2, 8), (60, 2, 14), (75, 0, 4)])
    beds = np.repeat(rng.integers(0, 4, n_lines // 12 + 1), 12)[:n_lines, None]
    kind = np.broadcast_to(beds, (n_lines, n_across)).astype(np.uint8)
    for _ in range(int(rng.integers(0, 6))):
        at = (int(rng.integers(0, n_across)), int(rng.integers(0, n_lines)))
        cv2.circle(kind, at, int(rng.integers(2, 12)), int(rng.integers(0, 4)), -1)
    classes = np.full((n_lines, n_across), MaskClass.SEDIMENT, np.uint8)
    for _ in range(int(rng.integers(0, 5))):
        top, left = rng.integers(0, n_lines), rng.integers(0, n_across)
        height, width = rng.integers(1, 30, 2)
        classes[top : top + height, left : left + width] = MaskClass.VOID
    lines = coloured(palette[kind], float(rng.uniform(0, 10)), seed)
    return lines, label_strip(lines, classes, SuperpixelSettings(cell_um=400), SCALE)


def n_connected(labels: Labels) -> int:
    """How many parts of one label there are, pixels touching by their edges."""
    n_lines, n_across = labels.shape
    links = np.zeros((2 * n_lines - 1, 2 * n_across - 1), np.uint8)
    links[::2, ::2] = labels > 0
    links[1::2, ::2] = (labels[1:] == labels[:-1]) & (labels[1:] > 0)
    links[::2, 1::2] = (labels[:, 1:] == labels[:, :-1]) & (labels[:, 1:] > 0)
    return cv2.connectedComponents(links, connectivity=4)[0] - 1


def rand_index(labels: Labels, truth: Labels) -> float:
    """The adjusted Rand index of two ways to divide the same pixels."""
    table = np.zeros((labels.max() + 1, truth.max() + 1))
    np.add.at(table, (labels.ravel(), truth.ravel()), 1)
    both, rows, columns = (
        float((n * (n - 1) / 2).sum()) for n in (table, table.sum(axis=1), table.sum(axis=0))
    )
    by_chance = rows * columns / (labels.size * (labels.size - 1) / 2)
    return (both - by_chance) / ((rows + columns) / 2 - by_chance)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), n_lines=st.integers(1, 90), n_across=st.integers(1, 90))
def test_every_pixel_of_sediment_is_in_one_connected_region_and_no_other_pixel_is(
    seed: int, n_lines: int, n_across: int
) -> None:
    lines, superpixels = patchwork(seed, n_lines, n_across)

    regions = refined(lines, superpixels)

    np.testing.assert_array_equal(regions > 0, superpixels > 0)
    number, first = np.unique(regions[regions > 0], return_index=True)
    np.testing.assert_array_equal(number, np.arange(1, number.size + 1), "a gap in the numbers")
    assert np.all(np.diff(first) > 0), "regions are not in the order in which they begin"
    assert n_connected(regions) == number.size, "a region is in pieces"
    assert number.size <= n_connected(superpixels), "more regions than superpixels"


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999))
def test_regions_do_not_depend_on_how_superpixels_are_numbered(seed: int) -> None:
    lines, superpixels = patchwork(seed, 60, 70)
    rng = np.random.default_rng(seed)
    number = np.append(0, rng.choice(2**31 - 1, int(superpixels.max()), replace=False) + 1)

    regions = refined(lines, number.astype(np.int32)[superpixels])

    np.testing.assert_array_equal(regions, refined(lines, superpixels))


def test_sediment_of_one_colour_is_one_region() -> None:
    lines = coloured(np.full((100, 80, 3), (50, 2, 10)), noise=9.0)

    assert np.all(refined(lines, blocks(100, 80)) == 1), "noise was taken for a border"


def test_sediment_of_one_colour_on_two_sides_of_a_crack_is_two_regions() -> None:
    lines = coloured(np.full((100, 80, 3), (50, 2, 10)), noise=3.0)
    superpixels = blocks(100, 80)
    superpixels[38:43] = 0

    regions = refined(lines, superpixels)

    assert np.all(regions[:38] == 1)
    assert np.all(regions[38:43] == 0)
    assert np.all(regions[43:] == 2)


@pytest.mark.parametrize("shape", [(40, 30), (1, 1), (3, 0), (0, 5)])
def test_a_window_without_sediment_has_no_region(shape: tuple[int, int]) -> None:
    regions = refined(np.zeros((*shape, 3), np.uint8), np.zeros(shape, np.int32))

    assert regions.shape == shape
    assert regions.dtype == np.int32
    assert not regions.any()


@pytest.mark.parametrize("count", [0, 255])
def test_black_and_overexposed_sediment_is_one_region(count: int) -> None:
    lines = np.full((50, 60, 3), count, np.uint8)

    assert np.all(refined(lines, blocks(50, 60)) == 1)


def test_a_border_is_found_where_the_colour_changes_though_superpixels_missed_it() -> None:
    lab = np.full((100, 100, 3), (40.0, 0.0, 6.0))
    lab[:58] = (55, 0, 10)
    lines = coloured(lab, noise=3.0)

    # The border of the squares is at line 60, two lines off.
    regions = refined(lines, blocks(100, 100))

    assert np.all(regions[:57] == 1)
    assert np.all(regions[59:] == 2)
    assert np.mean(regions[57:59] == [[1], [2]]) > 0.9


def test_superpixels_across_a_border_are_no_bed_of_their_own() -> None:
    lab = np.full((200, 200, 3), (40.0, 0.0, 6.0))
    lab[:110] = (60, 0, 10)

    # The border runs through the middle of a row of squares.
    regions = refined(coloured(lab, noise=4.0), blocks(200, 200))

    assert regions.max() == 2
    assert np.mean(regions[:110] == 1) > 0.999
    assert np.mean(regions[110:] == 2) > 0.999


def test_a_faint_border_stands_in_quiet_mud_and_drowns_in_noise() -> None:
    lab = np.full((200, 200, 3), (50.0, 0.0, 8.0))
    lab[100:, :, 0] += 3.5
    superpixels = blocks(200, 200)

    quiet = refined(coloured(lab, noise=2.0), superpixels, smallest_um=1_000)
    loud = refined(coloured(lab, noise=60.0), superpixels, smallest_um=1_000)

    assert quiet.max() == 2
    assert loud.max() == 1


def test_noise_is_told_apart_along_the_core() -> None:
    lab = np.full((400, 200, 3), (50.0, 0.0, 8.0))
    lines = np.concatenate([coloured(lab[:200], 2.0), coloured(lab[200:], 20.0)])

    noise = noise_of(lines, blocks(400, 200)).reshape(20, 10)

    assert noise[:8].max() < 0.4 * noise[12:].min()


def noise_of(lines: NDArray[np.uint8], superpixels: Labels) -> NDArray[np.float64]:
    planes = np.empty((4, *superpixels.shape), np.int16)
    fill_planes(lines, (superpixels == 0).astype(np.uint8), planes, 0)
    parts = measured_parts(superpixels, planes)
    return np.sqrt(noise_around(halves_apart(parts.sums), parts.pairs))


@pytest.mark.parametrize("counts", [2.0, 5.0, 12.0])
@pytest.mark.parametrize("side", [8, 20])
def test_the_noise_between_halves_is_that_of_their_pixels(counts: float, side: int) -> None:
    lines = coloured(np.full((200, 300, 3), (55.0, 2.0, 12.0)), noise=counts)

    noise = noise_of(lines, blocks(200, 300, side))

    # Each half has half the pixels, and both are noisy.
    variance = float(lab_of_counts(lines).reshape(-1, 3).var(axis=0).sum())
    expected = np.sqrt(4.0 * variance / side**2)
    assert 0.85 * expected < np.median(noise) < 1.15 * expected


def test_texture_of_the_sediment_counts_as_noise() -> None:
    rng = np.random.default_rng(1)
    grain = cv2.GaussianBlur(rng.normal(size=(200, 300)), (0, 0), 3.0)
    lab = np.full((200, 300, 3), (55.0, 2.0, 12.0))
    textured = lab.copy()
    textured[..., 0] += 2.0 * grain / grain.std()

    smooth = np.median(noise_of(coloured(lab, noise=3.0), blocks(200, 300)))
    rough = np.median(noise_of(coloured(textured, noise=3.0), blocks(200, 300)))

    assert rough > 2.0 * smooth


def test_superpixels_across_a_border_do_not_count_as_noise() -> None:
    lab = np.full((200, 300, 3), (40.0, 2.0, 8.0))
    without = noise_of(coloured(lab, noise=4.0), blocks(200, 300))
    lab[90:, :, 0] += 20.0

    across = noise_of(coloured(lab, noise=4.0), blocks(200, 300))

    assert np.all(across < 2.0 * np.median(without))


def test_clear_beds_and_clasts_are_found_through_noise() -> None:
    rng = np.random.default_rng(5)
    kind = np.zeros((400, 500), np.uint8)
    kind[130:260] = 1
    for _ in range(40):
        at = (int(rng.integers(0, 500)), int(rng.integers(0, 400)))
        cv2.circle(kind, at, int(rng.integers(15, 40)), int(rng.integers(2, 5)), -1)
    palette = np.array([(35, 0, 4), (45, -2, 8), (55, 1, 12), (65, 0, 8), (75, 0, 6)])
    lines = coloured(palette[kind], noise=5.0)
    truth = np.zeros(kind.shape, np.int32)
    for one in range(5):
        parts = cv2.connectedComponents((kind == one).astype(np.uint8), connectivity=4)[1]
        truth[parts > 0] = parts[parts > 0] + truth.max()
    superpixels = label_strip(lines, np.zeros_like(kind), SuperpixelSettings(), SCALE)

    regions = refined(lines, superpixels)

    assert rand_index(regions, truth) > 0.97
    n_large = np.count_nonzero(np.bincount(truth.ravel()) >= 100)
    assert abs(int(regions.max()) - n_large) <= 4


def test_beds_far_from_a_cut_are_the_same_regions_with_and_without_it() -> None:
    lab = np.full((600, 200, 3), (40.0, 0.0, 6.0))
    lab[150:300] = (60, 0, 10)
    lab[400:480] = (52, 3, 14)
    lines, superpixels = coloured(lab, noise=5.0), blocks(600, 200)

    whole = refined(lines, superpixels)[107:553]
    part = refined(lines[107:553], superpixels[107:553])

    assert (int(whole.max()), int(part.max())) == (5, 5)
    assert np.mean(whole == part) > 0.999


def test_more_regions_than_16_bits_can_number_keep_their_numbers() -> None:
    odd = np.indices((300, 300)).sum(axis=0) % 2 == 1
    lines = np.repeat(np.where(odd, np.uint8(250), np.uint8(5))[..., None], 3, axis=2)
    superpixels = np.arange(1, 90_001, dtype=np.int32).reshape(300, 300)

    regions = refined(lines, superpixels, smallest_um=0)

    np.testing.assert_array_equal(regions, superpixels)


def test_specks_below_the_smallest_size_join_what_is_most_like_them() -> None:
    lab = np.full((60, 60, 3), (40.0, 0.0, 6.0))
    lab[:, 30:] = (60, 0, 10)
    lab[20:25, 26:34] = (50, 1, 9)
    lab[20:25, 26:30] = (58, 0, 10)
    superpixels = blocks(60, 60, 30)
    superpixels[20:25, 26:30] = 9

    regions = refined(coloured(lab), superpixels, smallest_um=500, reach_um=0)

    assert regions.max() == 2
    assert np.all(regions[20:25, 26:30] == regions[20, 40])


def test_windows_refined_at_once_are_as_those_refined_in_turn() -> None:
    cases = [patchwork(seed, 120, 90) for seed in range(4)]
    in_turn = [refined(*case) for case in cases]

    with ThreadPoolExecutor(4) as pool:
        at_once = list(pool.map(lambda case: refined(*case), cases))

    for one, other in zip(in_turn, at_once, strict=True):
        np.testing.assert_array_equal(one, other)


def test_lines_of_16_bits_give_the_regions_of_8_bits() -> None:
    lines, superpixels = patchwork(3, 80, 90)
    window = RegionWindow(0, lines.astype(np.uint16) * 257, superpixels, SCALE)

    np.testing.assert_array_equal(MergeRefiner().refine(window), refined(lines, superpixels))


def test_the_refiner_is_called_merge() -> None:
    refiner: RegionRefiner = MergeRefiner()

    assert refiner.name == "merge"


def test_superpixels_of_another_size_than_the_lines_are_refused() -> None:
    with pytest.raises(ValueError, match=r"size of the lines, \(4, 5\), got \(4, 6\)"):
        refined(np.zeros((4, 5, 3), np.uint8), np.ones((4, 6), np.int32))
