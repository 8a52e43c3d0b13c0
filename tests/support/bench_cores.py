"""Cores for tests of the bench: colour and labels that walk at random down the core."""

import numpy as np
from numpy.typing import NDArray

from downcore_training.bench.core import BenchCore


def walk(rng: np.random.Generator, n: int, *, memory: float = 0.97) -> NDArray[np.float64]:
    """Return a series of unit variance whose neighbours are alike."""
    steps = rng.normal(size=n)
    out = np.empty(n)
    out[0] = steps[0]
    for i in range(1, n):
        out[i] = memory * out[i - 1] + np.sqrt(1 - memory**2) * steps[i]
    return out


def walking_core(number: int, *, n: int = 300, told: float = 0.0, site: str = "") -> BenchCore:
    """
    Return a core whose colour and density both walk, joined by ``told`` (0 not, 1 fully).

    Parameters
    ----------
    number : int
        Its seed and name.
    n : int
        Slices.
    told : float
        Weight of the colour in the density.
    site : str
        Its site; its own by default.
    """
    rng = np.random.default_rng([number, 5])
    colour = np.stack([walk(rng, n) for _ in range(5)], axis=1)
    own = walk(rng, n)
    density = 1.4 + 0.1 * (told * colour[:, 0] + np.sqrt(1 - told**2) * own)
    labels = np.stack([density, np.full(n, np.nan), np.full(n, np.nan)], axis=1)
    profile = np.array([50.0, 0.0, 15.0, 3.0, 6.0]) + colour * [5.0, 1.0, 3.0, 0.5, 1.0]
    return BenchCore(
        name=f"core-{number}",
        site=site or f"site-{number}",
        depth_cm=np.arange(n, dtype=np.float64),
        run=np.zeros(n, np.int64),
        profile=profile,
        labels=labels,
    )
