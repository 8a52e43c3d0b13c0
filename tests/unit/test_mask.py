import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from downcore.simulator.generator import CoreRecipe, generate
from downcore.strata.depth import LineScale
from downcore.strata.mask.classes import CLASS_LABELS, MASK_PALETTE, MaskClass
from downcore.strata.mask.edges import (
    UNKNOWN_EDGES,
    Edges,
    edges_after,
    inside_edges,
    lean_of_edges,
)
from downcore.strata.mask.masker import (
    MASK_HALO_UM,
    MaskState,
    SectionMasker,
    mask_slice,
)
from downcore.strata.mask.network import layers, written
from downcore.strata.mask.weights import SIZES, WEIGHTS
from downcore.strata.section import SectionBuffer, SliceLines
from downcore.strata.segment import Pixels, Segment
from downcore.strata.slices import CoreSlice, measure_slice
from downcore.strata.tiles import cut_tiles

PX_PER_CM = 23.7
CORE = generate(CoreRecipe(seed=11, length_cm=6.0, px_per_cm=PX_PER_CM, width_cm=5.0))
LINES = CORE.lines(0, CORE.n_lines)


def slices_of(lines: Pixels, px_per_cm: float, cuts: list[int]) -> list[SliceLines]:
    buffer = SectionBuffer(LineScale.of(px_per_cm), halo_um=MASK_HALO_UM)
    edges = [0, *sorted(cuts), len(lines)]
    got: list[SliceLines] = []
    for start, stop in itertools.pairwise(edges):
        if stop > start:
            got += buffer.push(Segment(lines[start:stop], start))
    return got + buffer.finish()


def mask_of(lines: Pixels, px_per_cm: float) -> NDArray[np.uint8]:
    masker = SectionMasker(LineScale.of(px_per_cm))
    return np.concatenate([masker.mask(one) for one in slices_of(lines, px_per_cm, [])])


def chain(cuts: list[int]) -> list[tuple[CoreSlice, bytes, bytes]]:
    scale = LineScale.of(PX_PER_CM)
    masker = SectionMasker(scale)
    got = []
    for one in slices_of(LINES, PX_PER_CM, cuts):
        classes = masker.mask(one)
        core_slice = measure_slice(one.lines, classes, scale, one.index, one.first_line)
        tiles = cut_tiles(one.lines, classes, PX_PER_CM, max_tiles=2)
        got.append((core_slice, classes.tobytes(), tiles.pixels.tobytes()))
    return got


WHOLE = chain([])


@given(cuts=st.lists(st.integers(0, len(LINES)), max_size=12))
@settings(max_examples=15, deadline=None)
def test_mask_measures_and_tiles_do_not_depend_on_how_the_section_was_cut(cuts: list[int]) -> None:
    assert chain(cuts) == WHOLE


def test_a_restart_with_the_remembered_state_goes_on_bit_for_bit() -> None:
    scale = LineScale.of(PX_PER_CM)
    slices = slices_of(LINES, PX_PER_CM, [])
    first = SectionMasker(scale)
    whole = [first.mask(one) for one in slices]
    begun = SectionMasker(scale)
    for one in slices[:3]:
        begun.mask(one)

    again = SectionMasker(scale, begun.state)

    for one, expected in zip(slices[3:], whole[3:], strict=True):
        np.testing.assert_array_equal(again.mask(one), expected)


def test_what_is_remembered_is_a_few_numbers() -> None:
    flat = dataclasses.astuple(MaskState())

    assert flat == ((0.0, 1.0, 0.0),)


@pytest.mark.parametrize("px_per_cm", [1.34, 4.7, 13.7, 20.0, 60.0, 200.0])
def test_the_mask_has_the_size_of_the_scan_at_every_scale(px_per_cm: float) -> None:
    core = generate(CoreRecipe(seed=12, length_cm=4.3, px_per_cm=px_per_cm, width_cm=5.0))
    lines = core.lines(0, core.n_lines)

    mask = mask_of(lines, px_per_cm)

    assert mask.shape == lines.shape[:2]
    assert mask.dtype == np.uint8
    assert mask.max() < len(MaskClass)


@pytest.mark.parametrize(
    ("what", "counts"), [("white foam", (250, 250, 248)), ("blue foam", (40, 70, 140))]
)
def test_even_foam_from_edge_to_edge_is_not_sediment(
    what: str, counts: tuple[int, int, int]
) -> None:
    draw = np.random.default_rng(0)
    noise = draw.normal(0.0, 1.0, (100, 100, 3))
    lines = np.clip(np.array(counts) + noise, 0, 255).astype(np.uint8)

    sediment = (mask_of(lines, 20.0) == MaskClass.SEDIMENT).mean()

    assert sediment < 0.02, f"{100 * sediment:.0f} % of {what} was called sediment"


