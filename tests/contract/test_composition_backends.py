"""What each way of cutting superpixels and of solving for minerals promises."""

from functools import cache
from itertools import pairwise
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mixtures import observed, random_shares, sharp_library
from numpy.typing import NDArray
from strips import grains, patches

from downcore.commands import doctor
from downcore.composing import CompositionConfig
from downcore.service.composition_setup import composition_config_of
from downcore.settings import Settings
from downcore.settings.sections import CompositionSettings
from downcore.strata.depth import LineScale
from downcore.strata.mask.classes import MaskClass
from downcore.strata.segment import Segment
from downcore.strata.superpixels.settings import SuperpixelSettings
from downcore.strata.unmixing.active_set import MixtureSolver, solve_mixtures
from downcore.strata.unmixing.composition import compose
from downcore.strata.unmixing.mixing_calibration import uncalibrated
from downcore.strata.unmixing.physics import Mixing

SCALE = LineScale.of(200)
FINE = SuperpixelSettings(cell_um=300, stretch_cells=4, iterations=4)


def offered(setting: str) -> tuple[str, ...]:
    values: tuple[str, ...] = get_args(CompositionSettings.model_fields[setting].annotation)
    return values


@cache
def config(**chosen: Any) -> CompositionConfig:
    """Return what a station composes with whose settings choose these; without any bundle."""
    wanted = Settings.model_construct(composition=CompositionSettings(**chosen))
    made = composition_config_of(wanted, [])
    assert made is not None
    return made


def solver_of(name: str) -> MixtureSolver:
    return config(solver=name).tables[0].calibration.model.solver


every_solver = pytest.mark.parametrize("name", offered("solver"))
every_superpixels = pytest.mark.parametrize("name", offered("superpixels"))


