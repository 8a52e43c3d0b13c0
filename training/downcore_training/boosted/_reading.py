"""Readings of sensors over slices, and the residuals of readings by slice."""

import math

import numpy as np
from numpy.typing import NDArray

from downcore.strata.footprint import Footprint
from downcore_training.datasets import TileSet

_LN10 = math.log(10.0)


class Reading:
    """
    A sensor along all cores of a set.

    Parameters
    ----------
    tiles : TileSet
        Whose slices are read; only those with a tile.
    footprint : Footprint
        Of the sensor.
    """

    def __init__(self, tiles: TileSet, footprint: Footprint) -> None:
        first = tiles.one_tile_a_slice()
        core = tiles.core[first]
        self._footprint = footprint
        self._parts: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []
        for number, one_core in enumerate(tiles.cores):
            at = np.unique(one_core.slice_index)
            self._parts.append(
                (np.flatnonzero(core == number), _shares(at, one_core.runs, footprint))
            )

    def of(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sensor's reading of ``values`` (n_slices,), log10 for ``ms``."""
        out = np.empty(values.shape)
        for mine, shares in self._parts:
            if self._footprint.is_mean_of_log:
                out[mine] = np.log10(shares @ 10.0 ** values[mine])
            else:
                out[mine] = shares @ values[mine]
        return out

    def owed(
        self, values: NDArray[np.float64], residual: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """
        Return the change of each slice's value that brings the readings nearer.

        Parameters
        ----------
        values, residual : ndarray, shape (n_slices,)
            The values, and the labels less their readings; NaN residuals are ignored.

        Returns
        -------
        ndarray, shape (n_slices,)
            The mean residual of the readings that a slice takes part in, by its part in them;
            NaN where it takes part in none.
        """
        out = np.full(values.shape, np.nan)
        for mine, shares in self._parts:
            known = np.isfinite(residual[mine])
            # How much a reading changes with each value; for a mean of powers by their size.
            part = shares * 10.0 ** values[mine] if self._footprint.is_mean_of_log else shares
            part = (part / part.sum(axis=1, keepdims=True))[known]
            total = part.sum(axis=0)
            asked = part.T @ residual[mine][known]
            out[mine] = np.divide(asked, total, out=np.full(mine.size, np.nan), where=total > 0)
        return out


def _shares(
    at: NDArray[np.int64], run: NDArray[np.int64], footprint: Footprint
) -> NDArray[np.float64]:
    """Return the share of each slice in each reading, shape (n, n); the sum of a row is 1."""
    weights = footprint.weights()
    half = weights.size // 2
    apart = at[:, None] - at
    near = weights[np.clip(apart + half, 0, weights.size - 1)]
    shares: NDArray[np.float64] = np.where(
        (np.abs(apart) <= half) & (run[at][:, None] == run[at]), near, 0.0
    )
    out: NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
    return out
