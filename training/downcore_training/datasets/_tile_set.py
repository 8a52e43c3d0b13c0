"""Tiles of several cores, read from disk on demand."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class CoreTiles:
    """The tiles of one core, mapped from the cache, with the properties of their slices."""

    seed: int
    """Seed of the core."""
    px_per_cm: float
    """Resolution at which it was scanned."""
    pixels: NDArray[np.uint8]
    """Shape (n_tiles, 200, 200, 3), RGB, in order of depth; memory-mapped."""
    slice_index: NDArray[np.int64]
    """Slice of each tile, shape (n_tiles,), ascending."""
    labels: NDArray[np.float64]
    """
    Log of each slice, shape (n_slices, 3), in the order of PROPERTIES, ``ms`` as log10; NaN
    where nothing was logged.
    """
    visible: NDArray[np.float64]
    """The part of the label visible in colour and texture, same shape, scale and NaN."""
    colour: NDArray[np.float64]
    """Mean and sd of L*, a*, b* of each tile, shape (n_tiles, 6)."""
    run: NDArray[np.int64] | None = None
    """
    Number of the unbroken stretch of each slice, shape (n_slices,): sensors average inside one
    only. ``None`` where the whole core is one.
    """

    @property
    def runs(self) -> NDArray[np.int64]:
        """The stretch of each slice, shape (n_slices,)."""
        return np.zeros(len(self.labels), np.int64) if self.run is None else self.run


class TileSet:
    """
    The tiles of several cores as one sequence.

    Parameters
    ----------
    cores : sequence of CoreTiles
        At least one, in a fixed order.
    """

    def __init__(self, cores: Sequence[CoreTiles]) -> None:
        if not cores:
            raise ValueError("expected at least one core, got none")
        self.cores = tuple(cores)
        counts = [len(core.slice_index) for core in cores]
        self._first = np.concatenate([[0], np.cumsum(counts)])
        self.labels = np.concatenate([core.labels[core.slice_index] for core in cores])
        """Label of each tile, shape (n_tiles, 3)."""
        self.visible = np.concatenate([core.visible[core.slice_index] for core in cores])
        """Visible part of the label of each tile, shape (n_tiles, 3)."""
        self.colour = np.concatenate([core.colour for core in cores])
        """Colour statistics of each tile, shape (n_tiles, 6)."""
        slices = [core.slice_index + 1_000_000 * i for i, core in enumerate(cores)]
        self.group = np.unique(np.concatenate(slices), return_inverse=True)[1]
        """Number of the slice of each tile, counted over all cores, shape (n_tiles,)."""
        self.core = np.repeat(np.arange(len(counts)), counts)
        """Number of the core of each tile, shape (n_tiles,)."""

    def __len__(self) -> int:
        return int(self._first[-1])

    def pixels(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the tiles at ``indices``, shape (n, 200, 200, 3)."""
        which = np.searchsorted(self._first, indices, side="right") - 1
        return np.stack(
            [
                self.cores[core].pixels[index - self._first[core]]
                for core, index in zip(which, indices, strict=True)
            ]
        )

    def some_cores(self, count: int) -> "TileSet":
        """Return ``count`` cores spread over all of them, or all if there are no more."""
        n = len(self.cores)
        chosen = np.unique(np.linspace(0, n - 1, min(count, n)).round().astype(np.int64))
        return TileSet([self.cores[i] for i in chosen])

    def one_tile_a_slice(self) -> NDArray[np.int64]:
        """Return the index of the first tile of every slice, for a quick look."""
        return np.unique(self.group, return_index=True)[1].astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class CoreSets:
    """Tiles split by core: no core is in two sets."""

    training: TileSet
    validation: TileSet
    test: TileSet
    split: str = ""
    """How they were split, where not by site; for whoever reads the figures."""

    def __post_init__(self) -> None:
        seeds = [c.seed for s in (self.training, self.validation, self.test) for c in s.cores]
        if len(set(seeds)) != len(seeds):
            raise ValueError("expected every core in one set only, got one twice")