def problems(
    seed: int, n: int, k: int, *, n_matrices: int | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a matrix for each slice, or one for all, as observations and a ridge give them."""
    rng = np.random.default_rng(seed)
    members = np.broadcast_to(rng.uniform(0.0, 1.0, (n_matrices or n, 6, k)), (n, 6, k))
    seen = np.einsum("nrk,nk->nr", members, rng.dirichlet(np.full(k, 0.3), n))
    seen += 0.02 * rng.standard_normal(seen.shape)
    ridge = 0.01 * (members**2).sum(axis=(1, 2)) / k
    normal = np.matmul(members.transpose(0, 2, 1), members) + ridge[:, None, None] * np.eye(k)
    right = np.einsum("nrk,nr->nk", members, seen) + (ridge / k)[:, None]
    weight = np.broadcast_to(rng.uniform(0.1, 1e4, n_matrices or n), n)
    return normal * weight[:, None, None], right * weight[:, None]


@every_solver
@given(
    seed=st.integers(0, 9_999),
    n=st.sampled_from([1, 22, 100]),
    k=st.sampled_from([1, 2, 5, 12]),
    is_shared=st.booleans(),
)
@settings(deadline=None, max_examples=25)
def test_fractions_are_a_mixture_and_the_best_one_to_a_hundredth(
    name: str, seed: int, n: int, k: int, *, is_shared: bool
) -> None:
    normal, right = problems(seed, n, k, n_matrices=1 if is_shared else None)
    if is_shared:
        normal = normal[0]

    found = solver_of(name)(normal, right)

    assert (found >= 0.0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-9)
    np.testing.assert_allclose(found, solve_mixtures(normal, right), atol=0.01)


@every_solver
def test_a_slice_that_is_not_known_has_no_mixture_and_harms_no_other(name: str) -> None:
    normal, right = problems(5, 5, 8)
    expected = solver_of(name)(normal, right)
    right[1, 3], normal[3, 0, 0] = np.nan, np.inf

    found = solver_of(name)(normal, right)

    assert np.isnan(found[[1, 3]]).all()
    np.testing.assert_allclose(found[[0, 2, 4]], expected[[0, 2, 4]], atol=1e-6)
    assert solver_of(name)(normal[:0], right[:0]).shape == (0, 8)


@every_solver
def test_a_slice_far_from_any_mixture_has_the_best_one_all_the_same(name: str) -> None:
    normal, right = problems(1136, 22, 12)
    right *= np.geomspace(1e-4, 1e4, 22)[:, None]

    found = solver_of(name)(normal, right)

    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-9)
    assert (found >= 0.0).all()


@every_solver
def test_problems_without_one_answer_or_of_odd_shapes_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"positive definite H, got .* is not unique"):
        solver_of(name)(np.diag([1.0, 0.0]), np.ones((3, 2)))
    with pytest.raises(ValueError, match=r"expected H of \(k, k\) .* got \(2, 2\) and \(3, 4\)"):
        solver_of(name)(np.eye(2), np.ones((3, 4)))
    with pytest.raises(ValueError, match=r"expected H of \(k, k\) .* got \(2, 2\) and \(2,\)"):
        solver_of(name)(np.eye(2), np.ones(2))


@every_solver
def test_the_groups_of_a_core_are_those_of_the_exact_solver_as_the_settings_say(name: str) -> None:
    rng, library, mixing = np.random.default_rng(3), sharp_library(), Mixing()
    seen = observed(library, random_shares(rng, 40), rng.uniform(0.4, 0.8, 40), mixing, rng)

    found, exact = (
        compose(seen, uncalibrated(library, mixing, solver=one))
        for one in (solver_of(name), solve_mixtures)
    )

    for one, other in zip(found, exact, strict=True):
        for share, known in zip(one.groups, other.groups, strict=True):
            assert (share.status, share.reason) == (known.status, known.reason)
            assert share.fraction == pytest.approx(known.fraction, abs=2e-4)
            assert (share.lower, share.upper) == pytest.approx((known.lower, known.upper), abs=1e-3)


@every_superpixels
@given(
    seed=st.integers(0, 999),
    n_lines=st.integers(1, 150),
    n_across=st.sampled_from([5, 40, 80]),
    cuts=st.lists(st.integers(0, 60), max_size=8),
)
@settings(deadline=None, max_examples=20)
def test_superpixels_cover_the_sediment_and_do_not_depend_on_how_the_core_is_cut_into_segments(
    name: str, seed: int, n_lines: int, n_across: int, cuts: list[int]
) -> None:
    lines, classes = grains(seed, n_lines, n_across), patches(seed, n_lines, n_across)

    in_pieces = cut(name, lines, classes, cuts)

    np.testing.assert_array_equal(in_pieces, cut(name, lines, classes, []))
    np.testing.assert_array_equal(in_pieces > 0, classes == MaskClass.SEDIMENT)
    labels, first_seen = np.unique(in_pieces[in_pieces > 0], return_index=True)
    np.testing.assert_array_equal(labels, np.arange(1, len(labels) + 1))
    assert (np.diff(first_seen) > 0).all(), "they count in the order in which they begin"


@every_superpixels
def test_every_way_of_cutting_draws_the_borders_of_the_others(name: str) -> None:
    lines, classes = grains(3, 130, 80, 20.0), patches(3, 130, 80)

    drawn, usual = cut(name, lines, classes, []), cut("cpu", lines, classes, [])

    is_border, is_usual = drawn[1:] != drawn[:-1], usual[1:] != usual[:-1]
    assert (is_border == is_usual).mean() >= 0.99


def cut(
    name: str, lines: NDArray[np.uint8], classes: NDArray[np.uint8], cuts: list[int]
) -> NDArray[np.int32]:
    stream = config(superpixels=name).cut(FINE, SCALE, lines.shape[1])
    bounds = [0, *np.minimum(np.cumsum(cuts, dtype=int), len(lines)), len(lines)]
    rows = []
    for first, stop in pairwise(bounds):
        rows += stream.push(Segment(lines[first:stop], int(first)), classes[first:stop])
    return np.concatenate([one.labels for one in rows + stream.finish()])


def test_rows_tell_which_way_made_them_and_usual_rows_are_told_as_they_always_were() -> None:
    ways = [
        config(solver=solver, superpixels=superpixels)
        for solver in offered("solver")
        for superpixels in offered("superpixels")
    ]

    assert len({one.composer_id for one in ways}) == len(ways)
    assert "solver" not in config(solver="exact").description, "older rows would be made again"
    assert '"solver":"openvino"' in config(solver="openvino").description


@every_solver
def test_the_check_of_a_station_names_what_solves_for_minerals(name: str) -> None:
    settings = Settings(composition=CompositionSettings(solver=name))

    check = doctor._check_composition(settings)

    assert check.is_ok
    assert f"minerals by the {name} solver" in check.finding