def test_most_of_a_generated_core_is_told_from_its_surroundings() -> None:
    core = generate(CoreRecipe(seed=21, length_cm=40.0, px_per_cm=20.0))
    truth = core.classes(0, core.n_lines) == MaskClass.SEDIMENT

    sediment = mask_of(core.lines(0, core.n_lines), 20.0) == MaskClass.SEDIMENT

    overlap = np.count_nonzero(sediment & truth) / np.count_nonzero(sediment | truth)
    assert overlap > 0.8, f"intersection over union of the sediment is {overlap:.2f}"


def test_a_scan_of_16_bit_has_the_mask_of_the_same_scan_in_8() -> None:
    lines = LINES[:60]

    wide = mask_of(lines.astype(np.uint16) * 257, PX_PER_CM)

    np.testing.assert_array_equal(wide, mask_of(lines, PX_PER_CM))


def test_edges_follow_the_sediment_and_ignore_a_slice_of_foam() -> None:
    rows = np.zeros((20, 100), bool)
    rows[:, 10:80] = True
    edges = UNKNOWN_EDGES
    for _ in range(12):
        edges = edges_after(edges, rows)

    assert edges.left == pytest.approx(0.1)
    assert edges.right == pytest.approx(0.8)
    assert edges.trust > 0.9
    assert edges_after(edges, np.zeros((20, 100), bool)) == edges
    lean = lean_of_edges(edges, 100)
    assert (lean[10:80] == 0.0).all()
    assert lean[0] < -1.0
    assert lean[-1] < -1.0


def test_only_columns_deep_within_trusted_edges_are_inside_the_core() -> None:
    inside = inside_edges(Edges(left=0.1, right=0.8, trust=0.9), 100, 4.0)

    assert np.flatnonzero(inside)[[0, -1]].tolist() == [14, 75]
    assert not inside_edges(Edges(left=0.1, right=0.8, trust=0.3), 100, 4.0).any()


def with_patch_of_bed(lines: Pixels, truth: NDArray[np.uint8]) -> Pixels:
    """Return a core with a patch in its middle that has the pixels of the bed beside it."""
    patched = lines.copy()
    rows = slice(100, 140)
    width = int(np.argmin((truth[rows] == MaskClass.OUTSIDE).all(axis=0)))
    middle = (lines.shape[1] - width) // 2
    patched[rows, middle : middle + width] = lines[rows, :width]
    return patched


def around_inside(seed: int, edges: Edges, *, patched: bool = False) -> tuple[list[int], list[int]]:
    """Return, slice by slice, how many pixels well inside a core are, and are called, around it."""
    core = generate(CoreRecipe(seed=seed, length_cm=12.0, px_per_cm=20.0))
    truth, lines = core.classes(0, core.n_lines), core.lines(0, core.n_lines)
    if patched:
        lines = with_patch_of_bed(lines, truth)
    inner = slice(truth.shape[1] // 6, -truth.shape[1] // 6)
    there: list[int] = []
    found: list[int] = []
    for one in slices_of(lines, 20.0, []):
        own = truth[one.first_line : one.first_line + one.n_lines]
        mask, _ = mask_slice(MaskState(edges), one, 20.0)
        for counts, classes in ((there, own), (found, mask)):
            around = np.isin(classes[:, inner], (MaskClass.TRAY, MaskClass.OUTSIDE))
            counts.append(int(np.count_nonzero(around)))
    return there, found


def test_patches_like_tray_are_not_so_called_well_inside_trusted_edges() -> None:
    there, unsure = around_inside(51, UNKNOWN_EDGES, patched=True)
    _, found = around_inside(51, Edges(left=0.1, right=0.9, trust=0.9), patched=True)

    assert sum(there) == 0
    assert sum(unsure) > 100, "without its edges the core shows no such patch to mend"
    assert sum(found) < sum(unsure) / 4


def test_the_end_of_a_core_is_outside_however_trusted_its_edges() -> None:
    there, found = around_inside(11, Edges(left=0.1, right=0.9, trust=0.95))

    assert there[0] > 0
    assert found[0] > 0.9 * there[0]


def test_every_class_has_a_name_and_a_colour_of_its_own() -> None:
    assert set(CLASS_LABELS) == set(MASK_PALETTE) == set(MaskClass)
    assert len(set(MASK_PALETTE.values())) == len(set(CLASS_LABELS.values())) == len(MaskClass)


def test_the_weights_as_text_are_what_the_layers_say() -> None:
    sizes, rows = written(layers())

    assert sizes == SIZES
    assert "".join(rows) == "".join(WEIGHTS)
