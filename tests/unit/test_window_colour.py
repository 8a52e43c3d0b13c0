"""A window without colour, or with a cast, is told from those of the cores of the training."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from downcore.strata.window_colour import ColourLimits, WindowColour, colour_of_window

LIMITS = ColourLimits(0.6, (-0.02, 0.2), (-0.25, 0.03))


def mud(
    seed: int = 1, *, colour: float = 1.0, casts: tuple[float, float] = (1.0, 1.0)
) -> NDArray[np.uint8]:
    """Return a window of brown mud with layers, ``colour`` times as colourful, under a cast."""
    rng = np.random.default_rng(seed)
    layers = np.repeat(110 + 30 * np.sin(np.arange(14) / 2), 20)[:, None] + rng.normal(
        0, 6, (280, 200)
    )
    tint = np.repeat(rng.normal(0, 2, 14), 20)[:, None] + rng.normal(0, 1, (280, 200))
    rgb = np.stack([layers + colour * (5 + tint), layers, layers - colour * (6 + tint)], axis=-1)
    rgb = rgb * [casts[0], 1.0, casts[1]]
    window = np.zeros((280, 200, 4), np.uint8)
    window[:, 40:160, :3] = np.clip(rgb, 0, 255).round()[:, 40:160]
    window[:, 40:160, 3] = 255
    return window


def why(window: NDArray[np.uint8]) -> str:
    return LIMITS.why_unlike(colour_of_window(window))


def test_mud_in_colour_is_known() -> None:
    assert why(mud()) == ""


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 99),
    casts=st.tuples(st.floats(0.6, 1.3), st.floats(0.6, 1.3)),
)
def test_a_picture_in_shades_of_one_colour_has_no_colour(
    seed: int, casts: tuple[float, float]
) -> None:
    found = colour_of_window(mud(seed, colour=0.0, casts=casts))

    assert found is not None
    assert found.residual_counts < 0.5
    assert "a picture without colour" in LIMITS.why_unlike(found)


@pytest.mark.parametrize(
    ("casts", "channel"), [((1.25, 0.85), "red"), ((1.0, 1.3), "blue"), ((0.7, 1.0), "red")]
)
def test_a_strong_cast_is_named(casts: tuple[float, float], channel: str) -> None:
    assert f"a cast, {channel}" in why(mud(casts=casts))


def test_what_lies_beside_the_sediment_has_no_say() -> None:
    window = mud()
    beside = window.copy()
    beside[:, :40, :3] = 200
    beside[:, 160:, 0] = 255

    assert colour_of_window(beside) == colour_of_window(window)


@pytest.mark.parametrize("n_px", [0, 99])
def test_a_window_with_hardly_any_sediment_has_no_colour_to_judge(n_px: int) -> None:
    window = mud()
    window[..., 3] = 0
    window[100, 40 : 40 + n_px, 3] = 255

    assert colour_of_window(window) is None
    assert LIMITS.why_unlike(None) == ""


@settings(max_examples=50, deadline=None)
@given(data=st.data(), n=st.integers(100, 120))
def test_any_pixels_have_a_finite_colour_or_none(data: st.DataObject, n: int) -> None:
    counts = data.draw(st.lists(st.integers(0, 255), min_size=3, max_size=3 * n))
    window = np.full((n, 1, 4), 255, np.uint8)
    window[:, 0, :3] = np.resize(np.array(counts, np.uint8), (n, 3))

    found = colour_of_window(window)

    if found is not None:
        assert np.isfinite([found.residual_counts, found.red_to_green, found.blue_to_green]).all()
        assert found.residual_counts >= 0.0


def test_black_has_no_colour() -> None:
    window = np.zeros((20, 20, 4), np.uint8)
    window[..., 3] = 255

    assert colour_of_window(window) is None


@pytest.mark.parametrize(
    ("residual", "red"),
    [(0.0, (0.0, 1.0)), (float("nan"), (0.0, 1.0)), (1.0, (1.0, 0.0)), (1.0, (-2.0, 0.0))],
)
def test_limits_that_cannot_be_are_refused(residual: float, red: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        ColourLimits(residual, red, (0.0, 1.0))


def test_the_reason_has_the_numbers() -> None:
    assert LIMITS.why_unlike(WindowColour(0.0, 0.0, 0.0)) == (
        "a picture without colour, channels differ by 0 counts, at least 0.6 there"
    )
    assert LIMITS.why_unlike(WindowColour(2.0, 0.284, 0.0)) == (
        "a cast, red +28 % against green, -2 to +20 % there"
    )
