"""Small strips of grains with cracks and tags, for superpixels."""

import numpy as np
from numpy.typing import NDArray

from downcore.strata.mask.classes import MaskClass


def grains(seed: int, n_lines: int, n_across: int, noise: float = 6.0) -> NDArray[np.uint8]:
    """A mosaic of grains of a few colours, with noise."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 200, (n_lines // 9 + 2, n_across // 11 + 2, 3))
    whole = coarse.repeat(9, axis=0).repeat(11, axis=1)[:n_lines, :n_across]
    noisy = whole + rng.normal(scale=noise, size=whole.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def patches(seed: int, n_lines: int, n_across: int) -> NDArray[np.uint8]:
    """A mask with cracks and tags of many sizes, single pixels included."""
    rng = np.random.default_rng(seed)
    classes = np.full((n_lines, n_across), MaskClass.SEDIMENT, np.uint8)
    for _ in range(int(rng.integers(0, 9))):
        top, left = rng.integers(0, n_lines), rng.integers(0, n_across)
        height, width = rng.integers(1, 20, 2)
        classes[top : top + height, left : left + width] = rng.choice([2, 4, 6])
    return classes
