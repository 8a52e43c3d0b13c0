"""Mosaics of sediment colours whose regions are known, for superpixels and regions."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from downcore.strata.colour import counts_of_linear, linear_of_lab
from downcore.strata.depth import LineScale
from downcore.strata.segment import Segment
from downcore.strata.superpixels.clustering import KERNELS, ClusteringBackend
from downcore.strata.superpixels.settings import SuperpixelSettings
from downcore.strata.superpixels.stream import SuperpixelStream

SEDIMENT_LAB = ((35, 0, 4), (45, -2, 8), (55, 1, 12), (65, 0, 8))
SEDIMENT_LAB += ((40, 4, 10), (50, 6, 16), (75, 0, 6), (30, -1, 2))

Labels = NDArray[np.int32]


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], sigma: float) -> NDArray:
    """Return correlated noise of standard deviation 1."""
    noise = cv2.GaussianBlur(rng.normal(size=shape).astype(np.float32), (0, 0), sigma)
    return noise / noise.std()


def mosaic(seed: int, shape: tuple[int, int], noise: float) -> tuple[NDArray[np.uint8], Labels]:
    """Return grains and laminae of eight colours with warped edges, and their regions."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    rows += 4.0 * smooth_noise(rng, shape, 8.0)
    columns = 0.6 * (columns + 4.0 * smooth_noise(rng, shape, 8.0))
    n_grains = shape[0] * shape[1] // 1_600
    at = rng.uniform(size=(n_grains, 2)) * (shape[0], 0.6 * shape[1])
    forest = cv2.flann_Index(at.astype(np.float32), {"algorithm": 4})
    places = np.stack([rows.ravel(), columns.ravel()], axis=1)
    nearest = forest.knnSearch(places, 1, params={})[0].reshape(shape)
    colour = rng.integers(0, len(SEDIMENT_LAB), n_grains)[nearest]
    light = linear_of_lab(np.array(SEDIMENT_LAB, np.float32)[colour])
    grain = 0.7 * smooth_noise(rng, shape, 2.0)[..., None] + 0.7 * rng.normal(size=(*shape, 3))
    counts = np.clip(np.rint(counts_of_linear(light) + 255.0 * noise * grain), 0, 255)
    # The peer first stretches an image to its full range; now there is nothing to stretch.
    counts[0, 0], counts[0, -1] = 0, 255
    regions = np.zeros(shape, np.int32)
    for one in range(len(SEDIMENT_LAB)):
        found, parts = cv2.connectedComponents((colour == one).astype(np.uint8), connectivity=4)
        regions[parts > 0] = parts[parts > 0] + regions.max()
        assert found  # noqa: S101 - always at least the background
    return counts.astype(np.uint8), regions


def label_strip(
    lines: NDArray[np.uint8] | NDArray[np.uint16],
    classes: NDArray[np.uint8],
    settings: SuperpixelSettings,
    scale: LineScale,
    *,
    backend: ClusteringBackend = KERNELS,
) -> NDArray[np.int32]:
    """Return the superpixels of a finished strip, worked out over all of it at once."""
    if not lines.size:
        return np.zeros(lines.shape[:2], np.int32)
    cells = -(-len(lines) // settings.cell_px(scale))
    stream = SuperpixelStream(
        replace(settings, stretch_cells=cells), scale, lines.shape[1], backend=backend
    )
    stream.push(Segment(lines, 0), classes)
    return stream.finish()[0].labels
