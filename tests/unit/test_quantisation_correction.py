"""What 8 bit takes from the values and the correction gives back."""

import numpy as np
import pytest

from downcore_export.quantisation_correction import fit_feature_correction


def test_a_difference_that_the_features_tell_is_given_back() -> None:
    rng = np.random.default_rng(3)
    features = rng.normal(5.0, 2.0, (800, 6)).astype(np.float32)
    ideal = rng.normal(0.0, 1.0, (800, 3)).astype(np.float32)
    lost = (features - 5.0) @ rng.normal(0.0, 0.2, (6, 3)) + np.array([0.1, -0.2, 0.3])
    values = ideal - lost.astype(np.float32)
    found = fit_feature_correction(features[:600], values[:600], ideal[:600])
    mended = values[600:] + features[600:] @ found.weights + found.offset
    before = np.abs(values[600:] - ideal[600:]).mean()
    after = np.abs(mended - ideal[600:]).mean()
    assert after < 0.2 * before, f"deviation {before:.3f} before, {after:.3f} after"


def test_a_feature_that_never_speaks_is_left_out() -> None:
    features = np.zeros((50, 4), np.float32)
    features[:, 0] = np.arange(50)
    found = fit_feature_correction(features, np.zeros((50, 3)), np.full((50, 3), 0.25))
    assert np.all(found.weights[1:] == 0.0)
    assert features @ found.weights + found.offset == pytest.approx(np.full((50, 3), 0.25))


def test_nothing_is_added_where_nothing_is_missing() -> None:
    rng = np.random.default_rng(5)
    features, values = rng.normal(size=(200, 5)), rng.normal(size=(200, 3))
    found = fit_feature_correction(features, values, values)
    assert np.abs(found.weights).max() < 1e-6
    assert np.abs(found.offset).max() < 1e-6
