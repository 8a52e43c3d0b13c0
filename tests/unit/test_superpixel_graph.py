from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from strips import grains, patches

from downcore.inference.superpixel_clustering import GraphBackend
from downcore.strata.depth import LineScale
from downcore.strata.mask.classes import MaskClass
from downcore.strata.segment import Segment
from downcore.strata.superpixels.clustering import KERNELS, ClusteringBackend
from downcore.strata.superpixels.grid import Grid
from downcore.strata.superpixels.settings import SuperpixelSettings
from downcore.strata.superpixels.stream import SuperpixelStream

SCALE = LineScale.of(200)
FINE = SuperpixelSettings(cell_um=300, stretch_cells=4, iterations=4)
"""Cells of 6 px, so that small pictures hold many."""

GRAPH = GraphBackend()
"""One for all tests: what it compiled is used again."""


def streamed(
    lines: NDArray[np.uint8],
    classes: NDArray[np.uint8],
    cuts: list[int],
    *,
    how: SuperpixelSettings = FINE,
    backend: ClusteringBackend = GRAPH,
) -> NDArray[np.int32]:
    stream = SuperpixelStream(how, SCALE, lines.shape[1], backend=backend)
    bounds = [0, *np.minimum(np.cumsum(cuts, dtype=int), len(lines)), len(lines)]
    rows = []
    for first, stop in pairwise(bounds):
        rows += stream.push(Segment(lines[first:stop], int(first)), classes[first:stop])
    return np.concatenate([one.labels for one in rows + stream.finish()])


# Without any noise colours tie, and rounding decides which of two clusters a pixel joins.
@given(seed=st.integers(0, 999), n_across=st.sampled_from([40, 80]), noise=st.floats(1.0, 40.0))
@settings(deadline=None, max_examples=30)
def test_the_graph_and_the_kernels_draw_the_same_superpixels_but_for_a_few_pixels(
    seed: int, n_across: int, noise: float
) -> None:
    lines, classes = grains(seed, 130, n_across, noise), patches(seed, 130, n_across)

    drawn = streamed(lines, classes, [])

    by_kernels = streamed(lines, classes, [], backend=KERNELS)
    # A part that one of them leaves whole shifts the numbers of all that follow.
    alike = [one == other for one, other in zip(_borders(drawn), _borders(by_kernels), strict=True)]
    assert min(one.mean() for one in alike) >= 0.99


def _borders(labels: NDArray[np.int32]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    return labels[1:] != labels[:-1], labels[:, 1:] != labels[:, :-1]


def test_columns_of_unequal_width_and_several_passes_make_no_difference() -> None:
    lines, classes = grains(6, 260, 1_409), patches(6, 260, 1_409)
    how = SuperpixelSettings(stretch_cells=10)
    assert len(set(np.diff(Grid.of(how, SCALE, 1_409).edges))) == 2, "all columns are as wide"

    drawn = streamed(lines, classes, [200, 60], how=how)

    assert (drawn == streamed(lines, classes, [], how=how, backend=KERNELS)).mean() >= 0.999


def test_a_second_core_of_the_same_width_is_not_drawn_with_what_is_left_of_the_first() -> None:
    lines, classes = grains(7, 90, 40), patches(7, 90, 40)
    expected = streamed(lines, classes, [], backend=GraphBackend())

    streamed(grains(8, 200, 40), patches(8, 200, 40), [])

    np.testing.assert_array_equal(streamed(lines, classes, []), expected)


def test_two_cores_that_are_scanned_in_turn_do_not_mix() -> None:
    cores = [(grains(seed, 120, 40), patches(seed, 120, 40)) for seed in (11, 12)]
    streams = [SuperpixelStream(FINE, SCALE, 40, backend=GRAPH) for _ in cores]
    drawn: list[list[NDArray[np.int32]]] = [[], []]
    for first in range(0, 120, 30):
        for (lines, classes), stream, labels in zip(cores, streams, drawn, strict=True):
            part = Segment(lines[first : first + 30], first)
            labels += [one.labels for one in stream.push(part, classes[first : first + 30])]

    for (lines, classes), stream, labels in zip(cores, streams, drawn, strict=True):
        labels += [one.labels for one in stream.finish()]
        np.testing.assert_array_equal(np.concatenate(labels), streamed(lines, classes, []))


@pytest.mark.parametrize("iterations", [1, 2])
def test_few_iterations_are_those_of_the_kernels(iterations: int) -> None:
    lines, classes = grains(9, 80, 60), patches(9, 80, 60)
    how = SuperpixelSettings(cell_um=300, stretch_cells=4, iterations=iterations)

    drawn = streamed(lines, classes, [], how=how)

    np.testing.assert_array_equal(drawn, streamed(lines, classes, [], how=how, backend=KERNELS))


def test_sediment_of_one_colour_gives_square_superpixels() -> None:
    lines = np.full((36, 36, 3), 90, np.uint8)

    labels = streamed(lines, np.zeros((36, 36), np.uint8), [])

    np.testing.assert_array_equal(np.bincount(labels.ravel())[1:], np.full(36, 36))


def test_a_stretch_without_sediment_has_no_superpixels_and_harms_none_below() -> None:
    lines, classes = grains(2, 120, 40), patches(2, 120, 40)
    classes[:60] = MaskClass.FOAM

    labels = streamed(lines, classes, [])

    assert (labels[:60] == 0).all()
    assert (labels[classes == MaskClass.SEDIMENT] > 0).all()


def test_graphs_of_only_the_last_few_widths_are_kept() -> None:
    backend = GraphBackend()
    how = SuperpixelSettings(cell_um=300, stretch_cells=1, iterations=1)

    for n_across in range(6, 13):
        backend.clustering(how, Grid.of(how, SCALE, n_across))

    assert len(backend._compiled) == 4


def test_cells_whose_sums_would_not_be_exact_are_refused() -> None:
    how = SuperpixelSettings(row_step=1, cell_um=2_000)

    with pytest.raises(ValueError, match="at most 1213 px choose early, got 1600 px of"):
        GraphBackend().clustering(how, Grid.of(how, SCALE, 400))
