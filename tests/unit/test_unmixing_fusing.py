"""Shares that are level inside a bed and step at its contacts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mixtures import observed, random_shares, sharp_library

from downcore.strata.unmixing.estimating import Model, estimate
from downcore.strata.unmixing.fusing import fuse
from downcore.strata.unmixing.physics import Mixing
from downcore.strata.unmixing.prior import Prior


def two_beds(noise: float) -> np.ndarray:
    rng = np.random.default_rng(4)
    shares = np.repeat([[0.7, 0.2, 0.1], [0.2, 0.5, 0.3]], 15, axis=0)
    amounts = np.abs(shares + noise * rng.standard_normal(shares.shape))
    return amounts / amounts.sum(axis=1, keepdims=True)


def test_noise_goes_and_the_contact_stays() -> None:
    noisy = two_beds(0.03)

    level = fuse(noisy, 0.1)

    before, after = (np.delete(np.abs(np.diff(x, axis=0)).sum(axis=1), 14) for x in (noisy, level))
    assert after.sum() < 0.05 * before.sum()
    assert np.abs(level[15] - level[14]).sum() > 0.8


def test_no_strength_changes_nothing() -> None:
    noisy = two_beds(0.03)

    np.testing.assert_allclose(fuse(noisy, 0.0), noisy)


def test_a_great_strength_leaves_the_mean_of_each_piece() -> None:
    noisy = two_beds(0.03)
    noisy[10] = np.nan

    level = fuse(noisy, 100.0)

    np.testing.assert_allclose(level[0], noisy[:10].mean(axis=0), atol=1e-3)
    np.testing.assert_allclose(level[-1], noisy[11:].mean(axis=0), atol=1e-2)
    assert np.isnan(level[10]).all()


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.floats(0.0, 2.0), st.integers(1, 40))
def test_fused_shares_are_shares(seed: int, strength: float, n: int) -> None:
    shares = np.random.default_rng(seed).dirichlet(np.full(4, 0.3), n)

    level = fuse(shares, strength)

    assert (level >= 0.0).all()
    np.testing.assert_allclose(level.sum(axis=1), 1.0)
    np.testing.assert_allclose(level.mean(axis=0), shares.mean(axis=0), atol=1e-6)


@pytest.mark.parametrize("strength", [-0.1, float("nan"), float("inf")])
def test_a_strength_that_is_none_is_refused(strength: float) -> None:
    with pytest.raises(ValueError, match="expected a strength of 0 or more"):
        fuse(two_beds(0.0), strength)


def test_a_model_may_ask_for_beds() -> None:
    rng = np.random.default_rng(1)
    shares = np.repeat(random_shares(rng, 2), 10, axis=0)
    seen = observed(sharp_library(), shares, np.full(20, 0.6), Mixing(), rng)
    plain = Model(sharp_library(), Prior.uniform(5), Mixing(), reach_slices=0.0)
    fused = Model(sharp_library(), Prior.uniform(5), Mixing(), reach_slices=0.0, fused=0.2)

    steps = [
        np.abs(np.diff(estimate(seen, m)[0].shares, axis=0)).sum(axis=1) for m in (plain, fused)
    ]

    assert np.delete(steps[1], 9).sum() < 0.2 * np.delete(steps[0], 9).sum()
    assert steps[1][9] > 0.5 * np.abs(shares[10] - shares[9]).sum()
