"""
What a way of clustering is.

Whichever way lets pixels choose their clusters, windows, starts and connectivity stay the same.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from downcore.strata.superpixels._slic import Clustering
from downcore.strata.superpixels.grid import Grid
from downcore.strata.superpixels.planes import Planes
from downcore.strata.superpixels.settings import SuperpixelSettings


class WindowClustering(Protocol):
    """Lets the pixels of one window of a section after another choose their clusters."""

    def clusters(self, planes: Planes, n_lines: int, n_rows_on: int) -> NDArray[np.int32]:
        """
        Return the number of each pixel's cluster, unique over the section; 0 without sediment.

        Parameters
        ----------
        planes : ndarray of int16, shape (4, n, n_across)
            The window's lines, from the start of a row of cells on, and room for more.
        n_lines : int
            How many of them are there.
        n_rows_on : int
            How many rows of cells further down the next window begins.

        Returns
        -------
        ndarray of int32, shape (n_lines, n_across)
            Valid until the next call.
        """
        ...


class ClusteringBackend(Protocol):
    """A way of clustering, for any number of sections."""

    def clustering(self, settings: SuperpixelSettings, grid: Grid) -> WindowClustering:
        """Return the clustering of one section, before its first window."""
        ...


class KernelBackend:
    """Compiled kernels on the processor; the way unless another is given."""

    def clustering(self, settings: SuperpixelSettings, grid: Grid) -> WindowClustering:
        """Return the clustering of one section, before its first window."""
        return Clustering(settings, grid)


KERNELS: ClusteringBackend = KernelBackend()
"""The way of clustering unless another is given."""
