"""What the mask makes of the network's scores: sediment or not, mended where edges are known."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from downcore.strata.mask import masker
from downcore.strata.mask.classes import MaskClass
from downcore.strata.mask.edges import (
    UNKNOWN_EDGES,
    Edges,
    edges_after,
    inside_edges,
    lean_of_edges,
)
from downcore.strata.mask.masker import MaskState, mask_slice
from downcore.strata.section import SliceLines

SEDIMENT, TRAY, VOID, FOAM, TAG, GLARE, OUTSIDE = MaskClass
COARSE, FINE = 5.0, 20.0
"""Pixels per centimetre at which a pixel is a cell, without and with smoothing."""
GREY, WHITE = 120, 255
TRUSTED = Edges(left=0.1, right=0.9, trust=0.9)

Scores = NDArray[np.float32]
Cells = NDArray[np.uint8]
Place = tuple[slice | int, slice | int]
Masked = Callable[..., tuple[Cells, Edges]]


def scores(of: Mapping[MaskClass, float], n_rows: int = 10, n_columns: int = 20) -> Scores:
    """Return the same scores for every cell; -20 for classes that are not named."""
    found = np.full((n_rows, n_columns, len(MaskClass)), -20.0, np.float32)
    say(found, (slice(None), slice(None)), of)
    return found


def say(into: Scores, place: Place, of: Mapping[MaskClass, float]) -> None:
    """Let the network say something else of some cells."""
    into[place] = -20.0
    for which, score in of.items():
        into[(*place, which)] = score


SURE = {SEDIMENT: 3.0, VOID: 0.0}
"""Log odds of 3 for sediment."""


@pytest.fixture
def masked(monkeypatch: pytest.MonkeyPatch) -> Masked:
    """Return what masks a slice of grey mud, white above and below, of given scores."""

    def mask(
        says: Scores,
        edges: Edges = UNKNOWN_EDGES,
        *,
        px_per_cm: float = COARSE,
        white: Place | None = None,
    ) -> tuple[Cells, Edges]:
        n_rows, n_columns = says.shape[:2]
        window = np.full((n_rows + 7, n_columns, 3), WHITE, np.uint8)
        own = window[3 : 3 + n_rows]
        own[:] = GREY
        if white is not None:
            own[white] = WHITE
        lines = SliceLines(index=4, first_line=40, window=window, above=3, n_lines=n_rows)
        monkeypatch.setattr(masker, "scores_of", lambda _: says.reshape(-1, len(MaskClass)))
        classes, after = mask_slice(MaskState(edges), lines, px_per_cm)
        assert (classes.shape, classes.dtype) == ((n_rows, n_columns), np.uint8)
        return classes, after.edges

    return mask


def test_a_cell_is_sediment_where_that_is_likelier_than_all_else_together(masked: Masked) -> None:
    others = {TRAY: 1.0, VOID: 1.4, FOAM: 1.3, TAG: 1.2, GLARE: 1.1, OUTSIDE: 1.0}
    says = scores(others | {SEDIMENT: 2.98}, 1, 2)
    say(says, (0, 1), others | {SEDIMENT: 2.96})

    classes, _ = masked(says)

    assert classes.tolist() == [[SEDIMENT, VOID]], "the others come to 2.97 together"


@pytest.mark.parametrize("which", [TRAY, VOID, FOAM, TAG, GLARE, OUTSIDE])
def test_what_is_not_sediment_is_the_likeliest_of_the_other_classes(
    which: MaskClass, masked: Masked
) -> None:
    says = scores(dict.fromkeys(MaskClass, 1.0) | {which: 1.5}, 2, 3)

    classes, _ = masked(says)

    assert (classes == which).all()


def test_a_network_that_is_very_sure_is_taken_at_its_word(masked: Masked) -> None:
    says = scores({SEDIMENT: 500.0, TRAY: -500.0}, 1, 2)
    say(says, (0, 1), {SEDIMENT: -500.0, GLARE: 500.0})

    assert masked(says)[0].tolist() == [[SEDIMENT, GLARE]]


def test_a_blown_out_cell_shows_no_sediment_whatever_the_network_says(masked: Masked) -> None:
    says = scores({SEDIMENT: 9.0, GLARE: 1.0})

    classes, _ = masked(says, white=(4, slice(5, 9)))

    expected = np.full((10, 20), SEDIMENT)
    expected[4, 5:9] = GLARE
    np.testing.assert_array_equal(classes, expected)


def test_a_blown_out_speck_is_outvoted_by_mud_that_is_surer_than_it_is_bright(
    masked: Masked,
) -> None:
    for log_odds, named in ((0.3, SEDIMENT), (0.2, GLARE)):
        says = scores({SEDIMENT: log_odds, GLARE: 0.0})

        classes, _ = masked(says, px_per_cm=FINE, white=(4, 5))

        assert classes[4, 5] == named, "eight neighbours against log odds of -2"


@pytest.mark.parametrize(("px_per_cm", "named"), [(7.9, VOID), (8.0, SEDIMENT), (20.0, SEDIMENT)])
def test_a_lone_cell_is_outvoted_by_its_neighbours_where_cells_are_small(
    px_per_cm: float, named: MaskClass, masked: Masked
) -> None:
    says = scores(SURE)
    say(says, (4, 5), {SEDIMENT: 0.0, VOID: 3.0})

    classes, _ = masked(says, px_per_cm=px_per_cm)

    assert classes[4, 5] == named
    assert np.count_nonzero(classes != SEDIMENT) == (named != SEDIMENT)


def test_in_the_corner_of_a_slice_a_cell_counts_for_the_neighbours_that_it_lacks(
    masked: Masked,
) -> None:
    says = scores(SURE)
    say(says, (0, 0), {SEDIMENT: 0.0, VOID: 4.0})

    classes, _ = masked(says, px_per_cm=FINE)

    assert classes[0, 0] == VOID, "four parts of -4 against five of 3"
    assert np.count_nonzero(classes) == 1


def test_beyond_trusted_edges_it_takes_more_to_be_called_sediment(masked: Masked) -> None:
    weak, strong = {SEDIMENT: 1.3, TAG: 0.0}, {SEDIMENT: 1.4, TAG: 0.0}
    says = scores(weak)
    say(says, (slice(5, 10), slice(None)), strong)

    classes, _ = masked(says, TRUSTED)

    assert (classes[:5, 0] == TAG).all(), "1.5 x 0.9 against it"
    assert (classes[:5, -1] == TAG).all()
    assert (classes[:5, 2:-2] == SEDIMENT).all()
    assert (classes[5:] == SEDIMENT).all()
    assert (masked(says)[0] == SEDIMENT).all(), "nothing is known of the edges yet"


@pytest.mark.parametrize("around", [TRAY, OUTSIDE])
def test_what_surrounds_a_core_is_called_what_can_lie_inside_it(
    around: MaskClass, masked: Masked
) -> None:
    says = scores(SURE)
    say(says, (slice(2, 4), slice(6, 9)), {around: 3.0, SEDIMENT: 2.0, VOID: 1.0})
    say(says, (slice(6, 8), slice(6, 9)), {around: 3.0, TRAY: 2.5, OUTSIDE: 2.5, VOID: 2.0})

    classes, _ = masked(says, TRUSTED)

    expected = np.full((10, 20), SEDIMENT)
    expected[6:8, 6:9] = VOID
    np.testing.assert_array_equal(classes, expected)
    unsure, _ = masked(says, Edges(0.1, 0.9, trust=0.4))
    assert (unsure[2:4, 6:9] == around).all(), "edges that are not trusted mend nothing"


def test_only_what_surrounds_a_core_is_called_something_else_inside_it(masked: Masked) -> None:
    says = scores(SURE)
    named = (VOID, FOAM, TAG, GLARE)
    for row, which in enumerate(named):
        say(says, (row, 8), {which: 3.0, SEDIMENT: 2.0})

    classes, _ = masked(says, TRUSTED)

    assert classes[:4, 8].tolist() == list(named)


def test_a_blown_out_patch_inside_a_core_is_not_mended_into_sediment(masked: Masked) -> None:
    says = scores(SURE)
    say(says, (2, slice(6, 9)), {TRAY: 3.0, SEDIMENT: 2.0, GLARE: 1.0})

    classes, _ = masked(says, TRUSTED, white=(2, slice(6, 8)))

    assert classes[2, 6:9].tolist() == [GLARE, GLARE, SEDIMENT]


def test_tray_within_two_millimetres_of_an_edge_stays_tray(masked: Masked) -> None:
    says = scores(SURE)
    say(says, (3, slice(0, 5)), {TRAY: 3.0, SEDIMENT: 2.0})

    classes, _ = masked(says, TRUSTED)

    # The edge lies at cell 2, and 0.2 cm are a cell.
    assert classes[3, :6].tolist() == [TRAY, TRAY, TRAY, SEDIMENT, SEDIMENT, SEDIMENT]


def test_a_line_mostly_around_the_core_is_left_and_patches_elsewhere_are_mended(
    masked: Masked,
) -> None:
    patch = {OUTSIDE: 3.0, SEDIMENT: 2.0}
    says = scores(SURE)
    say(says, (0, slice(0, 11)), patch)
    say(says, (1, slice(0, 10)), patch)
    say(says, (2, slice(0, 5)), patch)
    say(says, (2, slice(5, 11)), {TAG: 3.0})
    say(says, (5, slice(8, 12)), patch)

    classes, _ = masked(says, TRUSTED)

    assert (classes[0, :11] == OUTSIDE).all(), "11 of 20 cells are most of a line"
    assert (classes[1, 3:10] == SEDIMENT).all(), "half of the cells are not"
    assert (classes[2, :5] == OUTSIDE).all(), "a tag that is read with it counts as around"
    assert (classes[5] == SEDIMENT).all()


def test_a_slice_with_an_end_of_the_core_is_left_as_the_network_names_it(masked: Masked) -> None:
    patch = {OUTSIDE: 3.0, SEDIMENT: 2.0}
    for n_outside, named in ((2, SEDIMENT), (3, OUTSIDE)):
        says = scores(SURE)
        say(says, (slice(n_outside), slice(None)), patch)
        say(says, (6, slice(8, 12)), patch)

        classes, _ = masked(says, TRUSTED)

        assert (classes[:n_outside] == OUTSIDE).all()
        assert (classes[6, 8:12] == named).all(), f"{n_outside} of 10 lines are outside"


def test_the_edges_follow_the_sediment_as_it_is_called_in_the_end(masked: Masked) -> None:
    says = scores(SURE)
    say(says, (slice(None), slice(0, 5)), {TRAY: 3.0, SEDIMENT: 2.0})

    classes, unsure = masked(says)
    assert unsure == edges_after(UNKNOWN_EDGES, classes == SEDIMENT)
    assert unsure.left == 0.25

    mended, sure = masked(says, TRUSTED)
    assert sure == edges_after(TRUSTED, mended == SEDIMENT)
    assert (mended[:, 3:] == SEDIMENT).all()


def filled(*columns: int, n_rows: int = 8, of: int = 8) -> NDArray[np.bool_]:
    """Return a slice of 100 columns in which ``of`` rows of some columns are sediment."""
    cells = np.zeros((n_rows, 100), np.bool_)
    cells[:of, list(columns)] = True
    return cells


def test_the_first_edges_are_those_of_the_slice_and_later_ones_go_towards_theirs() -> None:
    first = edges_after(UNKNOWN_EDGES, filled(*range(10, 80)))
    second = edges_after(first, filled(*range(20, 90)))

    assert (first.left, first.right) == pytest.approx((0.1, 0.8))
    assert first.trust == pytest.approx(0.2)
    assert second.left == pytest.approx(0.16 * 0.1 + 0.84 * 0.2)
    assert second.right == pytest.approx(0.16 * 0.8 + 0.84 * 0.9)
    assert second.trust == pytest.approx(0.36)


def test_a_column_half_of_sediment_counts_for_the_edges_and_one_with_less_does_not() -> None:
    mud = filled(*range(30, 70))

    assert edges_after(UNKNOWN_EDGES, filled(*range(20, 70), of=4)).left == pytest.approx(0.2)
    assert edges_after(UNKNOWN_EDGES, filled(*range(20, 80), of=3) | mud) == UNKNOWN_EDGES
    half = Edges(left=0.25, right=0.75, trust=0.0)
    assert edges_after(half, filled(*range(20, 80), of=3) | mud).left == pytest.approx(0.3)


def test_a_slice_with_sediment_over_less_than_half_of_the_core_moves_no_edge() -> None:
    edges = Edges(left=0.25, right=0.75, trust=0.5)

    assert edges_after(edges, filled(*range(40, 64))) == edges
    assert edges_after(edges, filled(*range(40, 65))) != edges
    narrow = Edges(left=0.5, right=0.5, trust=0.5)
    assert edges_after(narrow, filled()) == narrow
    assert edges_after(narrow, filled(50)).right > 0.5


def test_the_edges_weigh_against_sediment_from_two_to_four_percent_beyond_them() -> None:
    lean = lean_of_edges(Edges(left=0.1, right=0.8, trust=0.5), 100)

    assert lean.dtype == np.float32
    np.testing.assert_allclose(lean[:6], -0.75)
    np.testing.assert_allclose(lean[6:9], [-0.75 * 0.75, -0.75 * 0.25, 0.0], atol=1e-6)
    np.testing.assert_allclose(lean[9:81], 0.0)
    np.testing.assert_allclose(lean[81:84], [0.0, -0.75 * 0.25, -0.75 * 0.75], atol=1e-5)
    np.testing.assert_allclose(lean[84:], -0.75)


def test_what_lies_inside_is_known_from_the_least_trust_on() -> None:
    edges = Edges(left=0.1, right=0.8, trust=0.5)

    inside = inside_edges(edges, 100, 4.5)

    assert inside.dtype == np.bool_
    assert np.flatnonzero(inside)[[0, -1]].tolist() == [15, 74], "deeper than the margin"
    assert inside_edges(Edges(0.1, 0.8, trust=0.49), 100, 4.5).tolist() == [False] * 100
