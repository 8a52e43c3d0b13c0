"""A generated core is one core, however it is read and at whatever resolution."""

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from downcore.simulator.generator import CoreRecipe, GeneratedCore, generate


def _short(seed: int, px_per_cm: float = 24.0, *, with_artefacts: bool = True) -> GeneratedCore:
    return generate(
        CoreRecipe(seed, length_cm=6.0, px_per_cm=px_per_cm, with_artefacts=with_artefacts)
    )


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**40),
    px_per_cm=st.sampled_from([1.34, 9.97, 20.0, 33.3, 61.0]),
    cuts=st.lists(st.integers(0, 400), max_size=12),
)
def test_any_cut_of_a_core_gives_the_same_lines_and_classes(
    seed: int, px_per_cm: float, cuts: list[int]
) -> None:
    whole = _short(seed, px_per_cm)
    edges = sorted({0, whole.n_lines, *(min(cut, whole.n_lines) for cut in cuts)})
    parts = [(a, b - a) for a, b in itertools.pairwise(edges)]
    again = _short(seed, px_per_cm)
    # Backwards, so that no piece can lean on the one before it.
    lines = [again.lines(*part) for part in reversed(parts)][::-1]
    classes = [again.classes(*part) for part in reversed(parts)][::-1]
    assert np.array_equal(np.concatenate(lines), whole.lines(0, whole.n_lines)), "lines differ"
    assert np.array_equal(np.concatenate(classes), whole.classes(0, whole.n_lines)), (
        "classes differ"
    )


def test_the_same_seed_gives_the_same_core_and_another_seed_another() -> None:
    first, same, other = _short(7), _short(7), _short(8)
    n = first.n_lines
    assert np.array_equal(first.lines(0, n), same.lines(0, n)), "same seed, other pixels"
    assert np.array_equal(first.truth.density, same.truth.density, equal_nan=True)
    assert np.mean(first.lines(0, n) != other.lines(0, n)) > 0.5, "other seed, same pixels"
    assert not np.array_equal(first.truth.visible_density, other.truth.visible_density)


def test_a_core_is_the_same_sediment_at_every_resolution() -> None:
    coarse, fine = _short(3, 20.0), _short(3, 100.0)
    for name in ("density", "vp", "ms", "visible_density", "visible_vp", "visible_log_ms"):
        assert np.array_equal(
            getattr(coarse.truth, name), getattr(fine.truth, name), equal_nan=True
        ), f"{name} depends on the resolution"
    shrunk = fine.lines(0, 600).reshape(120, 5, 140, 5, 3).mean(axis=(1, 3))
    sediment = coarse.classes(0, 120) == 0
    apart = np.abs(shrunk - coarse.lines(0, 120))[sediment]
    assert np.median(apart) < 4.0, "the coarse scan does not look like the fine one shrunk"


def test_artefacts_change_no_property_but_only_take_values_away() -> None:
    clean, cluttered = (
        generate(CoreRecipe(seed=16, px_per_cm=10.0, with_artefacts=flag)).truth
        for flag in (False, True)
    )
    logged = np.isfinite(cluttered.density)
    assert np.isfinite(clean.density).all(), "a clean core has a value everywhere"
    assert 0.5 < logged.mean() < 1.0, "foam and voids take some values away"
    assert np.array_equal(clean.density[logged], cluttered.density[logged])
    assert (cluttered.facies[~logged] == -1).all(), "no facies where there is no core"


def test_a_clean_core_is_sediment_from_side_to_side() -> None:
    core = _short(4, with_artefacts=False)
    assert not core.classes(0, core.n_lines).any(), "only sediment was asked for"


@pytest.mark.parametrize("px_per_cm", [1.0, 1.34, 99.7, 200.0])
def test_shapes_follow_the_scale(px_per_cm: float) -> None:
    core = generate(CoreRecipe(seed=1, length_cm=2.5, px_per_cm=px_per_cm, width_cm=3.0))
    assert core.n_lines == core.scale.lines_in(25_000)
    assert core.lines(0, core.n_lines).shape == (core.n_lines, core.n_across, 3)
    assert core.truth.density.shape == (core.scale.n_slices(core.n_lines),)


def test_lines_past_the_end_are_refused_with_the_numbers() -> None:
    core = _short(1)
    with pytest.raises(ValueError, match=f"within 0 to {core.n_lines}, got 140 to 150"):
        core.lines(140, 10)
    with pytest.raises(ValueError, match="got -1 to 1"):
        core.classes(-1, 2)


@pytest.mark.parametrize("broken", [{"seed": -1}, {"length_cm": 0.0}, {"width_cm": -7.0}])
def test_recipes_of_impossible_cores_are_refused(broken: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        CoreRecipe(**({"seed": 1} | broken))  # type: ignore[arg-type]  # wrong on purpose


def test_reading_a_long_core_does_not_hold_its_image() -> None:
    core = generate(CoreRecipe(seed=2, length_cm=150.0, px_per_cm=40.0))
    core.lines(0, 40)
    tracemalloc.start()
    try:
        for first in range(0, core.n_lines, 40):
            core.lines(first, 40)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    image_bytes = core.n_lines * core.n_across * 3
    assert peak < image_bytes / 3, f"{peak} bytes at most, the image is {image_bytes}"
