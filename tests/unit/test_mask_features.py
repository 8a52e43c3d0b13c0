"""What the mask knows of a cell, against plain sums over the cells around it."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from downcore.strata.colour import lab_of_counts
from downcore.strata.depth import LineScale
from downcore.strata.mask import grid as mask_grid
from downcore.strata.mask import network
from downcore.strata.mask.classes import MaskClass
from downcore.strata.mask.features import N_FEATURES, features_of
from downcore.strata.mask.grid import Grid, SectionGrids, grid_of, labels_of_cells
from downcore.strata.mask.network import layers, scores_of
from downcore.strata.section import SectionBuffer, SliceLines
from downcore.strata.segment import Pixels, Segment

Cells = NDArray[np.float64]

COLOURS = slice(0, 9)
TEXTURE = slice(9, 13)
LINE = slice(13, 19)
COLUMN = slice(19, 25)
PLACE = slice(25, 28)
WINDOW = slice(28, 33)


def layered_grid(
    *, above: int = 25, n_rows: int = 20, below: int = 25, cells_per_cm: float = 20.0
) -> Grid:
    """Return a window of layered, grainy mud, whose middle is a slice."""
    draw = np.random.default_rng(5)
    shape = (above + n_rows + below, 33)
    lab = np.empty((*shape, 3))
    lab[..., 0] = 45 + draw.normal(0, 12, (shape[0], 1)) + draw.normal(0, 4, shape)
    lab[..., 1] = draw.normal(2, 5, (1, shape[1])) + draw.normal(0, 1, shape)
    lab[..., 2] = draw.normal(8, 9, shape)
    return Grid(lab.astype(np.float32), above, n_rows, 10, cells_per_cm)


def features(grid: Grid) -> NDArray[np.float32]:
    found = features_of(grid)
    assert found.dtype == np.float32
    return found.reshape(grid.n_rows, -1, N_FEATURES)


def stretched(grid: Grid) -> Cells:
    """Return colours as the network takes them."""
    lab = grid.lab.astype(np.float64)
    return np.stack(
        [lab[..., 0] / 30 - 1.5, np.arcsinh(lab[..., 1] / 10), np.arcsinh(lab[..., 2] / 10)], axis=2
    )


def own(grid: Grid, cells: Cells) -> Cells:
    return cells[grid.above : grid.above + grid.n_rows]


def mean_around(cells: Cells, side: int) -> Cells:
    """Return means over squares of ``side`` cells; the outermost cells go on beyond the edge."""
    return np.asarray(uniform_filter(cells, (side, side, 0)[: cells.ndim], mode="nearest"))


WINDOWS = [
    (layered_grid(), (5, 21, 11)),
    (layered_grid(above=4, below=0), (5, 21, 11)),
    (layered_grid(above=10, below=60), (5, 21, 11)),
    (layered_grid(above=0, n_rows=7, below=3, cells_per_cm=13.7), (3, 13, 7)),
    (layered_grid(above=3, n_rows=2, below=2, cells_per_cm=1.34), (3, 3, 3)),
]
"""
The middle of a section, near its ends, and coarse scans.

