"""Errors that calibrate a core's intervals come from training cores left out in turn."""

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("sklearn", reason="the lab's packages are not installed")

from downcore_training.evaluation.inner_folds import BLOCKS, GAP_SLICES, inner_folds  # noqa: E402 - see above

N = 40


def slices_of(*sites: int) -> "tuple[np.ndarray, np.ndarray]":
    """Return the core and the site of each slice of as many cores as there are sites."""
    core = np.repeat(np.arange(len(sites)), N)
    return core, np.array(sites)[core]


@pytest.mark.parametrize(
    ("sites", "for_site"), [((0,), 0), ((0, 0, 1), 0), ((0, 1), None), ((0, 0, 1), 2)]
)
def test_no_slice_is_learnt_from_and_judged_on(sites: tuple[int, ...], for_site: int) -> None:
    core, site = slices_of(*sites)

    folds = inner_folds(core, site, for_site=for_site)

    assert folds
    for fold in folds:
        assert fold.training.any()
        assert fold.judged.any()
        assert not (fold.training & fold.judged).any()


def test_a_core_with_a_companion_from_its_site_is_left_out_whole() -> None:
    core, site = slices_of(0, 0, 1)

    folds = inner_folds(core, site, for_site=0)

    assert [np.unique(core[fold.judged]).tolist() for fold in folds] == [[0], [1]]
    for fold in folds:
        assert set(core[fold.training]) == set(range(3)) - set(core[fold.judged])


def test_the_only_core_of_a_site_is_left_out_in_blocks_away_from_what_is_learnt() -> None:
    core, site = slices_of(0, 1)

    folds = inner_folds(core, site, for_site=0)

    assert len(folds) == BLOCKS
    assert np.array([fold.judged for fold in folds]).sum(axis=0)[core == 0].tolist() == [1] * N
    for fold in folds:
        learnt = np.flatnonzero(fold.training & (core == 0))
        judged = np.flatnonzero(fold.judged)
        assert np.abs(learnt[:, None] - judged[None, :]).min() > GAP_SLICES
        assert fold.training[core == 1].all()


def test_for_a_new_site_whole_sites_are_left_out() -> None:
    core, site = slices_of(0, 0, 1)

    folds = inner_folds(core, site, for_site=7)

    assert len(folds) == 3
    for fold in folds:
        assert not set(site[fold.training]) & set(site[fold.judged])


def test_without_slices_there_are_no_folds() -> None:
    nothing = np.zeros(0, dtype=np.int64)

    with pytest.raises(ValueError, match="got none"):
        inner_folds(nothing, nothing, for_site=None)
