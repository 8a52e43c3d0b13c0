"""What augmentation may change of a tile, and what never."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs the extra [training]")

# Only where torch is installed can the lab be imported.
from downcore_training.fitting.augmentation import augment, step_generator  # noqa: E402 - see above
from downcore_training.recipe import Recipe  # noqa: E402 - see above

CALM = Recipe(
    "resnet-18",
    jitter_brightness=0,
    jitter_white_balance=0,
    jitter_contrast=0,
    jitter_sheen=0,
    jitter_noise=0,
    jitter_blur=0,
    jitter_resolution=0,
)
"""Mirrors, and nothing else."""
STRONG = Recipe("resnet-18", jitter_blur=1, jitter_sheen=1, jitter_resolution=1)


def noisy_tiles(n: int = 6, side: int = 32) -> "torch.Tensor":
    return torch.rand(n, 3, side, side, generator=torch.Generator().manual_seed(5)) * 255


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_whatever_is_drawn_the_size_and_the_range_stay(step: int) -> None:
    tiles = noisy_tiles()
    before = tiles.clone()

    out = augment(tiles, STRONG, step_generator(1, step))

    assert out.shape == tiles.shape
    assert torch.isfinite(out).all()
    assert out.min() >= 0
    assert out.max() <= 255
    assert torch.equal(tiles, before), "the input was changed"


def test_a_calm_recipe_only_mirrors_across_the_core() -> None:
    tiles = noisy_tiles()

    out = augment(tiles, CALM, step_generator(0, 1))

    for before, after in zip(tiles, out, strict=True):
        write_patterns = [torch.allclose(after, one, atol=1e-3) for one in (before, before.flip(2))]
        assert any(write_patterns)
    assert not torch.allclose(out, tiles, atol=1)
    assert not torch.allclose(out, tiles.flip(3), atol=1)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_no_draw_turns_depth_upside_down(step: int) -> None:
    quiet = replace(STRONG, jitter_noise=0, jitter_sheen=0)
    depth = (40 + 5 * torch.arange(32.0)).reshape(1, 1, 32, 1).expand(8, 3, 32, 32)

    out = augment(depth, quiet, step_generator(0, step))

    rows = out.mean(dim=(1, 3))
    assert (rows[:, 24:].mean(dim=1) > rows[:, :8].mean(dim=1)).all()
    assert (rows.diff(dim=1) >= 0).all()


def test_a_lower_resolution_takes_details_and_leaves_size_and_colour() -> None:
    lower = replace(CALM, jitter_resolution=1, jitter_resolution_most=4.0)
    tiles = noisy_tiles(side=64)
    wide = torch.zeros(1, 3, 64, 64)
    wide[:, :, :, 16:48] = 200

    out = torch.cat([augment(tiles, lower, step_generator(0, s)) for s in range(20)])
    square = augment(wide, lower, step_generator(0, 3))

    assert out.std(dim=(2, 3)).mean() < 0.8 * tiles.std(dim=(2, 3)).mean()
    same = tiles.mean(dim=(2, 3)).repeat(20, 1)
    torch.testing.assert_close(out.mean(dim=(2, 3)), same, rtol=0, atol=3.0)
    assert (square > 100).float().mean().item() == pytest.approx(0.5, abs=0.05)


def test_contrast_changes_about_the_tiles_own_colour() -> None:
    contrast = replace(CALM, jitter_contrast=0.2)
    tiles = 80 + noisy_tiles() / 4

    out = augment(tiles, contrast, step_generator(0, 2))

    torch.testing.assert_close(out.mean(dim=(2, 3)), tiles.mean(dim=(2, 3)))
    ratio = out.std(dim=(2, 3)) / tiles.std(dim=(2, 3))
    assert ratio.std() > 0.05


def test_a_shine_only_lightens_and_is_smooth() -> None:
    shine = replace(CALM, jitter_sheen=1)
    tiles = torch.full((16, 3, 32, 32), 90.0)

    light = augment(tiles, shine, step_generator(0, 4)) - tiles

    assert (light >= 0).all()
    assert light.max() > 3
    assert light.max() <= 0.1 * (255 - 90)
    assert light.diff(dim=2).abs().max() < 2
    assert light.diff(dim=3).abs().max() < 2
    torch.testing.assert_close(light[:, 0], light[:, 1])


def test_the_strongest_changes_leave_colour_nearly_as_it_was() -> None:
    tiles = torch.full((256, 3, 16, 16), 120.0)

    out = augment(tiles, Recipe("resnet-18"), step_generator(0, 3))

    ratio = out.mean(dim=(2, 3)) / 120.0
    assert ratio.mean().item() == pytest.approx(1, abs=0.015)
    assert ratio.std().item() < 0.06
    assert (ratio[:, 0] / ratio[:, 2]).std().item() < 0.03