With each, the cells of a square of 0.25 and 1 cm, and of 0.5 cm down the core: odd, 3 or more.
"""


@pytest.mark.parametrize(("grid", "sides"), WINDOWS)
def test_a_cell_is_known_by_its_colour_and_that_of_its_surroundings(
    grid: Grid, sides: tuple[int, int, int]
) -> None:
    cells = stretched(grid)
    near, far, _ = sides

    expected = [cells, mean_around(cells, near), mean_around(cells, far)]

    np.testing.assert_allclose(
        features(grid)[..., COLOURS],
        np.concatenate([own(grid, part) for part in expected], axis=2),
        atol=1e-5,
    )


@pytest.mark.parametrize(("grid", "sides"), WINDOWS)
def test_texture_is_how_lightness_varies_near_and_far_and_steps_down_and_across(
    grid: Grid, sides: tuple[int, int, int]
) -> None:
    light = stretched(grid)[..., 0]
    near, far, _ = sides
    variances = [
        mean_around(light**2, side) - mean_around(light, side) ** 2 for side in (near, far)
    ]
    down, across = np.zeros_like(light), np.zeros_like(light)
    down[1:], across[:, 1:] = abs(light[1:] - light[:-1]), abs(light[:, 1:] - light[:, :-1])
    noise, scale = (0.05, 0.05, 0.1, 0.1), (1 / 3, 1 / 3, 1 / 2, 1 / 2)

    expected = [*variances, mean_around(down, far), mean_around(across, far)]

    for found, part, floor, weight in zip(
        np.moveaxis(features(grid)[..., TEXTURE], 2, 0), expected, noise, scale, strict=True
    ):
        np.testing.assert_allclose(found, own(grid, np.log(part + floor)) * weight, atol=1e-4)


@pytest.mark.parametrize(("grid", "sides"), WINDOWS)
def test_a_line_is_known_by_its_mean_and_spread_over_half_a_centimetre_of_core(
    grid: Grid, sides: tuple[int, int, int]
) -> None:
    cells = stretched(grid)
    lines = np.concatenate([cells.mean(axis=1), cells.std(axis=1)], axis=1)

    smooth = np.asarray(uniform_filter(lines, (sides[2], 0), mode="nearest"))

    expected = np.repeat(own(grid, smooth)[:, None], cells.shape[1], axis=1)
    np.testing.assert_allclose(features(grid)[..., LINE], expected, atol=1e-4)


@pytest.mark.parametrize("grid", [grid for grid, _ in WINDOWS])
def test_column_and_window_are_known_by_mean_and_spread_over_slice_and_halo(grid: Grid) -> None:
    cells = stretched(grid)
    found = features(grid)

    columns = np.concatenate([cells.mean(axis=0), cells.std(axis=0)], axis=1)
    window = [*cells.mean(axis=(0, 1)), *cells.std(axis=(0, 1))[:2]]

    for part, expected in ((COLUMN, columns), (WINDOW, np.array(window))):
        everywhere = np.broadcast_to(expected, found[..., part].shape)
        np.testing.assert_allclose(found[..., part], everywhere, atol=1e-4)


def test_a_place_is_the_distance_to_the_nearer_edge_of_the_scan_and_the_scale() -> None:
    grid = layered_grid(above=0, n_rows=1, below=0, cells_per_cm=5.0)

    centimetres, share, scale = features(grid)[0][:, PLACE].T

    assert centimetres[[0, 1, -1]] == pytest.approx([0.1 / 3, 0.3 / 3, 0.1 / 3])
    assert centimetres[16] == 1.0, "3 cm from the edge is as far as it goes"
    assert share[[0, 16, 32]] == pytest.approx([0.5 / 33, 0.5, 0.5 / 33])
    assert scale == pytest.approx(-0.5), "half of 10 cells per cm is one octave less"


def test_mud_of_one_colour_has_no_texture_and_no_spread() -> None:
    lab = np.full((30, 20, 3), (45.0, 0.0, 0.0), np.float32)

    found = features(Grid(lab, 5, 20, 10, 20.0))

    np.testing.assert_allclose(found[..., COLOURS], 0.0, atol=1e-6)
    np.testing.assert_allclose(
        found[0, 0, TEXTURE], np.log([0.05, 0.05, 0.1, 0.1]) / [3, 3, 2, 2], atol=1e-6
    )
    for spread in (slice(16, 19), slice(22, 25), slice(31, 33)):
        np.testing.assert_allclose(found[..., spread], 0.0, atol=1e-3)


def window_of(lines: Pixels, *, above: int, n_lines: int) -> SliceLines:
    return SliceLines(index=1, first_line=above, n_lines=n_lines, window=lines, above=above)


def steps_of_grey(n_lines: int, n_across: int, side: int, first: int) -> Pixels:
    """Return squares of ``side`` pixels, each of one grey; a row of them begins at ``first``."""
    rows = (np.arange(n_lines) - first) // side
    columns = np.arange(n_across) // side
    grey = (60 + 7 * (rows[:, None] - rows[0]) + 3 * columns) % 256
    return np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)


@pytest.mark.parametrize(
    ("px_per_cm", "side"), [(12.5, 1), (20.0, 1), (47.0, 2), (60.0, 3), (100.0, 5), (200.0, 10)]
)
def test_a_cell_is_about_half_a_millimetre_and_begins_with_the_slice(
    px_per_cm: float, side: int
) -> None:
    above, n_lines, below = 2 * side + side // 2, 4 * side, 3 * side + side // 3
    lines = steps_of_grey(above + n_lines + below, 6 * side, side, above)

    grid = grid_of(window_of(lines, above=above, n_lines=n_lines), px_per_cm)

    assert (grid.step_px, grid.above, grid.n_rows) == (side, 2, 4)
    assert grid.cells_per_cm == px_per_cm / side
    first = above - 2 * side
    np.testing.assert_array_equal(
        grid.lab, lab_of_counts(lines[first : first + 9 * side : side, ::side])
    )


def test_the_last_cells_of_a_slice_and_of_a_line_go_on_as_they_end() -> None:
    lines = steps_of_grey(50, 43, 10, 0)

    grid = grid_of(window_of(lines[:45], above=20, n_lines=25), 200.0)

    assert (grid.above, grid.n_rows, grid.lab.shape) == (2, 3, (5, 5, 3))
    np.testing.assert_array_equal(grid.lab, lab_of_counts(lines[::10, ::10]))


def test_a_small_cell_is_the_mean_of_its_pixels_and_a_large_one_of_four_of_them() -> None:
    draw = np.random.default_rng(8)
    small = draw.integers(0, 256, (9, 9, 3)).astype(np.uint8)
    large = draw.integers(0, 256, (24, 24, 3)).astype(np.uint8)

    of_all = grid_of(window_of(small, above=0, n_lines=9), 60.0)
    of_four = grid_of(window_of(large, above=0, n_lines=24), 160.0)

    whole = small.reshape(3, 3, 3, 3, 3).mean(axis=(1, 3))
    quarter = large[::4, ::4].reshape(3, 2, 3, 2, 3).mean(axis=(1, 3))
    for grid, mean in ((of_all, whole), (of_four, quarter)):
        apart = np.abs(grid.lab - lab_of_counts(np.round(mean).astype(np.uint8)))
        assert apart.max() < 1.0, "half a count is some tenths of a unit of colour"


@pytest.mark.parametrize(
    ("px_per_cm", "n_across"), [(17.4, 31), (50.3, 55), (90.0, 83), (200.0, 143), (1_860.0, 200)]
)
def test_rows_taken_over_from_the_slice_above_are_those_of_the_slice_by_itself(
    px_per_cm: float, n_across: int
) -> None:
    scale = LineScale.of(px_per_cm)
    n_lines = round(7.3 * px_per_cm)
    lines = np.random.default_rng(4).integers(0, 256, (n_lines, n_across, 3)).astype(np.uint8)
    buffer, grids = SectionBuffer(scale, halo_um=20_000), SectionGrids(px_per_cm)

    slices = buffer.push(Segment(lines, 0)) + buffer.finish()

    assert len(slices) == 8
    for one in slices:
        found, alone = grids.grid_of(one), grid_of(one, px_per_cm)
        assert (found.above, found.n_rows) == (alone.above, alone.n_rows)
        np.testing.assert_array_equal(found.lab, alone.lab)
        np.testing.assert_array_equal(features_of(found), features_of(alone))


def test_most_rows_are_taken_over_from_the_slice_above(monkeypatch: pytest.MonkeyPatch) -> None:
    n_cells: list[int] = []

    def counted(counts: Pixels) -> NDArray[np.float32]:
        n_cells.append(counts.shape[0])
        return lab_of_counts(counts)

    monkeypatch.setattr(mask_grid, "lab_of_counts", counted)
    buffer, grids = SectionBuffer(LineScale.of(200), halo_um=20_000), SectionGrids(200.0)
    lines = np.zeros((1_600, 160, 3), np.uint8)

    for one in buffer.push(Segment(lines, 0)) + buffer.finish():
        grids.grid_of(one)

    assert n_cells == [60, 21, 21, 21, 21, 21, 1, 1], "of 160 rows, all but the last ones once"


def test_every_pixel_of_a_cell_gets_its_label_and_the_last_cells_are_cut_to_the_slice() -> None:
    cells = np.arange(12, dtype=np.uint8).reshape(3, 4)

    labels = labels_of_cells(cells, 10, (25, 37))

    assert (labels.shape, labels.dtype, labels.flags.c_contiguous) == ((25, 37), np.uint8, True)
    rows, columns = np.indices((25, 37)) // 10
    np.testing.assert_array_equal(labels, cells[rows, columns])
    np.testing.assert_array_equal(labels_of_cells(cells, 1, (2, 3)), cells[:2, :3])


def test_scores_are_those_of_the_plain_network_however_many_cells_are_asked_about() -> None:
    asked = np.random.default_rng(2).normal(size=(500, N_FEATURES)).astype(np.float32)

    hidden = asked.astype(np.float64)
    for layer in layers()[:-1]:
        hidden = np.maximum(hidden @ layer.weight + layer.bias, 0.0)
    expected = hidden @ layers()[-1].weight + layers()[-1].bias

    for n_cells in (1, 191, 192, 193, 500):
        found = scores_of(asked[:n_cells])
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected[:n_cells], atol=1e-4)


def test_the_layers_lead_from_the_features_to_the_classes() -> None:
    layers.cache_clear()

    found = layers()

    assert [one.weight.shape for one in found] == [(33, 40), (40, 20), (20, 7)]
    assert [one.bias.shape for one in found] == [(40,), (20,), (7,)]
    assert all(one.weight.dtype == one.bias.dtype == np.float32 for one in found)


@pytest.mark.parametrize("sizes", [(32, 40, 20, 7), (33, 40, 20, 6)])
def test_weights_for_other_features_or_classes_are_refused(
    sizes: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    layers.cache_clear()
    monkeypatch.setattr(network, "SIZES", sizes)

    expected = f"expected weights from {N_FEATURES} features to {len(MaskClass)} classes, got "
    with pytest.raises(ValueError, match=expected) as refused:
        layers()

    assert str(refused.value) == f"{expected}{sizes}"
