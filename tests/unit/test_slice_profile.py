import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from downcore.strata.core_view import SliceView
from downcore.strata.slice_profile import (
    BYTES,
    N_NUMBERS,
    SliceProfile,
    packed_profiles,
    unpacked_profiles,
)
from downcore.strata.window_profile import N_FEATURES, profile_features, slice_profile


@given(
    first=st.integers(0, 10**6),
    numbers=arrays(np.float32, st.tuples(st.integers(0, 20), st.just(N_NUMBERS))),
)
def test_profiles_that_are_kept_are_read_as_they_were(first: int, numbers: np.ndarray) -> None:
    kept = packed_profiles([SliceProfile(first + i, row) for i, row in enumerate(numbers)])
    assert len(kept) == BYTES * len(numbers)
    got = unpacked_profiles(first, kept)
    assert [one.index for one in got] == [first + i for i in range(len(numbers))]
    assert all(
        one.numbers.tobytes() == row.tobytes() for one, row in zip(got, numbers, strict=True)
    )


def test_a_profile_is_kept_in_less_than_a_kilobyte_a_centimetre() -> None:
    assert BYTES == 48


def test_a_cut_profile_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 48 bytes"):
        unpacked_profiles(0, b"\0" * 52)


def test_a_slice_without_sediment_counts_for_nothing() -> None:
    rgb = np.full((20, 120, 3), 90, np.uint8)
    profile, weight = slice_profile(SliceView(rgb, np.zeros((20, 120), np.bool_)))
    assert weight == 0.0
    assert np.isfinite(profile).all()


def test_even_mud_has_its_colour_and_no_texture() -> None:
    rgb = np.full((20, 120, 3), 119, np.uint8)
    profile, weight = slice_profile(SliceView(rgb, np.ones((20, 120), np.bool_)))
    assert weight == 1.0
    assert profile[:3] == pytest.approx([50.0, 0.0, 0.0], abs=0.2)
    assert profile[7] == pytest.approx(np.log(0.05), abs=1e-3)


@given(arrays(np.float64, (12, 8), elements=st.floats(-50, 50)), st.integers(0, 11))
def test_rows_further_than_5_cm_away_change_no_feature(profile: np.ndarray, far: int) -> None:
    before = profile_features(profile, np.ones(12))
    changed = profile.copy()
    changed[far] += 7.0
    after = profile_features(changed, np.ones(12))
    assert before.shape == (12, N_FEATURES)
    away = np.abs(np.arange(12) - far) > 5
    np.testing.assert_allclose(before[away], after[away], atol=1e-6)
